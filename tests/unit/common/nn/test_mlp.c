#include "common/nn/mlp.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
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
  size_t rows, dense; // dense: reals of the parameters in PyTorch's order
  real *parameters, *x, *dy, *memory, *transposed, *y, *gradient, *dx;
  struct mlp_cache cache;
};

static const struct tiles *on; // what the cases run on

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
  mlp_init(&s.mlp, on, input, hidden, count, output, norm);
  const struct mlp dense_net = mlp_dense(&s.mlp);
  s.dense = dense_net.parameters;
  real *dense = room(s.dense);
  for (uint32_t i = 0; i < s.mlp.layers; i++) {
    const struct mlp_layer *layer = &dense_net.layer[i];
    draw(&numbers, (size_t)layer->in * layer->out, 0.6, 0, dense + layer->weight);
    draw(&numbers, layer->out, 0.2, 0, dense + layer->bias);
    if (!layer->norm) continue;
    draw(&numbers, layer->out, 0.3, 1, dense + layer->norm_scale);
    draw(&numbers, layer->out, 0.2, 0, dense + layer->norm_shift);
  }
  s.parameters = room(s.mlp.parameters);
  mlp_import(&s.mlp, dense, s.parameters);
  free(dense);
  s.x = draw(&numbers, rows * input, 2, 0, room(rows * input));
  s.dy = draw(&numbers, rows * output, 1, 0, room(rows * output));
  s.memory = room(mlp_cache_size(&s.mlp, rows) + 1);
  s.cache = mlp_cache_in(&s.mlp, rows, s.memory);
  s.transposed = room(mlp_transposed_size(&s.mlp, 0) + 1);
  s.y = room(rows * output);
  s.gradient = room(s.mlp.parameters);
  s.dx = room(rows * input);
  return s;
}

