#include "learner/storage/checkpoint_layout.h"

#include "common/base/memory.h"
#include "common/nn/networks.h"
#include "common/nn/policy_layers.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/h5_dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct checkpoint_shape checkpoint_shape_of(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  struct checkpoint_shape shape = {.obs_dim = obs_dim,
                                   .act_dim = act_dim,
                                   .critics = (uint32_t)config->critics,
                                   .environments = (uint32_t)config->envs,
                                   .slots = (uint32_t)config->envs,
                                   .window = (uint32_t)config_row_steps(config) - 1,
                                   .linked = config_links_rows(config, obs_dim),
                                   .sync = config->sync,
                                   .rewards = strcmp(config->normalize_rewards, "deviation") == 0 ||
                                              strcmp(config->normalize_rewards, "bounded") == 0};
  struct mlp net;
  const struct history history = history_of(config, obs_dim, act_dim);
  const uint32_t input = (uint32_t)history_width(&history);
  const struct mlp_spec policy = policy_spec(config, NULL, input, act_dim);
  mlp_init_spec(&net, &policy);
  shape.policy = mlp_dense(&net);
  policy_network(&net, NULL, input, act_dim, config);
  shape.acting = mlp_dense(&net);
  const struct mlp_spec critic = critic_spec(config, NULL, input, act_dim);
  mlp_init_spec(&net, &critic);
  shape.critic = mlp_dense(&net);
  return shape;
}

// --- networks and their optimizers ---

// Reading: fails where the file has parts that the network is not made of.
static void refuse_more(struct h5 *h5, const char *group, const struct mlp *net) {
  const uint32_t hidden = net->layers - 1;
  if (!net->batch) h5_absent(h5, h5_name(h5, "%s/input", group));
  for (uint32_t l = 0; l < hidden; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    if (!layer->biased) h5_absent(h5, h5_name(h5, "%s/layer%u/bias", group, (unsigned)l));
    if (!layer->norm) h5_absent(h5, h5_name(h5, "%s/layer%u/norm_scale", group, (unsigned)l));
    if (layer->norm != MLP_NORM_BATCH) h5_absent(h5, h5_name(h5, "%s/layer%u/mean", group, (unsigned)l));
  }
  h5_absent(h5, h5_name(h5, "%s/layer%u", group, (unsigned)hidden));
  if (!net->rms) h5_absent(h5, h5_name(h5, "%s/rms", group));
}

// dense, statistics: of one network, or NULL.
static void walk_net(struct h5 *h5, const char *group, const struct mlp *net, const struct mlp_head *heads,
                     uint32_t head_count, float *dense, float *statistics) {
  struct mlp_array array[MLP_MAX_ARRAYS];
  const uint32_t count = mlp_arrays(net, heads, head_count, array);
  for (uint32_t a = 0; a < count; a++) {
    float *base = array[a].statistic ? statistics : dense;
    const bool first_of_heads = a + 2 * head_count == count;
    if (first_of_heads) refuse_more(h5, group, net); // before a head that misfits because of it
    h5->range = array[a].variance ? (struct h5_range){0, H5_FINITE.high} : H5_FINITE;
    h5_values(h5, h5_name(h5, "%s/%s/%s", group, array[a].layer, array[a].name), H5_KIND_FLOAT, array[a].rows,
              array[a].columns, base ? base + array[a].offset : NULL);
  }
  h5->range = H5_ANYTHING;
}

// Returns `count` networks from number `first` on, densely: the owner's memory itself, or a copy.
static float *dense_begin(struct h5 *h5, const struct checkpoint_nets *nets, size_t first, size_t count, size_t size) {
  if (!nets->values || h5->status != STATUS_OK) return NULL;
  if (!nets->net) return nets->values + first * size;
  float *dense = memory_alloc(count * size, sizeof *dense, "a network", h5->error);
  if (!dense) h5->status = STATUS_MEMORY;
  for (size_t k = 0; dense && h5->writing && k < count; k++)
    nets->to_dense(nets->net, nets->values + (first + k) * nets->stride, dense + k * size);
  return dense;
}

// Stores what was read, if it was a copy.
static void dense_end(struct h5 *h5, const struct checkpoint_nets *nets, size_t first, size_t count, size_t size,
                      float *dense) {
  if (!dense || !nets->net) return;
  for (size_t k = 0; h5->status == STATUS_OK && !h5->writing && k < count; k++)
    nets->from_dense(nets->net, dense + k * size, nets->values + (first + k) * nets->stride);
  memory_free(dense);
}

