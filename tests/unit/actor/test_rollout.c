#include "actor/rollout.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 450, ENVS = 6, CAPACITY = STEPS * ENVS };

static const struct config config = {.seed = 3, .gamma = 0.9, .n_step = 3, .hidden = {2, {16, 16}}};
static const struct config one_step = {.seed = 3, .gamma = 0.9, .n_step = 1, .hidden = {2, {16, 16}}};

// A rollout, the policy that it acts with, and all that it said.
struct run {
  struct environment_kind kind;
  struct rollout *rollout;
  struct policy *policy;
  struct transition_batch batch;
};

// A built-in name, or a plugin's, maybe with its arguments: "flaky-nan".
static const char *env_of(const char *name, char *env, size_t size) {
  char plugin[64];
  const char *dash = strchr(name, '-');
  if (!dash) return plugin_env(name, NULL, env, size);
  if (strncmp(dash, "-v", 2) == 0) return name;
  snprintf(plugin, sizeof plugin, "%.*s", (int)(dash - name), name);
  return plugin_env(plugin, dash + 1, env, size);
}

static void run_begin(struct run *run, const char *name, const struct config *with, uint32_t first, uint32_t count,
                      uint64_t version) {
  char env[4096];
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&run->kind, env_of(name, env, sizeof env), NULL, &error), STATUS_OK, &error);
  run->rollout = rollout_create(with, &run->kind, first, count, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run->rollout);
  const struct environment *environment = rollout_environment(run->rollout, 0);
  uint32_t obs_dim = environment->obs_dim, act_dim = environment->act_dim;
  run->policy = policy_create(with, obs_dim, act_dim, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run->policy);
  struct policy_weights *weights = policy_weights(run->policy);
  weights->version = version;
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < weights->parameters; i++) weights->values[i] = (float)(random_uniform(&random) - 0.5) / 2;
  UNIT_STATUS_FATAL(transition_batch_init(&run->batch, obs_dim, act_dim, CAPACITY, CAPACITY, ENVS, &error), STATUS_OK,
                    &error);
}

static void run_steps(struct run *run, int steps) {
  struct error error = {0};
  for (int i = 0; i < steps; i++) {
    uint32_t rows = run->batch.rows, episodes = run->batch.episodes;
    enum status status =
        rollout_step(run->rollout, run->policy, policy_weights(run->policy)->version, &run->batch, &error);
    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
    CU_ASSERT(run->batch.rows - rows <= rollout_rows_per_step(run->rollout));
    CU_ASSERT(run->batch.episodes - episodes <= rollout_episodes_per_step(run->rollout));
  }
}

static void run_end(struct run *run) {
  transition_batch_release(&run->batch);
  policy_destroy(run->policy);
  rollout_destroy(run->rollout);
  environment_kind_close(&run->kind);
}

// The next row of an environment at or after `row`; batch->rows where there is none.
static uint32_t next_row(const struct transition_batch *batch, uint32_t environment, uint32_t row) {
  while (row < batch->rows && batch->environment[row] != environment) row++;
  return row;
}

static bool same_row(const struct transition_batch *a, uint32_t i, const struct transition_batch *b, uint32_t j) {
  size_t obs = a->obs_dim * sizeof(float), action = a->act_dim * sizeof(float);
  return a->version[i] == b->version[j] && memcmp(a->obs + i * a->obs_dim, b->obs + j * b->obs_dim, obs) == 0 &&
         memcmp(a->action + i * a->act_dim, b->action + j * b->act_dim, action) == 0 &&
         memcmp(a->next_obs + i * a->obs_dim, b->next_obs + j * b->obs_dim, obs) == 0 &&
         memcmp(&a->reward[i], &b->reward[j], sizeof(float)) == 0 &&
         memcmp(&a->discount[i], &b->discount[j], sizeof(float)) == 0;
}

