#include "learner/checkpoint.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "learner/checkpoint_head.h"
#include "learner/checkpoint_metrics.h"
#include "learner/checkpoint_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(sizeof(real) == sizeof(float), "a checkpoint holds float networks");

// Each walk_ function is the layout of one part, for writing and for reading.

// --- the head: attributes and /config ---

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
                                   .learner_threads = (uint32_t)job->config.learner_threads,
                                   .obs_dim = job->environment.obs_dim,
                                   .act_dim = job->environment.act_dim};
  clock_format(info->created, sizeof info->created);
  snprintf(info->blas_core, sizeof info->blas_core, "%s", linalg_core_name());
  snprintf(info->environment, sizeof info->environment, "%s", job->environment.environment);
  return format_config(&job->config, &info->config, error);
}

// --- networks and their optimizers ---

// The rows of a network's last layer, by what they mean.
struct head {
  const char *name;
  size_t rows;
};

// weight (out x in), bias (out); parameters NULL: only checks.
static void walk_linear(struct h5 *h5, const char *group, const char *name, size_t out, size_t in, real *weight,
                        real *bias) {
  h5_values(h5, h5_name(h5, "%s/%s/weight", group, name), H5_KIND_FLOAT, out, in, weight);
  h5_values(h5, h5_name(h5, "%s/%s/bias", group, name), H5_KIND_FLOAT, out, 0, bias);
}

static real *at(real *parameters, size_t offset) { return parameters ? parameters + offset : NULL; }

// Of a network with the dense layout.
static void walk_dense(struct h5 *h5, const char *group, const struct mlp *net, const struct head *heads,
                       size_t head_count, real *parameters) {
  const uint32_t hidden = net->layers - 1;
  char name[16];
  for (uint32_t l = 0; l < hidden; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    snprintf(name, sizeof name, "layer%u", l);
    walk_linear(h5, group, name, layer->out, layer->in, at(parameters, layer->weight), at(parameters, layer->bias));
    if (layer->norm) {
      h5_values(h5, h5_name(h5, "%s/%s/norm_scale", group, name), H5_KIND_FLOAT, layer->out, 0,
                at(parameters, layer->norm_scale));
      h5_values(h5, h5_name(h5, "%s/%s/norm_shift", group, name), H5_KIND_FLOAT, layer->out, 0,
                at(parameters, layer->norm_shift));
    } else {
      h5_absent(h5, h5_name(h5, "%s/%s/norm_scale", group, name));
    }
  }
  h5_absent(h5, h5_name(h5, "%s/layer%u", group, hidden));
  const struct mlp_layer *last = &net->layer[hidden];
  size_t row = 0;
  for (size_t h = 0; h < head_count; row += heads[h++].rows)
    walk_linear(h5, group, heads[h].name, heads[h].rows, last->in, at(parameters, last->weight + row * last->in),
                at(parameters, last->bias + row));
}

// In the file a network stands densely, `count` of them one after another, whatever the backend: the walk goes over a
// copy.
static real *dense_begin(struct h5 *h5, const struct mlp *net, size_t count, const real *parameters) {
  const size_t size = mlp_dense_size(net);
  real *dense = h5->status == STATUS_OK ? memory_alloc(count * size, sizeof *dense, "a network", h5->error) : NULL;
  if (!dense && h5->status == STATUS_OK) h5->status = STATUS_MEMORY;
  for (size_t k = 0; dense && h5->writing && k < count; k++)
    mlp_export(net, parameters + k * net->parameters, dense + k * size);
  return dense;
}

static void dense_end(struct h5 *h5, const struct mlp *net, size_t count, real *dense, real *parameters) {
  const size_t size = mlp_dense_size(net);
  for (size_t k = 0; h5->status == STATUS_OK && !h5->writing && k < count; k++)
    mlp_import(net, dense + k * size, parameters + k * net->parameters);
  memory_free(dense);
}

