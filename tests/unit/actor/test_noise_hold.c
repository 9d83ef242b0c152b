#include "actor/noise_hold.h"
#include "actor/rollout.h"
#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"

#include <math.h>
#include <string.h>

enum { MOST = 16, STEPS = 300, ENVS = 4 };

static const struct config config = {.seed = 3, .gamma = 0.9, .n_step = 3, .noise_hold = MOST, .hidden = {2, {16, 16}}};
static const struct config one_step = {
    .seed = 3, .gamma = 0.9, .n_step = 1, .noise_hold = MOST, .hidden = {2, {16, 16}}};

static struct noise_hold_rule rule_of(uint32_t environment, uint32_t most) {
  return (struct noise_hold_rule){3, environment, most, noise_hold_weight(most), 0};
}

// --- lengths ---

// chi-squared with 15 degrees of freedom is above 37.7 once in a thousand.
static void test_lengths(void) {
  enum { DRAWS = 200000 };
  const struct noise_hold_rule rule = rule_of(5, MOST);
  uint32_t count[MOST + 1] = {0};
  for (uint64_t step = 0; step < DRAWS; step++) {
    const uint32_t n = noise_hold_length(&rule, step);
    CU_ASSERT_TRUE_FATAL(n >= 1);
    CU_ASSERT_TRUE_FATAL(n <= MOST);
    count[n]++;
  }
  double chi_squared = 0;
  for (uint32_t n = 1; n <= MOST; n++) {
    const double expected = DRAWS / ((double)n * n) / rule.weight, d = (double)count[n] - expected;
    chi_squared += d * d / expected;
  }
  CU_ASSERT_TRUE(chi_squared < 37.7);
  CU_ASSERT_TRUE(chi_squared > 3.5); // as seldom below
}

static void test_short(void) {
  for (uint64_t step = 0; step < 1000; step++) {
    const struct noise_hold_rule one = rule_of(0, 1), two = rule_of(0, 2);
    struct noise_hold hold = {0};
    CU_ASSERT_EQUAL(noise_hold_length(&one, step), 1);
    CU_ASSERT_TRUE(noise_hold_length(&two, step) <= 2);
    CU_ASSERT_TRUE(noise_hold_find(&one, &hold, step, (uint32_t)step));
    CU_ASSERT_EQUAL(hold.from, step);
  }
}

// --- where a step lies ---

// Goes through episodes step by step. A fresh look at any step finds the same hold.
static void test_found_anew(void) {
  const struct noise_hold_rule rule = rule_of(2, MOST);
  static const uint32_t lengths[] = {1, 7, 300, 2, NOISE_HOLD_SPAN + 50, 13};
  struct noise_hold hold = {0};
  uint64_t step = 0, holds = 0;
  for (size_t e = 0; e < sizeof lengths / sizeof *lengths; e++)
    for (uint32_t at = 0; at < lengths[e]; at++, step++) {
      struct noise_hold fresh = {0};
      const bool is_new = noise_hold_find(&rule, &hold, step, at);
      holds += is_new;
      if (at % 97 == 0 || lengths[e] < 1000) noise_hold_find(&rule, &fresh, step, at);
      if (fresh.until > 0) CU_ASSERT_EQUAL(fresh.from, hold.from);
      if (is_new) CU_ASSERT_EQUAL(hold.from, step);
      if (at % NOISE_HOLD_SPAN == 0) CU_ASSERT_TRUE(is_new);
      CU_ASSERT_TRUE(hold.from <= step);
      CU_ASSERT_TRUE(hold.until > step);
      CU_ASSERT_TRUE(step - hold.from < MOST);
    }
  CU_ASSERT_DOUBLE_EQUAL((double)step / (double)holds, 2.134, 0.05); // the sum of 1/n by that of 1/n^2
}

// --- in a rollout ---

