#include "learner/job/job.h"

#include "common/base/clock.h"

#include <assert.h>
#include <math.h>
#include <string.h>

_Static_assert(sizeof(real) == sizeof(float),
               "the learner computes in float; only the networks also compile with double");

// The first multiple of an `_every`; 0 turns it off.
static uint64_t first(uint64_t every) { return every ? every : UINT64_MAX; }

uint32_t job_agents(const struct job *job, uint64_t e) { return job->slots ? job->slots[e + 1] - job->slots[e] : 1; }

uint32_t job_most_agents(const struct job *job) {
  uint32_t most = 1;
  for (uint64_t e = 0; job->slots && e < job->config.envs; e++)
    if (job_agents(job, e) > most) most = job_agents(job, e);
  return most;
}

uint32_t job_slots(const struct job *job) {
  return job->slots ? job->slots[job->config.envs] : (uint32_t)job->config.envs;
}

static enum status init_slots(struct job *job, struct error *error) {
  const struct message_hello *hello = &job->environment;
  const uint64_t envs = job->config.envs;
  uint64_t sum = 0;
  if (hello->environments == 0) return STATUS_OK;
  assert(hello->environments == envs);
  job->slots = memory_alloc(envs + 1, sizeof *job->slots, "the numbers of agents", error);
  if (!job->slots) return STATUS_MEMORY;
  for (uint64_t e = 0; e < envs; e++) {
    sum += hello->agents[e];
    if (sum > UINT32_MAX) return error_set(error, STATUS_USAGE, "a job has at most %u agents in all", UINT32_MAX);
    job->slots[e + 1] = (uint32_t)sum;
  }
  return STATUS_OK;
}

static enum status init_environments(struct job *job, struct error *error) {
  const uint32_t envs = (uint32_t)job->config.envs;
  job->environments = memory_alloc(envs, sizeof *job->environments, "the environments' snapshots", error);
  if (!job->environments) return STATUS_MEMORY;
  for (uint32_t e = 0; e < envs; e++) {
    struct snapshot *snapshot = &job->environments[e];
    const enum status status = snapshot_init_for(snapshot, &job->config, job->environment.obs_dim,
                                                 job->environment.act_dim, job_agents(job, e), error);
    if (status != STATUS_OK) return status;
    snapshot->environment = e;
  }
  return STATUS_OK;
}

static bool job_links_rows(const struct job *job) { return config_links_rows(&job->config, job->environment.obs_dim); }

// Each step makes a row of each agent, sooner or later. The last round, n-step windows and batches in flight may add
// some.
static uint64_t rows_to_come(const struct job *job, uint64_t steps) {
  const struct config *config = &job->config;
  const uint64_t left = config->env_steps > steps ? config->env_steps - steps : 0;
  const uint64_t round = config->sync ? 2 * config->envs * config->sync_steps : config->send_steps + config->envs;
  const uint64_t rows = left + round + 2 * config->envs * config->n_step + 1;
  const uint64_t most = (uint64_t)job_most_agents(job) * (job_links_rows(job) ? REPLAY_STEP_RECORDS : 1);
  return rows < UINT64_MAX / most ? rows * most : UINT64_MAX;
}

enum status job_reserve_replay(struct job *job, uint64_t rows, uint64_t steps, struct error *error) {
  const uint64_t come = rows_to_come(job, steps);
  return replay_reserve(job->replay, rows < UINT64_MAX - come ? rows + come : UINT64_MAX, error);
}

static struct history history(const struct job *job) {
  return history_of(&job->config, job->environment.obs_dim, job->environment.act_dim);
}

// A replay in which a transition keeps its history and its n steps until it is drawn.
static enum status check_capacity(const struct job *job, const struct replay_links *links, struct error *error) {
  const uint64_t chain = (uint64_t)links->history.length + links->n_step;
  const uint64_t least = (uint64_t)links->lanes * chain + REPLAY_STEP_RECORDS;
  if (job->config.replay_capacity >= least) return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "replay_capacity is %llu; with history %u, n_step %u and %u agents in all it must be %llu at least",
                   (unsigned long long)job->config.replay_capacity, links->history.length, links->n_step,
                   job_slots(job), (unsigned long long)least);
}