// Environment's rows in a, from row `from` on, are its rows in b, bit for bit, and its episodes after `episode` too.
static uint32_t same_rows(const struct transition_batch *a, uint32_t from, const struct transition_batch *b,
                          uint32_t environment) {
  uint32_t rows = 0, i = next_row(a, environment, from), j = next_row(b, environment, 0);
  while (i < a->rows && j < b->rows) {
    CU_ASSERT(same_row(a, i, b, j));
    rows++;
    i = next_row(a, environment, i + 1);
    j = next_row(b, environment, j + 1);
  }
  CU_ASSERT_EQUAL(i, a->rows);
  CU_ASSERT_EQUAL(j, b->rows);
  return rows;
}

static uint32_t same_episodes(const struct transition_batch *a, const struct transition_batch *b,
                              uint32_t environment) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < b->episodes; i++) {
    if (b->episode[i].environment != environment) continue;
    bool same = false;
    for (uint32_t j = 0; j < a->episodes; j++)
      same = same || (a->episode[j].environment == environment && a->episode[j].episode == b->episode[i].episode &&
                      a->episode[j].length == b->episode[i].length &&
                      a->episode[j].episode_return == b->episode[i].episode_return);
    CU_ASSERT(same);
    found++;
  }
  return found;
}

static void split_does_not_matter(const char *name, uint64_t version) {
  struct run whole, left, right;
  run_begin(&whole, name, &config, 0, ENVS, version);
  run_begin(&left, name, &config, 0, 1, version);
  run_begin(&right, name, &config, 1, ENVS - 1, version);
  run_steps(&whole, STEPS);
  run_steps(&left, STEPS);
  run_steps(&right, STEPS);
  CU_ASSERT_EQUAL(whole.batch.steps, STEPS * ENVS);
  for (uint32_t i = 0; i < ENVS; i++) {
    const struct transition_batch *part = i == 0 ? &left.batch : &right.batch;
    CU_ASSERT(same_rows(&whole.batch, 0, part, i) >= STEPS - 2);
    CU_ASSERT(same_episodes(&whole.batch, part, i) >= 2);
  }
  CU_ASSERT_FALSE(same_row(&whole.batch, 0, &whole.batch, 1)); // environments differ among themselves
  run_end(&whole);
  run_end(&left);
  run_end(&right);
}

static void test_split(void) {
  split_does_not_matter("Pendulum-v1", 5);
  split_does_not_matter("counter", 5);
  split_does_not_matter("counter", 0);
}

static void test_warm_up(void) {
  struct run run;
  run_begin(&run, "counter", &one_step, 2, 3, 0);
  run_steps(&run, 300);
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
  run_end(&run);
}

static void test_noise(void) {
  struct run run;
  run_begin(&run, "Pendulum-v1", &one_step, 4, 2, 8);
  run_steps(&run, 50);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    struct random random = random_stream(config.seed, RANDOM_ACTOR, 4 + row % 2, row / 2);
    float noise = (float)random_normal(&random), action;
    policy_act(run.policy, 1, run.batch.obs + 3 * row, &noise, &action);
    CU_ASSERT_EQUAL(run.batch.action[row], action);
    CU_ASSERT_EQUAL(run.batch.version[row], 8);
  }
  run_end(&run);
}

static void test_lag(void) {
  struct run run;
  struct error error = {0};
  run_begin(&run, "Pendulum-v1", &one_step, 0, 2, 5);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 9, &run.batch, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 5, &run.batch, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 6, &run.batch, &error), STATUS_OK, &error);
  struct lag_record lag = run.batch.lag;
  CU_ASSERT_EQUAL(lag.count, 6);
  CU_ASSERT_EQUAL(lag.sum, 10);
  CU_ASSERT_EQUAL(lag.low, 0);
  CU_ASSERT_EQUAL(lag.high, 4);
  run_end(&run);
}

// Pendulum never ends by itself; the host stops it after 200 steps, and the last row bootstraps from the true final
// observation.
static void test_host_limit(void) {
  struct run run;
  run_begin(&run, "Pendulum-v1", &one_step, 0, 1, 5);
  run_steps(&run, 401);
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
  run_end(&run);
}