static void sample_release(struct sample *s) {
  real *all[] = {s->parameters, s->x, s->dy, s->memory, s->transposed, s->y, s->gradient, s->dx};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void forward(struct sample *s) {
  mlp_forward(&s->mlp, s->parameters, s->rows, s->x, s->mlp.input, &s->cache, s->y);
}

static void gradient_by_parts(struct sample *s, size_t members, size_t rows, const real *x, const real *dy,
                              real *gradient) {
  const size_t parts = mlp_parts(&s->mlp, members);
  const struct linalg_rows input = {rows, x, s->mlp.input};
  for (size_t p = parts; p-- > 0;) // in any order
    mlp_gradient_part(&s->mlp, (struct mlp_part){p, members, input.count}, &input, &s->cache, dy, gradient, NULL);
}

static void backward(struct sample *s, real *gradient, real *dx) {
  mlp_transpose(&s->mlp, s->parameters, 0, s->transposed);
  mlp_backward(&s->mlp, &(struct mlp_weights){s->parameters, s->transposed, 0}, s->rows, &s->cache, s->dy, dx);
  if (gradient) gradient_by_parts(s, 1, s->rows, s->x, s->dy, gradient);
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

static void check_gradient(const struct reference *reference, int number, const struct sample *s) {
  real *dense = room(s->dense);
  mlp_export(&s->mlp, s->gradient, dense);
  check(reference, "gradient", number, dense, s->dense);
  free(dense);
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
        check_gradient(&reference, number, &s);
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

// --- parts, columns, rows ---

// Every parameter belongs to one part, whatever the team. A part writes its ranges and nothing else.
static void check_cover(const struct sample *s, size_t members) {
  int *owners = calloc(s->mlp.parameters, sizeof *owners);
  real *dense = room(s->dense), *mask = room(s->mlp.parameters);
  const struct linalg_rows input = {s->rows, s->x, s->mlp.input};
  bool exact = true;
  for (size_t p = 0; p < mlp_parts(&s->mlp, members); p++) {
    real *gradient = room(s->mlp.parameters);
    const real *soon[LINALG_SOON] = {s->parameters, NULL, gradient, NULL}; // makes no difference to the result
    const struct mlp_ranges part = mlp_gradient_part(&s->mlp, (struct mlp_part){p, members, input.count}, &input,
                                                     &s->cache, s->dy, gradient, p % 2 == 0 ? soon : NULL);
    for (int i = 0; i < MLP_PART_RANGES; i++) {
      for (size_t j = part.range[i].begin; j < part.range[i].end; j++) {
        exact = exact && gradient[j] == s->gradient[j];
        gradient[j] = (real)NAN;
        owners[j]++;
      }
    }
    for (size_t j = 0; j < s->mlp.parameters; j++) exact = exact && isnan(gradient[j]);
    free(gradient);
  }
  for (size_t i = 0; i < s->mlp.parameters; i++) mask[i] = (real)owners[i];
  mlp_export(&s->mlp, mask, dense);
  bool once = true;
  for (size_t i = 0; i < s->dense; i++) once = once && dense[i] == 1;
  CU_ASSERT_TRUE(once);
  CU_ASSERT_TRUE(exact);
  free(owners), free(dense), free(mask);
}

static void test_parts(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(6, (const uint32_t[]){37, 5, 12}, 3, 3, norm, 7, 55);
    real *alone = room(s.mlp.parameters), *one = room(s.dense), *many = room(s.dense);
    real *dx = room(s.rows * s.mlp.input);
    forward(&s);
    backward(&s, s.gradient, s.dx);
    mlp_export(&s.mlp, s.gradient, one);
    for (size_t members = 1; members <= 9; members += 2) {
      gradient_by_parts(&s, members, s.rows, s.x, s.dy, alone);
      memcpy(s.gradient, alone, s.mlp.parameters * sizeof *alone);
      check_cover(&s, members);
      mlp_export(&s.mlp, alone, many);
      double largest = 0;
      for (size_t i = 0; i < s.dense; i++) largest = fmax(largest, fabs((double)many[i] - (double)one[i]));
      CU_ASSERT_TRUE(on ? largest == 0 : largest < TOLERANCE); // OpenBLAS may add in another order
    }
    backward(&s, NULL, dx);
    CU_ASSERT_EQUAL(memcmp(dx, s.dx, s.rows * s.mlp.input * sizeof(real)), 0);
    free(alone), free(one), free(many), free(dx);
    sample_release(&s);
  }
}

// The gradient of the last columns of x alone.
static void test_columns(void) {
  for (size_t first = 0; first <= 6; first++) {
    struct sample s = sample_make(6, (const uint32_t[]){16, 12}, 2, 3, false, 7, 55);
    const size_t width = 6 - first;
    real *dx = room(s.rows * width + 1), *transposed = room(mlp_transposed_size(&s.mlp, first) + 1);
    forward(&s);
    backward(&s, NULL, s.dx);
    mlp_transpose(&s.mlp, s.parameters, first, transposed);
    mlp_backward(&s.mlp, &(struct mlp_weights){s.parameters, transposed, first}, s.rows, &s.cache, s.dy, dx);
    double largest = 0;
    for (size_t i = 0; i < s.rows * width; i++)
      largest = fmax(largest, fabs((double)dx[i] - (double)s.dx[i / width * 6 + first + i % width]));
    CU_ASSERT_TRUE(on ? largest == 0 : largest < TOLERANCE);
    free(dx), free(transposed);
    sample_release(&s);
  }
}

// Two halves of the rows, as two threads would take them, in one cache.
static void test_halves(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(6, (const uint32_t[]){16, 11, 13}, 3, 2, norm, 9, 67);
    real *y = room(s.rows * 2), *gradient = room(s.mlp.parameters), *one = room(s.dense), *two = room(s.dense);
    forward(&s);
    backward(&s, gradient, s.dx);
    memcpy(y, s.y, s.rows * 2 * sizeof *y);
    for (size_t half = 0; half < 2; half++) {
      const size_t begin = half * 4, count = half == 0 ? 4 : 5;
      const struct mlp_cache cache = mlp_cache_from(&s.mlp, &s.cache, begin);
      mlp_forward(&s.mlp, s.parameters, count, s.x + begin * 6, 6, &cache, s.y + begin * 2);
      mlp_backward(&s.mlp, &(struct mlp_weights){s.parameters, s.transposed, 0}, count, &cache, s.dy + begin * 2, NULL);
    }
    gradient_by_parts(&s, 2, s.rows, s.x, s.dy, s.gradient);
    mlp_export(&s.mlp, gradient, one);
    mlp_export(&s.mlp, s.gradient, two);
    double largest = 0;
    for (size_t i = 0; i < s.rows * 2; i++) largest = fmax(largest, fabs((double)s.y[i] - (double)y[i]));
    for (size_t i = 0; i < s.dense; i++) largest = fmax(largest, fabs((double)one[i] - (double)two[i]));
    CU_ASSERT_TRUE(on ? largest == 0 : largest < TOLERANCE);
    free(y), free(gradient), free(one), free(two);
    sample_release(&s);
  }
}

static void test_dense(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(19, (const uint32_t[]){33, 4}, 2, 9, norm, 1, 68);
    real *dense = room(s.dense + 1), *back = room(s.mlp.parameters);
    dense[s.dense] = 7;
    mlp_export(&s.mlp, s.parameters, dense);
    CU_ASSERT_EQUAL(dense[s.dense], 7);
    mlp_import(&s.mlp, dense, back);
    CU_ASSERT_EQUAL(memcmp(back, s.parameters, s.mlp.parameters * sizeof *back), 0); // the padding is 0 in both
    const struct mlp_layer *last = &s.mlp.layer[2];
    CU_ASSERT_EQUAL(dense[s.dense - 9 - 1],
                    s.parameters[last->weight + linalg_weight_index(&(struct linalg_shape){on, 4, 9}, 8, 3)]);
    free(dense), free(back);
    sample_release(&s);
  }
}

