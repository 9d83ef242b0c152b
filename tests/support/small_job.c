#include "tests/support/small_job.h"

#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "tests/support/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(enum status status, const struct error *error) {
  if (status == STATUS_OK) return;
  fprintf(stderr, "tests/support/small_job.c: %s\n", error->text);
  exit(1);
}

struct config small_config(void) {
  struct config config;
  options_defaults(&config);
  snprintf(config.env, sizeof config.env, "Small-v0");
  config.seed = 7;
  config.sync = true;
  config.envs = SMALL_ENVS;
  config.hidden = (struct config_widths){2, {8, 6}};
  config.normalize_observations = true;
  config.batch_size = 4;
  config.n_step = 3;
  config.learning_starts = 10;
  config.replay_capacity = SMALL_CAPACITY;
  return config;
}

static void choose(char choice[16], const char *name) { snprintf(choice, 16, "%s", name); }

struct config small_config_of(enum small_kind kind) {
  struct config config = small_config();
  if (kind == SMALL_PLAIN) return config;
  if (kind == SMALL_DENSE_BATCH) {
    config.policy_hidden = (struct config_widths){2, {7, 18}};
    config.critic_hidden = (struct config_widths){1, {9}};
    config.log_std_min = -10;
  } else {
    choose(config.network, "residual");
    choose(config.output_norm, "rms");
    config.hidden = (struct config_widths){2, {6, 6}};
    config.critic_hidden = (struct config_widths){1, {9}};
    config.expansion = 3;
  }
  if (kind == SMALL_RESIDUAL) {
    choose(config.critic_norm, "layer");
    return config;
  }
  choose(config.policy_norm, "batch");
  choose(config.critic_norm, "batch");
  choose(config.critic_loss, "categorical");
  config.value_atoms = 5;
  if (kind == SMALL_RESIDUAL_BATCH) {
    choose(config.log_std_form, "tanh");
    config.log_std_min = -10;
  }
  return config;
}

struct message_hello small_hello(uint32_t obs_dim, uint32_t act_dim) {
  struct error error = {0};
  struct message_hello hello = {.environment = "Small-v0", .obs_dim = obs_dim, .act_dim = act_dim, .can_save = true};
  hello.action_low = memory_alloc(act_dim, sizeof(double), "bounds", &error);
  hello.action_high = memory_alloc(act_dim, sizeof(double), "bounds", &error);
  must(error.status, &error);
  for (uint32_t i = 0; i < act_dim; i++) {
    hello.action_low[i] = -1.5 - i;
    hello.action_high[i] = 2.25 + i;
  }
  return hello;
}

struct message_hello small_hello_of_agents(uint32_t agents) {
  struct error error = {0};
  struct message_hello hello = small_hello(SMALL_OBS, SMALL_ACT);
  hello.environments = SMALL_ENVS;
  hello.agents = memory_alloc(SMALL_ENVS, sizeof *hello.agents, "agents", &error);
  must(error.status, &error);
  for (int e = 0; e < SMALL_ENVS; e++) hello.agents[e] = agents;
  return hello;
}

void small_job_init(struct job *job, const struct config *config) {
  struct error error = {0};
  struct message_hello hello = small_hello(SMALL_OBS, SMALL_ACT);
  must(job_init(job, config, &hello, &error), &error);
}

static void fill(struct numbers *numbers, float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = (float)numbers_uniform(numbers);
}

// Averages of squares.
static void fill_squares(struct numbers *numbers, float *values, size_t count) {
  fill(numbers, values, count);
  for (size_t i = 0; i < count; i++) values[i] *= values[i];
}

static uint64_t count(struct numbers *numbers) { return 1 + numbers_word(numbers) % 100000; }

static void fill_environment(struct numbers *numbers, struct snapshot *snapshot, uint32_t window, struct error *error) {
  snapshot->steps = count(numbers);
  snapshot->episode = count(numbers);
  snapshot->live = snapshot->environment % 3 != 1;
  snapshot->exact = snapshot->environment % 2 == 0;
  if (!snapshot->live) return;
  snapshot->episode_return = numbers_uniform(numbers);
  snapshot->episode_length = (uint32_t)count(numbers);
  snapshot->info_dim = 2;
  snapshot->info_count[1] = 3;
  snapshot->info_number[1] = -0.75;
  snapshot->window = snapshot->environment == 0 ? window : 0;
  fill(numbers, snapshot->obs, snapshot->obs_dim);
  fill(numbers, snapshot->history, snapshot->history_dim);
  fill(numbers, snapshot->window_obs, (size_t)snapshot->window * snapshot->obs_dim);
  fill(numbers, snapshot->window_action, (size_t)snapshot->window * snapshot->act_dim);
  fill(numbers, snapshot->window_reward, snapshot->window);
  for (uint32_t i = 0; i < snapshot->window; i++) snapshot->window_version[i] = count(numbers);
  must(buffer_reserve(&snapshot->state, 11, error), error);
  for (size_t i = 0; i < 11; i++) snapshot->state.data[i] = (uint8_t)numbers_word(numbers);
  snapshot->state.size = 11;
}