// Walks network number k of `nets`.
static void walk_one(struct h5 *h5, const char *group, const struct mlp *net, const struct mlp_head *heads,
                     uint32_t head_count, const struct checkpoint_nets *nets, uint32_t k) {
  float *dense = dense_begin(h5, nets, k, 1, net->parameters);
  walk_net(h5, group, net, heads, head_count, dense, nets->statistics ? nets->statistics + k * net->statistics : NULL);
  dense_end(h5, nets, k, 1, net->parameters, dense);
}

static void walk_policy(struct h5 *h5, const char *group, const struct mlp *net, const struct checkpoint_nets *policy) {
  struct mlp_head heads[MLP_MAX_HEADS];
  policy_heads(net, heads);
  h5->hint = "hidden, policy_hidden, history, network, expansion, policy_norm, output_norm: fixed on resume";
  walk_one(h5, group, net, heads, MLP_MAX_HEADS, policy, 0);
  h5->hint = "";
}

void checkpoint_walk_policy(struct h5 *h5, const struct checkpoint_shape *shape, const struct checkpoint_nets *acting) {
  walk_policy(h5, "policy", &shape->acting, acting);
}

void checkpoint_walk_trained_policy(struct h5 *h5, const struct checkpoint_shape *shape,
                                    const struct checkpoint_nets *policy) {
  if (shape->policy.batch)
    walk_policy(h5, "training/policy", &shape->policy, policy);
  else
    h5_absent(h5, "training");
}

void checkpoint_walk_critics(struct h5 *h5, const char *group, const struct checkpoint_shape *shape,
                             const struct checkpoint_nets *critics) {
  const struct mlp_head q = {"q", shape->critic.output};
  char name[32];
  h5->hint =
      "hidden, critic_hidden, network, expansion, critics, critic_norm, critic_loss, value_atoms, output_norm: fixed "
      "on resume";
  for (uint32_t k = 0; k < shape->critics; k++) {
    snprintf(name, sizeof name, "%s/%u", group, (unsigned)k);
    walk_one(h5, name, &shape->critic, &q, 1, critics, k);
  }
  h5_absent(h5, h5_name(h5, "%s/%u", group, (unsigned)shape->critics));
  h5->hint = "";
}

static void walk_moment(struct h5 *h5, const char *name, size_t count, size_t size,
                        const struct checkpoint_nets *moment) {
  float *dense = dense_begin(h5, moment, 0, count, size);
  h5_values(h5, name, H5_KIND_FLOAT, count * size, 0, dense);
  dense_end(h5, moment, 0, count, size, dense);
}

// For `count` networks of `size` parameters.
static void walk_adam(struct h5 *h5, const char *group, size_t count, size_t size, const struct checkpoint_adam *adam) {
  h5->range = H5_FINITE;
  walk_moment(h5, h5_name(h5, "%s/m", group), count, size, &adam->m);
  h5->range = H5_NOT_NEGATIVE;
  walk_moment(h5, h5_name(h5, "%s/v", group), count, size, &adam->v);
  h5->range = H5_ANYTHING;
  h5_count(h5, h5_name(h5, "%s/step", group), adam->step);
}

static void walk_temperature(struct h5 *h5, const struct checkpoint_parts *parts) {
  h5->range = H5_FINITE;
  h5_double(h5, "optimizer/alpha/m", parts->alpha_m);
  h5->range = H5_NOT_NEGATIVE;
  h5_double(h5, "optimizer/alpha/v", parts->alpha_v);
  h5_count(h5, "optimizer/alpha/step", parts->alpha_step);
  h5->range = (struct h5_range){-700, 700}; // so that exp(log_alpha) is finite and not 0
  h5_double(h5, "temperature/log_alpha", parts->log_alpha);
  h5->range = H5_ANYTHING;
}

// --- the learner's counters ---

// Where each environment has one agent, transitions are steps, and the file says no more.
static void walk_transitions(struct h5 *h5, const struct checkpoint_parts *parts) {
  const bool is_known = parts->transitions && h5->status == STATUS_OK;
  const uint64_t base = is_known && *parts->base_steps < *parts->steps ? *parts->base_steps
                        : is_known                                     ? *parts->steps
                                                                       : 0;
  const bool are_steps = is_known && *parts->transitions == *parts->steps && *parts->base_transitions == base;
  if (h5->writing ? !are_steps : h5_has(h5, "limiter/transitions")) {
    h5_count(h5, "limiter/transitions", parts->transitions);
    h5_count(h5, "limiter/base_transitions", parts->base_transitions);
  } else if (is_known) {
    *parts->transitions = *parts->steps;
    *parts->base_transitions = base;
  }
}