static void walk_network(struct h5 *h5, const char *group, const struct mlp *net, const struct head *heads,
                         size_t head_count, real *parameters) {
  const struct mlp dense_net = mlp_dense(net);
  real *dense = parameters ? dense_begin(h5, net, 1, parameters) : NULL;
  walk_dense(h5, group, &dense_net, heads, head_count, dense);
  if (dense) dense_end(h5, net, 1, dense, parameters);
}

static void walk_policy(struct h5 *h5, const struct mlp *net, real *parameters) {
  const size_t act_dim = net->output / 2;
  h5->hint = "hidden: fixed on resume";
  walk_network(h5, "policy", net, (const struct head[]){{"mean", act_dim}, {"log_std", act_dim}}, 2, parameters);
  h5->hint = "";
}

static void walk_critics(struct h5 *h5, const char *group, const struct critics *critics, real *parameters) {
  char name[32];
  h5->hint = "hidden, critics, critic_layer_norm: fixed on resume";
  for (uint32_t k = 0; k < critics->count; k++) {
    snprintf(name, sizeof name, "%s/%u", group, k);
    walk_network(h5, name, &critics->net, &(const struct head){"q", 1}, 1, parameters + k * critics->net.parameters);
  }
  h5_absent(h5, h5_name(h5, "%s/%u", group, critics->count));
  h5->hint = "";
}

static void walk_moment(struct h5 *h5, const char *name, const struct mlp *net, size_t count, real *moment) {
  real *dense = dense_begin(h5, net, count, moment);
  h5_values(h5, name, H5_KIND_FLOAT, count * mlp_dense_size(net), 0, dense);
  dense_end(h5, net, count, dense, moment);
}

// Of the optimizer of `count` networks.
static void walk_adam(struct h5 *h5, const char *group, const struct mlp *net, size_t count, struct adam *adam) {
  walk_moment(h5, h5_name(h5, "%s/m", group), net, count, adam->m);
  walk_moment(h5, h5_name(h5, "%s/v", group), net, count, adam->v);
  h5_u64(h5, h5_name(h5, "%s/step", group), &adam->step);
}

static void walk_sac(struct h5 *h5, struct sac *sac) {
  if (!h5->writing) sac->transposed = false;
  walk_policy(h5, &sac->policy_net, sac->policy);
  walk_critics(h5, "critics", &sac->critics, sac->critics.parameters);
  walk_critics(h5, "targets", &sac->critics, sac->critics.targets);
  walk_adam(h5, "optimizer/policy", &sac->policy_net, 1, &sac->policy_adam);
  walk_adam(h5, "optimizer/critics", &sac->critics.net, sac->critics.count, &sac->critics_adam);
  h5_double(h5, "optimizer/alpha/m", &sac->alpha_adam.m);
  h5_double(h5, "optimizer/alpha/v", &sac->alpha_adam.v);
  h5_u64(h5, "optimizer/alpha/step", &sac->alpha_adam.step);
  h5_double(h5, "temperature/log_alpha", &sac->log_alpha);
}

// --- the learner's counters ---

static void walk_limiter(struct h5 *h5, struct rate_limiter *limiter) {
  h5_u64(h5, "limiter/steps", &limiter->steps);
  h5_u64(h5, "limiter/updates", &limiter->updates);
  h5_u64(h5, "limiter/base_steps", &limiter->base_steps);
  h5_u64(h5, "limiter/base_updates", &limiter->base_updates);
}

static void walk_learner(struct h5 *h5, struct job *job) {
  checkpoint_walk_metrics(h5, &job->metrics, job->environment.info_dim);
  h5_double(h5, "learner/seconds", &job->seconds);
  h5_u64(h5, "learner/next_log", &job->next_log);
  h5_u64(h5, "learner/next_eval", &job->next_eval);
  h5_u64(h5, "learner/next_checkpoint", &job->next_checkpoint);
  h5_u64(h5, "learner/evaluations", &job->evaluations);
  h5_double(h5, "learner/best_return", &job->best_return);
  h5_u64(h5, "learner/dropped", &job->dropped);
}

// --- where the environments stand ---

