// Rollouts whose policy sees a history, against inputs that are stacked by hand from the rows.
#include "actor/rollout.h"
#include "common/base/random.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"
#include <string.h>

enum { OBS = 3, MOST_WIDTH = 8 * OBS + 7, AGENTS = 4 };

static struct config config_of(uint32_t length, bool actions) {
  return (struct config){
      .seed = 3, .gamma = 0.9, .n_step = 3, .history = length, .history_actions = actions, .hidden = {2, {16, 16}}};
}

// The newest row of an agent before `row` whose step comes right before its own, in the same episode.
static bool find_before(const struct transition_batch *batch, uint32_t *row) {
  const uint32_t e = batch->environment[*row], j = batch->agent ? batch->agent[*row] : 0;
  if (batch->episode_step[*row] == 0) return false;
  for (uint32_t r = *row; r-- > 0;)
    if (batch->environment[r] == e && (!batch->agent || batch->agent[r] == j)) {
      CU_ASSERT_EQUAL(batch->episode_number[r], batch->episode_number[*row]);
      CU_ASSERT_EQUAL(batch->episode_step[r] + 1, batch->episode_step[*row]);
      *row = r;
      return true;
    }
  return false;
}

static void stack(const struct transition_batch *batch, const struct history *history, uint32_t row, float *input) {
  uint32_t from[8] = {row}, count = 1;
  while (count < history->length && find_before(batch, &row)) from[count++] = row;
  history_reset(history, input, batch->obs + (size_t)from[count - 1] * OBS);
  for (uint32_t i = count - 1; i-- > 0;)
    history_push(history, input, batch->action + from[i + 1], batch->obs + (size_t)from[i] * OBS);
}

// The noise of an agent's step is what it is without a history.
static float noise_of(const struct transition_batch *batch, uint32_t row, uint64_t step) {
  struct random random = random_stream(3, RANDOM_ACTOR, batch->environment[row], step);
  float noise = 0;
  for (uint32_t j = 0; j <= (batch->agent ? batch->agent[row] : 0); j++) noise = (float)random_normal(&random);
  return noise;
}

static void check_actions(const char *name, uint32_t length, bool actions, int steps) {
  const struct config config = config_of(length, actions);
  struct rollout_run run;
  float input[MOST_WIDTH], action;
  rollout_run_begin(&run, name, &config, 1, 1, 8);
  const struct history history = history_of(&config, OBS, 1);
  for (uint64_t step = 0; step < (uint64_t)steps; step++) {
    uint32_t row = run.batch.rows;
    rollout_run_steps(&run, 1);
    for (; row < run.batch.rows; row++) {
      const float noise = noise_of(&run.batch, row, step);
      stack(&run.batch, &history, row, input);
      policy_act(run.policy, 1, input, &noise, &action);
      CU_ASSERT_EQUAL_FATAL(run.batch.action[row], action);
    }
  }
  rollout_run_end(&run);
}

static void test_actions(void) {
  for (uint32_t length = 2; length <= 8; length += 2)
    for (int actions = 0; actions < 2; actions++) {
      check_actions("Pendulum-v1", length, actions, 230);
      check_actions("agents-4", length, actions, 100);
    }
}

// Rows are single steps, whatever n_step is, and say where in its episode their agent stands.
static void test_rows(void) {
  const struct config config = config_of(4, true);
  struct rollout_run run;
  rollout_run_begin(&run, "Pendulum-v1", &config, 0, 2, 5);
  CU_ASSERT_EQUAL(rollout_rows_per_step(run.rollout), 2);
  rollout_run_steps(&run, 410);
  CU_ASSERT_EQUAL(run.batch.rows, 820);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    CU_ASSERT_EQUAL(run.batch.episode_step[row], row / 2 % 200);
    CU_ASSERT_EQUAL(run.batch.episode_number[row], row / 400);
    CU_ASSERT_EQUAL(run.batch.discount[row], 0.9f);
  }
  rollout_run_end(&run);

  rollout_run_begin(&run, "agents-4", &config, 0, 1, 5); // obs[1] is the age of an agent, which comes and goes
  rollout_run_steps(&run, 300);
  for (uint32_t row = 0; row < run.batch.rows; row++)
    CU_ASSERT_EQUAL((float)run.batch.episode_step[row], 16 * run.batch.obs[OBS * row + 1]);
  rollout_run_end(&run);
}

static void test_split(void) {
  const struct config config = config_of(5, true);
  struct rollout_run whole, left, right;
  rollout_run_begin(&whole, "Pendulum-v1", &config, 0, 5, 5);
  rollout_run_begin(&left, "Pendulum-v1", &config, 0, 2, 5);
  rollout_run_begin(&right, "Pendulum-v1", &config, 2, 3, 5);
  rollout_run_steps(&whole, 230);
  rollout_run_steps(&left, 230);
  rollout_run_steps(&right, 230);
  for (uint32_t i = 0; i < 5; i++)
    CU_ASSERT_EQUAL(rollout_rows_agree(&whole.batch, 0, i < 2 ? &left.batch : &right.batch, i), 230);
  rollout_run_end(&whole);
  rollout_run_end(&left);
  rollout_run_end(&right);
}

static void refuses(const char *name, struct config config, const char *says) {
  struct environment_kind kind;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, name, NULL, &error), STATUS_OK, &error);
  CU_ASSERT_PTR_NULL(rollout_create(&config, &kind, 0, 1, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
  CU_ASSERT_TRUE(error_says(&error, says));
  environment_kind_close(&kind);
}

static void test_too_long(void) {
  refuses("Pendulum-v1", config_of(201, true), "history is 201, but an episode of Pendulum-v1 has at most 200 steps");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an action is that of the stacked observations and actions of the agent's own episode", test_actions},
      {"rows are single steps and say where in an episode they stand", test_rows},
      {"nothing depends on how environments are spread over rollouts", test_split},
      {"a history longer than an episode is refused", test_too_long},
  };
  return unit_run("rollout_history", cases, sizeof cases / sizeof *cases);
}