static void walk_limiter(struct h5 *h5, const struct checkpoint_parts *parts) {
  h5_count(h5, "limiter/steps", parts->steps);
  h5_count(h5, "limiter/updates", parts->updates);
  h5_count(h5, "limiter/base_steps", parts->base_steps);
  h5_count(h5, "limiter/base_updates", parts->base_updates);
  walk_transitions(h5, parts);
}

static void walk_learner(struct h5 *h5, const struct checkpoint_parts *parts) {
  checkpoint_walk_sums(h5, &parts->sums);
  h5->range = H5_NOT_NEGATIVE;
  h5_double(h5, "learner/seconds", parts->seconds);
  h5_u64(h5, "learner/next_log", parts->next_log); // these three: UINT64_MAX means never
  h5_u64(h5, "learner/next_eval", parts->next_eval);
  h5_u64(h5, "learner/next_checkpoint", parts->next_checkpoint);
  h5_count(h5, "learner/evaluations", parts->evaluations);
  h5->range = (struct h5_range){-INFINITY, H5_FINITE.high}; // -inf: no evaluation yet
  h5_double(h5, "learner/best_return", parts->best_return);
  h5->range = H5_ANYTHING;
  h5_count(h5, "learner/dropped", parts->dropped);
}

// --- the environments ---

// Walks an array of 8 bytes for each agent of each environment. In async mode the configuration may have other
// environments than the file: those of both are read.
static void walk_by_environment(struct h5 *h5, const char *name, enum h5_kind kind,
                                const struct checkpoint_shape *shape, void *values) {
  const bool is_fixed = h5->writing || (!h5->verifying && shape->sync);
  const uint64_t rows = is_fixed ? shape->slots : h5_rows(h5, name);
  if (h5->verifying && rows < shape->environments)
    h5_fail(h5, STATUS_FORMAT, "/%s has %" PRIu64 " rows, fewer than the %u environments", name, rows,
            shape->environments);
  if (h5->status != STATUS_OK || rows == shape->slots || !values) {
    h5_values(h5, name, kind, rows, 0, values);
    return;
  }
  if (rows > h5->bytes / 8) h5_fail(h5, STATUS_FORMAT, "/%s of %" PRIu64 " rows is larger than it can be", name, rows);
  if (h5->status != STATUS_OK) return;
  uint64_t *all = memory_alloc(rows, sizeof *all, "the environments' returns", h5->error);
  if (!all) h5->status = STATUS_MEMORY;
  h5_values(h5, name, kind, rows, 0, all);
  if (h5->status == STATUS_OK) memcpy(values, all, (rows < shape->slots ? rows : shape->slots) * sizeof *all);
  memory_free(all);
}

void checkpoint_walk_reward_sums(struct h5 *h5, const struct checkpoint_rewards *rewards) {
  h5_count(h5, "rewards/count", rewards->count);
  h5->range = H5_FINITE;
  h5_double(h5, "rewards/mean", rewards->mean);
  h5->range = H5_NOT_NEGATIVE;
  h5_double(h5, "rewards/m2", rewards->m2);
  h5_double(h5, "rewards/highest", rewards->highest);
  h5->range = H5_ANYTHING;
}

static void walk_rewards(struct h5 *h5, const struct checkpoint_shape *shape,
                         const struct checkpoint_rewards *rewards) {
  if (!shape->rewards) {
    h5->hint = "normalize_rewards: fixed on resume";
    h5_absent(h5, "rewards");
    h5->hint = "";
    return;
  }
  checkpoint_walk_reward_sums(h5, rewards);
  h5->range = H5_FINITE;
  h5->hint = "envs: fixed on resume in sync mode";
  walk_by_environment(h5, "rewards/returns", H5_KIND_DOUBLE, shape, rewards->returns);
  h5->range = H5_ANYTHING;
  walk_by_environment(h5, "rewards/last", H5_KIND_U64, shape, rewards->last);
  h5->hint = "";
}

// Walks the named values of the running episode. An older file has none.
static void walk_info(struct h5 *h5, const char *group, struct snapshot *snapshot) {
  h5_name(h5, "%s/info_number", group);
  if (!h5->writing) {
    const uint64_t rows = h5_has(h5, h5->name) ? h5_rows(h5, h5->name) : 0;
    if (rows > WIRE_INFO)
      h5_fail(h5, STATUS_FORMAT, "/%s has %" PRIu64 " rows, more than %d", h5->name, rows, WIRE_INFO);
    if (h5->status != STATUS_OK) return;
    snapshot->info_dim = (uint32_t)rows;
  }
  if (snapshot->info_dim == 0) return;
  h5_values(h5, h5->name, H5_KIND_DOUBLE, snapshot->info_dim, 0, snapshot->info_number);
  h5_values(h5, h5_name(h5, "%s/info_count", group), H5_KIND_U64, snapshot->info_dim, 0, snapshot->info_count);
}

