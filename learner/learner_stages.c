// What one turn of training does: in async everything that is due, in sync the stage that a round is in. The phases,
// the stages and the invariants (I1 ...) stand at the head of learner.c.
#include "learner/learner_impl.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/codec.h"

static const double SNAPSHOT_SECONDS = 0.5; // a periodic save waits this long for snapshots

// --- what both modes do ---

// Warns of a temperature that the entropy does not follow: it is high, or has grown in each of very many updates.
static void watch_alpha(struct learner *learner, const struct sac_losses *losses) {
  enum { CLIMB = 20000 };
  const struct sac *sac = &learner->job->sac;
  char more[LOG_THROTTLE_TEXT];
  if (!sac->auto_alpha || losses->policy_weight == 0) return; // without a policy step it has no entropy
  learner->climbs = losses->entropy < sac->target_entropy ? learner->climbs + 1 : 0;
  const bool high = losses->alpha > SAC_ALPHA_HIGH || (learner->climbs >= CLIMB && losses->alpha > 10);
  if (!high || !log_throttle_due(&learner->alpha_high, more)) return;
  log_warn(
      "alpha has grown to %.3g: the policy's entropy (%.3g) does not reach target_entropy (%.3g), and next to such "
      "an alpha rewards soon count for nothing; begin a run with a lower target_entropy%s",
      losses->alpha, losses->entropy, sac->target_entropy, more);
}

static enum status update(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  struct sac_losses losses;
  job_sample(job);
  const enum status status = sac_update(&job->sac, &losses, error);
  if (status != STATUS_OK) return status;
  job->limiter.updates++;
  metrics_add_update(&job->metrics, &losses);
  watch_alpha(learner, &losses);
  return STATUS_OK;
}

static enum status begin_evaluation(struct learner *learner, struct error *error) {
  return evaluation_begin(&learner->evaluation, learner->job, &learner->table, error);
}

static void report_if_due(struct learner *learner) {
  struct job *job = learner->job;
  if (!job_is_due(job->limiter.steps, job->next_log)) return;
  job->next_log = job_threshold_after(job->next_log, job->config.log_every, job->limiter.steps);
  const double began = clock_now();
  reporter_row(&learner->reporter, job, &learner->table);
  learner_add_time(&learner->reporter.times.report, began);
}

// --- async ---

// Asks every actor for snapshots of its environments, then saves: when all snapshots are there (I5), or after
// SNAPSHOT_SECONDS without those that are not.
static enum status save_if_due(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  if (learner->collect_until == 0) {
    if (!checkpoint_schedule_is_due(&learner->schedule)) return STATUS_OK;
    learner->collecting = job->config.envs;
    learner->collect_until = clock_now() + SNAPSHOT_SECONDS;
    for (uint64_t e = 0; e < job->config.envs; e++) job->environments[e].exact = false;
    transition_receiver_collect(learner->receiver, true);
    learner->requests++;
    return learner_send_empty(learner, MESSAGE_SNAPSHOT_REQUEST, true, error);
  }
  if (learner->collecting > 0 && clock_now() < learner->collect_until) return STATUS_OK;
  learner->collect_until = 0;
  learner->collecting = 0;
  checkpoint_schedule_begin(&learner->schedule);
  transition_receiver_collect(learner->receiver, false);
  return STATUS_OK;
}

static enum status evaluate_if_due(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  if (!job_is_due(job->limiter.steps, job->next_eval) || learner->evaluation.running) return STATUS_OK;
  job->next_eval = job_threshold_after(job->next_eval, job->config.eval_every, job->limiter.steps);
  return begin_evaluation(learner, error);
}

static enum status async_turn(struct learner *learner, bool *busy, struct error *error) {
  struct job *job = learner->job;
  enum status status = STATUS_OK;
  const bool over = job->limiter.steps >= job->config.env_steps;

  // Credits. While no transition can be drawn there is no limit: n-step windows may take more rows than it allows.
  struct rate_limiter limiter = job->limiter;
  if (replay_drawable(job->replay) == 0) limiter.utd = 0;
  if (!over) status = actor_table_grant(&learner->table, &limiter, job->config.env_steps, job->policy_version, error);

  // One update, if one is owed; the last ones after the last step, unless the learner runs free (utd 0).
  const uint64_t owed = rate_limiter_owed(&job->limiter);
  if (status == STATUS_OK && owed > 0 && replay_drawable(job->replay) > 0 && !(over && job->limiter.utd == 0)) {
    *busy = true;
    status = update(learner, error);
    job->policy_version++;
  } else if (over) {
    learner->phase = PHASE_FINISHING;
    return status;
  } else if (job->policy_version == 0 && rate_limiter_started(&job->limiter)) {
    job->policy_version = 1; // the random phase is over
  }

  if (status == STATUS_OK) status = learner_publish(learner, false, error);
  if (status == STATUS_OK && !over) status = evaluate_if_due(learner, error);
  if (status != STATUS_OK) return status;
  report_if_due(learner);
  return save_if_due(learner, error);
}

// --- sync: the stages of a round ---

static enum status begin_round(struct learner *learner, struct error *error) {
  const struct message_round round = {.round = ++learner->round, .version = learner->job->policy_version};
  learner->stage = STAGE_ROUND;
  learner->round_ends = 0;
  enum status status = learner_publish(learner, true, error);
  if (status == STATUS_OK) status = message_encode_round(&learner->table.bytes, 0, &round, error);
  return status == STATUS_OK ? actor_table_send_all(&learner->table, true, error) : status;
}

