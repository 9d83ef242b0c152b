#include "actor/rollout.h"
#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

enum { STEPS = ROLLOUT_RUN_STEPS, ENVS = ROLLOUT_RUN_ENVS };

static const struct config config = {.seed = 3, .gamma = 0.9, .n_step = 3, .hidden = {2, {16, 16}}};
static const struct config one_step = {.seed = 3, .gamma = 0.9, .n_step = 1, .hidden = {2, {16, 16}}};

static void split_does_not_matter(const char *name, uint64_t version) {
  struct rollout_run whole, left, right;
  rollout_run_begin(&whole, name, &config, 0, ENVS, version);
  rollout_run_begin(&left, name, &config, 0, 1, version);
  rollout_run_begin(&right, name, &config, 1, ENVS - 1, version);
  rollout_run_steps(&whole, STEPS);
  rollout_run_steps(&left, STEPS);
  rollout_run_steps(&right, STEPS);
  CU_ASSERT_EQUAL(whole.batch.steps, STEPS * ENVS);
  for (uint32_t i = 0; i < ENVS; i++) {
    const struct transition_batch *part = i == 0 ? &left.batch : &right.batch;
    CU_ASSERT(rollout_rows_agree(&whole.batch, 0, part, i) >= STEPS - 2);
    CU_ASSERT(rollout_episodes_agree(&whole.batch, part, i) >= 2);
  }
  CU_ASSERT_FALSE(rollout_row_agrees(&whole.batch, 0, &whole.batch, 1)); // environments differ among themselves
  rollout_run_end(&whole);
  rollout_run_end(&left);
  rollout_run_end(&right);
}

static void test_split(void) {
  split_does_not_matter("Pendulum-v1", 5);
  split_does_not_matter("counter", 5);
  split_does_not_matter("counter", 0);
}

static void test_warm_up(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "counter", &one_step, 2, 3, 0);
  rollout_run_steps(&run, 300);
  double sum = 0;
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    struct random random = random_stream(config.seed, RANDOM_WARMUP, run.batch.environment[row], row / 3);
    CU_ASSERT_EQUAL(run.batch.environment[row], 2 + row % 3);
    CU_ASSERT_EQUAL(run.batch.action[row], (float)(2 * random_uniform(&random) - 1));
    CU_ASSERT_EQUAL(run.batch.version[row], 0);
    sum += (double)run.batch.action[row];
  }
  CU_ASSERT_EQUAL(run.batch.rows, 900);
  CU_ASSERT_DOUBLE_EQUAL(sum / 900, 0, 0.1);
  rollout_run_end(&run);
}

static void test_noise(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "Pendulum-v1", &one_step, 4, 2, 8);
  rollout_run_steps(&run, 50);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    struct random random = random_stream(config.seed, RANDOM_ACTOR, 4 + row % 2, row / 2);
    float noise = (float)random_normal(&random), action;
    policy_act(run.policy, 1, run.batch.obs + 3 * row, &noise, &action);
    CU_ASSERT_EQUAL(run.batch.action[row], action);
    CU_ASSERT_EQUAL(run.batch.version[row], 8);
  }
  rollout_run_end(&run);
}

static void test_lag(void) {
  struct rollout_run run;
  struct error error = {0};
  rollout_run_begin(&run, "Pendulum-v1", &one_step, 0, 2, 5);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 9, &run.batch, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 5, &run.batch, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 6, &run.batch, &error), STATUS_OK, &error);
  struct lag_record lag = run.batch.lag;
  CU_ASSERT_EQUAL(lag.count, 6);
  CU_ASSERT_EQUAL(lag.sum, 10);
  CU_ASSERT_EQUAL(lag.low, 0);
  CU_ASSERT_EQUAL(lag.high, 4);
  rollout_run_end(&run);
}

