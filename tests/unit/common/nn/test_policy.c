#include "common/base/memory.h"
#include "common/nn/policy.h"
#include "common/nn/linalg.h"
#include "common/nn/normalizer.h"
#include "common/nn/squashed_gaussian.h"
#include "common/nn/tiles.h"
#include "tests/support/allocations.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 40, MAX_OBS = 400, MAX_ACT = 17 };
static const struct shape {
  uint32_t obs, act;
  struct config_widths hidden;
} SHAPES[] = {
    {3, 1, {2, {64, 64}}},      {17, 6, {2, {256, 256}}}, {376, 17, {2, {256, 256}}}, {2, 1, {0, {0}}},
    {11, 3, {3, {100, 33, 7}}}, {5, 2, {1, {1}}},         {24, 4, {2, {400, 300}}},
};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static void draw(struct numbers *numbers, size_t count, double scale, double shift, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = (float)(shift + scale * numbers_uniform(numbers));
}

static const struct tiles *on; // what a case runs on: NULL for OpenBLAS

static struct policy *make(const struct shape *shape, struct numbers *numbers) {
  struct policy *policy = policy_create_on(on, shape->obs, shape->act, &(struct config){.hidden = shape->hidden}, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  struct policy_weights *weights = policy_weights(policy);
  draw(numbers, weights->parameters, 0.2, 0, weights->values);
  draw(numbers, shape->obs, 0.5, 0.5, weights->shift);
  draw(numbers, shape->obs, 0.5, 1.5, weights->scale);
  weights->version = 1;
  return policy;
}

static float obs[MAX_ROWS * MAX_OBS], eps[MAX_ROWS * MAX_ACT], action[MAX_ROWS * MAX_ACT];

static void draw_rows(const struct shape *shape, struct numbers *numbers) {
  draw(numbers, MAX_ROWS * shape->obs, 3, 0, obs);
  draw(numbers, MAX_ROWS * shape->act, 1.5, 0, eps);
}

static void test_network(void) {
  struct mlp mlp;
  policy_network(&mlp, NULL, 11, 3, &(struct config){.hidden = {2, {20, 30}}});
  CU_ASSERT_EQUAL(mlp.input, 11);
  CU_ASSERT_EQUAL(mlp.output, 6);
  CU_ASSERT_EQUAL(mlp.layers, 3);
  CU_ASSERT_FALSE(mlp.layer[0].norm || mlp.layer[1].norm || mlp.layer[2].norm);
  CU_ASSERT_EQUAL(mlp.parameters, 11 * 20 + 20 + 20 * 30 + 30 + 30 * 6 + 6);
}

static void test_create(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    const struct shape *shape = &SHAPES[i];
    struct policy *policy =
        policy_create_on(on, shape->obs, shape->act, &(struct config){.hidden = shape->hidden}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
    const struct policy_weights *weights = policy_weights(policy);
    CU_ASSERT_EQUAL(weights->version, 0);
    CU_ASSERT_EQUAL(weights->obs_dim, shape->obs);
    CU_ASSERT_FALSE(weights->normalize);
    bool clean = true;
    for (size_t p = 0; p < weights->parameters; p++) clean = clean && weights->values[p] == 0;
    for (size_t o = 0; o < shape->obs; o++) clean = clean && weights->shift[o] == 0 && weights->scale[o] == 1;
    CU_ASSERT_TRUE(clean);
    size_t block = policy_block_rows(policy);
    CU_ASSERT_TRUE(block == 8 || block == 4 || block == 1);
    policy_destroy(policy);
  }
  policy_destroy(NULL);
}

// What one row gives by the parts the policy is made of, in plain order.
static void check_row(struct policy *policy, const struct shape *shape, size_t row) {
  const struct policy_weights *weights = policy_weights(policy);
  struct mlp mlp;
  policy_network(&mlp, NULL, shape->obs, shape->act, &(struct config){.hidden = shape->hidden});
  float x[MAX_OBS], head[2 * MAX_ACT], expected[MAX_ACT];
  float *memory = malloc(mlp_cache_size(&mlp, 1) * sizeof *memory + 1);
  const struct mlp_cache cache = mlp_cache_in(&mlp, 1, memory);
  memcpy(x, obs + row * shape->obs, shape->obs * sizeof *x);
  if (weights->normalize) normalizer_apply(1, shape->obs, weights->shift, weights->scale, obs + row * shape->obs, x);
  mlp_forward(&mlp, weights->values, 1, x, shape->obs, &cache, head);
  squashed_gaussian_sample(&log_std_plain, 1, shape->act, head, eps + row * shape->act, expected, NULL);
  policy_act(policy, MAX_ROWS, obs, eps, action);
  for (size_t i = 0; i < shape->act; i++) CU_ASSERT_DOUBLE_EQUAL(action[row * shape->act + i], expected[i], 3e-5);
  policy_act(policy, MAX_ROWS, obs, NULL, action);
  for (size_t i = 0; i < shape->act; i++) {
    CU_ASSERT_DOUBLE_EQUAL(action[row * shape->act + i], tanh((double)head[i]), 3e-5);
  }
  free(memory);
}

static void test_action(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    struct numbers numbers = {1 + (uint64_t)i};
    struct policy *policy = make(&SHAPES[i], &numbers);
    draw_rows(&SHAPES[i], &numbers);
    for (int normalize = 0; normalize < 2; normalize++) {
      policy_weights(policy)->normalize = normalize;
      check_row(policy, &SHAPES[i], 0);
      check_row(policy, &SHAPES[i], 29);
    }
    policy_destroy(policy);
  }
}