static void test_ends(void) {
  struct run run;
  run_begin(&run, "counter", &one_step, 0, 1, 5); // terminates at 10
  run_steps(&run, 10);
  CU_ASSERT_EQUAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.discount[8], 0.9f);
  CU_ASSERT_EQUAL(run.batch.discount[9], 0);
  CU_ASSERT_EQUAL(run.batch.next_obs[2 * 9], 10);
  run_end(&run);
  run_begin(&run, "no_save", &one_step, 0, 1, 5); // truncates itself at 10
  run_steps(&run, 10);
  CU_ASSERT_EQUAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.discount[9], 0.9f);
  run_end(&run);
}

static void test_reset_seeds(void) {
  struct run run;
  run_begin(&run, "Pendulum-v1", &one_step, 7, 1, 5);
  run_steps(&run, 201);
  struct environment environment;
  CU_ASSERT_EQUAL_FATAL(environment_create(&environment, &run.kind, 7, false, NULL), STATUS_OK);
  for (uint32_t episode = 0; episode < 2; episode++) {
    struct random random = random_stream(config.seed, RANDOM_RESET, 7, episode);
    float obs[3];
    CU_ASSERT_EQUAL(environment_reset(&environment, random_u64(&random), obs, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(obs, run.batch.obs + 3 * 200 * episode, sizeof obs), 0);
  }
  environment_destroy(&environment);
  run_end(&run);
}

// Steps, then moves every environment into a new rollout and continues both.
static void snapshot_continues(const char *name, int steps, bool live) {
  struct run run, other;
  struct error error = {0};
  run_begin(&run, name, &config, 1, 3, 5);
  run_begin(&other, name, &config, 1, 3, 5);
  run_steps(&other, 5); // what it did before does not matter
  transition_batch_clear(&other.batch);
  run_steps(&run, steps);
  for (uint32_t i = 0; i < 3; i++) {
    struct snapshot snapshot;
    UNIT_STATUS_FATAL(snapshot_init(&snapshot, run.batch.obs_dim, run.batch.act_dim, 2, &error), STATUS_OK, &error);
    UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(snapshot.environment, 1 + i);
    CU_ASSERT_EQUAL(snapshot.steps, (uint64_t)steps);
    CU_ASSERT_TRUE(snapshot.exact);
    CU_ASSERT_EQUAL(snapshot.live, live);
    CU_ASSERT_EQUAL(snapshot.window, (live ? 2 : 0));
    UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
    snapshot_release(&snapshot);
  }
  uint32_t from = run.batch.rows;
  run_steps(&run, 210);
  run_steps(&other, 210);
  for (uint32_t i = 1; i <= 3; i++) {
    CU_ASSERT(same_rows(&run.batch, from, &other.batch, i) >= 208);
    CU_ASSERT(same_episodes(&run.batch, &other.batch, i) >= 1);
    CU_ASSERT_EQUAL(run.batch.progress[i - 1].episode, other.batch.progress[i - 1].episode);
    CU_ASSERT_EQUAL(run.batch.progress[i - 1].steps, other.batch.progress[i - 1].steps);
  }
  run_end(&run);
  run_end(&other);
}

static void test_snapshot(void) {
  snapshot_continues("Pendulum-v1", 57, true);
  snapshot_continues("counter", 13, true);
  snapshot_continues("counter", 20, false); // between two episodes
  snapshot_continues("no_save", 20, false);
}

// A save that breaks its rules is one that cannot: with one warning for each environment, and no failure.
static void test_bad_saves(void) {
  static const char *const how[] = {"bad_save-huge", "bad_save-negative", "bad_save-grow"};
  for (int h = 0; h < 3; h++) {
    struct run run;
    struct error error = {0};
    struct snapshot snapshot;
    const struct message_env_failure *env_failure;
    run_begin(&run, how[h], &one_step, 0, 2, 5);
    run_steps(&run, 4);
    UNIT_STATUS_FATAL(snapshot_init(&snapshot, 1, 1, 0, &error), STATUS_OK, &error);
    for (int times = 0; times < 2; times++) {
      for (uint32_t i = 0; i < 2; i++) {
        UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
        CU_ASSERT_TRUE_FATAL(!snapshot.live);
        CU_ASSERT_TRUE_FATAL(!snapshot.exact);
        CU_ASSERT_EQUAL(snapshot.steps, 4);
        CU_ASSERT_EQUAL(snapshot.state.size, 0);
      }
      for (uint32_t i = 0; i < 2 && times == 0; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(env_failure = rollout_env_failure(run.rollout));
        CU_ASSERT_EQUAL(env_failure->environment, i);
        CU_ASSERT_EQUAL(env_failure->in_a_row, 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, "bad_save"));
        CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, h == 2 ? "save asked for"
                                                         : h    ? "returned -5"
                                                                : "save wants 9223"));
      }
      CU_ASSERT_PTR_NULL(rollout_env_failure(run.rollout));
    }
    run_steps(&run, 8); // and on it goes
    CU_ASSERT_EQUAL(run.batch.progress[1].steps, 12);
    snapshot_release(&snapshot);
    run_end(&run);
  }
}

