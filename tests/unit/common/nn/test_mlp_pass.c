// Forward and backward of networks with batch norm, residual blocks and RMS norm; folding; the unit sphere; orthogonal
// weights.
#include "common/nn/mlp_pass.h"
#include "common/nn/backend.h"
#include "common/nn/mlp_fold.h"
#include "common/nn/mlp_orthogonal.h"
#include "common/nn/mlp_sphere.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IN = 5, OUT = 3, ROWS = 9 };
static const bool IN_DOUBLE = sizeof(real) == 8;

static const uint32_t DENSE[] = {11, 6}, BLOCKS[] = {7, 7};
static const uint32_t WIDE[] = {256, 6, 256}, WIDE_BLOCK[] = {128}; // 256: rows in a cache that lie apart
enum { WIDEST = 256 };
static const struct mlp_spec SPECS[] = {
    {NULL, IN, OUT, DENSE, 2, MLP_NORM_BATCH, false, 0, false, false},
    {NULL, IN, OUT, DENSE, 2, MLP_NORM_BATCH, false, 0, true, false},
    {NULL, IN, OUT, BLOCKS, 2, MLP_NORM_BATCH, true, 3, true, false},
    {NULL, IN, OUT, BLOCKS, 2, MLP_NORM_BATCH, true, 2, false, false},
    {NULL, IN, OUT, WIDE, 2, MLP_NORM_BATCH, false, 0, true, false},
    {NULL, IN, OUT, WIDE, 3, MLP_NORM_BATCH, false, 0, false, false},
    {NULL, IN, OUT, WIDE_BLOCK, 1, MLP_NORM_BATCH, true, 2, true, false},
    {NULL, IN, OUT, BLOCKS, 2, MLP_NORM_LAYER, true, 2, true, false},
    {NULL, IN, OUT, BLOCKS, 1, MLP_NORM_NONE, true, 4, true, false},
    {NULL, IN, OUT, DENSE, 2, MLP_NORM_LAYER, false, 0, true, false},
};
enum { SPEC_COUNT = sizeof SPECS / sizeof *SPECS };

static real *reals(size_t count) {
  real *values = calloc(count + 1, sizeof *values);
  CU_ASSERT_PTR_NOT_NULL_FATAL(values);
  return values;
}

struct scene {
  struct mlp net;
  real *parameters, *statistics, *gradient, *transposed, *memory;
  struct mlp_cache cache;
  real x[ROWS * IN], y[ROWS * OUT], dy[ROWS * OUT], dx[ROWS * IN];
};

static void draw(struct numbers *numbers, size_t count, double scale, double shift, real *values) {
  for (size_t i = 0; i < count; i++) values[i] = (real)(shift + scale * numbers_uniform(numbers));
}

static void begin(struct scene *s, const struct mlp_spec *spec, int backend) {
  struct mlp_spec on = *spec;
  on.tiles = backend == 0 ? NULL : backend_tiles(&(struct config){.backend = "tiles"});
  mlp_init_spec(&s->net, &on);
  s->parameters = reals(s->net.parameters);
  s->gradient = reals(s->net.parameters);
  s->statistics = reals(s->net.statistics);
  s->transposed = reals(mlp_transposed_size(&s->net, 0));
  s->memory = reals(mlp_cache_size(&s->net, ROWS));
  s->cache = mlp_cache_in(&s->net, ROWS, s->memory);
  struct numbers numbers = {31};
  const size_t size = mlp_dense_size(&s->net);
  real *dense = reals(size);
  draw(&numbers, size, 0.6, 0.1, dense);
  mlp_import(&s->net, dense, s->parameters);
  free(dense);
  mlp_init_statistics(&s->net, s->statistics);
  for (size_t i = 0; i < s->net.statistics; i++) s->statistics[i] += (real)(0.4 * numbers_uniform(&numbers));
  draw(&numbers, ROWS * IN, 2, 0.3, s->x);
  draw(&numbers, ROWS * OUT, 1, 0, s->dy);
}

