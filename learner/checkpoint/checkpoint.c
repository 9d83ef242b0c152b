#include "learner/checkpoint/checkpoint.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/config/cases.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_layout.h"
#include "learner/storage/checkpoint_ring.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(sizeof(real) == sizeof(float), "a checkpoint holds float networks");

// --- the head ---

static enum status format_config(const struct config *config, char **text, struct error *error) {
  const size_t size = options_format_yaml(config, NULL, 0);
  *text = memory_alloc(size + 1, 1, "the configuration's text", error);
  if (!*text) return STATUS_MEMORY;
  options_format_yaml(config, *text, size + 1);
  return STATUS_OK;
}

static enum status describe(struct checkpoint_info *info, const struct job *job, struct error *error) {
  *info = (struct checkpoint_info){.format_version = CHECKPOINT_FORMAT,
                                   .program_version = CORSAC_VERSION,
                                   .env_steps = job->limiter.steps,
                                   .updates = job->limiter.updates,
                                   .episodes = job->episodes,
                                   .policy_version = job->policy_version,
                                   .eval_return = NAN,
                                   .learner_threads = (uint32_t)job->config.learner_threads,
                                   .obs_dim = job->environment.obs_dim,
                                   .act_dim = job->environment.act_dim};
  clock_format(info->created, sizeof info->created);
  snprintf(info->blas_core, sizeof info->blas_core, "%s", linalg_core_name());
  snprintf(info->environment, sizeof info->environment, "%s", job->environment.environment);
  return format_config(&job->config, &info->config, error);
}

// --- the job but for its replay ---

_Static_assert((int)CHECKPOINT_COLUMNS == (int)REPLAY_COLUMNS && REPLAY_OBS == 0 && REPLAY_BACK == 5,
               "the replay's columns are those of the layout");

static struct checkpoint_shape shape_of(const struct job *job) {
  struct checkpoint_shape shape = checkpoint_shape_of(&job->config, job->environment.obs_dim, job->environment.act_dim);
  shape.slots = job->rewards.environments;
  shape.linked = replay_is_linked(job->replay);
  return shape;
}

// Networks whose values are in the backend's order.
static struct checkpoint_nets nets_of(const struct mlp *net, real *values) {
  return (struct checkpoint_nets){
      .values = values, .net = net, .stride = net->parameters, .to_dense = mlp_export, .from_dense = mlp_import};
}

// The same with running statistics.
static struct checkpoint_nets trained_of(const struct mlp *net, real *values, real *statistics) {
  struct checkpoint_nets nets = nets_of(net, values);
  nets.statistics = statistics;
  return nets;
}

#define COUNT(type, name, member) +1
_Static_assert(sizeof(struct metrics) == (0 CHECKPOINT_SUMS(COUNT, COUNT) + 2 * WIRE_INFO + 5 * CONFIG_MAX_CASES) * 8,
               "CHECKPOINT_SUMS lists every member of struct metrics");

#define POINTER(type, name, member) .name = &metrics->member,
static struct checkpoint_sums sums_of(struct metrics *metrics, const struct job *job) {
  struct checkpoint_sums sums = {CHECKPOINT_SUMS(POINTER, POINTER)};
  sums.info_dim = job->environment.info_dim;
  sums.info_count = metrics->info_count;
  sums.info_sum = metrics->info_sum;
  sums.cases = cases_count(&job->config);
  sums.case_episodes = metrics->case_episodes;
  sums.case_length_sum = metrics->case_length_sum;
  sums.case_return_sum = metrics->case_return_sum;
  sums.case_eval_episodes = metrics->case_eval_episodes;
  sums.case_eval_sum = metrics->case_eval_sum;
  return sums;
}