// The running episode, and the transitions that its n-step window holds back.
static void walk_episode(struct h5 *h5, const char *group, struct snapshot *snapshot, uint64_t window_capacity) {
  h5_values(h5, h5_name(h5, "%s/obs", group), H5_KIND_FLOAT, snapshot->obs_dim, 0, snapshot->obs);
  h5_double(h5, h5_name(h5, "%s/episode_return", group), &snapshot->episode_return);
  h5_u32(h5, h5_name(h5, "%s/episode_length", group), &snapshot->episode_length);
  uint64_t window = snapshot->window;
  if (!h5->writing) {
    h5_name(h5, "%s/window_reward", group);
    window = h5_has(h5, h5->name) ? h5_rows(h5, h5->name) : 0;
    if (window > window_capacity)
      h5_fail(h5, STATUS_MISMATCH,
              "/%s has %" PRIu64 " rows, this configuration has room for %" PRIu64 " (n_step: fixed on resume)",
              h5->name, window, window_capacity);
    if (h5->status != STATUS_OK) return;
    snapshot->window = (uint32_t)window;
  }
  if (window == 0) return;
  h5_values(h5, h5_name(h5, "%s/window_obs", group), H5_KIND_FLOAT, window, snapshot->obs_dim, snapshot->window_obs);
  h5_values(h5, h5_name(h5, "%s/window_action", group), H5_KIND_FLOAT, window, snapshot->act_dim,
            snapshot->window_action);
  h5_values(h5, h5_name(h5, "%s/window_reward", group), H5_KIND_FLOAT, window, 0, snapshot->window_reward);
  h5_values(h5, h5_name(h5, "%s/window_version", group), H5_KIND_U64, window, 0, snapshot->window_version);
}

static void walk_state(struct h5 *h5, const char *group, struct buffer *state) {
  h5_name(h5, "%s/state", group);
  if (!h5->writing) {
    const uint64_t size = h5_rows(h5, h5->name);
    if (size > h5->bytes || size > WIRE_MAX_MESSAGE)
      h5_fail(h5, STATUS_FORMAT, "/%s of %" PRIu64 " bytes is larger than it can be", h5->name, size);
    if (h5->status != STATUS_OK) return;
    state->size = 0;
    h5->status = buffer_reserve(state, size, h5->error);
    state->size = h5->status == STATUS_OK ? size : 0;
  }
  h5_values(h5, h5->name, H5_KIND_U8, state->size, 0, state->data);
}

static void walk_environment(struct h5 *h5, const char *group, struct snapshot *snapshot, uint64_t window_capacity) {
  h5_u64(h5, h5_name(h5, "%s/steps", group), &snapshot->steps);
  h5_u64(h5, h5_name(h5, "%s/episode", group), &snapshot->episode);
  h5_flag(h5, h5_name(h5, "%s/live", group), &snapshot->live);
  h5_flag(h5, h5_name(h5, "%s/exact", group), &snapshot->exact);
  if (snapshot->live) walk_episode(h5, group, snapshot, window_capacity);
  walk_state(h5, group, &snapshot->state);
}

// async: environments that the file does not have begin anew, those beyond the configuration's are left out.
static void walk_environments(struct h5 *h5, struct job *job) {
  const uint32_t envs = (uint32_t)job->config.envs;
  char group[32];
  h5->hint = "envs: fixed on resume in sync mode";
  for (uint32_t e = 0; e < envs; e++) {
    snprintf(group, sizeof group, "actors/%u", e);
    if (!h5->writing && !job->config.sync && !h5_has(h5, group)) continue;
    walk_environment(h5, group, &job->environments[e], job->config.n_step - 1);
  }
  if (job->config.sync) h5_absent(h5, h5_name(h5, "actors/%u", envs));
  h5->hint = "";
}

// --- the replay ---

static const char *const column_name[REPLAY_COLUMNS] = {"obs", "action", "reward", "next_obs", "discount"};

// The columns of the replay, side by side: a piece of rows is moved in all of them at once.
struct columns {
  struct h5_table table[REPLAY_COLUMNS];
  float *piece[REPLAY_COLUMNS]; // rows of one piece, and a number more
  uint64_t rows;                // of a piece
};