// Rows [0, count), each at another index, give the same actions as alone.
static bool same_in_batch(struct policy *policy, const struct shape *shape, size_t count, size_t stride,
                          const float *noise, const float *alone) {
  static float moved_obs[MAX_ROWS * MAX_OBS], moved_eps[MAX_ROWS * MAX_ACT];
  for (size_t r = 0; r < count; r++) {
    size_t from = r * stride % count;
    memcpy(moved_obs + r * shape->obs, obs + from * shape->obs, shape->obs * sizeof *obs);
    memcpy(moved_eps + r * shape->act, eps + from * shape->act, shape->act * sizeof *eps);
  }
  policy_act(policy, count, moved_obs, noise ? moved_eps : NULL, action);
  bool same = true;
  for (size_t r = 0; r < count; r++) {
    const float *expected = alone + r * stride % count * shape->act;
    same = same && memcmp(action + r * shape->act, expected, shape->act * sizeof *action) == 0;
  }
  return same;
}

static void check_rows(const struct shape *shape, const float *noise, bool normalize) {
  static float alone[MAX_ROWS * MAX_ACT];
  struct numbers numbers = {3};
  struct policy *policy = make(shape, &numbers);
  policy_weights(policy)->normalize = normalize;
  draw_rows(shape, &numbers);
  for (size_t r = 0; r < MAX_ROWS; r++) {
    policy_act(policy, 1, obs + r * shape->obs, noise ? eps + r * shape->act : NULL, alone + r * shape->act);
  }
  for (size_t count = 1; count <= MAX_ROWS; count++) {
    CU_ASSERT_TRUE(same_in_batch(policy, shape, count, 1, noise, alone));
    CU_ASSERT_TRUE(same_in_batch(policy, shape, count, 41, noise, alone)); // a prime: every row once
    CU_ASSERT_TRUE(same_in_batch(policy, shape, count, 43, noise, alone));
  }
  policy_destroy(policy);
}

static void test_rows(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    check_rows(&SHAPES[i], eps, false);
    check_rows(&SHAPES[i], NULL, true);
  }
}

static void test_nan_neighbour(void) {
  const struct shape *shape = &SHAPES[1];
  struct numbers numbers = {4};
  struct policy *policy = make(shape, &numbers);
  float clean[MAX_ROWS * MAX_ACT];
  draw_rows(shape, &numbers);
  for (int normalize = 0; normalize < 2; normalize++) {
    policy_weights(policy)->normalize = normalize;
    policy_act(policy, MAX_ROWS, obs, eps, clean);
    float saved = obs[10 * shape->obs + 3];
    obs[10 * shape->obs + 3] = NAN;
    policy_act(policy, MAX_ROWS, obs, eps, action);
    for (size_t i = 0; i < MAX_ROWS * shape->act; i++) {
      if (i / shape->act == 10) {
        CU_ASSERT_TRUE(isnan(action[i]));
      } else {
        CU_ASSERT_EQUAL(action[i], clean[i]);
      }
    }
    obs[10 * shape->obs + 3] = saved;
  }
  policy_destroy(policy);
}