// A cache packed to some rows gives their dx, and the gradient of all rows with dy = 0 for the others.
static void check_keep(bool norm, const uint32_t *index, size_t count) {
  struct sample s = sample_make(6, (const uint32_t[]){16, 11, 13}, 3, 2, norm, 9, 66);
  const size_t in = s.mlp.input, out = s.mlp.output;
  real *dy = room(s.rows * out), *x = room(s.rows * in), *dx = room(s.rows * in), *gradient = room(s.mlp.parameters);
  real *one = room(s.dense), *two = room(s.dense);
  for (size_t k = 0; k < count; k++) {
    memcpy(dy + k * out, s.dy + index[k] * out, out * sizeof *dy);
    memcpy(x + k * in, s.x + index[k] * in, in * sizeof *x);
  }
  forward(&s);
  mlp_cache_keep(&s.mlp, &s.cache, index, count);
  mlp_transpose(&s.mlp, s.parameters, 0, s.transposed);
  mlp_backward(&s.mlp, &(struct mlp_weights){s.parameters, s.transposed, 0}, count, &s.cache, dy, dx);
  gradient_by_parts(&s, 1, count, x, dy, gradient);

  for (size_t i = 0; i < s.rows * out; i++) s.dy[i] = 0;
  for (size_t k = 0; k < count; k++) memcpy(s.dy + index[k] * out, dy + k * out, out * sizeof *dy);
  forward(&s);
  backward(&s, s.gradient, s.dx);
  mlp_export(&s.mlp, gradient, one);
  mlp_export(&s.mlp, s.gradient, two);
  double largest = 0;
  for (size_t i = 0; i < s.dense; i++) largest = fmax(largest, fabs((double)one[i] - (double)two[i]));
  for (size_t k = 0; k < count * in; k++) {
    largest = fmax(largest, fabs((double)dx[k] - (double)s.dx[index[k / in] * in + k % in]));
  }
  CU_ASSERT_TRUE(largest < 10 * TOLERANCE);
  free(dy), free(x), free(dx), free(gradient), free(one), free(two);
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
  real *dense = room(s.dense);
  forward(&s);
  CU_ASSERT_EQUAL(s.y[0], s.parameters[s.mlp.layer[1].bias]);
  backward(&s, s.gradient, s.dx);
  mlp_export(&s.mlp, s.gradient, dense);
  for (size_t i = 0; i < s.dense - 1; i++) CU_ASSERT_EQUAL(dense[i], 0);
  for (size_t i = 0; i < s.rows * s.mlp.input; i++) CU_ASSERT_EQUAL(s.dx[i], 0);
  CU_ASSERT_NOT_EQUAL(dense[s.dense - 1], 0);
  free(dense);
  sample_release(&s);
}