static void test_snapshot_without_state(void) {
  struct run run, other;
  struct error error = {0};
  struct snapshot snapshot;
  run_begin(&run, "no_save", &one_step, 0, 1, 5);
  run_begin(&other, "no_save", &one_step, 0, 1, 5);
  run_steps(&run, 34);
  UNIT_STATUS_FATAL(snapshot_init(&snapshot, 1, 1, 0, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_snapshot(run.rollout, 0, &snapshot, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(!snapshot.live);
  CU_ASSERT_TRUE_FATAL(!snapshot.exact);
  CU_ASSERT_EQUAL(snapshot.steps, 34);
  CU_ASSERT_EQUAL(snapshot.episode, 4);
  CU_ASSERT_EQUAL(snapshot.state.size, 0);
  UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
  run_steps(&other, 10);
  CU_ASSERT_EQUAL(other.batch.progress[0].steps, 44);
  CU_ASSERT_EQUAL(other.batch.progress[0].episode, 5);
  CU_ASSERT_EQUAL(other.batch.episodes, 1);
  CU_ASSERT_EQUAL(other.batch.episode[0].episode, 4);
  CU_ASSERT_EQUAL(other.batch.episode[0].length, 10);
  run_steps(&run, 7); // the first rollout gets there, too
  CU_ASSERT_EQUAL(memcmp(run.batch.obs + 40, other.batch.obs, sizeof(float)), 0);

  snapshot.live = true; // in the middle of episode 4, without the state that this environment cannot give
  UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
  run_steps(&other, 1);
  CU_ASSERT_EQUAL(other.batch.progress[0].episode, 5);
  snapshot_release(&snapshot);
  run_end(&run);
  run_end(&other);
}

static void test_restore_refused(void) {
  struct run run;
  struct error error = {0};
  struct snapshot snapshot;
  run_begin(&run, "Pendulum-v1", &config, 4, 2, 5);
  run_steps(&run, 5);
  UNIT_STATUS_FATAL(snapshot_init(&snapshot, 3, 1, 2, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_snapshot(run.rollout, 1, &snapshot, &error), STATUS_OK, &error);
  snapshot.environment = 6;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "environment 6 came to an actor that has environments 4 to 5"));
  error_clear(&error);
  snapshot.environment = 3;
  CU_ASSERT_EQUAL(rollout_restore(run.rollout, &snapshot, NULL), STATUS_MISMATCH);
  snapshot.environment = 5;
  snapshot.obs_dim = 4;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "obs_dim 4"));
  error_clear(&error);
  snapshot.obs_dim = 3;
  snapshot.state.size--;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "environment 5 (training): load of"));
  error_clear(&error);
  snapshot.state.size = 0;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "holds no state"));
  snapshot_release(&snapshot);
  run_end(&run);
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

