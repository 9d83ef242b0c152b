// A frozen policy acts as an actor does, bit for bit, and keeps the history of an episode.
#include "common/nn/frozen_policy.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/action_range.h"
#include "common/nn/linalg.h"
#include "common/nn/policy.h"
#include "common/nn/tiles.h"
#include "tests/support/allocations.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 50, MOST = 512 };

static void compare(uint32_t obs_dim, uint32_t act_dim, const struct config *config, bool normalize) {
  struct error error = {0};
  struct policy *policy = policy_create_on(tiles_best(), obs_dim, act_dim, config, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  struct policy_weights *weights = policy_weights(policy);
  const struct log_std_form form = log_std_form_of(config);
  struct mlp net;
  policy_network(&net, NULL, obs_dim, act_dim, config);
  net = mlp_dense(&net);
  CU_ASSERT_EQUAL_FATAL(weights->parameters, net.parameters);
  struct random random = random_stream(obs_dim, RANDOM_INIT, act_dim, 0);
  for (size_t i = 0; i < weights->parameters; i++) weights->values[i] = (float)(0.2 * random_normal(&random));
  weights->normalize = normalize;
  for (uint32_t i = 0; i < obs_dim && normalize; i++) {
    weights->shift[i] = (float)random_normal(&random);
    weights->scale[i] = (float)(20 * random_uniform(&random));
  }
  double low[MOST], high[MOST];
  for (uint32_t i = 0; i < act_dim; i++) {
    low[i] = -0.1 - i;
    high[i] = 1.0 / (i + 1);
  }
  const struct history history = {.length = 1, .obs_dim = obs_dim, .act_dim = act_dim};
  struct frozen_policy *frozen = frozen_policy_create(&net, weights, &form, &history, low, high, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(frozen);
  float *scratch = memory_alloc(frozen_policy_scratch(frozen), sizeof *scratch, "scratch", &error);
  float obs[MOST], eps[MOST], action[MOST], unit[MOST];
  const size_t before = allocations_count();
  bool same = true;
  for (int row = 0; row < ROWS; row++) {
    for (uint32_t i = 0; i < obs_dim; i++) obs[i] = (float)(3 * random_normal(&random));
    for (uint32_t i = 0; i < act_dim; i++) eps[i] = (float)random_normal(&random);
    const float *noise = row % 2 ? eps : NULL;
    policy_act(policy, 1, obs, noise, unit);
    frozen_policy_act(frozen, obs, noise, action, scratch);
    for (uint32_t i = 0; i < act_dim; i++) {
      const float expected = action_scaled(unit[i], low[i], high[i]);
      same &= memcmp(&expected, &action[i], sizeof expected) == 0;
      same &= (double)action[i] >= low[i] && (double)action[i] <= high[i];
    }
  }
  CU_ASSERT(same);
  if (allocations_counted()) CU_ASSERT_EQUAL(allocations_count(), before);
  memory_free(scratch);
  frozen_policy_destroy(frozen);
  policy_destroy(policy);
}

static void test_shapes(void) {
  compare(3, 1, &(struct config){.hidden = {2, {64, 64}}}, false);
  compare(3, 1, &(struct config){.hidden = {2, {64, 64}}}, true);
  compare(376, 17, &(struct config){.hidden = {2, {256, 256}}}, true);
  compare(1, 1, &(struct config){.hidden = {1, {1}}}, true);
  compare(5, 300, &(struct config){.hidden = {3, {7, 33, 2}}}, false);
  compare(400, 4, &(struct config){.hidden = {CONFIG_MAX_HIDDEN, {9, 8, 7, 6, 5, 4, 3, 2}}}, true);
}

static void test_residual(void) {
  struct config config = {.network = "residual",
                          .output_norm = "rms",
                          .expansion = 4,
                          .hidden = {2, {48, 48}},
                          .policy_norm = "batch",
                          .log_std_min = -10,
                          .log_std_max = 2,
                          .log_std_form = "tanh"};
  compare(17, 6, &config, false);
  compare(17, 6, &config, true);
  config.hidden = (struct config_widths){1, {13}}; // narrower than the observation
  compare(376, 17, &config, true);
  config.policy_norm[0] = 0; // without biases
  compare(3, 1, &config, true);
  config.output_norm[0] = 0;
  compare(3, 1, &config, false);
  compare(4, 2, &(struct config){.output_norm = "rms", .hidden = {2, {20, 7}}}, true);
}

// --- a state ---

enum { OBS = 3, ACT = 2, STEPS = 12, FIRST_OF_SECOND = 7 }; // two episodes

// Acts by a state, and at inputs that the test puts together.
struct episodes {
  struct history history;
  struct frozen_policy *frozen;
  struct random random;
  float state[64], scratch[256], input[64], unit[ACT];
};

static const double episodes_low[ACT] = {-0.4, 3}, episodes_high[ACT] = {1.7, 3.25};

static void episodes_init(struct episodes *e, uint32_t length, bool actions, bool normalize) {
  struct error error = {0};
  struct mlp net;
  struct policy_weights weights;
  const struct config config = {.hidden = {2, {9, 6}}, .history = length, .history_actions = actions};
  *e = (struct episodes){.history = history_of(&config, OBS, ACT), .random = random_stream(1, RANDOM_INIT, 0, 0)};
  const uint32_t width = (uint32_t)history_width(&e->history);
  policy_network(&net, NULL, width, ACT, &config);
  net = mlp_dense(&net);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, width, net.parameters, &error), STATUS_OK);
  for (size_t i = 0; i < weights.parameters; i++) weights.values[i] = (float)(0.4 * random_normal(&e->random));
  weights.normalize = normalize;
  for (uint32_t i = 0; i < width && normalize; i++) weights.scale[i] = 1.5f;
  e->frozen = frozen_policy_create(&net, &weights, &log_std_plain, &e->history, episodes_low, episodes_high, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(e->frozen);
  CU_ASSERT_FATAL(frozen_policy_state(e->frozen) <= 64 && frozen_policy_scratch(e->frozen) <= 256);
  policy_weights_release(&weights);
}

// The action that scales to `scaled`, as its formula says; the one of the state is the network's own.
static void expect_last(const struct episodes *e, const float *scaled) {
  for (int i = 0; i < ACT; i++)
    CU_ASSERT_EQUAL(action_scaled(e->state[1 + i], episodes_low[i], episodes_high[i]), scaled[i]);
}

// One step of both ways. *moved adds up how far the two actions are from those of the observation's first input.
static void episodes_step(struct episodes *e, bool first, double *moved) {
  float obs[OBS], eps[ACT], action[ACT], expected[ACT], first_action[ACT], first_input[64];
  for (int i = 0; i < OBS; i++) obs[i] = (float)random_normal(&e->random);
  for (int i = 0; i < ACT; i++) eps[i] = (float)random_normal(&e->random);
  if (first) frozen_policy_reset(e->frozen, e->state);
  frozen_policy_step(e->frozen, e->state, obs, eps, action, e->scratch);
  if (first)
    history_reset(&e->history, e->input, obs);
  else
    history_push(&e->history, e->input, e->unit, obs);
  frozen_policy_act(e->frozen, e->input, eps, expected, e->scratch);
  CU_ASSERT_EQUAL(memcmp(action, expected, sizeof action), 0);
  expect_last(e, action);
  memcpy(e->unit, e->state + 1, sizeof e->unit);
  history_reset(&e->history, first_input, obs);
  frozen_policy_act(e->frozen, first_input, eps, first_action, e->scratch);
  for (int i = 0; i < ACT; i++) *moved += fabs((double)(first_action[i] - action[i]));
}

static void test_state(void) {
  static const struct {
    uint32_t length;
    bool actions, normalize;
  } kinds[] = {{1, true, true}, {2, true, false}, {5, true, true}, {5, false, true}};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    struct episodes e;
    double moved = 0;
    episodes_init(&e, kinds[k].length, kinds[k].actions, kinds[k].normalize);
    const size_t before = allocations_count();
    for (int t = 0; t < STEPS; t++) episodes_step(&e, t == 0 || t == FIRST_OF_SECOND, &moved);
    if (allocations_counted()) CU_ASSERT_EQUAL(allocations_count(), before);
    CU_ASSERT_EQUAL(moved > 0.1, kinds[k].length > 1); // the past is seen
    frozen_policy_destroy(e.frozen);
  }
}