static void fill_metrics(struct numbers *numbers, struct metrics *metrics) {
  uint64_t *const counts[] = {&metrics->rows,     &metrics->last_steps, &metrics->last_updates, &metrics->episodes,
                              &metrics->updates,  &metrics->length_sum, &metrics->lag.count,    &metrics->lag.sum,
                              &metrics->lag.low,  &metrics->lag.high,   &metrics->age_count,    &metrics->age_sum,
                              &metrics->evaluated};
  double *const sums[] = {&metrics->last_seconds, &metrics->return_sum,      &metrics->return_low,
                          &metrics->return_high,  &metrics->critic_loss_sum, &metrics->policy_loss_sum,
                          &metrics->alpha_sum,    &metrics->entropy_sum,     &metrics->q_mean_sum,
                          &metrics->learner_wait, &metrics->actor_wait,      &metrics->eval_return};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) *counts[i] = count(numbers);
  metrics->eval_cut = metrics->evaluated + 1;
  metrics->eval_steps = metrics->evaluated + 2;
  metrics->last_transitions = metrics->evaluated + 3;
  metrics->agents_return_sum = metrics->return_sum / 2;
  metrics->policy_weight_sum = 1.5;
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) *sums[i] = numbers_uniform(numbers);
}

// Of `count` networks; the same numbers on each backend.
static void fill_nets(struct numbers *numbers, const struct mlp *net, uint32_t count, float *parameters,
                      void (*fill_one)(struct numbers *, float *, size_t)) {
  struct error error = {0};
  float *dense = memory_alloc(mlp_dense_size(net), sizeof *dense, "a network", &error);
  must(error.status, &error);
  for (uint32_t k = 0; k < count; k++) {
    fill_one(numbers, dense, mlp_dense_size(net));
    mlp_import(net, dense, parameters + k * net->parameters);
  }
  memory_free(dense);
}

// Of `count` networks: means and variances.
static void fill_statistics(struct numbers *numbers, const struct mlp *net, uint32_t count, float *statistics) {
  for (uint32_t k = 0; k < count; k++, statistics += net->statistics) {
    fill(numbers, statistics, net->statistics);
    for (uint32_t i = 0; net->batch && i < net->input; i++)
      statistics[net->input_variance + i] = 0.3f + fabsf(statistics[net->input_variance + i]);
    for (uint32_t l = 0; l < net->layers; l++)
      for (uint32_t o = 0; net->layer[l].norm == MLP_NORM_BATCH && o < net->layer[l].out; o++)
        statistics[net->layer[l].variance + o] = 0.3f + fabsf(statistics[net->layer[l].variance + o]);
  }
}

static void fill_sac(struct numbers *numbers, struct sac *sac) {
  const struct critics *critics = &sac->critics;
  fill_nets(numbers, &sac->policy_net, 1, sac->policy, fill);
  fill_nets(numbers, &critics->net, critics->count, critics->parameters, fill);
  fill_nets(numbers, &critics->net, critics->count, critics->targets, fill);
  fill_nets(numbers, &sac->policy_net, 1, sac->policy_adam.m, fill);
  fill_nets(numbers, &sac->policy_net, 1, sac->policy_adam.v, fill_squares);
  fill_nets(numbers, &critics->net, critics->count, sac->critics_adam.m, fill);
  fill_nets(numbers, &critics->net, critics->count, sac->critics_adam.v, fill_squares);
  sac->policy_adam.step = count(numbers);
  sac->critics_adam.step = count(numbers);
  sac->alpha_adam.m = numbers_uniform(numbers);
  sac->alpha_adam.v = fabs(numbers_uniform(numbers));
  sac->alpha_adam.step = count(numbers);
  sac->log_alpha = numbers_uniform(numbers);
  fill_statistics(numbers, &sac->policy_net, 1, sac->policy_statistics);
  fill_statistics(numbers, &critics->net, critics->count, critics->statistics);
  fill_statistics(numbers, &critics->net, critics->count, critics->target_statistics);
  sac_refresh(sac);
}