static void test_bounds_and_no_rows(void) {
  const struct shape *shape = &SHAPES[0];
  struct numbers numbers = {5};
  struct policy *policy = make(shape, &numbers);
  struct policy_weights *weights = policy_weights(policy);
  for (size_t p = 0; p < weights->parameters; p++) weights->values[p] *= 100;
  draw_rows(shape, &numbers);
  policy_act(policy, MAX_ROWS, obs, eps, action);
  for (size_t i = 0; i < MAX_ROWS * shape->act; i++) {
    CU_ASSERT_TRUE(action[i] >= -1);
    CU_ASSERT_TRUE(action[i] <= 1);
  }
  action[0] = 7;
  policy_act(policy, 0, obs, eps, action);
  CU_ASSERT_EQUAL(action[0], 7);
  policy_destroy(policy);
}

static void test_no_allocation(void) {
  const struct shape *shape = &SHAPES[1];
  struct numbers numbers = {6};
  struct policy *policy = make(shape, &numbers);
  draw_rows(shape, &numbers);
  policy_weights(policy)->normalize = true;
  size_t before = allocations_count();
  policy_act(policy, MAX_ROWS, obs, eps, action);
  policy_act(policy, 3, obs, NULL, action);
  CU_ASSERT_EQUAL(allocations_count(), before);
  policy_destroy(policy);
}

