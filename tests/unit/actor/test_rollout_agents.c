// Environments of several agents in a rollout. The test plugin `agents` lets them come and go.
#include "actor/rollout.h"
#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct config one_step = {.seed = 3, .gamma = 0.9, .n_step = 1, .hidden = {2, {16, 16}}};
static const struct config windows = {.seed = 3, .gamma = 0.9, .n_step = 3, .hidden = {2, {16, 16}}};
static const struct config held = {.seed = 3, .gamma = 0.9, .n_step = 3, .noise_hold = 8, .hidden = {2, {16, 16}}};
static const struct config history = {
    .seed = 3, .gamma = 0.9, .n_step = 3, .history = 4, .history_actions = true, .hidden = {2, {16, 16}}};
static const struct config *const configs[] = {&one_step, &windows, &held, &history};

// --- rows ---

static bool begins_at(const struct transition_batch *batch, uint32_t row, uint32_t before) {
  return memcmp(batch->obs + row * batch->obs_dim, batch->next_obs + before * batch->obs_dim,
                batch->obs_dim * sizeof(float)) == 0;
}

// Every row of an agent begins where its last one ended, or with an age of 0: a new episode of it.
static void test_rows(void) {
  struct rollout_run run;
  uint32_t last[4], ended = 0, came = 0;
  rollout_run_begin(&run, "agents-4", &one_step, 0, 1, 5);
  rollout_run_steps(&run, 400);
  memset(last, 255, sizeof last);
  CU_ASSERT_EQUAL(run.batch.steps, 400);
  CU_ASSERT_EQUAL(run.batch.transitions, run.batch.rows);
  CU_ASSERT(run.batch.rows > 800 && run.batch.rows < 1500); // some were away
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    const uint32_t j = run.batch.agent[row];
    const float *obs = run.batch.obs + 3 * row, *next = run.batch.next_obs + 3 * row;
    CU_ASSERT_TRUE_FATAL(j < 4);
    CU_ASSERT_EQUAL(obs[2], (float)j / 4);
    CU_ASSERT_EQUAL(next[1] * 16, obs[1] * 16 + 1); // its next observation, also in its last step
    CU_ASSERT_DOUBLE_EQUAL((double)run.batch.reward[row], -(double)next[0] * (double)next[0], 1e-6);
    CU_ASSERT_EQUAL(run.batch.discount[row] == 0, (double)next[0] * (double)next[0] > 0.36);
    ended += run.batch.discount[row] == 0;
    if (last[j] == UINT32_MAX || !begins_at(&run.batch, row, last[j])) {
      CU_ASSERT_EQUAL(obs[1], 0);
      came++;
    }
    last[j] = row;
  }
  CU_ASSERT(ended > 5);
  CU_ASSERT(came > 40);
  rollout_run_end(&run);
}

// With a window no row mixes two episodes of an agent: its steps are those of its ages.
static void test_windows(void) {
  struct rollout_run run;
  uint64_t tails = 0;
  rollout_run_begin(&run, "agents-4", &windows, 0, 1, 5);
  rollout_run_steps(&run, 400);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    const float *obs = run.batch.obs + 3 * row, *next = run.batch.next_obs + 3 * row;
    const double steps = 16 * (double)(next[1] - obs[1]), discount = (double)run.batch.discount[row];
    CU_ASSERT(steps >= 1 && steps <= 3);
    if (discount > 0) CU_ASSERT_DOUBLE_EQUAL(discount, pow(0.9, steps), 1e-6);
    tails += steps < 3;
  }
  CU_ASSERT(tails > 100);
  CU_ASSERT(run.batch.rows <= run.batch.transitions && run.batch.rows + 8 >= run.batch.transitions);
  rollout_run_end(&run);
}

// --- noise ---

// Agent 0 gets what the only agent of an environment gets; agent j does not depend on how many others there are.
static void test_noise(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "agents-3fixed", &one_step, 4, 2, 8);
  rollout_run_steps(&run, 50);
  CU_ASSERT_EQUAL(run.batch.rows, 50 * 6);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    struct random random = random_stream(one_step.seed, RANDOM_ACTOR, run.batch.environment[row], row / 6);
    float noise = 0, action;
    for (uint32_t j = 0; j <= run.batch.agent[row]; j++) noise = (float)random_normal(&random);
    policy_act(run.policy, 1, run.batch.obs + 3 * row, &noise, &action);
    CU_ASSERT_EQUAL(run.batch.action[row], action);
  }
  rollout_run_end(&run);
}

static void test_warm_up(void) {
  struct rollout_run run;
  rollout_run_begin(&run, "agents-3fixed", &one_step, 4, 1, 0);
  rollout_run_steps(&run, 50);
  for (uint32_t row = 0; row < run.batch.rows; row++) {
    struct random random = random_stream(one_step.seed, RANDOM_WARMUP, 4, row / 3);
    double value = 0;
    for (uint32_t j = 0; j <= run.batch.agent[row]; j++) value = 2 * random_uniform(&random) - 1;
    CU_ASSERT_EQUAL(run.batch.action[row], (float)value);
  }
  rollout_run_end(&run);
}

// --- spread over ranks, and saved ---