// Walks where each of several agents stands.
static void walk_agents(struct h5 *h5, const char *group, struct snapshot *snapshot) {
  const uint32_t agents = snapshot->agents;
  h5_values(h5, h5_name(h5, "%s/agent_state", group), H5_KIND_U8, agents, 0, snapshot->agent_state);
  h5_values(h5, h5_name(h5, "%s/agent_return", group), H5_KIND_DOUBLE, agents, 0, snapshot->agent_return);
  h5_values(h5, h5_name(h5, "%s/agent_length", group), H5_KIND_U32, agents, 0, snapshot->agent_length);
  h5_values(h5, h5_name(h5, "%s/agent_window", group), H5_KIND_U32, agents, 0, snapshot->agent_window);
}

// Verifying has nowhere to keep the agents' windows, so it reads them once more.
static void check_windows(struct h5 *h5, const char *group, const struct snapshot *snapshot, uint64_t window) {
  const uint32_t agents = snapshot->agents;
  uint32_t *windows = snapshot->agent_window, *unkept = NULL;
  if (h5->status == STATUS_OK && !windows) {
    windows = unkept = memory_alloc(agents, sizeof *unkept, "the agents' windows", h5->error);
    if (!unkept) h5->status = STATUS_MEMORY;
    h5_values(h5, h5_name(h5, "%s/agent_window", group), H5_KIND_U32, agents, 0, unkept);
  }
  uint64_t sum = 0;
  for (uint32_t j = 0; h5->status == STATUS_OK && j < agents; j++) sum += windows[j];
  if (sum != window)
    h5_fail(h5, STATUS_FORMAT, "/%s/agent_window has %" PRIu64 " transitions in all, its window %" PRIu64, group, sum,
            window);
  memory_free(unkept);
}