// What was applied stands in the next input in place of what the policy gave, and a copied state goes on alone.
static void test_applied(void) {
  struct episodes e;
  double moved = 0;
  const float obs[OBS] = {0.5f, -1, 2}, other[ACT] = {0.65f, 9};
  float copy[64], a[ACT], b[ACT];
  episodes_init(&e, 3, true, false);
  episodes_step(&e, true, &moved);
  memcpy(copy, e.state, sizeof copy);
  frozen_policy_applied(e.frozen, e.state, other);
  frozen_policy_step(e.frozen, e.state, obs, NULL, a, e.scratch);
  e.unit[0] = 0; // the middle of its range
  e.unit[1] = 1; // beyond it
  history_push(&e.history, e.input, e.unit, obs);
  frozen_policy_act(e.frozen, e.input, NULL, b, e.scratch);
  for (int i = 0; i < ACT; i++) CU_ASSERT_DOUBLE_EQUAL(a[i], b[i], 1e-6);
  frozen_policy_step(e.frozen, copy, obs, NULL, b, e.scratch);
  CU_ASSERT_TRUE(memcmp(a, b, sizeof a) != 0);
  frozen_policy_destroy(e.frozen);
}

static void test_range(void) {
  CU_ASSERT_EQUAL(action_scaled(0, -2, 4), 1);
  for (int i = 0; i < 1000; i++) { // bounds that no float hits
    const double low = -0.1 * i - 1.0 / 3, high = 0.7 * i + 1e-9;
    for (float a = -1; a <= 1; a += 1) {
      const float scaled = action_scaled(a, low, high);
      CU_ASSERT_TRUE((double)scaled >= low);
      CU_ASSERT_TRUE((double)scaled <= high);
    }
  }
  const float none = action_scaled(NAN, -1, 1);
  CU_ASSERT(none != none);
  for (float a = -1; a <= 1; a += 0.125f)
    CU_ASSERT_DOUBLE_EQUAL(action_unscaled(action_scaled(a, -0.3, 7), -0.3, 7), a, 1e-6);
  CU_ASSERT_EQUAL(action_unscaled(-5, -2, 4), -1);
  CU_ASSERT_EQUAL(action_unscaled(5, -2, 4), 1);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"it acts as an actor's policy, bit for bit, in any shape, and allocates nothing", test_shapes},
      {"so does one with residual blocks, with RMS norm, without biases, with a tanh for log_std", test_residual},
      {"a state makes the input of each step, and keeps the action", test_state},
      {"an action that was applied in place of the policy's stands in the next input", test_applied},
      {"scaled actions are within their bounds, and are brought back", test_range},
  };
  linalg_init();
  return unit_run("frozen_policy", cases, sizeof cases / sizeof *cases);
}