static void test_split(void) {
  for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
    struct rollout_run whole, left, right;
    rollout_run_begin(&whole, "agents-3vary", configs[c], 0, 5, 5);
    rollout_run_begin(&left, "agents-3vary", configs[c], 0, 2, 5);
    rollout_run_begin(&right, "agents-3vary", configs[c], 2, 3, 5);
    CU_ASSERT_EQUAL(rollout_agents(whole.rollout, 2), 5);
    CU_ASSERT_EQUAL(rollout_agents(whole.rollout, 3), 3);
    rollout_run_steps(&whole, 120);
    rollout_run_steps(&left, 120);
    rollout_run_steps(&right, 120);
    CU_ASSERT_EQUAL(whole.batch.transitions, left.batch.transitions + right.batch.transitions);
    for (uint32_t i = 0; i < 5; i++) {
      const struct transition_batch *part = i < 2 ? &left.batch : &right.batch;
      CU_ASSERT(rollout_rows_agree(&whole.batch, 0, part, i) >= 150);
      CU_ASSERT(rollout_episodes_agree(&whole.batch, part, i) >= 4);
    }
    rollout_run_end(&whole);
    rollout_run_end(&left);
    rollout_run_end(&right);
  }
}

// Steps, then moves every environment into a new rollout and continues both.
static void snapshot_continues(const struct config *config, int steps, bool live) {
  struct rollout_run run, other;
  struct error error = {0};
  rollout_run_begin(&run, "agents-3vary", config, 1, 3, 5);
  rollout_run_begin(&other, "agents-3vary", config, 1, 3, 5);
  rollout_run_steps(&other, 7); // what it did before does not matter
  transition_batch_clear(&other.batch);
  rollout_run_steps(&run, steps);
  for (uint32_t i = 0; i < 3; i++) {
    struct snapshot snapshot;
    UNIT_STATUS_FATAL(snapshot_init_for(&snapshot, config, 3, 1, 5, &error), STATUS_OK, &error);
    UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(snapshot.agents, 3 + (1 + i) % 3);
    CU_ASSERT_EQUAL(snapshot.live, live);
    CU_ASSERT_TRUE(snapshot.exact);
    UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
    snapshot.agents--;
    UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_MISMATCH, &error);
    CU_ASSERT(error_says(&error, "agents, here it has"));
    error_clear(&error);
    snapshot_release(&snapshot);
  }
  const uint32_t from = run.batch.rows;
  rollout_run_steps(&run, 100);
  rollout_run_steps(&other, 100);
  for (uint32_t i = 1; i <= 3; i++) {
    CU_ASSERT(rollout_rows_agree(&run.batch, from, &other.batch, i) >= 100);
    CU_ASSERT(rollout_episodes_agree(&run.batch, &other.batch, i) >= 3);
  }
  rollout_run_end(&run);
  rollout_run_end(&other);
}

static void test_snapshot(void) {
  for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
    for (int steps = 26; steps < 50; steps += 5) snapshot_continues(configs[c], steps, true);
    snapshot_continues(configs[c], 25, false); // between two episodes
  }
}

// --- returns, failures ---

static void test_returns(void) {
  struct rollout_run run;
  double sum[3] = {0};
  rollout_run_begin(&run, "agents-3fixed", &one_step, 0, 1, 5);
  rollout_run_steps(&run, 25);
  for (uint32_t row = 0; row < run.batch.rows; row++) sum[run.batch.agent[row]] += (double)run.batch.reward[row];
  CU_ASSERT_EQUAL_FATAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.episode[0].agents, 3);
  CU_ASSERT_EQUAL(run.batch.episode[0].length, 25);
  CU_ASSERT_DOUBLE_EQUAL(run.batch.episode[0].episode_return, (sum[0] + sum[1] + sum[2]) / 3, 1e-5);
  rollout_run_end(&run);
}

static void failure_says(const char *name, const char *text) {
  struct rollout_run run;
  struct error error = {0};
  struct config config = windows;
  config.env_max_failures = 3;
  rollout_run_begin(&run, name, &config, 0, 1, 5);
  for (int i = 0; i < 5; i++)
    UNIT_STATUS(rollout_step(run.rollout, run.policy, 5, &run.batch, &error), STATUS_OK, &error);
  const struct message_env_failure *failure = rollout_env_failure(run.rollout);
  CU_ASSERT_PTR_NOT_NULL_FATAL(failure);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure->text, text));
  CU_ASSERT_EQUAL(run.batch.steps, 4); // of all agents
  CU_ASSERT_EQUAL(run.batch.rows, run.batch.transitions);
  rollout_run_end(&run);
}

static void test_failures(void) {
  failure_says("agents-3nan", "observation of agent 1 that is not finite: component 1 is nan");
  failure_says("agents-3absent", "agent 0 acted in it and is CORSAC_ABSENT");
  failure_says("agents-3flag", "agent 0 has flags 9");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"only agents that are there make rows, and one that comes back begins anew", test_rows},
      {"no row of a window mixes two episodes of an agent", test_windows},
      {"the noise of an agent depends on environment, agent and step alone", test_noise},
      {"so do random actions", test_warm_up},
      {"how environments are spread over rollouts changes no bit", test_split},
      {"a snapshot continues bit for bit with agents that come and go", test_snapshot},
      {"an episode's return is the mean over its agents", test_returns},
      {"what one agent breaks costs the environment's episode, and names the agent", test_failures},
  };
  return unit_run("rollout_agents", cases, sizeof cases / sizeof *cases);
}