static void test_weights(void) {
  struct policy_weights a, b;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&a, 3, 10, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&b, 3, 10, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(a.version, 0);
  CU_ASSERT_EQUAL(a.scale[2], 1);
  CU_ASSERT_EQUAL(a.shift[2], 0);
  a.version = UINT64_C(1) << 40;
  a.normalize = true;
  for (int i = 0; i < 3; i++) a.shift[i] = (float)i, a.scale[i] = (float)(i + 5);
  for (int i = 0; i < 10; i++) a.values[i] = (float)(i * i);
  policy_weights_copy(&b, &a);
  CU_ASSERT_EQUAL(b.version, UINT64_C(1) << 40);
  CU_ASSERT_TRUE(b.normalize);
  CU_ASSERT_PTR_NOT_EQUAL(b.values, a.values);
  CU_ASSERT_EQUAL(memcmp(a.values, b.values, 10 * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(a.shift, b.shift, 3 * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(a.scale, b.scale, 3 * sizeof(float)), 0);
  policy_weights_release(&a);
  policy_weights_release(&b);
  CU_ASSERT_PTR_NULL(b.values);
}

static void test_no_memory(void) {
  struct error error = {0};
  const struct config config = {.hidden = {2, {1u << 31, 1u << 31}}};
  CU_ASSERT_PTR_NULL(policy_create(&config, 3, 1, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_TRUE(error_says(&error, "policy"));
}

// The same bits on every kind of tiles: what an actor does depends neither on its CPU nor on the number of rows.
static void test_levels(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    static float first[MAX_ROWS * MAX_ACT];
    for (int level = TILES_BASELINE; level < TILES_LEVELS; level++) {
      on = tiles_at((enum tiles_level)level);
      if (!on) continue;
      struct numbers numbers = {7};
      struct policy *policy = make(&SHAPES[i], &numbers);
      draw_rows(&SHAPES[i], &numbers);
      policy_act(policy, 5, obs, eps, action);
      if (level == TILES_BASELINE) memcpy(first, action, sizeof first);
      CU_ASSERT_EQUAL(memcmp(first, action, 5 * SHAPES[i].act * sizeof *action), 0);
      policy_destroy(policy);
    }
  }
  on = NULL;
}

// New weights count from the next action on, also where they were packed for the old ones.
static void test_new_weights(void) {
  const struct shape *shape = &SHAPES[0];
  struct numbers numbers = {8};
  struct policy *policy = make(shape, &numbers);
  float before[MAX_ACT];
  draw_rows(shape, &numbers);
  policy_act(policy, 1, obs, NULL, before);
  policy_act(policy, 1, obs, NULL, action);
  CU_ASSERT_EQUAL(action[0], before[0]);
  struct policy_weights *weights = policy_weights(policy);
  for (size_t p = 0; p < weights->parameters; p++) weights->values[p] *= 0.5f;
  policy_act(policy, 1, obs, NULL, action);
  CU_ASSERT_NOT_EQUAL(action[0], before[0]);
  policy_destroy(policy);
}

// The weights of one policy in the backend's memory, taken by another: it acts the same, and can tell its weights.
static void test_take(void) {
  const struct shape *shape = &SHAPES[0];
  struct numbers numbers = {9}, others = {10};
  struct policy *given = make(shape, &numbers), *taker = make(shape, &others);
  struct policy_weights *weights = policy_weights(given);
  struct mlp net;
  policy_network(&net, on, shape->obs, shape->act, &(struct config){.hidden = shape->hidden});
  float *values = memory_alloc(net.parameters, sizeof *values, "parameters", NULL), expected[MAX_ACT];
  CU_ASSERT_PTR_NOT_NULL_FATAL(values);
  CU_ASSERT_EQUAL_FATAL(policy_parameters(taker), net.parameters);
  mlp_import(&net, weights->values, values);
  weights->normalize = true;
  draw_rows(shape, &numbers);
  policy_act(taker, 1, obs, NULL, action);
  policy_act(given, 1, obs, NULL, expected);
  CU_ASSERT_NOT_EQUAL(action[0], expected[0]);
  policy_take(taker,
              &(struct policy_view){8, shape->obs, true, weights->shift, weights->scale, net.parameters, values});
  memset(values, 0, net.parameters * sizeof *values); // a copy was taken
  policy_act(taker, 1, obs, NULL, action);
  CU_ASSERT_EQUAL(memcmp(action, expected, shape->act * sizeof *expected), 0);
  CU_ASSERT_EQUAL(policy_version(taker), 8);
  const struct policy_weights *taken = policy_weights(taker);
  CU_ASSERT_EQUAL(memcmp(taken->values, weights->values, weights->parameters * sizeof(float)), 0);
  policy_act(taker, 1, obs, NULL, action);
  CU_ASSERT_EQUAL(memcmp(action, expected, shape->act * sizeof *expected), 0);
  memory_free(values);
  policy_destroy(given);
  policy_destroy(taker);
}

// On OpenBLAS and on the tiles of each vector unit (the baseline, in software, is too slow for all but test_levels).
static void on_each(void (*test)(void)) {
  for (int level = TILES_BASELINE; level < TILES_LEVELS; level++) {
    on = level == TILES_BASELINE ? NULL : tiles_at((enum tiles_level)level);
    if (on || level == TILES_BASELINE) test();
  }
  on = NULL;
}
static void each_create(void) { on_each(test_create); }
static void each_action(void) { on_each(test_action); }
static void each_rows(void) { on_each(test_rows); }
static void each_nan_neighbour(void) { on_each(test_nan_neighbour); }
static void each_bounds(void) { on_each(test_bounds_and_no_rows); }
static void each_no_allocation(void) { on_each(test_no_allocation); }
static void each_new_weights(void) { on_each(test_new_weights); }
static void each_take(void) { on_each(test_take); }

int main(void) {
  static const struct unit_case cases[] = {
      {"the network: observations in, mean and log_std out, no layer norm", test_network},
      {"a new policy has version 0, weights 0, no normalizer, and a block of 8, 4 or 1 rows", each_create},
      {"an action is normalizer, network and head; without noise tanh(mean)", each_action},
      {"a row's bits depend neither on the number of rows nor on its index", each_rows},
      {"NaN in one row reaches no other", each_nan_neighbour},
      {"actions stay in [-1,1]; no rows, no writes", each_bounds},
      {"acting allocates nothing", each_no_allocation},
      {"new weights count from the next action on", each_new_weights},
      {"so do weights taken in the backend's memory, and they are those", each_take},
      {"the bits are the same on every vector unit", test_levels},
      {"weights are copied whole", test_weights},
      {"networks beyond memory are refused", test_no_memory},
  };
  linalg_init();
  return unit_run("policy", cases, sizeof cases / sizeof *cases);
}
