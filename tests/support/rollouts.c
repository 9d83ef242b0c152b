#include "tests/support/rollouts.h"

#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <string.h>

enum { CAPACITY = 8 * ROLLOUT_RUN_STEPS * ROLLOUT_RUN_ENVS };

// A built-in name, or a plugin's, maybe with its arguments: "flaky-nan".
static const char *env_of(const char *name, char *env, size_t size) {
  char plugin[64];
  const char *dash = strchr(name, '-');
  if (!dash) return plugin_env(name, NULL, env, size);
  if (strncmp(dash, "-v", 2) == 0) return name;
  snprintf(plugin, sizeof plugin, "%.*s", (int)(dash - name), name);
  return plugin_env(plugin, dash + 1, env, size);
}

void rollout_run_begin(struct rollout_run *run, const char *name, const struct config *with, uint32_t first,
                       uint32_t count, uint64_t version) {
  char env[4096];
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&run->kind, env_of(name, env, sizeof env), NULL, &error), STATUS_OK, &error);
  run->rollout = rollout_create(with, &run->kind, first, count, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run->rollout);
  const struct environment *environment = rollout_environment(run->rollout, 0);
  uint32_t obs_dim = environment->obs_dim, act_dim = environment->act_dim;
  run->policy = policy_create(with, network_input(with, obs_dim, act_dim), act_dim, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run->policy);
  struct policy_weights *weights = policy_weights(run->policy);
  weights->version = version;
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < weights->parameters; i++) weights->values[i] = (float)(random_uniform(&random) - 0.5) / 2;
  UNIT_STATUS_FATAL(transition_batch_init(&run->batch, obs_dim, act_dim, CAPACITY, CAPACITY, ROLLOUT_RUN_ENVS, &error),
                    STATUS_OK, &error);
  if (environment->agents > 1) UNIT_STATUS_FATAL(transition_batch_use_agents(&run->batch, &error), STATUS_OK, &error);
  if (config_links_rows(with, obs_dim))
    UNIT_STATUS_FATAL(transition_batch_use_episodes(&run->batch, &error), STATUS_OK, &error);
}

void rollout_run_steps(struct rollout_run *run, int steps) {
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

void rollout_run_end(struct rollout_run *run) {
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

static bool episodes_agree(const struct transition_batch *a, uint32_t i, const struct transition_batch *b, uint32_t j) {
  if (!a->episode_step || !b->episode_step) return !a->episode_step && !b->episode_step;
  return a->episode_number[i] == b->episode_number[j] && a->episode_step[i] == b->episode_step[j];
}

bool rollout_row_agrees(const struct transition_batch *a, uint32_t i, const struct transition_batch *b, uint32_t j) {
  size_t obs = a->obs_dim * sizeof(float), action = a->act_dim * sizeof(float);
  const uint32_t left = a->agent ? a->agent[i] : 0, right = b->agent ? b->agent[j] : 0;
  return left == right && episodes_agree(a, i, b, j) && a->version[i] == b->version[j] &&
         memcmp(a->obs + i * a->obs_dim, b->obs + j * b->obs_dim, obs) == 0 &&
         memcmp(a->action + i * a->act_dim, b->action + j * b->act_dim, action) == 0 &&
         memcmp(a->next_obs + i * a->obs_dim, b->next_obs + j * b->obs_dim, obs) == 0 &&
         memcmp(&a->reward[i], &b->reward[j], sizeof(float)) == 0 &&
         memcmp(&a->discount[i], &b->discount[j], sizeof(float)) == 0;
}

uint32_t rollout_rows_agree(const struct transition_batch *a, uint32_t from, const struct transition_batch *b,
                            uint32_t environment) {
  uint32_t rows = 0, i = next_row(a, environment, from), j = next_row(b, environment, 0);
  while (i < a->rows && j < b->rows) {
    CU_ASSERT(rollout_row_agrees(a, i, b, j));
    rows++;
    i = next_row(a, environment, i + 1);
    j = next_row(b, environment, j + 1);
  }
  CU_ASSERT_EQUAL(i, a->rows);
  CU_ASSERT_EQUAL(j, b->rows);
  return rows;
}

uint32_t rollout_episodes_agree(const struct transition_batch *a, const struct transition_batch *b,
                                uint32_t environment) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < b->episodes; i++) {
    if (b->episode[i].environment != environment) continue;
    bool same = false;
    for (uint32_t j = 0; j < a->episodes; j++)
      same = same || (a->episode[j].environment == environment && a->episode[j].episode == b->episode[i].episode &&
                      a->episode[j].length == b->episode[i].length && a->episode[j].agents == b->episode[i].agents &&
                      a->episode[j].episode_return == b->episode[i].episode_return);
    CU_ASSERT(same);
    found++;
  }
  return found;
}