static enum status init_replay(struct job *job, struct error *error) {
  const struct config *config = &job->config;
  const uint64_t most = rows_to_come(job, 0);
  if (job_links_rows(job)) {
    const struct replay_links links = {.history = history(job),
                                       .n_step = (uint32_t)config->n_step,
                                       .gamma = config->gamma,
                                       .lanes = job_slots(job) + 1}; // that of logged rows is the last
    if (check_capacity(job, &links, error) != STATUS_OK) return STATUS_USAGE;
    job->replay = replay_create_linked(config->replay_capacity, most, &links, error);
  } else {
    job->replay =
        replay_create_for(config->replay_capacity, most, job->environment.obs_dim, job->environment.act_dim, error);
  }
  return job->replay ? STATUS_OK : error->status;
}

enum status job_unlink_replay(struct job *job, struct error *error) {
  assert(job->config.history <= 1 && replay_size(job->replay) == 0);
  replay_destroy(job->replay);
  job->replay = replay_create_for(job->config.replay_capacity, rows_to_come(job, 0), job->environment.obs_dim,
                                  job->environment.act_dim, error);
  return job->replay ? STATUS_OK : error->status;
}

static enum status init_scales(struct job *job, struct error *error) {
  const uint32_t input = job_input(job);
  job->shift = memory_alloc(input, sizeof *job->shift, "the normalizer", error);
  job->scale = memory_alloc(input, sizeof *job->scale, "the normalizer", error);
  if (!job->shift || !job->scale) return STATUS_MEMORY;
  for (uint32_t i = 0; i < input; i++) job->scale[i] = 1;
  return STATUS_OK;
}

static enum status init_parts(struct job *job, struct error *error) {
  const struct config *config = &job->config;
  const uint32_t obs_dim = job->environment.obs_dim, act_dim = job->environment.act_dim;
  job->team = thread_team_create(config->learner_threads > 0 ? (unsigned)config->learner_threads : 1, error);
  if (!job->team) return error->status;
  enum status status = history_check(config, job->environment.environment, obs_dim, act_dim,
                                     job->environment.max_episode_steps, WIRE_MAX_DIM, error);
  if (status != STATUS_OK) return status;
  status = sac_init(&job->sac, config, network_input(config, obs_dim, act_dim), act_dim, job->team, error);
  if (status == STATUS_OK) status = normalizer_init(&job->normalizer, obs_dim, error);
  if (status == STATUS_OK) status = reward_statistics_init(&job->rewards, config, job_slots(job), error);
  if (status == STATUS_OK) status = init_replay(job, error);
  if (status == STATUS_OK) status = init_scales(job, error);
  if (status != STATUS_OK) return status;
  job->sample = memory_alloc(config->batch_size, sizeof *job->sample, "an update's rows", error);
  return job->sample ? init_environments(job, error) : STATUS_MEMORY;
}

enum status job_init(struct job *job, const struct config *config, struct message_hello *hello, struct error *error) {
  *job = (struct job){.config = *config,
                      .environment = *hello,
                      .started = clock_now(),
                      .best_return = -INFINITY,
                      .next_log = first(config->log_every),
                      .next_eval = first(config->eval_every),
                      .next_checkpoint = first(config->checkpoint_every)};
  *hello = (struct message_hello){0};
  rate_limiter_init(&job->limiter, config->utd, config->utd_slack, config->learning_starts);
  job->limiter.by_transition = strcmp(config->utd_per, "transition") == 0;
  struct error unheard = {0}; // the parts return their status through it
  if (!error) error = &unheard;
  enum status status = init_slots(job, error);
  if (status == STATUS_OK) status = init_parts(job, error);
  if (status == STATUS_OK) status = sac_init_parameters(&job->sac, config->seed, error);
  if (status != STATUS_OK) job_release(job);
  return status;
}

void job_release(struct job *job) {
  for (uint64_t e = 0; job->environments && e < job->config.envs; e++) snapshot_release(&job->environments[e]);
  memory_free(job->environments);
  memory_free(job->slots);
  memory_free(job->sample);
  memory_free(job->shift);
  memory_free(job->scale);
  replay_destroy(job->replay);
  normalizer_release(&job->normalizer);
  reward_statistics_release(&job->rewards);
  sac_release(&job->sac);
  thread_team_destroy(job->team);
  message_hello_release(&job->environment);
  *job = (struct job){0};
}

double job_seconds(const struct job *job) { return job->seconds + (job->started > 0 ? clock_now() - job->started : 0); }

uint64_t job_threshold_after(uint64_t next, uint64_t every, uint64_t steps) {
  return next + every * ((steps - next) / every + 1);
}