// Walks the running episode and the transitions in its n-step window.
static void walk_episode(struct h5 *h5, const char *group, struct snapshot *snapshot, uint64_t window_capacity) {
  h5_values(h5, h5_name(h5, "%s/obs", group), H5_KIND_FLOAT, (uint64_t)snapshot->agents * snapshot->obs_dim, 0,
            snapshot->obs);
  if (snapshot->history_dim > 0)
    h5_values(h5, h5_name(h5, "%s/history", group), H5_KIND_FLOAT, (uint64_t)snapshot->agents * snapshot->history_dim,
              0, snapshot->history);
  if (snapshot->agents > 1) walk_agents(h5, group, snapshot);
  window_capacity *= snapshot->agents;
  h5_double(h5, h5_name(h5, "%s/episode_return", group), &snapshot->episode_return);
  h5_u32(h5, h5_name(h5, "%s/episode_length", group), &snapshot->episode_length);
  walk_info(h5, group, snapshot);
  uint64_t window = snapshot->window;
  if (!h5->writing) {
    const bool held = h5_has(h5, h5_name(h5, "%s/window_obs", group));
    h5_name(h5, "%s/window_reward", group); // it has a row for each transition; an empty window has no arrays
    window = held || h5_has(h5, h5->name) ? h5_rows(h5, h5->name) : 0;
    if (window > window_capacity)
      h5_fail(h5, h5->verifying ? STATUS_FORMAT : STATUS_MISMATCH,
              "/%s has %" PRIu64 " rows, this configuration has room for %" PRIu64 " (n_step: fixed on resume)",
              h5->name, window, window_capacity);
    if (snapshot->agents > 1) check_windows(h5, group, snapshot, window);
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
  uint64_t size = state->size;
  h5_name(h5, "%s/state", group);
  if (!h5->writing) {
    size = h5_rows(h5, h5->name);
    if (size > h5->bytes || size > WIRE_MAX_MESSAGE)
      h5_fail(h5, STATUS_FORMAT, "/%s of %" PRIu64 " bytes is larger than it can be", h5->name, size);
  }
  if (!h5->writing && !h5->verifying && h5->status == STATUS_OK) {
    state->size = 0;
    h5->status = buffer_reserve(state, size, h5->error);
    state->size = h5->status == STATUS_OK ? size : 0;
  }
  h5_values(h5, h5->name, H5_KIND_U8, size, 0, h5->verifying ? NULL : state->data);
}

// A file says it where there are several.
static void walk_number_of_agents(struct h5 *h5, const char *group, struct snapshot *snapshot) {
  uint32_t agents = h5->writing ? snapshot->agents : 1;
  h5_name(h5, "%s/agents", group);
  if (h5->writing ? agents > 1 : h5_has(h5, h5->name)) h5_u32(h5, h5->name, &agents);
  if (h5->writing || h5->status != STATUS_OK) return;
  if (agents == 0 || agents > WIRE_MAX_AGENTS)
    h5_fail(h5, STATUS_FORMAT, "/%s is %u; it may be 1 to %d", h5->name, agents, WIRE_MAX_AGENTS);
  else if (!h5->verifying && agents != snapshot->agents)
    h5_fail(h5, STATUS_MISMATCH,
            "its environment %s has %u agent%s, the present one has %u: the number of an environment's agents stays",
            strrchr(group, '/') + 1, agents, agents == 1 ? "" : "s", snapshot->agents);
  snapshot->agents = agents;
}

static void walk_environment(struct h5 *h5, const char *group, struct snapshot *snapshot, uint64_t window_capacity) {
  h5_count(h5, h5_name(h5, "%s/steps", group), &snapshot->steps);
  h5_count(h5, h5_name(h5, "%s/episode", group), &snapshot->episode);
  h5_flag(h5, h5_name(h5, "%s/live", group), &snapshot->live);
  h5_flag(h5, h5_name(h5, "%s/exact", group), &snapshot->exact);
  walk_number_of_agents(h5, group, snapshot);
  h5->range = H5_FINITE;
  if (snapshot->live) walk_episode(h5, group, snapshot, window_capacity);
  h5->range = H5_ANYTHING;
  walk_state(h5, group, &snapshot->state);
}

// In async mode an environment that is not in the file begins anew, and one that the configuration no longer has is
// left out. Verifying asks for all environments of the file's own configuration.
static void walk_environments(struct h5 *h5, const struct checkpoint_shape *shape, struct snapshot *environments) {
  char group[32];
  h5->hint = "envs: fixed on resume in sync mode";
  for (uint32_t e = 0; e < shape->environments && h5->status == STATUS_OK; e++) {
    struct snapshot unkept = {.obs_dim = shape->obs_dim,
                              .act_dim = shape->act_dim,
                              .history_dim = shape->acting.input - shape->obs_dim,
                              .agents = 1};
    snprintf(group, sizeof group, "actors/%u", (unsigned)e);
    if (!h5->writing && !h5->verifying && !shape->sync && !h5_has(h5, group)) continue;
    walk_environment(h5, group, environments ? &environments[e] : &unkept, shape->window);
  }
  if (shape->sync) h5_absent(h5, h5_name(h5, "actors/%u", (unsigned)shape->environments));
  h5->hint = "";
}

// Reading a job: before shapes that follow from the numbers of agents say less clearly that these are others.
static void check_agents(struct h5 *h5, const struct checkpoint_shape *shape, struct snapshot *environments) {
  char group[32];
  for (uint32_t e = 0; environments && e < shape->environments && h5->status == STATUS_OK; e++) {
    snprintf(group, sizeof group, "actors/%u", (unsigned)e);
    if (h5_has(h5, group)) walk_number_of_agents(h5, group, &environments[e]);
  }
}

void checkpoint_walk_parts(struct h5 *h5, const struct checkpoint_shape *shape, const struct checkpoint_parts *parts) {
  struct normalizer unkept = {.dim = shape->obs_dim};
  checkpoint_walk_policy(h5, shape, shape->policy.batch ? &parts->acting : &parts->policy);
  checkpoint_walk_trained_policy(h5, shape, &parts->policy);
  checkpoint_walk_critics(h5, "critics", shape, &parts->critics);
  checkpoint_walk_critics(h5, "targets", shape, &parts->targets);
  walk_adam(h5, "optimizer/policy", 1, shape->policy.parameters, &parts->policy_adam);
  walk_adam(h5, "optimizer/critics", shape->critics, shape->critic.parameters, &parts->critics_adam);
  walk_temperature(h5, parts);
  checkpoint_walk_normalizer(h5, parts->normalizer ? parts->normalizer : &unkept);
  if (!h5->writing && !h5->verifying) check_agents(h5, shape, parts->environments);
  walk_rewards(h5, shape, &parts->rewards);
  walk_limiter(h5, parts);
  walk_learner(h5, parts);
  walk_environments(h5, shape, parts->environments);
}
