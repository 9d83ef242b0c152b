#include "common/nn/mlp.h"
#include "common/nn/linalg.h"
#include "tests/support/allocations.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = sizeof(real) == 8 ? 1e-9 : 2e-5; // of a norm

// A network with inputs, in memory of exactly the sizes that are promised.
struct sample {
  struct mlp mlp;
  size_t rows;
  real *parameters, *x, *dy, *cache, *y, *gradient, *dx;
};

static real *draw(struct numbers *numbers, size_t count, double scale, double shift, real *out) {
  for (size_t i = 0; i < count; i++) out[i] = (real)(shift + scale * numbers_uniform(numbers));
  return out;
}

static real *room(size_t count) {
  real *memory = malloc(count * sizeof *memory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  for (size_t i = 0; i < count; i++) memory[i] = (real)NAN; // nothing may be read before it is written
  return memory;
}

// Draws as tests/data/mlp.py does.
static struct sample sample_make(uint32_t input, const uint32_t *hidden, uint32_t count, uint32_t output, bool norm,
                                 size_t rows, uint64_t seed) {
  struct sample s = {.rows = rows};
  struct numbers numbers = {seed};
  mlp_init(&s.mlp, input, hidden, count, output, norm);
  s.parameters = room(s.mlp.parameters);
  for (uint32_t i = 0; i < s.mlp.layers; i++) {
    const struct mlp_layer *layer = &s.mlp.layer[i];
    draw(&numbers, (size_t)layer->in * layer->out, 0.6, 0, s.parameters + layer->weight);
    draw(&numbers, layer->out, 0.2, 0, s.parameters + layer->bias);
    if (!layer->norm) continue;
    draw(&numbers, layer->out, 0.3, 1, s.parameters + layer->norm_scale);
    draw(&numbers, layer->out, 0.2, 0, s.parameters + layer->norm_shift);
  }
  s.x = draw(&numbers, rows * input, 2, 0, room(rows * input));
  s.dy = draw(&numbers, rows * output, 1, 0, room(rows * output));
  s.cache = room(mlp_cache_size(&s.mlp, rows));
  s.y = room(rows * output);
  s.gradient = room(s.mlp.parameters);
  for (size_t i = 0; i < s.mlp.parameters; i++) s.gradient[i] = 0;
  s.dx = room(rows * input);
  return s;
}

static void sample_release(struct sample *s) {
  real *all[] = {s->parameters, s->x, s->dy, s->cache, s->y, s->gradient, s->dx};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void forward(struct sample *s) { mlp_forward(&s->mlp, s->parameters, s->rows, s->x, s->cache, s->y); }

static void backward(struct sample *s, real *gradient, real *dx) {
  mlp_backward(&s->mlp, s->parameters, s->rows, s->x, s->cache, s->dy, gradient, dx);
}

// --- against PyTorch ---

static void check(const struct reference *reference, const char *what, int number, const real *found, size_t count) {
  char name[32];
  snprintf(name, sizeof name, "%s%d", what, number);
  const double *expected = reference_get(reference, name, count);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    difference += ((double)found[i] - expected[i]) * ((double)found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  bool right = sqrt(difference) <= TOLERANCE * sqrt(norm);
  CU_ASSERT_TRUE(right);
  if (!right) printf("\n  %s: off by %.2g ", name, sqrt(difference / norm));
}

static const struct {
  uint32_t input, count, hidden[3], output;
} SHAPES[] = {{5, 0, {0}, 3}, {4, 1, {7}, 1}, {6, 3, {16, 12, 9}, 4}, {5, 2, {33, 20}, 4}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static void test_pytorch(void) {
  struct reference reference = reference_open("tests/data/mlp.bin");
  int number = 0;
  for (int i = 0; i < SHAPE_COUNT; i++) {
    for (int norm = 0; norm < 2; norm++) {
      for (int k = 0; k < 3; k++) {
        const size_t rows = (const size_t[]){1, 3, 17}[k];
        number++;
        struct sample s = sample_make(SHAPES[i].input, SHAPES[i].hidden, SHAPES[i].count, SHAPES[i].output, norm, rows,
                                      (uint64_t)number);
        forward(&s);
        check(&reference, "y", number, s.y, rows * s.mlp.output);
        backward(&s, s.gradient, s.dx);
        check(&reference, "gradient", number, s.gradient, s.mlp.parameters);
        check(&reference, "dx", number, s.dx, rows * s.mlp.input);
        sample_release(&s);
      }
    }
  }
  reference_release(&reference);
}

// --- against central differences ---

#ifdef CORSAC_REAL_DOUBLE // a float has too few digits
static double loss(struct sample *s) {
  forward(s);
  double sum = 0;
  for (size_t i = 0; i < s->rows * s->mlp.output; i++) sum += s->y[i] * s->dy[i];
  return sum;
}

static double largest_error(struct sample *s, real *variable, const real *derivative, size_t count) {
  const double step = 1e-6;
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    real middle = variable[i];
    variable[i] = middle + step;
    double above = loss(s);
    variable[i] = middle - step;
    double below = loss(s);
    variable[i] = middle;
    largest = fmax(largest, fabs(derivative[i] - (above - below) / (2 * step)));
  }
  return largest;
}

static void test_central_differences(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(3, (const uint32_t[]){9, 8, 7, 6, 5, 6, 7, 8}, 8, 2, norm, 4, 101);
    forward(&s);
    backward(&s, s.gradient, s.dx);
    CU_ASSERT_TRUE(largest_error(&s, s.parameters, s.gradient, s.mlp.parameters) < 2e-7);
    CU_ASSERT_TRUE(largest_error(&s, s.x, s.dx, s.rows * s.mlp.input) < 2e-7);
    sample_release(&s);
  }
}
#endif

// --- what is computed on request ---

static void test_parts(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(6, (const uint32_t[]){16, 12}, 2, 3, norm, 7, 55);
    const size_t parameters = s.mlp.parameters, inputs = s.rows * s.mlp.input;
    forward(&s);
    backward(&s, s.gradient, s.dx);
    real *alone = room(parameters > inputs ? parameters : inputs);
    forward(&s);
    backward(&s, NULL, alone);
    CU_ASSERT_EQUAL(memcmp(alone, s.dx, inputs * sizeof(real)), 0);
    for (size_t i = 0; i < parameters; i++) alone[i] = 0;
    forward(&s);
    backward(&s, alone, NULL);
    CU_ASSERT_EQUAL(memcmp(alone, s.gradient, parameters * sizeof(real)), 0);
    for (size_t i = 0; i < parameters; i++) alone[i] = (real)(i % 5);
    forward(&s);
    backward(&s, alone, NULL);
    double largest = 0;
    for (size_t i = 0; i < parameters; i++) {
      largest = fmax(largest, fabs((double)alone[i] - (double)(i % 5) - (double)s.gradient[i]));
    }
    CU_ASSERT_TRUE(largest < 10 * TOLERANCE);
    forward(&s);
    backward(&s, NULL, NULL);
    free(alone);
    sample_release(&s);
  }
}

// The gradient of kept rows is the gradient of all rows with dy = 0 for the others.
static void check_keep(bool norm, const uint32_t *index, size_t count) {
  struct sample s = sample_make(6, (const uint32_t[]){16, 11, 13}, 3, 2, norm, 9, 66);
  const size_t in = s.mlp.input, out = s.mlp.output;
  real *dy = room(s.rows * out), *x = room(s.rows * in), *dx = room(s.rows * in), *gradient = room(s.mlp.parameters);
  for (size_t i = 0; i < s.mlp.parameters; i++) gradient[i] = 0;
  for (size_t k = 0; k < count; k++) {
    memcpy(dy + k * out, s.dy + index[k] * out, out * sizeof *dy);
    memcpy(x + k * in, s.x + index[k] * in, in * sizeof *x);
  }
  forward(&s);
  mlp_cache_keep(&s.mlp, s.cache, s.rows, index, count);
  mlp_backward(&s.mlp, s.parameters, count, x, s.cache, dy, gradient, dx);

  for (size_t i = 0; i < s.rows * out; i++) s.dy[i] = 0;
  for (size_t k = 0; k < count; k++) memcpy(s.dy + index[k] * out, dy + k * out, out * sizeof *dy);
  forward(&s);
  backward(&s, s.gradient, s.dx);
  double largest = 0;
  for (size_t i = 0; i < s.mlp.parameters; i++) {
    largest = fmax(largest, fabs((double)gradient[i] - (double)s.gradient[i]));
  }
  for (size_t k = 0; k < count * in; k++) {
    largest = fmax(largest, fabs((double)dx[k] - (double)s.dx[index[k / in] * in + k % in]));
  }
  CU_ASSERT_TRUE(largest < 10 * TOLERANCE);
  free(dy), free(x), free(dx), free(gradient);
  sample_release(&s);
}

static void test_keep(void) {
  for (int norm = 0; norm < 2; norm++) {
    check_keep(norm, (const uint32_t[]){1, 2, 5, 8}, 4);
    check_keep(norm, (const uint32_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8}, 9);
    check_keep(norm, (const uint32_t[]){8}, 1);
    check_keep(norm, (const uint32_t[]){0}, 0);
  }
}

// --- corners ---

static void test_relu_at_zero(void) {
  struct sample s = sample_make(2, (const uint32_t[]){3}, 1, 1, false, 2, 77);
  for (size_t i = 0; i < s.mlp.layer[1].weight; i++) s.parameters[i] = 0; // the hidden layer's product is exactly 0
  forward(&s);
  CU_ASSERT_EQUAL(s.y[0], s.parameters[s.mlp.layer[1].bias]);
  backward(&s, s.gradient, s.dx);
  for (size_t i = 0; i < s.mlp.layer[1].bias; i++) CU_ASSERT_EQUAL(s.gradient[i], 0);
  for (size_t i = 0; i < s.rows * s.mlp.input; i++) CU_ASSERT_EQUAL(s.dx[i], 0);
  CU_ASSERT_NOT_EQUAL(s.gradient[s.mlp.layer[1].bias], 0);
  sample_release(&s);
}

static void test_nan(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(4, (const uint32_t[]){9, 7}, 2, 2, norm, 3, 88);
    s.x[5] = (real)NAN; // row 1
    forward(&s);
    for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(isnan(s.y[i]) != 0, i / 2 == 1);
    backward(&s, s.gradient, s.dx);
    for (size_t i = 0; i < 9; i++) CU_ASSERT_TRUE(isnan(s.gradient[s.mlp.layer[0].weight + i * 4 + 1]));
    CU_ASSERT_TRUE(isfinite(s.dx[0]) && isfinite(s.dx[11]));
    s.x[5] = 0;
    s.dy[2] = (real)NAN; // row 1
    forward(&s);
    backward(&s, NULL, s.dx);
    for (size_t i = 0; i < 12; i++) CU_ASSERT_EQUAL(isnan(s.dx[i]) != 0, i / 4 == 1);
    sample_release(&s);
  }
}