static uint32_t slot_of(const struct job *job, const struct job_rows *from, size_t r) {
  const uint32_t e = from->environment ? from->environment[r] : 0;
  return job->slots ? job->slots[e] + (from->agent ? from->agent[r] : 0) : e;
}

static void insert_steps(struct job *job, size_t rows, const struct job_rows *from) {
  const size_t obs_dim = job->environment.obs_dim, act_dim = job->environment.act_dim;
  for (size_t r = 0; r < rows; r++)
    replay_insert_step(job->replay,
                       &(struct replay_step){.lane = from->logged ? job_logged_lane(job) : slot_of(job, from, r),
                                             .episode = from->episode_number[r],
                                             .step = from->episode_step[r],
                                             .obs = from->obs + r * obs_dim,
                                             .action = from->action + r * act_dim,
                                             .next_obs = from->next_obs + r * obs_dim,
                                             .reward = from->reward[r],
                                             .discount = from->discount[r]});
}

void job_insert(struct job *job, size_t rows, const struct job_rows *from) {
  const uint32_t obs_dim = job->environment.obs_dim;
  if (replay_is_linked(job->replay))
    insert_steps(job, rows, from);
  else
    replay_insert(job->replay, rows, from->obs, from->action, from->reward, from->next_obs, from->discount);
  for (size_t r = 0; job->config.normalize_observations && r < rows; r++)
    normalizer_update(&job->normalizer, from->obs + r * obs_dim);
  for (size_t r = 0; job->rewards.scaling != REWARD_RAW && r < rows; r++)
    reward_statistics_update(&job->rewards, slot_of(job, from, r), obs_dim,
                             &(struct reward_row){.obs = from->obs + r * obs_dim,
                                                  .next_obs = from->next_obs + r * obs_dim,
                                                  .reward = from->reward[r],
                                                  .discount = from->discount[r]});
}

static void scale_rewards(const struct job *job, const struct sac_batch *batch) {
  const double scale = reward_statistics_scale(&job->rewards);
  for (size_t i = 0; i < batch->rows; i++) batch->reward[i] = (real)((double)batch->reward[i] / scale);
}

// Writes what normalises an input (job_input): each of its observations likewise, and no action, whose places are 0
// and 1.
static void export_scales(const struct job *job, float *shift, float *scale) {
  const struct history seen = history(job);
  for (uint32_t i = 0; i < seen.length; i++) {
    const uint32_t at = history_offset(&seen, i);
    normalizer_export(&job->normalizer, shift + at, scale + at);
  }
}

void job_sample(struct job *job) {
  struct sac_batch *batch = sac_batch(&job->sac);
  struct random random = random_stream(job->config.seed, RANDOM_REPLAY, 0, job->sac.updates);
  replay_draw(job->replay, &random, batch->rows, job->sample);
  replay_gather(job->replay, job->sample, batch);
  if (job->rewards.scaling != REWARD_RAW) scale_rewards(job, batch);
  if (job->config.normalize_observations) { // element by element, so in place
    const size_t dim = job_input(job);
    export_scales(job, job->shift, job->scale);
    for (size_t i = 0; i < batch->rows; i++) {
      real *obs = batch->input + i * batch->width, *next_obs = batch->next_input + i * batch->width;
      normalizer_apply(1, dim, job->shift, job->scale, obs, obs);
      normalizer_apply(1, dim, job->shift, job->scale, next_obs, next_obs);
    }
  }
  const double progress = (double)job->limiter.steps / (double)job->config.env_steps; // NaN of 0 steps
  batch->progress = progress < 1 ? progress : 1;
  sac_draw(&job->sac, job->config.seed);
}

static void export_normalizer(const struct job *job, struct policy_weights *weights) {
  weights->version = job->policy_version;
  weights->normalize = job->config.normalize_observations;
  if (weights->normalize) {
    export_scales(job, weights->shift, weights->scale);
    return;
  }
  for (uint32_t i = 0; i < weights->obs_dim; i++) {
    weights->shift[i] = 0;
    weights->scale[i] = 1;
  }
}

void job_export_policy(const struct job *job, struct policy_weights *weights) {
  export_normalizer(job, weights);
  mlp_export(&job->sac.acting_net, job->sac.acting, weights->values);
}

struct policy_view job_view_policy(const struct job *job, struct policy_weights *weights) {
  export_normalizer(job, weights);
  return (struct policy_view){weights->version, weights->obs_dim, weights->normalize,
                              weights->shift,   weights->scale,   job->sac.acting_net.parameters,
                              job->sac.acting};
}