static void columns_open(struct h5 *h5, struct columns *columns, const struct replay *replay, uint64_t size) {
  uint64_t width[REPLAY_COLUMNS], all = 0;
  for (int c = 0; c < REPLAY_COLUMNS; c++) all += width[c] = replay_column_width(replay, (enum replay_column)c);
  *columns = (struct columns){.rows = h5_piece_rows(size, all * sizeof(float))};
  for (int c = 0; c < REPLAY_COLUMNS; c++) {
    const bool flat = c == REPLAY_REWARD || c == REPLAY_DISCOUNT;
    h5_table_open(h5, &columns->table[c], h5_name(h5, "replay/%s", column_name[c]), size, flat ? 0 : width[c],
                  columns->rows);
    columns->piece[c] = memory_alloc(columns->rows * width[c] + 1, sizeof(float), "a piece of the replay", h5->error);
    if (!columns->piece[c] && h5->status == STATUS_OK) h5->status = STATUS_MEMORY;
  }
}

static void columns_move(struct h5 *h5, struct columns *columns, uint64_t row, uint64_t count) {
  for (int c = 0; c < REPLAY_COLUMNS; c++) h5_table_piece(h5, &columns->table[c], row, count, columns->piece[c]);
}

static void columns_close(struct h5 *h5, struct columns *columns) {
  for (int c = 0; c < REPLAY_COLUMNS; c++) {
    h5_table_close(h5, &columns->table[c]);
    memory_free(columns->piece[c]);
  }
}

// Sleeps as long as was worked since `began`. A thread that never does is given a core for milliseconds at a time,
// which may be the one that updates run on.
static void leave_core(const struct checkpoint_watch *watch, double began) {
  if (!watch || atomic_load_explicit(&watch->hurry, memory_order_relaxed)) return;
  const double worked = fmin(clock_now() - began, 0.02);
  nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * worked)}, NULL);
}

// A row stands in the file where it stands in memory, but the pieces are written from the oldest row's on, once around:
// a view lets go of rows in the order in which they are to be overwritten.
static void write_replay(struct h5 *h5, struct replay *replay, const struct checkpoint_watch *watch) {
  uint64_t size = replay_size(replay), cursor = replay_cursor(replay), capacity = replay_capacity(replay);
  if (h5->status != STATUS_OK) return;
  struct columns columns;
  h5_u64(h5, "replay/size", &size);
  h5_u64(h5, "replay/cursor", &cursor);
  h5_u64(h5, "replay/capacity", &capacity);
  columns_open(h5, &columns, replay, size);
  const uint64_t oldest = size == capacity ? cursor : 0, pieces = (size + columns.rows - 1) / columns.rows;
  for (uint64_t p = 0, gone = 0; p < pieces && h5->status == STATUS_OK; p++) {
    const uint64_t row = (oldest / columns.rows + p) % pieces * columns.rows;
    const uint64_t count = size - row < columns.rows ? size - row : columns.rows;
    const double began = clock_now();
    replay_read_rows(replay, row, count, columns.piece);
    gone += p == 0 ? row + count - oldest : count; // the first piece may also hold the newest rows: they come last
    replay_view_let_go(replay, p + 1 < pieces ? gone : size);
    columns_move(h5, &columns, row, count);
    leave_core(watch, began);
  }
  columns_close(h5, &columns);
}

// File row (oldest + i) mod size becomes memory row i. A piece that the oldest row divides goes to two places.
static void read_rows(struct h5 *h5, struct job *job, uint64_t size, uint64_t oldest) {
  struct replay *replay = job->replay;
  struct columns columns;
  columns_open(h5, &columns, replay, size);
  if (h5->status == STATUS_OK) h5->status = job_reserve_replay(job, size, job->limiter.steps, h5->error);
  for (uint64_t row = 0; row < size; row += columns.rows) {
    const uint64_t count = size - row < columns.rows ? size - row : columns.rows;
    columns_move(h5, &columns, row, count);
    if (h5->status != STATUS_OK) break;
    const uint64_t before = row < oldest && oldest < row + count ? oldest - row : count;
    const float *from[REPLAY_COLUMNS], *rest[REPLAY_COLUMNS];
    for (int c = 0; c < REPLAY_COLUMNS; c++) {
      from[c] = columns.piece[c];
      rest[c] = from[c] + before * replay_column_width(replay, (enum replay_column)c);
    }
    replay_write_rows(replay, (row + size - oldest) % size, before, from);
    replay_write_rows(replay, 0, count - before, rest);
  }
  columns_close(h5, &columns);
}