// Pendulum never ends by itself; the host stops it after 200 steps, and the last row bootstraps from the true final
// observation.
static void test_host_limit(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "Pendulum-v1", &one_step, 0, 1, 5);
  rollout_run_steps(&run, 401);
  CU_ASSERT_EQUAL_FATAL(run.batch.episodes, 2);
  const struct episode_record *episode = run.batch.episode;
  CU_ASSERT_EQUAL(episode[0].length, 200);
  CU_ASSERT_EQUAL(episode[0].episode, 0);
  CU_ASSERT_EQUAL(episode[1].length, 200);
  CU_ASSERT_EQUAL(episode[1].episode, 1);
  double sum = 0;
  for (uint32_t row = 0; row < 401; row++) {
    CU_ASSERT_EQUAL(run.batch.discount[row], 0.9f);
    if (row < 200) sum += (double)run.batch.reward[row];
    bool joined = memcmp(run.batch.next_obs + 3 * row, run.batch.obs + 3 * (row + 1), 3 * sizeof(float)) == 0;
    if (row < 400) CU_ASSERT_EQUAL(joined, row != 199 && row != 399);
  }
  CU_ASSERT_DOUBLE_EQUAL(sum, episode[0].episode_return, 1e-4);
  // The final observation is where the dynamics lead, |theta' dt| <= 0.4 from the one before, not where the next
  // episode begins.
  const float *before = run.batch.obs + 3 * 199, *last = run.batch.next_obs + 3 * 199;
  CU_ASSERT(fabsf(atan2f(before[0] * last[1] - before[1] * last[0], before[0] * last[0] + before[1] * last[1])) <
            0.41f);
  CU_ASSERT_EQUAL(run.batch.environments, 1);
  CU_ASSERT_EQUAL(run.batch.progress[0].steps, 401);
  CU_ASSERT_EQUAL(run.batch.progress[0].episode, 2);
  rollout_run_end(&run);
}

static void test_ends(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "counter", &one_step, 0, 1, 5); // terminates at 10
  rollout_run_steps(&run, 10);
  CU_ASSERT_EQUAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.discount[8], 0.9f);
  CU_ASSERT_EQUAL(run.batch.discount[9], 0);
  CU_ASSERT_EQUAL(run.batch.next_obs[2 * 9], 10);
  rollout_run_end(&run);
  rollout_run_begin(&run, "no_save", &one_step, 0, 1, 5); // truncates itself at 10
  rollout_run_steps(&run, 10);
  CU_ASSERT_EQUAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.discount[9], 0.9f);
  rollout_run_end(&run);
}

static void test_reset_seeds(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "Pendulum-v1", &one_step, 7, 1, 5);
  rollout_run_steps(&run, 201);
  struct environment environment;
  CU_ASSERT_EQUAL_FATAL(environment_create(&environment, &run.kind, 7, false, NULL), STATUS_OK);
  for (uint32_t episode = 0; episode < 2; episode++) {
    struct random random = random_stream(config.seed, RANDOM_RESET, 7, episode);
    float obs[3];
    CU_ASSERT_EQUAL(environment_reset(&environment, random_u64(&random), obs, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(obs, run.batch.obs + 3 * 200 * episode, sizeof obs), 0);
  }
  environment_destroy(&environment);
  rollout_run_end(&run);
}

