#include "launch/policy/mlp_f64.h"

#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>

enum { IN = 5, OUT = 3 };

struct fixture {
  struct mlp net_shape, dense;
  float *parameters;
  struct mlp_f64 net;
};

static const uint32_t widths[] = {7, 11}, blocks[] = {6, 6};
#define NETWORK .input = IN, .output = OUT, .hidden_count = 2
static const struct mlp_spec specs[] = {
    {NETWORK, .hidden = widths},
    {NETWORK, .hidden = widths, .norm = MLP_NORM_LAYER},
    {NETWORK, .hidden = widths, .rms = true},
    {NETWORK, .hidden = blocks, .residual = true, .expansion = 3},
    {NETWORK, .hidden = blocks, .residual = true, .expansion = 2, .bias = true, .rms = true},
    {NETWORK, .hidden = blocks, .residual = true, .expansion = 2, .norm = MLP_NORM_LAYER, .rms = true},
};
enum { SPECS = sizeof specs / sizeof *specs };

static void setup(struct fixture *f, const struct mlp_spec *spec) {
  mlp_init_spec(&f->net_shape, spec);
  f->dense = mlp_dense(&f->net_shape);
  f->parameters = malloc(f->dense.parameters * sizeof *f->parameters);
  CU_ASSERT_PTR_NOT_NULL_FATAL(f->parameters);
  struct random random = random_stream(4, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < f->dense.parameters; i++) f->parameters[i] = (float)random_normal(&random) / 2;
  CU_ASSERT_EQUAL_FATAL(mlp_f64_init(&f->net, &f->dense, f->parameters, NULL), STATUS_OK);
}

static void teardown(struct fixture *f) {
  mlp_f64_release(&f->net);
  free(f->parameters);
}

static const double x[IN] = {0.3, -1.2, 0.7, 2.1, -0.4};

static void check_forward(const struct mlp_spec *spec) {
  struct fixture f;
  setup(&f, spec);
  float *memory = calloc(mlp_cache_size(&f.net_shape, 1), sizeof *memory), x_float[IN], y_float[OUT];
  float *parameters = calloc(f.net_shape.parameters, sizeof *parameters);
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(parameters);
  mlp_import(&f.net_shape, f.parameters, parameters);
  const struct mlp_cache cache = mlp_cache_in(&f.net_shape, 1, memory);
  double y[OUT];
  for (int i = 0; i < IN; i++) x_float[i] = (float)x[i];
  mlp_forward(&f.net_shape, parameters, 1, x_float, IN, &cache, y_float);
  mlp_f64_forward(&f.net, x, y);
  for (int i = 0; i < OUT; i++) CU_ASSERT_TRUE(fabs(y[i] - (double)y_float[i]) < 1e-5 * fmax(1, fabs(y[i])));
  free(memory);
  free(parameters);
  teardown(&f);
}
static void test_forward(void) {
  for (int i = 0; i < SPECS; i++) check_forward(&specs[i]);
}

static void check_backward(const struct mlp_spec *spec) {
  struct fixture f;
  setup(&f, spec);
  const double dy[OUT] = {0.5, -1, 2}, h = 1e-6;
  double y[OUT], dx[IN], moved[IN];
  mlp_f64_forward(&f.net, x, y);
  mlp_f64_backward(&f.net, dy, dx);
  for (int i = 0; i < IN; i++) {
    double sum = 0;
    for (int side = -1; side <= 1; side += 2) {
      for (int j = 0; j < IN; j++) moved[j] = x[j] + (i == j ? side * h : 0);
      mlp_f64_forward(&f.net, moved, y);
      for (int o = 0; o < OUT; o++) sum += side * dy[o] * y[o] / (2 * h);
    }
    CU_ASSERT_TRUE(fabs(sum - dx[i]) < 1e-7 * fmax(1, fabs(dx[i])));
    CU_ASSERT_NOT_EQUAL(dx[i], 0);
  }
  teardown(&f);
}
static void test_backward(void) {
  for (int i = 0; i < SPECS; i++) check_backward(&specs[i]);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"forward gives what mlp_forward gives, with layer norm, blocks and RMS norm too", test_forward},
      {"backward gives the central differences", test_backward}};
  return unit_run("mlp_f64", cases, sizeof cases / sizeof *cases);
}