static void read_replay(struct h5 *h5, struct job *job) {
  uint64_t size = 0, cursor = 0, capacity = 0;
  const uint64_t room = replay_capacity(job->replay);
  h5_u64(h5, "replay/size", &size);
  h5_u64(h5, "replay/cursor", &cursor);
  h5_u64(h5, "replay/capacity", &capacity);
  if (size > capacity || cursor >= capacity || (size < capacity && cursor != size))
    h5_fail(h5, STATUS_FORMAT, "/replay makes no sense: size %" PRIu64 ", cursor %" PRIu64 ", capacity %" PRIu64, size,
            cursor, capacity);
  if (size > room)
    h5_fail(h5, STATUS_MISMATCH,
            "/replay holds %" PRIu64 " rows, this configuration has room for %" PRIu64 " (replay_capacity)", size,
            room);
  if (h5->status != STATUS_OK) return;
  // A full ring begins at its cursor; in one of another capacity the oldest row comes first.
  const uint64_t oldest = room != capacity && size == capacity ? cursor : 0;
  h5->hint = "/replay/size";
  read_rows(h5, job, size, oldest);
  h5->hint = "";
  if (h5->status == STATUS_OK) replay_set_state(job->replay, size, room == capacity ? cursor : size % room);
}

// --- whole files ---

static void walk_job(struct h5 *h5, struct job *job) {
  walk_sac(h5, &job->sac);
  checkpoint_walk_normalizer(h5, &job->normalizer);
  walk_limiter(h5, &job->limiter);
  walk_learner(h5, job);
  walk_environments(h5, job);
}

static enum status write_job(const char *path, const struct job *job, enum checkpoint_content content,
                             const struct checkpoint_watch *watch, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info;
  const bool with_replay = content == CHECKPOINT_ALL && job->config.checkpoint_replay;
  enum status status = describe(&info, job, error);
  if (status != STATUS_OK) return status;
  info.exact = job->exact && with_replay;
  struct job view = *job; // what a walk may not change is behind pointers, and writing changes nothing
  view.seconds = job_seconds(job);
  h5_create(&h5, path, error);
  h5.abandon = watch ? &watch->abandon : NULL;
  checkpoint_walk_head(&h5, &info);
  checkpoint_walk_bounds(&h5, info.act_dim, job->environment.action_low, job->environment.action_high);
  walk_job(&h5, &view);
  if (with_replay) write_replay(&h5, job->replay, watch);
  checkpoint_info_release(&info);
  return h5_commit(&h5);
}

enum status checkpoint_write(const char *path, const struct job *job, enum checkpoint_content content,
                             struct error *error) {
  return write_job(path, job, content, NULL, error);
}

enum status checkpoint_write_beside(const char *path, const struct job *job, enum checkpoint_content content,
                                    const struct checkpoint_watch *watch, struct error *error) {
  return write_job(path, job, content, watch, error);
}

enum status checkpoint_write_policy(const char *path, const struct job *job, const struct policy_weights *weights,
                                    const struct normalizer *normalizer, uint64_t env_steps, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info;
  enum status status = describe(&info, job, error);
  if (status != STATUS_OK) return status;
  info.env_steps = env_steps;
  info.policy_version = weights->version;
  struct normalizer statistics = *normalizer;
  h5_create(&h5, path, error);
  checkpoint_walk_head(&h5, &info);
  checkpoint_walk_bounds(&h5, info.act_dim, job->environment.action_low, job->environment.action_high);
  const struct mlp dense = mlp_dense(&job->sac.policy_net);
  walk_policy(&h5, &dense, weights->values);
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

// The bounds are the environment's to say; a policy that was trained with others may act differently now.
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
