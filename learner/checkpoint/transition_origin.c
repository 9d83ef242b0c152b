#include "learner/checkpoint/transition_origin.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_layout.h"

#include <inttypes.h>
#include <string.h>

static void check_environment(struct h5 *h5, const struct checkpoint_info *info, const struct message_hello *now) {
  if (info->obs_dim != now->obs_dim || info->act_dim != now->act_dim)
    h5_fail(h5, STATUS_MISMATCH,
            "holds transitions of %.64s (obs_dim %u, act_dim %u), but %.64s has obs_dim %u and act_dim %u",
            info->environment, info->obs_dim, info->act_dim, now->environment, now->obs_dim, now->act_dim);
  if (h5->status == STATUS_OK && strcmp(info->environment, now->environment) != 0)
    log_warn("init_replay: %s holds transitions of %s, this run's environment is %s", h5->path, info->environment,
             now->environment);
}

// What rounding may put outside is clamped, as in every log.
static void fit_bounds(struct h5 *h5, const struct message_hello *now, struct transition_origin *origin) {
  bool are_others = false;
  for (uint32_t i = 0; i < now->act_dim && h5->status == STATUS_OK; i++) {
    const double low = origin->low[i], high = origin->high[i];
    origin->low[i] = 2 * ((now->action_low[i] - low) / (high - low)) - 1;
    origin->high[i] = 2 * ((now->action_high[i] - low) / (high - low)) - 1;
    are_others |= origin->low[i] != -1 || origin->high[i] != 1;
    if (origin->low[i] > -1 + 2e-6 || origin->high[i] < 1 - 2e-6)
      h5_fail(h5, STATUS_MISMATCH,
              "component %" PRIu32 " of its actions is from %g to %g, more than this run's action bounds, %g to %g: "
              "give the file's --action-low and --action-high, or wider ones",
              i, low, high, now->action_low[i], now->action_high[i]);
  }
  if (are_others && h5->status == STATUS_OK)
    log_info("init_replay: the actions of %s are scaled to the action bounds of this run", h5->path);
}

static void read_bounds(struct h5 *h5, const struct message_hello *now, struct transition_origin *origin) {
  if (h5->status != STATUS_OK) return;
  origin->low = memory_alloc(2 * (size_t)now->act_dim, sizeof *origin->low, "action bounds", h5->error);
  if (!origin->low) {
    h5->status = STATUS_MEMORY;
    return;
  }
  origin->high = origin->low + now->act_dim;
  checkpoint_walk_bounds(h5, now->act_dim, origin->low, origin->high);
  fit_bounds(h5, now, origin);
}

static void fit_gamma(struct h5 *h5, const struct config *its, const struct config *now,
                      struct transition_origin *origin) {
  origin->discount = (float)its->gamma;
  if (h5->status != STATUS_OK || origin->discount == (float)now->gamma) return;
  if (config_row_steps(its) > 1 || origin->discount == 0)
    h5_fail(h5, STATUS_MISMATCH,
            "its transitions have gamma %g and n_step %" PRIu64 ", and no single step of this run's gamma, %g, can be "
            "made of them: give --gamma %g, or the transitions of a run with n_step 1 and gamma above 0",
            its->gamma, its->n_step, now->gamma, its->gamma);
  else
    log_info("init_replay: %s has gamma %g; its transitions get gamma %g", h5->path, its->gamma, now->gamma);
}

// Whether the returns of both are sums of the same: then the statistics of one go on from those of the other.
static bool are_alike(const struct config *its, const struct config *now) {
  return its->gamma == now->gamma && config_row_steps(its) == config_row_steps(now);
}

static void read_rewards(struct h5 *h5, const struct config *its, const struct job *job,
                         struct transition_origin *origin) {
  const bool is_linked = h5_has(h5, "replay/back");
  origin->is_mixed = !is_linked && (its->envs > 1 || h5_has(h5, "actors/0/agents"));
  if (job->rewards.scaling == REWARD_RAW || !h5_has(h5, "rewards") || !are_alike(its, &job->config)) return;
  checkpoint_walk_reward_sums(
      h5, &(struct checkpoint_rewards){
              .count = &origin->count, .mean = &origin->mean, .m2 = &origin->m2, .highest = &origin->highest});
}

void transition_origin_settle_rewards(const struct transition_origin *origin, const char *path, struct job *job) {
  struct reward_statistics *rewards = &job->rewards;
  if (rewards->scaling == REWARD_RAW) return;
  reward_statistics_end_episode(rewards, 0);
  if (origin->count > 0) {
    rewards->count = origin->count;
    rewards->mean = origin->mean;
    rewards->m2 = origin->m2;
    rewards->highest = origin->highest;
    return;
  }
  const char *why = origin->is_mixed                        ? "they are of several environments or agents in turn"
                    : rewards->breaks > rewards->count / 10 ? "too few of them follow the one before"
                                                            : NULL;
  if (!why) return;
  reward_statistics_clear(rewards);
  log_warn("init_replay: normalize_rewards begins with the steps of this run, without the transitions of %s: %s", path,
           why);
}

void transition_origin_read(struct h5 *h5, const struct job *job, struct transition_origin *origin) {
  struct checkpoint_info info = {0};
  struct config its = {0};
  checkpoint_walk_head(h5, &info);
  check_environment(h5, &info, &job->environment);
  read_bounds(h5, &job->environment, origin);
  if (h5->status == STATUS_OK) h5->status = checkpoint_parse_config(h5->path, &info, &its, h5->error);
  fit_gamma(h5, &its, &job->config, origin);
  read_rewards(h5, &its, job, origin);
  checkpoint_info_release(&info);
}

void transition_origin_release(struct transition_origin *origin) {
  memory_free(origin->low);
  *origin = (struct transition_origin){0};
}
