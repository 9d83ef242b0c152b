#include "launch/policy/mlp_f64.h"

#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>

enum { IN = 5, OUT = 3 };

struct fixture {
  struct mlp dense;
  float *parameters;
  struct mlp_f64 net;
};

static void setup(struct fixture *f, bool norm) {
  const uint32_t hidden[] = {7, 11};
  struct mlp mlp;
  mlp_init(&mlp, NULL, IN, hidden, 2, OUT, norm);
  f->dense = mlp_dense(&mlp);
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

static void check_forward(bool norm) {
  struct fixture f;
  setup(&f, norm);
  float *memory = calloc(mlp_cache_size(&f.dense, 1), sizeof *memory), x_float[IN], y_float[OUT];
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  const struct mlp_cache cache = mlp_cache_in(&f.dense, 1, memory);
  double y[OUT];
  for (int i = 0; i < IN; i++) x_float[i] = (float)x[i];
  mlp_forward(&f.dense, f.parameters, 1, x_float, IN, &cache, y_float);
  mlp_f64_forward(&f.net, x, y);
  for (int i = 0; i < OUT; i++) CU_ASSERT_TRUE(fabs(y[i] - (double)y_float[i]) < 1e-5 * fmax(1, fabs(y[i])));
  free(memory);
  teardown(&f);
}
static void test_forward(void) {
  check_forward(false);
  check_forward(true);
}

static void check_backward(bool norm) {
  struct fixture f;
  setup(&f, norm);
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
  check_backward(false);
  check_backward(true);
}

int main(void) {
  static const struct unit_case cases[] = {{"forward gives what mlp_forward gives, with layer norm too", test_forward},
                                           {"backward gives the central differences", test_backward}};
  return unit_run("mlp_f64", cases, sizeof cases / sizeof *cases);
}