// A version names the parameters after a round's updates, and the statistics of observations that go with them. The
// random phase ends with version 1.
static void close_updates(struct learner *learner) {
  struct job *job = learner->job;
  if (job->limiter.updates > learner->updates_at_round ||
      (job->policy_version == 0 && rate_limiter_started(&job->limiter)))
    job->policy_version++;
  learner->updates_at_round = job->limiter.updates; // I4
}

// The version is counted in the turn of the last update: a job saved between the two would not know of it.
static enum status update_stage(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  if (rate_limiter_owed(&job->limiter) > 0 && replay_drawable(job->replay) > 0) {
    const enum status status = update(learner, error);
    if (status != STATUS_OK || rate_limiter_owed(&job->limiter) > 0) return status;
  }
  close_updates(learner);
  learner->stage = STAGE_EVALUATE;
  return STATUS_OK;
}

// next_eval moves with the evaluation's result: a job saved before that evaluates again.
static enum status evaluate_stage(struct learner *learner, struct error *error) {
  if (learner->evaluation.running) return STATUS_OK;
  if (job_is_due(learner->job->limiter.steps, learner->job->next_eval)) return begin_evaluation(learner, error);
  learner->stage = STAGE_REPORT;
  return STATUS_OK;
}

// A checkpoint that is due waits for the one before it, and the round with it: in sync each has its step.
static enum status report_stage(struct learner *learner, bool *busy, struct error *error) {
  const struct job *job = learner->job;
  report_if_due(learner);
  const bool save = checkpoint_schedule_is_due(&learner->schedule);
  if (job->limiter.steps >= job->config.env_steps) {
    learner->phase = PHASE_FINISHING; // which saves
    return STATUS_OK;
  }
  if (save) {
    checkpoint_schedule_begin(&learner->schedule);
  } else if (learner->schedule.wanted) {
    *busy = false;
    return STATUS_OK;
  }
  return begin_round(learner, error);
}

// A round without updates has a version of its own only where its rows have moved the statistics of observations. It is
// counted in the turn of its rows: a job saved between the two would not know of it.
static void close_rows(struct job *job) {
  const bool updates = rate_limiter_owed(&job->limiter) > 0 && replay_drawable(job->replay) > 0;
  if (job->config.normalize_observations && job->policy_version > 0 && !updates) job->policy_version++;
}

// The round's rows go into the job when every actor has ended the round and the checkpoint that is being written holds
// the rows that they replace (I3).
static enum status round_stage(struct learner *learner, bool *busy, struct error *error) {
  if (learner->round_ends < learner->table.active) return STATUS_OK;
  if (!transition_receiver_has_room(learner->receiver)) return STATUS_OK;
  const double began = clock_now();
  *busy = true;
  learner->stage = STAGE_UPDATE;
  const enum status status = transition_receiver_commit(learner->receiver, error);
  if (status == STATUS_OK) close_rows(learner->job);
  learner_add_time(&learner->reporter.times.drain, began);
  return status;
}

static enum status sync_turn(struct learner *learner, bool *busy, struct error *error) {
  *busy |= learner->stage != STAGE_ROUND && !learner->evaluation.running;
  switch (learner->stage) {
  case STAGE_UPDATE: return update_stage(learner, error);
  case STAGE_EVALUATE: return evaluate_stage(learner, error);
  case STAGE_REPORT: return report_stage(learner, busy, error);
  case STAGE_ROUND: return round_stage(learner, busy, error);
  }
  return STATUS_OK;
}

enum status learner_train(struct learner *learner, bool *busy, struct error *error) {
  return learner->job->config.sync ? sync_turn(learner, busy, error) : async_turn(learner, busy, error);
}

// --- the last evaluation and save ---

// In sync the save comes first, so that it holds what a longer run would have had here. In async it comes last, and a
// checkpoint that is due does not wait for the evaluation.
static enum status save_and_evaluate(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  const uint64_t steps = job->limiter.steps;
  const bool evaluate =
      job->config.eval_every > 0 && !(learner->outcome.evaluated && learner->outcome.last_steps == steps);
  enum status status = STATUS_OK;
  if (job->config.sync && !learner->final_evaluation) status = checkpoint_schedule_whole(&learner->schedule, error);
  if (status == STATUS_OK && evaluate && !learner->final_evaluation) {
    learner->final_evaluation = true;
    return begin_evaluation(learner, error);
  }
  if (job_is_due(steps, job->next_eval))
    job->next_eval = job_threshold_after(job->next_eval, job->config.eval_every, steps);
  if (status == STATUS_OK && !job->config.sync) status = checkpoint_schedule_whole(&learner->schedule, error);
  return status;
}

enum status learner_finish(struct learner *learner, bool *busy, struct error *error) {
  struct job *job = learner->job;
  if (learner->evaluation.running) return job->config.sync ? STATUS_OK : save_if_due(learner, error);
  *busy = true;
  const enum status status = save_and_evaluate(learner, error);
  if (status == STATUS_STOPPED) { // the next turn sees the signal
    error_clear(error);
    return STATUS_OK;
  }
  if (status != STATUS_OK || learner->evaluation.running) return status;

  if (job->limiter.steps > job->metrics.last_steps || job->metrics.evaluated)
    reporter_row(&learner->reporter, job, &learner->table);
  const struct error *partial = &learner->schedule.partial; // the checkpoint lacks its replay
  if (partial->status != STATUS_OK) return error_set(error, partial->status, "%s", partial->text);
  learner_leave(learner, EXIT_DONE, "done", "");
  return STATUS_OK;
}