static void test_failure_is_named(void) {
  struct run run;
  struct error error = {0};
  run_begin(&run, "nan_obs", &config, 2, 2, 5);
  run_steps(&run, 2);
  UNIT_STATUS(rollout_step(run.rollout, run.policy, 5, &run.batch, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "nan_obs.so: environment 2 (training): step 3 of the episode"));
  run_end(&run);
  error_clear(&error);
  char env[4096];
  UNIT_STATUS_FATAL(environment_kind_open(&run.kind, plugin_env("fail_create", NULL, env, sizeof env), NULL, &error),
                    STATUS_OK, &error);
  CU_ASSERT_PTR_NULL(rollout_create(&config, &run.kind, 0, 3, &error));
  CU_ASSERT(error_says(&error, "no licence"));
  environment_kind_close(&run.kind);
}

// Steps until `wanted` are made; what fails meanwhile is counted.
static int run_through(struct run *run, uint64_t wanted) {
  int env_failures = 0;
  const double deadline = clock_now() + 20;
  while (run->batch.steps < wanted && clock_now() < deadline) {
    run_steps(run, 1);
    for (const struct message_env_failure *env_failure; (env_failure = rollout_env_failure(run->rollout));
         env_failures++)
      CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, "flaky.so: environment "));
  }
  CU_ASSERT_EQUAL(run->batch.steps, wanted);
  return env_failures;
}

// Episodes of 6, 6, 3 steps: the fourth of every third one fails, and all good steps are rows.
static void flaky(const char *args, uint32_t index, uint64_t n_step, bool sync) {
  const struct config with = {
      .seed = 3, .gamma = 0.5, .n_step = n_step, .sync = sync, .hidden = {2, {16, 16}}, .env_max_failures = 5};
  char name[64];
  struct run run;
  snprintf(name, sizeof name, "flaky-%s", args);
  run_begin(&run, name, &with, index, 1, 5);
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
  run_end(&run);
}

static void test_failure_costs_an_episode(void) {
  flaky("return", 20, 1, false);
  flaky("nan", 21, 3, false);
  flaky("create", 22, 2, false);
  flaky("return", 23, 3, true);
}

// The others go on while one waits to be made anew (0.1 s, after a second failure in a row); in sync everyone makes the
// same number of steps.
static void test_failure_of_one(void) {
  for (int sync = 0; sync < 2; sync++) {
    const struct config with = {
        .seed = 3, .gamma = 0.5, .n_step = 1, .sync = sync, .hidden = {2, {16, 16}}, .env_max_failures = 5};
    const uint32_t first = sync ? 10 : 0;
    struct run run;
    uint64_t steps[3] = {0};
    float before[3][2] = {{0}};
    const double deadline = clock_now() + 20;
    run_begin(&run, sync ? "flaky-create:11" : "flaky-create:1", &with, first, 3, 5);
    for (int i = 0; sync ? run.batch.steps < 75 && clock_now() < deadline : i < 25; i++) run_steps(&run, 1);
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
    run_end(&run);
  }
}

static void test_too_many_failures(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 1, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct run run;
  struct error error = {0};
  run_begin(&run, "nan_obs", &with, 2, 1, 5);
  const double deadline = clock_now() + 20;
  int env_failures = 0;
  while (clock_now() < deadline && rollout_step(run.rollout, run.policy, 5, &run.batch, &error) == STATUS_OK)
    while (rollout_env_failure(run.rollout)) env_failures++;
  CU_ASSERT_EQUAL(error.status, STATUS_FAILED);
  CU_ASSERT(error_says(&error, "nan_obs.so: environment 2 (training): step 3 of the episode"));
  CU_ASSERT(error_says(&error, "env_max_failures"));
  CU_ASSERT_EQUAL(env_failures, 2); // the third is the error
  CU_ASSERT_EQUAL(run.batch.steps, 6);
  run_end(&run);
}

