#include "learner/sac/critic.h"
#include "common/base/memory.h"
#include "common/nn/backend.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

enum { OBS = 4, ACT = 2, WIDTH = OBS + ACT, COUNT = 3, ROWS = 23 };
static const bool IN_DOUBLE = sizeof(real) == 8;

static const struct tiles *on; // what the cases run on

static struct critics make(bool layer_norm) {
  const struct config config = {.hidden = {2, {9, 7}}, .critics = COUNT, .critic_layer_norm = layer_norm};
  struct critics critics;
  CU_ASSERT_EQUAL_FATAL(critics_init(&critics, on, &config, OBS, ACT, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(critics_init_parameters(&critics, 14, NULL), STATUS_OK);
  return critics;
}

static void draw_input(real *x) {
  struct numbers numbers = {3};
  for (int i = 0; i < ROWS * WIDTH; i++) x[i] = (real)(2 * numbers_uniform(&numbers));
}

static void test_init(void) {
  struct critics critics = make(false), same = make(false);
  const size_t each = critics.net.parameters;
  CU_ASSERT_EQUAL(mlp_dense_size(&critics.net), WIDTH * 9 + 9 + 9 * 7 + 7 + 7 + 1);
  CU_ASSERT_EQUAL(critics.size, COUNT * each);
  CU_ASSERT_EQUAL(memcmp(critics.parameters, critics.targets, critics.size * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(critics.parameters, same.parameters, critics.size * sizeof(real)), 0);
  for (size_t k = 1; k < COUNT; k++) // a minimum over equal critics would be no minimum
    CU_ASSERT_NOT_EQUAL(memcmp(critics.parameters, critics.parameters + k * each, each * sizeof(real)), 0);
  CU_ASSERT_EQUAL(critics_init_parameters(&same, 12, NULL), STATUS_OK);
  CU_ASSERT_NOT_EQUAL(memcmp(critics.parameters, same.parameters, critics.size * sizeof(real)), 0);
  critics_release(&critics);
  critics_release(&same);
}

static void test_track(void) {
  struct critics critics = make(false);
  for (size_t i = 0; i < critics.size; i++) {
    critics.parameters[i] = (real)i;
    critics.targets[i] = -1;
  }
  critics_track(&critics, 0.25, 10, 20);
  for (size_t i = 0; i < critics.size; i++) {
    const double expected = i >= 10 && i < 20 ? -0.75 + 0.25 * (double)i : -1;
    CU_ASSERT_DOUBLE_EQUAL(critics.targets[i], expected, 1e-5);
    CU_ASSERT_EQUAL(critics.parameters[i], (real)i);
  }
  critics_track(&critics, 1, 0, critics.size);
  CU_ASSERT_EQUAL(memcmp(critics.parameters, critics.targets, critics.size * sizeof(real)), 0);
  critics_release(&critics);
}

struct work {
  real x[ROWS * WIDTH], dx[ROWS * WIDTH], value[ROWS], q[ROWS], packed[ROWS * WIDTH], output[COUNT * ROWS];
  uint32_t argmin[ROWS], index[ROWS];
  struct mlp_cache cache[COUNT];
  real *memory; // of the cache
  struct critics_transposed transposed;
};

// first: the columns before it have no gradient.
static struct work start(const struct critics *critics, size_t first) {
  const size_t size = mlp_cache_size(&critics->net, ROWS), stride = mlp_transposed_size(&critics->net, first);
  struct work work = {.transposed.stride = stride};
  draw_input(work.x);
  work.memory = memory_alloc(COUNT * size, sizeof(real), "cache", NULL);
  work.transposed.weights = memory_alloc(COUNT * stride, sizeof(real), "transposed weights", NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(work.memory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(work.transposed.weights);
  for (size_t k = 0; k < COUNT; k++) {
    work.cache[k] = mlp_cache_in(&critics->net, ROWS, work.memory + k * size);
    mlp_transpose(&critics->net, critics->parameters + k * critics->net.parameters, first,
                  work.transposed.weights + k * stride);
  }
  return work;
}

static void finish(struct work *work) {
  memory_free(work->memory);
  memory_free(work->transposed.weights);
}

static struct critics_nets nets_of(const struct critics *critics) {
  return (struct critics_nets){&critics->net, critics->parameters};
}

// The minimum of the critics listed, of the rows of x.
static void minimum(const struct critics *critics, const uint32_t *which, uint32_t count, struct work *work,
                    const real *x, real *q, uint32_t *argmin) {
  const struct critics_rows rows = {.count = ROWS,
                                    .input = x,
                                    .cache = work->cache,
                                    .output = work->output,
                                    .stride = ROWS,
                                    .q = q,
                                    .argmin = argmin,
                                    .value = work->value};
  critics_minimum(critics, nets_of(critics), which, count, &rows);
}

static void test_minimum(void) {
  struct critics critics = make(true);
  struct work work = start(&critics, 0);
  real each[COUNT][ROWS];
  for (size_t k = 0; k < COUNT; k++)
    mlp_forward(&critics.net, critics.parameters + k * critics.net.parameters, ROWS, work.x, WIDTH, work.cache,
                each[k]);
  static const uint32_t all[COUNT] = {0, 1, 2}, two[2] = {2, 0};
  int chosen[COUNT] = {0};
  minimum(&critics, all, COUNT, &work, work.x, work.q, work.argmin);
  for (int i = 0; i < ROWS; i++) {
    CU_ASSERT_TRUE_FATAL(work.argmin[i] < COUNT);
    chosen[work.argmin[i]]++;
    CU_ASSERT_EQUAL(work.q[i], each[work.argmin[i]][i]);
    for (int k = 0; k < COUNT; k++) CU_ASSERT_TRUE(work.q[i] <= each[k][i]);
  }
  for (int k = 0; k < COUNT; k++) CU_ASSERT_TRUE(chosen[k] > 0); // or the case tests less than it says
  minimum(&critics, two, 2, &work, work.x, work.q, work.argmin);
  for (int i = 0; i < ROWS; i++) {
    CU_ASSERT_EQUAL(work.argmin[i], each[0][i] < each[2][i] ? 1 : 0);
    CU_ASSERT_EQUAL(work.q[i], each[two[work.argmin[i]]][i]);
  }
  finish(&work);
  critics_release(&critics);
}

static void test_nan(void) {
  static const uint32_t all[COUNT] = {0, 1, 2};
  for (size_t broken = 0; broken < COUNT; broken++) {
    struct critics critics = make(false);
    struct work work = start(&critics, 0);
    critics.parameters[broken * critics.net.parameters + critics.net.layer[2].bias] = (real)NAN;
    minimum(&critics, all, COUNT, &work, work.x, work.q, work.argmin);
    for (int i = 0; i < ROWS; i++) CU_ASSERT_TRUE(isnan(work.q[i]));
    finish(&work);
    critics_release(&critics);
  }
}

// Of the columns from `first` on.
static void check_gradient(bool layer_norm, int first) {
  static const uint32_t all[COUNT] = {0, 1, 2};
  struct critics critics = make(layer_norm);
  struct work work = start(&critics, (size_t)first);
  const struct critics_rows rows = {ROWS,   work.x,      work.cache, work.output, ROWS,
                                    work.q, work.argmin, work.value, work.packed, work.index};
  critics_minimum(&critics, nets_of(&critics), all, COUNT, &rows);
  critics_minimum_gradient(&critics, nets_of(&critics), &work.transposed, &rows, (size_t)first, work.dx);
  const double step = IN_DOUBLE ? 1e-6 : 2e-3, tolerance = IN_DOUBLE ? 1e-7 : 5e-3;
  int beyond = 0;
  for (int j = first; j < WIDTH; j++) {
    real up[ROWS * WIDTH], down[ROWS * WIDTH], q_up[ROWS], q_down[ROWS];
    memcpy(up, work.x, sizeof up);
    memcpy(down, work.x, sizeof down);
    for (int i = 0; i < ROWS; i++) {
      up[i * WIDTH + j] += (real)step;
      down[i * WIDTH + j] -= (real)step;
    }
    minimum(&critics, all, COUNT, &work, up, q_up, work.argmin);
    minimum(&critics, all, COUNT, &work, down, q_down, work.argmin);
    for (int i = 0; i < ROWS; i++) {
      const double slope = ((double)q_up[i] - (double)q_down[i]) / (2 * step);
      beyond += fabs(slope - (double)work.dx[i * (WIDTH - first) + j - first]) > tolerance;
    }
  }
  // With float's step a few rows cross a kink of a ReLU or of the minimum.
  CU_ASSERT_TRUE(beyond <= (IN_DOUBLE ? 0 : ROWS * WIDTH / 10));
  finish(&work);
  critics_release(&critics);
}

static void test_gradient(void) {
  check_gradient(false, 0);
  check_gradient(true, 0);
  check_gradient(false, WIDTH - 2); // the actions alone
}

int main(void) {
  static const struct unit_case cases[] = {
      {"critics start different from each other, the same for a seed, and equal to their targets", test_init},
      {"targets move by tau towards the critics, in the range asked for", test_track},
      {"the minimum is over the critics listed, and argmin names the one", test_minimum},
      {"a critic that is not a number is not hidden by the minimum", test_nan},
      {"the minimum's gradient agrees with central differences", test_gradient},
  };
  linalg_init();
  const int failed = unit_run("critic", cases, sizeof cases / sizeof *cases);
  if (IN_DOUBLE || failed) return failed;
  on = backend_tiles(&(struct config){.backend = "tiles"});
  return unit_run("critic on tiles", cases, sizeof cases / sizeof *cases);
}