static void walk_job(struct h5 *h5, struct job *job) {
  struct sac *sac = &job->sac;
  const struct mlp *policy = &sac->policy_net, *critic = &sac->critics.net;
  const struct checkpoint_shape shape = shape_of(job);
  const struct checkpoint_parts parts = {
      .policy = trained_of(policy, sac->policy, sac->policy_statistics),
      .acting = h5->writing ? nets_of(&sac->acting_net, sac->acting) : (struct checkpoint_nets){0},
      .critics = trained_of(critic, sac->critics.parameters, sac->critics.statistics),
      .targets = trained_of(critic, sac->critics.targets, sac->critics.target_statistics),
      .policy_adam = {nets_of(policy, sac->policy_adam.m), nets_of(policy, sac->policy_adam.v), &sac->policy_adam.step},
      .critics_adam = {nets_of(critic, sac->critics_adam.m), nets_of(critic, sac->critics_adam.v),
                       &sac->critics_adam.step},
      .alpha_m = &sac->alpha_adam.m,
      .alpha_v = &sac->alpha_adam.v,
      .alpha_step = &sac->alpha_adam.step,
      .log_alpha = &sac->log_alpha,
      .normalizer = &job->normalizer,
      .rewards = {&job->rewards.count, &job->rewards.mean, &job->rewards.m2, &job->rewards.highest,
                  job->rewards.returns, job->rewards.last},
      .steps = &job->limiter.steps,
      .updates = &job->limiter.updates,
      .base_steps = &job->limiter.base_steps,
      .base_updates = &job->limiter.base_updates,
      .transitions = &job->limiter.transitions,
      .base_transitions = &job->limiter.base_transitions,
      .sums = sums_of(&job->metrics, job),
      .seconds = &job->seconds,
      .best_return = &job->best_return,
      .next_log = &job->next_log,
      .next_eval = &job->next_eval,
      .next_checkpoint = &job->next_checkpoint,
      .evaluations = &job->evaluations,
      .dropped = &job->dropped,
      .environments = job->environments,
  };
  checkpoint_walk_parts(h5, &shape, &parts);
  if (!h5->writing) sac_refresh(sac);
}

// --- the replay ---

// Sleeps as long as the work since `began` took. The kernel gives a thread that never sleeps a core for milliseconds at
// a time, which may be the core that updates run on.
static void leave_core(const struct checkpoint_watch *watch, double began) {
  if (!watch || atomic_load_explicit(&watch->urgent, memory_order_relaxed)) return;
  const double worked = fmin(clock_now() - began, 0.02);
  nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * worked)}, NULL);
}

static void write_lanes(struct h5 *h5, const struct job *job) {
  struct checkpoint_lanes lanes;
  h5->status = checkpoint_lanes_init(&lanes, job_slots(job), h5->error); // logged rows go on nowhere
  for (uint32_t l = 0; h5->status == STATUS_OK && l < job_slots(job); l++) {
    const struct replay_lane lane = replay_lane(job->replay, l);
    lanes.record[l] = lane.record;
    lanes.episode[l] = lane.episode;
    lanes.step[l] = lane.step;
  }
  if (h5->status == STATUS_OK) checkpoint_walk_lanes(h5, &lanes);
  checkpoint_lanes_release(&lanes);
}

// A row has the same index in the file and in memory. The chunks are written once around the ring, beginning with that
// of the oldest row, because a view releases rows in the order in which they will be overwritten.
static void write_replay(struct h5 *h5, const struct job *job, const struct checkpoint_watch *watch) {
  struct replay *replay = job->replay;
  struct checkpoint_ring ring = {replay_size(replay), replay_cursor(replay), replay_capacity(replay)};
  const struct checkpoint_shape shape = shape_of(job);
  const uint64_t size = ring.size;
  struct checkpoint_columns columns;
  if (h5->status != STATUS_OK) return;
  checkpoint_walk_ring(h5, &ring);
  if (shape.linked) write_lanes(h5, job);
  checkpoint_columns_open(h5, &columns, &shape, size);
  const uint64_t oldest = size == ring.capacity ? ring.cursor : 0, chunks = (size + columns.rows - 1) / columns.rows;
  for (uint64_t i = 0, released = 0; i < chunks && h5->status == STATUS_OK; i++) {
    const uint64_t row = (oldest / columns.rows + i) % chunks * columns.rows;
    const uint64_t count = size - row < columns.rows ? size - row : columns.rows;
    const double began = clock_now();
    replay_read_rows(replay, row, count, columns.chunk);
    // The first chunk may also hold the newest rows, which are released last.
    released += i == 0 ? row + count - oldest : count;
    replay_view_release(replay, i + 1 < chunks ? released : size);
    checkpoint_columns_move(h5, &columns, row, count);
    leave_core(watch, began);
  }
  checkpoint_columns_close(h5, &columns);
}