static void end(struct scene *s) {
  free(s->parameters), free(s->gradient), free(s->statistics), free(s->transposed), free(s->memory);
}

static struct mlp_pass pass_of(struct scene *s) {
  return (struct mlp_pass){ROWS, 0, ROWS, s->x, IN, &s->cache, s->y, s->dy, s->net.batch ? NULL : s->dx};
}

// sum dy y
static double loss_of(struct scene *s) {
  const struct mlp_pass pass = pass_of(s);
  double sum = 0;
  mlp_pass_forward(&s->net, s->parameters, NULL, &pass, &mlp_alone);
  for (int i = 0; i < ROWS * OUT; i++) sum += (double)s->dy[i] * (double)s->y[i];
  return sum;
}

static void backward(struct scene *s) {
  const struct mlp_pass pass = pass_of(s);
  loss_of(s);
  mlp_transpose(&s->net, s->parameters, 0, s->transposed);
  mlp_pass_backward(&s->net, &(struct mlp_weights){s->parameters, s->transposed, 0}, &pass, s->gradient, &mlp_alone);
  for (size_t p = 0; p < mlp_parts(&s->net, 2); p++)
    mlp_gradient_part(&s->net, (struct mlp_part){p, 2, ROWS}, &(struct linalg_rows){ROWS, s->x, IN}, &s->cache, s->dy,
                      s->gradient, NULL);
}

static double slope(struct scene *s, real *at) {
  const double step = IN_DOUBLE ? 1e-6 : 2e-3;
  const real kept = *at;
  *at = kept + (real)step;
  const double above = loss_of(s);
  *at = kept - (real)step;
  const double below = loss_of(s);
  *at = kept;
  return (above - below) / (2 * step);
}

// How many of `count` values, or of some hundred of them, have another slope than their gradient; *tried: of how many.
static size_t count_wrong(struct scene *s, real *values, const real *gradient, size_t count, size_t *tried) {
  const double tolerance = IN_DOUBLE ? 1e-6 : 2e-2;
  size_t wrong = 0;
  for (size_t i = 0; i < count; i += 1 + count / 400) {
    ++*tried;
    const double found = slope(s, &values[i]), expected = (double)gradient[i];
    if (!(fabs(found - expected) <= tolerance * fmax(1, fabs(found)))) wrong++;
  }
  return wrong;
}

// Absent biases have no gradient.
static void test_gradient(void) {
  for (int i = 0; i < SPEC_COUNT; i++) {
    struct scene s;
    begin(&s, &SPECS[i], 0);
    backward(&s);
    real *gradient = reals(s.net.parameters), *dx = reals(ROWS * IN);
    memcpy(gradient, s.gradient, s.net.parameters * sizeof *gradient);
    memcpy(dx, s.dx, sizeof s.dx);
    const size_t count = s.net.parameters;
    size_t wrong = 0, tried = 0;
    for (uint32_t l = 0, first = 0; l <= s.net.layers; l++) { // from bias to bias, without those that there are none of
      const size_t bias = l < s.net.layers ? s.net.layer[l].bias : count;
      const bool absent = l < s.net.layers && !s.net.layer[l].biased;
      wrong += count_wrong(&s, s.parameters + first, gradient + first, bias - first, &tried);
      for (size_t o = 0; absent && o < s.net.layer[l].out; o++) CU_ASSERT_EQUAL(gradient[bias + o], 0);
      first = (uint32_t)(bias + (absent ? s.net.layer[l].out : 0));
    }
    if (!s.net.batch) wrong += count_wrong(&s, s.x, dx, ROWS * IN, &tried);
    CU_ASSERT_TRUE(wrong <= (IN_DOUBLE ? (size_t)0 : tried / 10)); // float's step crosses kinks
    if (wrong > 0 && IN_DOUBLE) printf("\n  network %d: %zu of %zu gradients are wrong ", i, wrong, tried);
    free(gradient), free(dx);
    end(&s);
  }
}