// Each action has the noise of the first step of its hold, and an episode begins with its own.
static void test_rollout(void) {
  struct rollout_run run;
  uint64_t begin = 0, held = 0;
  rollout_run_begin(&run, "Pendulum-v1", &one_step, 4, 1, 8);
  rollout_run_steps(&run, 450);
  const struct noise_hold_rule rule = rule_of(4, MOST);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    if (row % 200 == 0) begin = row; // Pendulum's episodes
    struct noise_hold hold = {0};
    noise_hold_find(&rule, &hold, row, (uint32_t)(row - begin));
    CU_ASSERT_TRUE(hold.from >= begin);
    held += hold.from < row;
    struct random random = random_stream(config.seed, RANDOM_ACTOR, 4, hold.from);
    float noise = (float)random_normal(&random), action;
    policy_act(run.policy, 1, run.batch.obs + 3 * row, &noise, &action);
    CU_ASSERT_EQUAL(run.batch.action[row], action);
  }
  CU_ASSERT_TRUE(held > 150);
  rollout_run_end(&run);
}

// noise_hold 1 gives the actions of a configuration that knows no holds.
static void test_one(void) {
  struct config with = config, without = config;
  struct rollout_run left, right;
  with.noise_hold = 1;
  without.noise_hold = 0;
  rollout_run_begin(&left, "Pendulum-v1", &with, 0, ENVS, 5);
  rollout_run_begin(&right, "Pendulum-v1", &without, 0, ENVS, 5);
  rollout_run_steps(&left, STEPS);
  rollout_run_steps(&right, STEPS);
  for (uint32_t i = 0; i < ENVS; i++) CU_ASSERT(rollout_rows_agree(&left.batch, 0, &right.batch, i) >= STEPS - 2);
  rollout_run_end(&left);
  rollout_run_end(&right);
}

static void split(const char *name) {
  struct rollout_run whole, left, right;
  rollout_run_begin(&whole, name, &config, 0, ENVS, 5);
  rollout_run_begin(&left, name, &config, 0, 1, 5);
  rollout_run_begin(&right, name, &config, 1, ENVS - 1, 5);
  rollout_run_steps(&whole, STEPS);
  rollout_run_steps(&left, STEPS);
  rollout_run_steps(&right, STEPS);
  for (uint32_t i = 0; i < ENVS; i++)
    CU_ASSERT(rollout_rows_agree(&whole.batch, 0, i == 0 ? &left.batch : &right.batch, i) >= STEPS - 2);
  rollout_run_end(&whole);
  rollout_run_end(&left);
  rollout_run_end(&right);
}

static void test_split(void) {
  split("Pendulum-v1");
  split("counter");
}

// Snapshots at every step of some 30 lie in the middle of holds of any length. The other rollout has held something
// else.
static void test_resume(void) {
  for (int steps = 200; steps < 230; steps++) {
    struct rollout_run run, other;
    struct snapshot snapshot;
    struct error error = {0};
    rollout_run_begin(&run, "Pendulum-v1", &config, 1, 3, 5);
    rollout_run_begin(&other, "Pendulum-v1", &config, 1, 3, 5);
    rollout_run_steps(&run, steps);
    rollout_run_steps(&other, steps + 7);
    transition_batch_clear(&other.batch);
    UNIT_STATUS_FATAL(snapshot_init(&snapshot, 3, 1, 2, &error), STATUS_OK, &error);
    for (uint32_t i = 0; i < 3; i++) {
      UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
      UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
    }
    snapshot_release(&snapshot);
    const uint32_t from = run.batch.rows;
    rollout_run_steps(&run, 40);
    rollout_run_steps(&other, 40);
    for (uint32_t i = 1; i <= 3; i++) CU_ASSERT(rollout_rows_agree(&run.batch, from, &other.batch, i) >= 38);
    rollout_run_end(&run);
    rollout_run_end(&other);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"lengths have the probabilities n^-2", test_lengths},
      {"lengths end at the most that is asked for", test_short},
      {"the hold of a step is found anew from its episode's begin", test_found_anew},
      {"actions have the noise of the first step of their hold", test_rollout},
      {"noise_hold 1 changes nothing", test_one},
      {"held noise does not depend on how environments are spread", test_split},
      {"a resume in the middle of a hold goes on with it", test_resume},
  };
  return unit_run("noise_hold", cases, sizeof cases / sizeof *cases);
}