static void test_loan(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 2, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct run run;
  struct environment *lent;
  float obs[3];
  run_begin(&run, "no_save", &with, 0, 1, 5);
  run_steps(&run, 2);
  CU_ASSERT_PTR_NULL(
      rollout_lend(run.rollout, false, &run.batch)); // in the middle of an episode that cannot be put back
  const uint32_t rows = run.batch.rows;
  lent = rollout_lend(run.rollout, true, &run.batch);
  CU_ASSERT_PTR_NOT_NULL_FATAL(lent);
  CU_ASSERT_EQUAL(run.batch.rows, rows + 1); // what the window held
  CU_ASSERT_EQUAL(environment_reset(lent, 1, obs, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(rollout_take_back(run.rollout, &run.batch, NULL), STATUS_OK);
  run_steps(&run, 1);
  CU_ASSERT_EQUAL(run.batch.progress[0].episode, 1);
  run_end(&run);

  // Pendulum is put back to where it was, even by a borrower who broke it, and snapshots meanwhile are of where it was.
  struct run kept;
  struct snapshot snapshot, during;
  run_begin(&kept, "Pendulum-v1", &with, 0, 1, 5);
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, 3, 1, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&during, 3, 1, 1, NULL), STATUS_OK);
  run_steps(&kept, 7);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &snapshot, NULL), STATUS_OK);
  lent = rollout_lend(kept.rollout, false, &kept.batch);
  CU_ASSERT_PTR_NOT_NULL_FATAL(lent);
  CU_ASSERT_EQUAL(environment_reset(lent, 9, obs, NULL), STATUS_OK);
  environment_destroy(lent);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &during, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(during.state.size, snapshot.state.size);
  CU_ASSERT_EQUAL(memcmp(during.state.data, snapshot.state.data, snapshot.state.size), 0);
  CU_ASSERT_EQUAL(rollout_take_back(kept.rollout, &kept.batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &during, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(during.state.data, snapshot.state.data, snapshot.state.size), 0);
  CU_ASSERT_TRUE_FATAL(during.live);
  CU_ASSERT_TRUE_FATAL(during.exact);
  CU_ASSERT_EQUAL(during.episode, 0);
  CU_ASSERT_EQUAL(during.episode_length, 7);
  snapshot_release(&snapshot);
  snapshot_release(&during);
  run_end(&kept);
}

static void test_overlap(void) {
  struct run run;
  run_begin(&run, "overlap", &one_step, 0, 3, 5);
  run_steps(&run, 6);
  for (uint32_t row = 0; row < run.batch.rows; row++) CU_ASSERT_EQUAL(run.batch.next_obs[row], 3);
  CU_ASSERT_EQUAL(run.batch.episodes, 3);
  run_end(&run);
}

static void test_longest_step(void) {
  struct run run;
  run_begin(&run, "slow", &one_step, 0, 2, 5); // 10 ms each
  run_steps(&run, 2);
  double longest = run.batch.longest_step;
  CU_ASSERT_TRUE(longest >= 0.02);
  CU_ASSERT_TRUE(longest < 10);
  transition_batch_clear(&run.batch);
  CU_ASSERT_EQUAL(run.batch.longest_step, longest);
  run_end(&run);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"results do not depend on how environments are spread, bit for bit", test_split},
      {"version 0 acts uniformly, from the warm-up stream", test_warm_up},
      {"noise comes from the stream of environment and step", test_noise},
      {"lag is the newest version minus the one used", test_lag},
      {"the host's step limit truncates and bootstraps from the true final observation", test_host_limit},
      {"an environment's own end counts as it says", test_ends},
      {"episodes begin with the seeds of their numbers", test_reset_seeds},
      {"a snapshot continues bit for bit", test_snapshot},
      {"a save that breaks its rules costs the exact resume, with one warning", test_bad_saves},
      {"without a saved state the next episode begins", test_snapshot_without_state},
      {"a snapshot that does not fit is refused", test_restore_refused},
      {"one environment per process is respected", test_one_per_process},
      {"no environment at all is fine, too many are not", test_none},
      {"an environment that fails is named", test_failure_is_named},
      {"one that fails costs its episode, whose good steps stay", test_failure_costs_an_episode},
      {"and keeps no other from going on, but in sync", test_failure_of_one},
      {"too many failures in a row end it", test_too_many_failures},
      {"the only environment is lent, and put back to where it was", test_loan},
      {"environments that step in two halves run at once", test_overlap},
      {"the longest step is measured", test_longest_step},
  };
  return unit_run("rollout", cases, sizeof cases / sizeof *cases);
}