// Output and gradient are the same on either backend, but for rounding. Tiles are in float only.
static void test_backends(void) {
  for (int i = 0; i < SPEC_COUNT && !IN_DOUBLE; i++) {
    real *gradient[2], y[2][ROWS * OUT];
    size_t count = 0;
    for (int backend = 0; backend < 2; backend++) {
      struct scene s;
      begin(&s, &SPECS[i], backend);
      backward(&s);
      count = mlp_dense_size(&s.net);
      gradient[backend] = reals(count);
      mlp_export(&s.net, s.gradient, gradient[backend]);
      memcpy(y[backend], s.y, sizeof s.y);
      end(&s);
    }
    double apart = 0, size = 0;
    for (size_t p = 0; p < count; p++) {
      apart += pow((double)(gradient[1][p] - gradient[0][p]), 2);
      size += pow((double)gradient[0][p], 2);
    }
    CU_ASSERT_TRUE(size > 0);
    CU_ASSERT_TRUE(sqrt(apart) <= 1e-4 * sqrt(size));
    for (int j = 0; j < ROWS * OUT; j++)
      CU_ASSERT_DOUBLE_EQUAL(y[0][j], y[1][j], 1e-4 * fmax(1, fabs((double)y[0][j])));
    free(gradient[0]), free(gradient[1]);
  }
}

// y with the running statistics, by hand: each batch norm a factor and an offset.
static void by_running_statistics(struct scene *s, real *expected) {
  const double epsilon = mlp_batch_norm_kind(&s->net).epsilon;
  for (int r = 0; r < ROWS; r++) {
    double h[WIDEST], z[WIDEST], block[WIDEST];
    for (uint32_t i = 0; i < IN; i++)
      h[i] = (double)s->parameters[s->net.input_scale + i] *
                 ((double)s->x[r * IN + (int)i] - (double)s->statistics[s->net.input_mean + i]) /
                 sqrt((double)s->statistics[s->net.input_variance + i] + epsilon) +
             (double)s->parameters[s->net.input_shift + i];
    for (uint32_t l = 0; l < s->net.layers; l++) {
      const struct mlp_layer *layer = &s->net.layer[l];
      const struct linalg_shape shape = mlp_shape(&s->net, l);
      const bool last = l + 1 == s->net.layers;
      double square = 0;
      for (uint32_t i = 0; i < layer->in; i++) square += h[i] * h[i];
      for (uint32_t i = 0; s->net.rms && last && i < layer->in; i++)
        h[i] *= (double)s->parameters[s->net.gain + i] / sqrt(square / layer->in + 1e-8);
      for (uint32_t o = 0; o < layer->out; o++) {
        z[o] = layer->biased ? (double)s->parameters[layer->bias + o] : 0;
        for (uint32_t i = 0; i < layer->in; i++)
          z[o] += (double)s->parameters[layer->weight + linalg_weight_index(&shape, o, i)] * h[i];
        if (layer->norm)
          z[o] = (double)s->parameters[layer->norm_scale + o] * (z[o] - (double)s->statistics[layer->mean + o]) /
                     sqrt((double)s->statistics[layer->variance + o] + epsilon) +
                 (double)s->parameters[layer->norm_shift + o];
        if (layer->relu) z[o] = fmax(z[o], 0);
        if (layer->block_end) z[o] += block[o];
      }
      for (uint32_t o = 0; o < layer->out; o++) h[o] = z[o];
      if (s->net.residual && (l == 0 || layer->block_end)) memcpy(block, z, sizeof block);
    }
    for (int o = 0; o < OUT; o++) expected[r * OUT + o] = (real)h[o];
  }
}