static void test_layout(void) {
  struct mlp mlp;
  mlp_init(&mlp, 3, (const uint32_t[]){4, 5}, 2, 2, true);
  CU_ASSERT_EQUAL(mlp.layers, 3);
  const size_t expected[3][4] = {{0, 12, 16, 20}, {24, 44, 49, 54}, {59, 69, 71, 71}};
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(mlp.layer[i].weight, expected[i][0]);
    CU_ASSERT_EQUAL(mlp.layer[i].bias, expected[i][1]);
    CU_ASSERT_EQUAL(mlp.layer[i].norm_scale, expected[i][2]);
    CU_ASSERT_EQUAL(mlp.layer[i].norm_shift, expected[i][3]);
    CU_ASSERT_EQUAL(mlp.layer[i].norm, i < 2);
  }
  CU_ASSERT_EQUAL(mlp.parameters, 71);
  mlp_init(&mlp, 3, (const uint32_t[]){4, 5}, 2, 2, false);
  CU_ASSERT_EQUAL(mlp.parameters, 3 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2);
  mlp_init(&mlp, 3, NULL, 0, 2, true);
  CU_ASSERT_EQUAL(mlp.parameters, 8);
  CU_ASSERT_EQUAL(mlp_cache_size(&mlp, 10), 0);
}

