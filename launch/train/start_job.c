#include "launch/train/start_job.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/plural.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/initial_policy.h"
#include "learner/checkpoint/transition_file.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/storage/policy_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

// The first multiple of `every` after `steps`.
static uint64_t next_multiple(uint64_t every, uint64_t steps) {
  return every ? every * (steps / every + 1) : UINT64_MAX;
}

// Other cases: episodes that are under way belong to the old ones, so new ones begin, and so do the sums of each case.
static void drop_episodes(struct job *job) {
  struct metrics *metrics = &job->metrics;
  for (uint64_t e = 0; e < job->config.envs; e++) {
    struct snapshot *snapshot = &job->environments[e];
    snapshot->episode += snapshot->live;
    snapshot_forget_episode(snapshot);
  }
  memset(metrics->case_episodes, 0, sizeof metrics->case_episodes);
  memset(metrics->case_length_sum, 0, sizeof metrics->case_length_sum);
  memset(metrics->case_return_sum, 0, sizeof metrics->case_return_sum);
  memset(metrics->case_eval_episodes, 0, sizeof metrics->case_eval_episodes);
  memset(metrics->case_eval_sum, 0, sizeof metrics->case_eval_sum);
  log_info("the cases are others than the checkpoint's: every environment begins a new episode");
}

// A resume may change rates and intervals. Counters are rebased, so that a new utd does not pay for the steps before.
static void apply_changes(const struct setup *setup, struct job *job, bool has_replay) {
  const struct config *saved = &setup->saved, *now = &job->config;
  const uint64_t steps = job->limiter.steps;
  job->limiter.utd = now->utd;
  const bool changed = saved->utd != now->utd || strcmp(saved->utd_per, now->utd_per) != 0;
  if (changed && rate_limiter_started(&job->limiter)) rate_limiter_rebase(&job->limiter, 0);
  if (!has_replay) {
    log_warn("the checkpoint holds no replay: the policy makes %llu step%s before updates go on",
             (unsigned long long)now->learning_starts, plural(now->learning_starts));
    rate_limiter_rebase(&job->limiter, now->learning_starts);
  }
  if (saved->log_every != now->log_every) job->next_log = next_multiple(now->log_every, steps);
  if (saved->eval_every != now->eval_every) job->next_eval = next_multiple(now->eval_every, steps);
  if (saved->checkpoint_every != now->checkpoint_every)
    job->next_checkpoint = next_multiple(now->checkpoint_every, steps);
  if (strcmp(saved->cases, now->cases) != 0 || strcmp(saved->cases_per, now->cases_per) != 0) drop_episodes(job);
  if (!setup->in_place) job->metrics.rows = 0;
}

// --init-replay: a file of transitions, a checkpoint, or a run directory, of which the newest checkpoint is taken.
static enum status take_replay(const char *file, struct job *job, struct error *error) {
  struct transitions_taken taken;
  char newest[FILE_PATH];
  struct stat info;
  if (file_stat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
    const enum status found = run_newest_checkpoint(file, true, newest, error);
    if (found != STATUS_OK) return found;
    file = newest;
  }
  const enum status status = checkpoint_read_transitions(file, job, &taken, error);
  if (status != STATUS_OK) return status;
  log_info("replay begins with %llu transition%s of %s", (unsigned long long)taken.rows, plural(taken.rows), file);
  if (taken.left_out > 0)
    log_warn("%llu older transition%s left out: replay_capacity is %llu", (unsigned long long)taken.left_out,
             taken.left_out == 1 ? " is" : "s are", (unsigned long long)job->config.replay_capacity);
  if (job->config.history > 1 && taken.episodes * job->config.history > taken.rows)
    log_warn("these are %llu episode%s, shorter than history %llu on average: a row that does not follow the one "
             "before it begins an episode",
             (unsigned long long)taken.episodes, plural(taken.episodes), (unsigned long long)job->config.history);
  return STATUS_OK;
}

// --init-policy
static enum status take_policy(const char *path, struct job *job, struct error *error) {
  struct trained_policy policy;
  enum status status = policy_file_read(path, &policy, error);
  if (status == STATUS_OK) status = initial_policy_take(&policy, job, error);
  if (status == STATUS_OK)
    log_info("the policy begins as that of %s (%s, %llu step%s)", policy.file,
             policy.environment[0] ? policy.environment : "no environment named", (unsigned long long)policy.env_steps,
             plural(policy.env_steps));
  trained_policy_release(&policy);
  return status;
}

enum status start_job(const struct setup *setup, struct job *job, struct message_hello *hello, struct error *error) {
  enum status status = job_init(job, &setup->config, hello, error);
  if (status == STATUS_OK && setup->init_replay[0]) status = take_replay(setup->init_replay, job, error);
  if (status == STATUS_OK && setup->init_policy[0]) status = take_policy(setup->init_policy, job, error);
  if (status != STATUS_OK || !setup->resume) return status;
  bool has_replay;
  status = checkpoint_read(setup->checkpoint, job, &has_replay, error);
  if (status == STATUS_OK) apply_changes(setup, job, has_replay);
  return status;
}

double start_best(const struct setup *setup, const struct job *job) {
  char path[FILE_PATH];
  struct stat there;
  struct error error = {0};
  struct checkpoint_info info = {0};
  if (!setup->in_place) return -INFINITY;
  enum status status = file_join(path, setup->config.run_dir, "best.h5", &error);
  if (status == STATUS_OK && file_stat(path, &there) != 0 && errno == ENOENT) return -INFINITY;
  if (status == STATUS_OK) status = checkpoint_verify(path, &error);
  if (status == STATUS_OK) status = checkpoint_read_info(path, &info, &error);
  const double saved = status == STATUS_OK ? info.eval_return : NAN;
  checkpoint_info_release(&info);
  if (status != STATUS_OK) log_warn("%s", error.text);
  if (checkpoint_is_damage(status)) return -INFINITY;
  return isnan(saved) ? job->best_return : saved;
}