// Row (oldest + i) mod size of the file becomes row i in memory. The chunk that the oldest row divides goes to two
// places.
static void read_rows(struct h5 *h5, struct job *job, uint64_t size, uint64_t oldest) {
  const struct checkpoint_shape shape = shape_of(job);
  struct checkpoint_columns columns;
  checkpoint_columns_open(h5, &columns, &shape, size);
  if (h5->status == STATUS_OK) h5->status = job_reserve_replay(job, size, job->limiter.steps, h5->error);
  for (uint64_t row = 0; row < size; row += columns.rows) {
    const uint64_t count = size - row < columns.rows ? size - row : columns.rows;
    checkpoint_columns_move(h5, &columns, row, count);
    if (h5->status != STATUS_OK) break;
    const uint64_t before = row < oldest && oldest < row + count ? oldest - row : count;
    const float *from[REPLAY_COLUMNS], *rest[REPLAY_COLUMNS];
    for (int c = 0; c < REPLAY_COLUMNS; c++) {
      from[c] = columns.chunk[c];
      rest[c] = from[c] ? from[c] + before * columns.width[c] : NULL;
    }
    replay_write_rows(job->replay, (row + size - oldest) % size, before, from);
    replay_write_rows(job->replay, 0, count - before, rest);
  }
  checkpoint_columns_close(h5, &columns);
}

// Row 0 in memory is row `oldest` of the file.
static void read_lanes(struct h5 *h5, struct job *job, uint64_t size, uint64_t oldest) {
  struct checkpoint_lanes lanes = {0};
  checkpoint_walk_lanes(h5, &lanes);
  const uint32_t count = lanes.lanes < job_slots(job) ? (uint32_t)lanes.lanes : job_slots(job);
  struct replay_lane *to = memory_alloc(count, sizeof *to, "the replay's lanes", h5->error);
  if (!to && h5->status == STATUS_OK) h5->status = STATUS_MEMORY;
  for (uint32_t l = 0; h5->status == STATUS_OK && l < count; l++) {
    const uint64_t record = lanes.record[l];
    to[l] =
        (struct replay_lane){record < size ? (record + size - oldest) % size : record, lanes.episode[l], lanes.step[l]};
  }
  struct error why = {0};
  if (h5->status == STATUS_OK && replay_relink(job->replay, to, count, &why) != STATUS_OK)
    h5_fail(h5, why.status, "%s", why.text);
  memory_free(to);
  checkpoint_lanes_release(&lanes);
}

static void read_replay(struct h5 *h5, struct job *job) {
  struct checkpoint_ring ring = {0};
  const uint64_t room = replay_capacity(job->replay);
  checkpoint_walk_ring(h5, &ring);
  const uint64_t size = ring.size, cursor = ring.cursor, capacity = ring.capacity;
  if (size > room)
    h5_fail(h5, STATUS_MISMATCH,
            "/replay holds %" PRIu64 " rows, this configuration has room for %" PRIu64 " (replay_capacity)", size,
            room);
  const struct checkpoint_shape shape = shape_of(job);
  if (h5->status == STATUS_OK && shape.linked && !checkpoint_ring_is_linked(h5, &shape))
    h5->status = job_unlink_replay(job, h5->error);
  if (h5->status != STATUS_OK) return;

  // A full ring begins at its cursor. Where the capacity changes, the oldest row becomes the first.
  const uint64_t oldest = room != capacity && size == capacity ? cursor : 0;
  h5->hint = "/replay/size";
  read_rows(h5, job, size, oldest);
  h5->hint = "";
  if (h5->status != STATUS_OK) return;
  replay_set_state(job->replay, size, room == capacity ? cursor : size % room);
  if (replay_is_linked(job->replay)) read_lanes(h5, job, size, oldest);
}

// --- whole files ---

static enum status write_job(const char *path, const struct job *job, enum checkpoint_content content,
                             const struct checkpoint_watch *watch, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info;
  const bool with_replay = content == CHECKPOINT_ALL && job->config.checkpoint_replay;
  enum status status = describe(&info, job, error);
  if (status != STATUS_OK) return status;
  info.exact = job->exact && with_replay;
  struct job copy = *job; // the walk takes pointers into a job that may be changed, though writing changes nothing
  copy.seconds = job_seconds(job);
  h5_create(&h5, path, error);
  h5.abandon = watch ? &watch->abandon : NULL;
  checkpoint_walk_head(&h5, &info);
  checkpoint_walk_bounds(&h5, info.act_dim, job->environment.action_low, job->environment.action_high);
  walk_job(&h5, &copy);
  if (with_replay) write_replay(&h5, job, watch);
  checkpoint_info_release(&info);
  return h5_commit(&h5);
}