static void fill_rewards(struct numbers *numbers, struct reward_statistics *rewards) {
  rewards->count = count(numbers);
  rewards->mean = numbers_uniform(numbers);
  rewards->m2 = fabs(numbers_uniform(numbers));
  rewards->highest = fabs(numbers_uniform(numbers));
  for (uint32_t e = 0; e < rewards->environments; e++) {
    rewards->returns[e] = numbers_uniform(numbers);
    rewards->last[e] = numbers_word(numbers);
  }
}

// Steps of all environments in turn. Their episodes have 5 steps each; of every 11th step the row is lost.
static void fill_linked(struct job *job, struct numbers *numbers, uint32_t rows) {
  const uint32_t obs_dim = job->environment.obs_dim, act_dim = job->environment.act_dim, envs = SMALL_ENVS;
  struct error error = {0};
  float *values = memory_alloc((size_t)(envs + 1) * obs_dim + act_dim + 1, sizeof *values, "a step", &error);
  must(error.status, &error);
  float *next_obs = values + (size_t)envs * obs_dim, *action = next_obs + obs_dim;
  for (uint32_t r = 0; r < rows; r++) {
    const uint32_t e = r % envs, step = r / envs % 5;
    float *obs = values + (size_t)e * obs_dim;
    if (step == 0) fill(numbers, obs, obs_dim);
    fill(numbers, next_obs, obs_dim + act_dim + 1);
    const struct replay_step made = {
        e, r / envs / 5, step, obs, action, next_obs, action[act_dim], step == 4 ? 0 : (float)job->config.gamma};
    if (r % 11 != 10) replay_insert_step(job->replay, &made);
    normalizer_update(&job->normalizer, obs);
    memcpy(obs, next_obs, obs_dim * sizeof *obs);
  }
  memory_free(values);
}

static void fill_rows(struct job *job, struct numbers *numbers, uint32_t rows) {
  struct error error = {0};
  const uint32_t obs_dim = job->environment.obs_dim, act_dim = job->environment.act_dim;
  float *row = memory_alloc(2 * (size_t)obs_dim + act_dim + 2, sizeof *row, "a row", &error);
  must(error.status, &error);
  for (uint32_t r = 0; r < rows; r++) {
    fill(numbers, row, 2 * (size_t)obs_dim + act_dim + 2);
    float *action = row + obs_dim, *next_obs = action + act_dim, *reward = next_obs + obs_dim;
    reward[1] = fabsf(reward[1]); // the discount
    replay_insert(job->replay, 1, row, action, reward, next_obs, reward + 1);
    normalizer_update(&job->normalizer, row);
  }
  memory_free(row);
}

void small_job_fill(struct job *job, uint64_t seed, uint32_t rows) {
  struct error error = {0};
  struct numbers numbers = {seed};
  fill_sac(&numbers, &job->sac);
  if (replay_is_linked(job->replay))
    fill_linked(job, &numbers, rows);
  else
    fill_rows(job, &numbers, rows);
  job->limiter.steps = count(&numbers);
  job->limiter.updates = job->sac.updates = count(&numbers);
  job->limiter.base_steps = count(&numbers);
  job->limiter.base_updates = count(&numbers);
  job->limiter.transitions = job->limiter.steps + 5;
  job->limiter.base_transitions = job->limiter.base_steps + 1;
  job->episodes = count(&numbers);
  job->policy_version = count(&numbers);
  job->evaluations = count(&numbers);
  job->dropped = count(&numbers);
  job->exact = true;
  job->seconds = 1000 + numbers_uniform(&numbers);
  job->best_return = numbers_uniform(&numbers);
  job->next_log = count(&numbers);
  job->next_eval = count(&numbers);
  job->next_checkpoint = count(&numbers);
  fill_metrics(&numbers, &job->metrics);
  for (uint64_t e = 0; e < job->config.envs; e++)
    fill_environment(&numbers, &job->environments[e], (uint32_t)config_row_steps(&job->config) - 1, &error);
  if (job->rewards.scaling != REWARD_RAW) fill_rewards(&numbers, &job->rewards);
}

float small_policy_weight(const struct job *job, uint32_t layer, size_t out, size_t in) {
  const struct mlp *net = &job->sac.policy_net;
  const struct linalg_shape shape = mlp_shape(net, layer);
  return job->sac.policy[net->layer[layer].weight + linalg_weight_index(&shape, out, in)];
}
