#include "common/config/options.h"
#include "launch/cli/recipes.h"
#include "launch/cli/update_cost.h"
#include "tests/support/unit.h"
#include <string.h>

static void make(struct config *config, const char *recipe) {
  struct error error = {0};
  options_defaults(config);
  UNIT_STATUS_FATAL(recipes_apply(recipe, config, &error), STATUS_OK, &error);
}

// 2 rows, one layer of 3, obs_dim 1, act_dim 1, one critic, counted by hand. Policy 1 -> 3 -> 2: 9 a row. Critic
// 2 -> 3 -> 1: 9 a row. Forward: 9 + 9 of the targets. Critic: forward 9, weights 9, inputs 3. Policy: forward 9,
// critic forward 9, dQ/da 3 + 3, weights 9, inputs 6.
static void test_by_hand(void) {
  struct config config;
  make(&config, "");
  config.hidden = (struct config_widths){1, {3}};
  config.batch_size = 2;
  config.critics = 1;
  CU_ASSERT_EQUAL(update_flop(&config, 1, 1), 2 * 2 * (18 + 21 + 39));
  config.policy_delay = 3;
  CU_ASSERT_EQUAL(update_flop(&config, 1, 1), 2 * 2 * (18 + 21 + 13));
}

// What a program that makes just these products in OpenBLAS counted.
static void test_recipes(void) {
  static const struct {
    const char *name;
    double gflop, cost;
  } cases[] = {{"sac", 0.5426, 1}, {"xqc", 7.4, 27}, {"flashsac", 20.2, 37}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    make(&config, cases[i].name);
    CU_ASSERT_DOUBLE_EQUAL(update_flop(&config, 17, 6) * 1e-9, cases[i].gflop, 0.005 * cases[i].gflop);
    CU_ASSERT_DOUBLE_EQUAL(update_cost_of_step(&config, 17, 6), cases[i].cost, 0.02 * cases[i].cost);
  }
}

static void test_utd(void) {
  struct config config;
  make(&config, "");
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 1);
  config.utd = 4;
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 4);
  config.utd = 0;
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 1);
  make(&config, "redq");
  CU_ASSERT(update_cost_of_step(&config, 17, 6) > 20 * 3);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a small update is counted as by hand", test_by_hand},
      {"the recipes cost what their products take", test_recipes},
      {"a step costs utd updates", test_utd},
  };
  return unit_run("update_cost", cases, sizeof cases / sizeof *cases);
}