static void test_one_per_process(void) {
  char env[4096];
  struct environment_kind kind;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env("one_per_process", NULL, env, sizeof env), NULL, &error),
                    STATUS_OK, &error);
  CU_ASSERT_PTR_NULL(rollout_create(&config, &kind, 0, 2, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
  CU_ASSERT(error_says(&error, "one_per_process.so allows one environment in a process, but this actor would have 2"));
  CU_ASSERT(error_says(&error, "--envs"));
  struct rollout *rollout = rollout_create(&config, &kind, 9, 1, NULL);
  CU_ASSERT_PTR_NOT_NULL(rollout);
  rollout_destroy(rollout);
  environment_kind_close(&kind);
}

static void test_none(void) {
  struct environment_kind kind;
  struct transition_batch batch;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, "Pendulum-v1", NULL, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(transition_batch_init(&batch, 3, 1, 1, 1, 1, &error), STATUS_OK, &error);
  struct rollout *rollout = rollout_create(&config, &kind, 6, 0, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(rollout);
  CU_ASSERT_EQUAL_FATAL(rollout_count(rollout), 0);
  CU_ASSERT_EQUAL_FATAL(rollout_rows_per_step(rollout), 0);
  CU_ASSERT_EQUAL(rollout_episodes_per_step(rollout), 0);
  UNIT_STATUS(rollout_step(rollout, NULL, 1, &batch, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(batch.rows, 0);
  CU_ASSERT_EQUAL(batch.steps, 0);
  rollout_destroy(rollout);
  rollout_destroy(NULL);
  CU_ASSERT_PTR_NULL(rollout_create(&config, &kind, RANDOM_MAX_ENVIRONMENT, 2, &error));
  CU_ASSERT(error_says(&error, "at most 16777216 environments"));
  transition_batch_release(&batch);
}

static void test_overlap(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "overlap", &one_step, 0, 3, 5);
  rollout_run_steps(&run, 6);
  for (uint32_t row = 0; row < run.batch.rows; row++) CU_ASSERT_EQUAL(run.batch.next_obs[row], 3);
  CU_ASSERT_EQUAL(run.batch.episodes, 3);
  rollout_run_end(&run);
}

// All resets begin before the first one is waited for, and each is told its episode and the job's steps.
static void test_resets(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "resets", &one_step, 0, 3, 5);
  rollout_note_env_steps(run.rollout, 40);
  rollout_run_steps(&run, 3);
  rollout_note_env_steps(run.rollout, 50);
  rollout_run_steps(&run, 3);
  CU_ASSERT_EQUAL_FATAL(run.batch.rows, 18);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    const float *obs = run.batch.obs + (size_t)row * 3;
    CU_ASSERT_EQUAL(obs[0], 3);
    CU_ASSERT_EQUAL(obs[1], row < 9 ? 0 : 1);
    CU_ASSERT_EQUAL(obs[2], row < 9 ? 40 : 50);
  }
  rollout_run_end(&run);
}

// In sync mode the steps are those of the environment times all environments, however these are spread.
static void test_sync_progress(void) {
  struct config sync = one_step;
  sync.sync = true;
  sync.envs = 5;
  for (uint32_t count = 1; count <= 3; count += 2) {
    struct rollout_run run;
    rollout_run_begin(&run, "resets", &sync, 2, count, 5);
    rollout_note_env_steps(run.rollout, 999); // what a learner says does not count
    rollout_run_steps(&run, 6);
    for (uint32_t row = 0; row < run.batch.rows; row++)
      CU_ASSERT_EQUAL(run.batch.obs[(size_t)row * 3 + 2], row < 3 * count ? 0 : 3 * 5);
    rollout_run_end(&run);
  }
}

// A reset that fails in its second half costs its environment the step, and no other one.
static void test_reset_fails(void) {
  struct rollout_run run;
  struct config patient = one_step;
  patient.env_max_failures = 3;
  rollout_run_begin(&run, "resets-fail", &patient, 0, 3, 5);
  rollout_run_steps(&run, 3);
  rollout_run_steps(&run, 1);
  CU_ASSERT_EQUAL(run.batch.rows, 9 + 2);
  const struct message_env_failure *failure = rollout_env_failure(run.rollout);
  CU_ASSERT_PTR_NOT_NULL_FATAL(failure);
  CU_ASSERT_EQUAL(failure->environment, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure->text, "reset with seed"));
  rollout_run_steps(&run, 1); // it is made anew, and reset into the next episode
  CU_ASSERT_EQUAL(run.batch.rows, 9 + 2 + 3);
  rollout_run_end(&run);
}

static void test_longest_step(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "slow", &one_step, 0, 2, 5); // 10 ms each
  rollout_run_steps(&run, 2);
  double longest = run.batch.longest_step;
  CU_ASSERT_TRUE(longest >= 0.02);
  CU_ASSERT_TRUE(longest < 10);
  transition_batch_clear(&run.batch);
  CU_ASSERT_EQUAL(run.batch.longest_step, longest);
  rollout_run_end(&run);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"results do not depend on how environments are spread, bit for bit", test_split},
      {"version 0 acts uniformly, from the warm-up stream", test_warm_up},
      {"noise comes from the stream of environment and step", test_noise},
      {"lag is the newest version minus the one used", test_lag},
      {"the host's step limit truncates and bootstraps from the true final observation", test_host_limit},
      {"an environment may terminate or truncate its episode itself", test_ends},
      {"episodes begin with the seeds of their numbers", test_reset_seeds},
      {"a rollout refuses a second environment that may exist once in a process", test_one_per_process},
      {"a rollout may have no environment, but not too many", test_none},
      {"environments that step in two halves run at once", test_overlap},
      {"environments that reset in two halves do so at once, and know their progress", test_resets},
      {"in sync mode progress does not depend on how environments are spread", test_sync_progress},
      {"a reset that fails in its second half costs nobody else a step", test_reset_fails},
      {"the longest step is measured", test_longest_step},
  };
  return unit_run("rollout", cases, sizeof cases / sizeof *cases);
}