static void test_nan(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct sample s = sample_make(4, (const uint32_t[]){9, 7}, 2, 2, norm, 3, 88);
    s.x[5] = (real)NAN; // row 1
    forward(&s);
    for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(isnan(s.y[i]) != 0, i / 2 == 1);
    backward(&s, s.gradient, s.dx);
    for (size_t o = 0; o < 9; o++)
      CU_ASSERT_TRUE(isnan(s.gradient[linalg_weight_index(&(struct linalg_shape){on, 4, 9}, o, 1)]));
    CU_ASSERT_TRUE_FATAL(isfinite(s.dx[0]));
    CU_ASSERT_TRUE(isfinite(s.dx[11]));
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
  mlp_init(&mlp, NULL, 3, (const uint32_t[]){4, 5}, 2, 2, true);
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
  mlp_init(&mlp, NULL, 3, (const uint32_t[]){4, 5}, 2, 2, false);
  CU_ASSERT_EQUAL(mlp.parameters, 3 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2);
  mlp_init(&mlp, NULL, 3, NULL, 0, 2, true);
  CU_ASSERT_EQUAL(mlp.parameters, 8);
  CU_ASSERT_EQUAL(mlp_cache_size(&mlp, 10), 0);
}

static void test_initialisation(void) {
  struct mlp mlp;
  mlp_init(&mlp, on, 17, (const uint32_t[]){200, 100}, 2, 12, true);
  real *parameters = room(mlp.parameters), *dense = room(mlp_dense_size(&mlp));
  const struct mlp dense_net = mlp_dense(&mlp);
  struct random random = random_stream(3, RANDOM_INIT, 0, 0), same = random;
  mlp_init_parameters(&mlp, parameters, &random);
  mlp_export(&mlp, parameters, dense);
  for (int i = 0; i < 3; i++) {
    const struct mlp_layer *layer = &dense_net.layer[i];
    double bound = 1 / sqrt(layer->in), sum = 0, squares = 0, largest = 0;
    size_t count = layer->norm_scale - layer->weight;
    for (size_t p = layer->weight; p < layer->norm_scale; p++) {
      double value = dense[p];
      CU_ASSERT_DOUBLE_EQUAL(value, bound * (2 * random_uniform(&same) - 1), 1e-7);
      sum += value;
      squares += value * value;
      largest = fmax(largest, fabs(value));
    }
    double variance = bound * bound / 3, n = (double)count;
    CU_ASSERT_TRUE(largest <= bound * (1 + 1e-7));
    CU_ASSERT_TRUE(largest > 0.99 * bound);
    CU_ASSERT_DOUBLE_EQUAL(sum / n, 0, 5 * sqrt(variance / n));
    // the variance of x^2 for a uniform x is 4/45 bound^4
    CU_ASSERT_DOUBLE_EQUAL(squares / n, variance, 5 * bound * bound * sqrt(4.0 / 45 / n));
    for (uint32_t o = 0; layer->norm && o < layer->out; o++) {
      CU_ASSERT_EQUAL(dense[layer->norm_scale + o], 1);
      CU_ASSERT_EQUAL(dense[layer->norm_shift + o], 0);
    }
  }
  CU_ASSERT_EQUAL(random_u64(&random), random_u64(&same)); // not a word more than the weights and biases took
  real *expected = room(dense_net.parameters);             // the dense layout is OpenBLAS'
  random = random_stream(3, RANDOM_INIT, 0, 0);
  mlp_init_parameters(&dense_net, expected, &random);
  CU_ASSERT_EQUAL(memcmp(dense, expected, dense_net.parameters * sizeof *dense), 0);
  free(parameters), free(dense), free(expected);
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
      {"the gradient falls into parts, each parameter in one, for any team", test_parts},
      {"the gradient of some columns of x is that of all", test_columns},
      {"two halves of the rows in one cache are the whole", test_halves},
      {"the dense order and the backend's turn into each other", test_dense},
      {"a cache packed to some rows gives the gradient of these rows", test_keep},
      {"ReLU's derivative at exactly 0 is 0", test_relu_at_zero},
      {"NaN comes through, to its row only", test_nan},
      {"parameters start uniform in +-1/sqrt(fan_in), drawn in layer order, the same on each backend",
       test_initialisation},
      {"forward and backward allocate nothing", test_no_allocation},
  };
  linalg_init();
  int failed = unit_run("mlp", cases, sizeof cases / sizeof *cases);
#ifndef CORSAC_REAL_DOUBLE
  for (int level = 0; level < TILES_LEVELS && !failed; level++) {
    on = tiles_at((enum tiles_level)level);
    if (on) failed = unit_run(on->name, cases, sizeof cases / sizeof *cases);
  }
#endif
  return failed;
}
