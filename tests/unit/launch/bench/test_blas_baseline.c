#include "launch/bench/blas_baseline.h"
#include "common/config/options.h"
#include "launch/cli/recipes.h"
#include "launch/cli/update_cost.h"
#include "tests/support/unit.h"

static double operations(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  struct error error = {0};
  struct blas_baseline *baseline = blas_baseline_create(config, obs_dim, act_dim, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(baseline);
  blas_baseline_run(baseline);
  const double once = blas_baseline_operations(baseline);
  blas_baseline_run(baseline);
  CU_ASSERT_EQUAL(blas_baseline_operations(baseline), once);
  blas_baseline_destroy(baseline);
  return once;
}

static struct config shape(uint64_t batch_size, uint64_t critics, uint64_t target_subset, struct config_widths hidden) {
  struct config config;
  options_defaults(&config);
  config.batch_size = batch_size;
  config.critics = critics;
  config.target_subset = target_subset;
  config.hidden = hidden;
  return config;
}

// Counted by hand, in multiplications and additions of one row, for two hidden layers of H and twin critics:
//   policy forward, two rows      2 (O H + H H + 2 A H)
//   critics forward, three times  6 ((O + A) H + H H + H)
//   critics backward              2 (2 H H + (O + A) H)
//   dQ/da, one critic             H H + A H
//   policy backward               2 (2 A H) + 2 H H + O H
static double expected(double o, double a, double h, double batch) {
  const double row = 2 * (o * h + h * h + 2 * a * h) + 6 * ((o + a) * h + h * h + h) + 2 * (2 * h * h + (o + a) * h) +
                     h * h + a * h + 4 * a * h + 2 * h * h + o * h;
  return 2 * batch * row;
}

static void test_twin(void) {
  const struct config large = shape(256, 2, 0, (struct config_widths){2, {256, 256}}),
                      small = shape(100, 2, 0, (struct config_widths){2, {64, 64}});
  CU_ASSERT_DOUBLE_EQUAL(operations(&large, 17, 6), expected(17, 6, 256, 256), 1);
  CU_ASSERT_DOUBLE_EQUAL(operations(&small, 3, 1), expected(3, 1, 64, 100), 1);
}

// Heads of more than one output take part in the backward, so nothing is left out.
static void test_recipes(void) {
  static const char *const names[] = {"xqc", "flashsac"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct config config;
    struct error error = {0};
    options_defaults(&config);
    UNIT_STATUS_FATAL(recipes_apply(names[i], &config, &error), STATUS_OK, &error);
    config.batch_size = 3;
    const double cycle = (double)config.policy_delay * update_flop(&config, 17, 6);
    CU_ASSERT_DOUBLE_EQUAL(operations(&config, 17, 6), cycle, 1);
  }
}

// More of anything is more work; odd shapes stay within the matrices (for the sanitizers).
static void test_shapes(void) {
  const struct config_widths three = {3, {9, 4, 21}};
  const struct config least = shape(1, 1, 0, (struct config_widths){1, {1}}),
                      one = shape(7, 1, 0, (struct config_widths){1, {9}}), deep = shape(7, 1, 0, three),
                      many = shape(7, 10, 2, three), wide = shape(7, 10, 0, three);
  CU_ASSERT_TRUE(0 < operations(&least, 1, 1));
  CU_ASSERT_TRUE(operations(&least, 1, 1) < operations(&one, 5, 3));
  CU_ASSERT_TRUE(operations(&one, 5, 3) < operations(&deep, 5, 3));
  CU_ASSERT_TRUE(operations(&deep, 5, 3) < operations(&many, 5, 3));
  CU_ASSERT_TRUE(operations(&many, 5, 3) < operations(&wide, 5, 30));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the products of twin critics are the fewest that an update needs", test_twin},
      {"a run makes every product of policy_delay updates of a recipe", test_recipes},
      {"any number of critics and layers is measured, and more of them is more work", test_shapes},
  };
  return unit_run("blas_baseline", cases, sizeof cases / sizeof *cases);
}