static void test_folded(void) {
  for (int i = 0; i < SPEC_COUNT; i++) {
    for (int backend = 0; backend < (IN_DOUBLE ? 1 : 2) && SPECS[i].norm == MLP_NORM_BATCH; backend++) {
      struct scene s;
      real expected[ROWS * OUT], found[ROWS * OUT];
      begin(&s, &SPECS[i], backend);
      by_running_statistics(&s, expected);
      const struct mlp folded = mlp_folded(&s.net);
      CU_ASSERT_FALSE(folded.batch);
      real *parameters = reals(folded.parameters), *scratch = reals(mlp_fold_scratch(&s.net));
      real *memory = reals(mlp_cache_size(&folded, ROWS));
      mlp_fold(&s.net, s.parameters, s.statistics, scratch, parameters);
      const struct mlp_cache cache = mlp_cache_in(&folded, ROWS, memory);
      mlp_forward(&folded, parameters, ROWS, s.x, IN, &cache, found);
      for (int j = 0; j < ROWS * OUT; j++)
        CU_ASSERT_DOUBLE_EQUAL(found[j], expected[j], (IN_DOUBLE ? 1e-12 : 2e-5) * fmax(1, fabs((double)expected[j])));
      free(parameters), free(scratch), free(memory);
      end(&s);
    }
  }
}

static double weight_at(const struct scene *s, uint32_t l, size_t o, size_t i) {
  const struct linalg_shape shape = mlp_shape(&s->net, l);
  return (double)s->parameters[s->net.layer[l].weight + linalg_weight_index(&shape, o, i)];
}

static void test_sphere(void) {
  const double near = IN_DOUBLE ? 1e-14 : 1e-6;
  for (int i = 0; i < SPEC_COUNT; i++) {
    struct scene s;
    begin(&s, &SPECS[i], IN_DOUBLE ? 0 : 1);
    real *alone = reals(s.net.parameters);
    memcpy(alone, s.parameters, s.net.parameters * sizeof *alone);
    mlp_project(&s.net, alone, 0, 1);
    for (unsigned m = 0; m < 3; m++) mlp_project(&s.net, s.parameters, m, 3);
    CU_ASSERT_EQUAL(memcmp(alone, s.parameters, s.net.parameters * sizeof *alone), 0);
    for (uint32_t l = 0; l < s.net.layers; l++) {
      for (size_t o = 0; o < s.net.layer[l].out; o++) {
        double square = 0;
        for (size_t j = 0; j < s.net.layer[l].in; j++) square += weight_at(&s, l, o, j) * weight_at(&s, l, o, j);
        CU_ASSERT_DOUBLE_EQUAL(square, 1, 4 * near);
      }
    }
    free(alone);
    end(&s);
  }
}

// The products of a layer's rows, or of its columns where there are fewer of them.
static void check_orthogonal(const struct scene *s, uint32_t l, double gain) {
  const size_t in = s->net.layer[l].in, out = s->net.layer[l].out;
  const bool rows = out <= in;
  const size_t count = rows ? out : in, size = rows ? in : out;
  for (size_t a = 0; a < count; a++) {
    for (size_t b = 0; b <= a; b++) {
      double product = 0;
      for (size_t i = 0; i < size; i++)
        product += rows ? weight_at(s, l, a, i) * weight_at(s, l, b, i) : weight_at(s, l, i, a) * weight_at(s, l, i, b);
      CU_ASSERT_DOUBLE_EQUAL(product, a == b ? gain * gain : 0, IN_DOUBLE ? 1e-13 : 1e-6);
    }
  }
}

static void test_orthogonal(void) {
  for (int i = 0; i < SPEC_COUNT; i++) {
    struct scene s;
    begin(&s, &SPECS[i], IN_DOUBLE ? 0 : 1);
    struct random random = random_stream(3, RANDOM_INIT, 0, 0);
    CU_ASSERT_EQUAL(mlp_init_orthogonal(&s.net, 1.5, s.parameters, &random, NULL), STATUS_OK);
    for (uint32_t l = 0; l < s.net.layers; l++) check_orthogonal(&s, l, l + 1 < s.net.layers ? 1.5 : 1);
    end(&s);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"gradients are central differences: batch norm, residual blocks, RMS norm, layer norm", test_gradient},
      {"both backends give the same output and gradient", test_backends},
      {"the folded network gives the outputs by running statistics", test_folded},
      {"rows of weights come to length 1, whoever projects them", test_sphere},
      {"orthogonal weights have orthonormal rows or columns", test_orthogonal},
  };
  return unit_run("mlp_pass", cases, sizeof cases / sizeof *cases);
}
