#include "actor/rollout.h"
#include "common/base/clock.h"
#include "tests/support/environments.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct config config = {.seed = 3, .gamma = 0.9, .n_step = 3, .hidden = {2, {16, 16}}};

static void test_failure_is_named(void) {
  struct rollout_run run;
  struct error error = {0};
  rollout_run_begin(&run, "nan_obs", &config, 2, 2, 5);
  rollout_run_steps(&run, 2);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 5, &run.batch, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "nan_obs.so: environment 2 (training): step 3 of the episode"));
  rollout_run_end(&run);
  error_clear(&error);
  char env[4096];
  UNIT_STATUS_FATAL(environment_kind_open(&run.kind, plugin_env("fail_create", NULL, env, sizeof env), NULL, &error),
                    STATUS_OK, &error);
  CU_ASSERT_PTR_NULL(rollout_create(&config, &run.kind, 0, 3, &error));
  CU_ASSERT(error_says(&error, "no licence"));
  environment_kind_close(&run.kind);
}

// Makes steps until there are `wanted`. Returns the number of failures.
static int run_through(struct rollout_run *run, uint64_t wanted) {
  int env_failures = 0;
  const double deadline = clock_now() + 20;
  while (run->batch.steps < wanted && clock_now() < deadline) {
    rollout_run_steps(run, 1);
    for (const struct message_env_failure *env_failure; (env_failure = rollout_env_failure(run->rollout));
         env_failures++)
      CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, "flaky.so: environment "));
  }
  CU_ASSERT_EQUAL(run->batch.steps, wanted);
  return env_failures;
}

// Episodes have 6, 6 and 3 steps, since step 4 of every third one fails. All good steps become rows.
static void flaky(const char *args, uint32_t index, uint64_t n_step, bool sync) {
  const struct config with = {
      .seed = 3, .gamma = 0.5, .n_step = n_step, .sync = sync, .hidden = {2, {16, 16}}, .env_max_failures = 5};
  char name[64];
  struct rollout_run run;
  snprintf(name, sizeof name, "flaky-%s", args);
  rollout_run_begin(&run, name, &with, index, 1, 5);
  CU_ASSERT_EQUAL(run_through(&run, 31), strcmp(args, "create") == 0 ? 4 : 2); // the next instance fails, too
  CU_ASSERT_EQUAL(run.batch.episodes, 4);
  CU_ASSERT_EQUAL(run.batch.progress[0].steps, 31);
  CU_ASSERT_EQUAL(run.batch.progress[0].episode, 6);
  CU_ASSERT_EQUAL(run.batch.rows, n_step > 1 ? 30 : 31); // one step of an episode is still in the window
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    const float *obs = run.batch.obs + 2 * row, *next = run.batch.next_obs + 2 * row;
    const bool bad = fmodf(obs[0], 3) == 0; // this episode is cut after three steps, and bootstraps
    const float end = bad ? 3 : 6, steps = fminf((float)n_step, end - obs[1]);
    CU_ASSERT_EQUAL(obs[0], next[0]);
    CU_ASSERT_EQUAL(next[1], obs[1] + steps);
    CU_ASSERT_TRUE(next[1] <= end);
    CU_ASSERT_EQUAL(run.batch.discount[row], next[1] == 6 ? 0 : powf(0.5f, steps));
  }
  rollout_run_end(&run);
}

static void test_failure_costs_an_episode(void) {
  flaky("return", 20, 1, false);
  flaky("nan", 21, 3, false);
  flaky("create", 22, 2, false);
  flaky("return", 23, 3, true);
}

// The others step on while one waits 0.1 s after its second failure in a row. In sync mode all make the same number of
// steps.
static void test_failure_of_one(void) {
  for (int sync = 0; sync < 2; sync++) {
    const struct config with = {
        .seed = 3, .gamma = 0.5, .n_step = 1, .sync = sync, .hidden = {2, {16, 16}}, .env_max_failures = 5};
    const uint32_t first = sync ? 10 : 0;
    struct rollout_run run;
    uint64_t steps[3] = {0};
    float before[3][2] = {{0}};
    const double deadline = clock_now() + 20;
    rollout_run_begin(&run, sync ? "flaky-create:11" : "flaky-create:1", &with, first, 3, 5);
    for (int i = 0; sync ? run.batch.steps < 75 && clock_now() < deadline : i < 25; i++) rollout_run_steps(&run, 1);
    for (uint32_t row = 0; row < run.batch.rows; row++) {
      const uint32_t e = run.batch.environment[row] - first;
      const float *obs = run.batch.obs + 2 * row;
      CU_ASSERT_FATAL(e < 3);
      const bool next = obs[0] == before[e][0] && obs[1] == before[e][1] + 1,
                 anew = obs[0] > before[e][0] && obs[1] == 0;
      CU_ASSERT(next || anew);
      memcpy(before[e], obs, sizeof before[e]);
      steps[e]++;
    }
    CU_ASSERT_EQUAL(steps[0], 25);
    CU_ASSERT_EQUAL(steps[2], 25);
    CU_ASSERT(sync ? steps[1] == 25 : steps[1] >= 15 && steps[1] < 25);
    CU_ASSERT_EQUAL(rollout_is_level(run.rollout), sync);
    rollout_run_end(&run);
  }
}

static void test_too_many_failures(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 1, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct rollout_run run;
  struct error error = {0};
  rollout_run_begin(&run, "nan_obs", &with, 2, 1, 5);
  const double deadline = clock_now() + 20;
  int env_failures = 0;
  while (clock_now() < deadline && rollout_step(run.rollout, run.policy, 5, &run.batch, &error) == STATUS_OK)
    while (rollout_env_failure(run.rollout)) env_failures++;
  CU_ASSERT_EQUAL(error.status, STATUS_FAILED);
  CU_ASSERT(error_says(&error, "nan_obs.so: environment 2 (training): step 3 of the episode"));
  CU_ASSERT(error_says(&error, "env_max_failures"));
  CU_ASSERT_EQUAL(env_failures, 2); // the third failure is the error
  CU_ASSERT_EQUAL(run.batch.steps, 6);
  rollout_run_end(&run);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an environment that fails is named", test_failure_is_named},
      {"a failure costs the episode, whose good steps stay", test_failure_costs_an_episode},
      {"after a failure of one environment the others go on, except in sync mode", test_failure_of_one},
      {"too many failures in a row end the rollout", test_too_many_failures},
  };
  return unit_run("rollout_failures", cases, sizeof cases / sizeof *cases);
}
