// A frozen policy acts as an actor does, bit for bit.
#include "common/nn/frozen_policy.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/action_range.h"
#include "common/nn/linalg.h"
#include "common/nn/policy.h"
#include "common/nn/tiles.h"
#include "tests/support/allocations.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 50, MOST = 512 };

static void compare(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden, bool normalize) {
  struct error error = {0};
  struct policy *policy = policy_create_on(tiles_best(), obs_dim, act_dim, &(struct config){.hidden = *hidden}, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  struct policy_weights *weights = policy_weights(policy);
  CU_ASSERT_EQUAL_FATAL(weights->parameters, policy_layers_size(obs_dim, act_dim, hidden));
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
  struct frozen_policy *frozen = frozen_policy_create(act_dim, hidden, weights, NULL, low, high, &error);
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
  compare(3, 1, &(struct config_widths){2, {64, 64}}, false);
  compare(3, 1, &(struct config_widths){2, {64, 64}}, true);
  compare(376, 17, &(struct config_widths){2, {256, 256}}, true);
  compare(1, 1, &(struct config_widths){1, {1}}, true);
  compare(5, 300, &(struct config_widths){3, {7, 33, 2}}, false);
  compare(400, 4, &(struct config_widths){CONFIG_MAX_HIDDEN, {9, 8, 7, 6, 5, 4, 3, 2}}, true);
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
}

int main(void) {
  static const struct unit_case cases[] = {
      {"it acts as an actor's policy, bit for bit, in any shape, and allocates nothing", test_shapes},
      {"scaled actions are within their bounds", test_range},
  };
  linalg_init();
  return unit_run("frozen_policy", cases, sizeof cases / sizeof *cases);
}