enum status checkpoint_write(const char *path, const struct job *job, enum checkpoint_content content,
                             struct error *error) {
  return write_job(path, job, content, NULL, error);
}

enum status checkpoint_write_in_background(const char *path, const struct job *job, enum checkpoint_content content,
                                           const struct checkpoint_watch *watch, struct error *error) {
  return write_job(path, job, content, watch, error);
}

enum status checkpoint_write_policy(const char *path, const struct job *job, const struct checkpoint_policy *policy,
                                    struct error *error) {
  struct h5 h5;
  struct checkpoint_info info;
  enum status status = describe(&info, job, error);
  if (status != STATUS_OK) return status;
  info.env_steps = policy->env_steps;
  info.updates = policy->updates;
  info.episodes = policy->episodes;
  info.eval_return = policy->eval_return;
  info.policy_version = policy->weights->version;
  struct normalizer statistics = *policy->normalizer;
  h5_create(&h5, path, error);
  checkpoint_walk_head(&h5, &info);
  checkpoint_walk_bounds(&h5, info.act_dim, job->environment.action_low, job->environment.action_high);
  const struct checkpoint_shape shape = shape_of(job);
  checkpoint_walk_policy(&h5, &shape, &(struct checkpoint_nets){.values = policy->weights->values});
  checkpoint_walk_normalizer(&h5, &statistics);
  checkpoint_info_release(&info);
  return h5_commit(&h5);
}

static void check_environment(struct h5 *h5, const struct checkpoint_info *info, const struct job *job) {
  const struct message_hello *now = &job->environment;
  if (info->obs_dim != now->obs_dim || info->act_dim != now->act_dim)
    h5_fail(h5, STATUS_MISMATCH,
            "saved with %.64s (obs_dim %u, act_dim %u), %.64s has obs_dim %u and act_dim %u: a resumed job keeps its "
            "environment's dimensions",
            info->environment, info->obs_dim, info->act_dim, now->environment, now->obs_dim, now->act_dim);
  if (!info->resumable) h5_fail(h5, STATUS_USAGE, "holds a policy without the rest of its job: nothing to resume");
  if (h5->status == STATUS_OK && strcmp(info->environment, now->environment) != 0)
    log_warn("%s: saved with %s, goes on with %s", h5->path, info->environment, now->environment);
}

// The environment decides its bounds. A policy that was trained with other bounds may act differently now.
static void compare_bounds(struct h5 *h5, const struct message_hello *now) {
  const size_t bytes = now->act_dim * sizeof(double);
  double *saved = memory_alloc(2 * (size_t)now->act_dim, sizeof *saved, "action bounds", h5->error);
  if (!saved) {
    h5->status = STATUS_MEMORY;
    return;
  }
  checkpoint_walk_bounds(h5, now->act_dim, saved, saved + now->act_dim);
  if (h5->status == STATUS_OK &&
      (memcmp(saved, now->action_low, bytes) != 0 || memcmp(saved + now->act_dim, now->action_high, bytes) != 0))
    log_warn("%s: the environment's action bounds are not those of this checkpoint; its own are used", h5->path);
  memory_free(saved);
}

enum status checkpoint_read(const char *path, struct job *job, bool *has_replay, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info = {0};
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, &info);
  check_environment(&h5, &info, job);
  if (h5.status == STATUS_OK) compare_bounds(&h5, &job->environment);
  walk_job(&h5, job);
  if (!h5_has(&h5, "learner/last_transitions"))
    job->metrics.last_transitions = job->metrics.last_steps; // an older file
  *has_replay = h5_has(&h5, "replay");
  if (*has_replay) read_replay(&h5, job);
  job->sac.updates = job->limiter.updates;
  job->episodes = info.episodes;
  job->policy_version = info.policy_version;
  job->exact = info.exact;
  job->started = clock_now();
  checkpoint_info_release(&info);
  return h5_close(&h5);
}