static void test_initialisation(void) {
  struct mlp mlp;
  mlp_init(&mlp, 17, (const uint32_t[]){200, 100}, 2, 12, true);
  real *parameters = room(mlp.parameters);
  struct random random = random_stream(3, RANDOM_INIT, 0, 0), same = random;
  mlp_init_parameters(&mlp, parameters, &random);
  for (int i = 0; i < 3; i++) {
    const struct mlp_layer *layer = &mlp.layer[i];
    double bound = 1 / sqrt(layer->in), sum = 0, squares = 0, largest = 0;
    size_t count = layer->norm_scale - layer->weight;
    for (size_t p = layer->weight; p < layer->norm_scale; p++) {
      double value = parameters[p];
      CU_ASSERT_DOUBLE_EQUAL(value, bound * (2 * random_uniform(&same) - 1), 1e-7);
      sum += value;
      squares += value * value;
      largest = fmax(largest, fabs(value));
    }
    double variance = bound * bound / 3, n = (double)count;
    CU_ASSERT_TRUE(largest <= bound * (1 + 1e-7) && largest > 0.99 * bound);
    CU_ASSERT_DOUBLE_EQUAL(sum / n, 0, 5 * sqrt(variance / n));
    // the variance of x^2 for a uniform x is 4/45 bound^4
    CU_ASSERT_DOUBLE_EQUAL(squares / n, variance, 5 * bound * bound * sqrt(4.0 / 45 / n));
    for (uint32_t o = 0; layer->norm && o < layer->out; o++) {
      CU_ASSERT_EQUAL(parameters[layer->norm_scale + o], 1);
      CU_ASSERT_EQUAL(parameters[layer->norm_shift + o], 0);
    }
  }
  CU_ASSERT_EQUAL(random_u64(&random), random_u64(&same)); // not a word more than the weights and biases took
  free(parameters);
}

static void test_no_allocation(void) {
  struct sample s = sample_make(23, (const uint32_t[]){256, 256}, 2, 1, true, 64, 99);
  forward(&s); // OpenBLAS takes its buffer
  backward(&s, s.gradient, s.dx);
  size_t before = allocations_count();
  forward(&s);
  backward(&s, s.gradient, s.dx);
  CU_ASSERT_EQUAL(allocations_count(), before);
  sample_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the parameters stand layer after layer, weight, bias, norm scale, norm shift", test_layout},
      {"output, gradient and input gradient are PyTorch's", test_pytorch},
#ifdef CORSAC_REAL_DOUBLE
      {"gradients agree with central differences, eight hidden layers deep", test_central_differences},
#endif
      {"the gradient is added to what is there; either gradient can be left out", test_parts},
      {"a cache packed to some rows gives the gradient of these rows", test_keep},
      {"ReLU's derivative at exactly 0 is 0", test_relu_at_zero},
      {"NaN comes through, to its row only", test_nan},
      {"parameters start uniform in +-1/sqrt(fan_in), drawn in layer order", test_initialisation},
      {"forward and backward allocate nothing", test_no_allocation},
  };
  linalg_init();
  return unit_run("mlp", cases, sizeof cases / sizeof *cases);
}
