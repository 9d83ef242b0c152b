// What arrives from actors, message by message. An actor that sends an invalid message is expelled: nothing more is
// taken of it, and the job goes on without it (in sync it stops). What an actor *reports* of itself is not invalid.
#include "learner/learner_impl.h"

#include "common/base/log.h"
#include "common/base/plural.h"
#include "common/base/text.h"
#include "common/config/cases.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

#include <stdio.h>

enum { DRAIN_AT_ONCE = 256 }; // messages between two updates

int learner_world_rank(const struct learner *learner, uint32_t actor) {
  return transport_world_rank(learner->transport, (int)actor + 1);
}

// --- rows, snapshots, rounds ---

static enum status take_snapshot(struct learner *learner, const struct frame *frame, struct error *error) {
  if (learner->collecting > 0) learner->collecting--;
  return transition_receiver_take_snapshot(learner->receiver, frame, error);
}

static enum status take_round_end(struct learner *learner, const struct frame *frame, struct error *error) {
  struct message_round_end end;
  const enum status status = message_decode_round_end(frame, &end, error);
  if (status != STATUS_OK) return status;
  if (end.round != learner->round)
    return error_set(error, STATUS_PEER, "rank %u ended round %llu, which is not the current one", frame->rank,
                     (unsigned long long)end.round);
  learner->table.entry[frame->sender - 1].ended = end.round;
  learner->round_ends++;
  return transition_receiver_end_round(learner->receiver, frame->sender, error);
}

static enum status take_transitions(struct learner *learner, const struct frame *frame, struct error *error) {
  struct actor_table *table = &learner->table;
  const uint32_t actor = frame->sender - 1;
  double longest_step;
  actor_table_batch_arrived(table, actor);
  // Without a credit an actor ships the rows before a snapshot that was asked for, and its last rows when it fails.
  if (!learner->job->config.sync && table->entry[actor].credits < -(int64_t)learner->requests - 1)
    return error_set(error, STATUS_PEER, "rank %u sent more batches than it was given credits for", frame->rank);
  const enum status status = transition_receiver_take(learner->receiver, frame, &longest_step, error);
  return status == STATUS_OK ? actor_table_take_step(table, actor, longest_step, error) : status;
}

// --- evaluations ---

static void say_cut(const struct evaluation *evaluation) {
  if (evaluation->cut > evaluation->late)
    log_warn("evaluation at %llu step%s: %u of %u episode%s cut after the most steps they are given "
             "(--eval-max-steps); a return is what an episode had until then",
             (unsigned long long)evaluation->env_steps, plural(evaluation->env_steps),
             evaluation->cut - evaluation->late, evaluation->episodes, evaluation->episodes == 1 ? " is" : "s are");
  if (evaluation->late > 0)
    log_warn("evaluation at %llu step%s: it ran out of time (--eval-timeout); %u of %u episode%s cut or not "
             "begun, and it is not compared with the best",
             (unsigned long long)evaluation->env_steps, plural(evaluation->env_steps), evaluation->late,
             evaluation->episodes, evaluation->episodes == 1 ? " is" : "s are");
}

// The job's own record of the result. In sync nothing that the clock decided goes into it, so that it is the same on
// every machine.
static void record_evaluation(struct learner *learner, const struct evaluation_result *result) {
  struct job *job = learner->job;
  const struct evaluation *evaluation = &learner->evaluation;
  learner->outcome.evaluated = true;
  learner->outcome.last_cut = evaluation->cut;
  learner->outcome.last_return = result->mean;
  learner->outcome.last_steps = evaluation->env_steps;
  if (evaluation->late > 0 && job->config.sync) return;
  job->evaluations++;
  job->metrics.evaluated = 1;
  job->metrics.eval_return = result->mean;
  job->metrics.eval_cut = evaluation->cut;
  job->metrics.eval_steps = evaluation->env_steps;
  const uint32_t cases = cases_count(&job->config);
  for (uint32_t i = 0; i < cases; i++) {
    const struct evaluation_result of_case = evaluation_result_of(evaluation, i, cases);
    job->metrics.case_eval_episodes[i] = of_case.episodes;
    job->metrics.case_eval_sum[i] = of_case.mean * of_case.episodes;
  }
}

// One line with the mean of each case, as far as the line goes.
static void say_cases(const struct config *config, const struct evaluation *evaluation) {
  char text[800] = "";
  size_t used = 0;
  const uint32_t cases = cases_count(config);
  for (uint32_t i = 0; i < cases && used < sizeof text - 100; i++) {
    const struct evaluation_result result = evaluation_result_of(evaluation, i, cases);
    char name[CASES_NAME];
    cases_name(config, i, name);
    if (result.episodes > 0)
      used = text_append(text, sizeof text, used, "%s%s %.2f", used ? ", " : "", name, result.mean);
  }
  if (used > 0)
    log_info("evaluation at %llu steps, by case: %s%s", (unsigned long long)evaluation->env_steps, text,
             used < sizeof text - 100 ? "" : ", ... (the others are in metrics.csv)");
}

static void save_best(struct learner *learner, double eval_return) {
  const struct evaluation *evaluation = &learner->evaluation;
  const struct checkpoint_policy policy = {&evaluation->weights, &evaluation->normalizer,       evaluation->env_steps,
                                           evaluation->updates,  evaluation->training_episodes, eval_return};
  struct error unsaved = {0};
  if (checkpoint_schedule_best(&learner->schedule, &policy, &unsaved) != STATUS_OK)
    log_error("best.h5 not saved, training goes on: %s", unsaved.text);
}

static void finish_evaluation(struct learner *learner) {
  struct job *job = learner->job;
  struct evaluation *evaluation = &learner->evaluation;
  const struct evaluation_result result = evaluation_result(evaluation);
  evaluation_end(evaluation);
  if (evaluation->late == 0) job->metrics.env_failures += evaluation->env_failures; // those of sync
  if (job->config.sync && job_is_due(evaluation->env_steps, job->next_eval))
    job->next_eval = job_threshold_after(job->next_eval, job->config.eval_every, evaluation->env_steps);
  if (evaluation->failed > 0)
    log_warn("evaluation at %llu step%s: the environment failed in %u of %u episode%s, which %s not count",
             (unsigned long long)evaluation->env_steps, plural(evaluation->env_steps), evaluation->failed,
             evaluation->episodes, plural(evaluation->episodes), evaluation->failed == 1 ? "does" : "do");
  say_cut(evaluation);
  learner->reporter.eval_cut = evaluation->cut;
  if (result.episodes == 0) return;

  record_evaluation(learner, &result);
  const bool best = evaluation->late == 0 && checkpoint_schedule_is_best(&learner->schedule, result.mean);
  log_info("evaluation at %llu step%s: mean return %.2f +- %.2f over %u episode%s (%.2f to %.2f)%s",
           (unsigned long long)evaluation->env_steps, plural(evaluation->env_steps), result.mean, result.std,
           result.episodes, plural(result.episodes), result.low, result.high, best ? ", the best so far" : "");
  say_cases(&job->config, evaluation);
  if (evaluation->late == 0 && result.mean > job->best_return) job->best_return = result.mean;
  if (best) save_best(learner, result.mean);
}

void learner_give_up_evaluation(struct learner *learner) {
  if (learner->evaluation.running) log_warn("the running evaluation is given up");
  evaluation_end(&learner->evaluation);
}

static enum status take_episode(struct learner *learner, const struct frame *frame, struct error *error) {
  bool done;
  const enum status status = evaluation_take(&learner->evaluation, &learner->table, frame, &done, error);
  if (status == STATUS_OK && done) finish_evaluation(learner);
  return status;
}

// --- failures ---

static enum status take_env_failure(struct learner *learner, const struct frame *frame, struct error *error) {
  struct message_env_failure env_failure;
  const uint64_t most = learner->job->config.env_max_failures;
  const enum status status = message_decode_env_failure(frame, &env_failure, error);
  if (status != STATUS_OK) return status;
  if (!transition_receiver_owns(learner->receiver, frame->sender, env_failure.environment) ||
      env_failure.in_a_row > (most > 2 ? most : 2)) // an evaluation's episode is tried twice
    return error_set(error, STATUS_PEER, "rank %u sent failure %u in a row of environment %u", frame->rank,
                     env_failure.in_a_row, env_failure.environment);
  if (!env_failures_take(&learner->env_failures, &env_failure)) return STATUS_OK;
  if (learner->job->config.sync && env_failure.evaluation)
    learner->evaluation.env_failures++; // finish_evaluation takes them into the job
  else
    transition_receiver_count_failure(learner->receiver);
  return STATUS_OK;
}

// async: an actor whose environment failed too often makes no more steps, and the others go on. false: the job cannot.
static bool retire(struct learner *learner, uint32_t actor, const struct message_failed *failed) {
  struct actor_table *table = &learner->table;
  if (learner->job->config.sync || failed->status != STATUS_FAILED) return false;
  actor_table_retire(table, actor);
  if (actor_table_alive(table) == 0) return false;
  log_error("rank %d: %s", learner_world_rank(learner, actor), failed->text);
  log_warn("rank %d makes no more steps; %u of %u actor%s on", learner_world_rank(learner, actor),
           actor_table_alive(table), table->active, table->active == 1 ? " goes" : "s go");
  learner_give_up_evaluation(learner);
  learner->retired = true;
  return true;
}

static enum status take_failure(struct learner *learner, const struct frame *frame, struct error *error) {
  struct message_failed failed;
  enum status status = message_decode_failed(frame, &failed, error);
  learner->scattered |= learner->job->config.ranks_per_env > 1;
  if (status == STATUS_OK && !learner->table.entry[frame->sender - 1].active)
    return STATUS_OK; // another rank of its group has reported it
  if (status != STATUS_OK || retire(learner, frame->sender - 1, &failed)) return status;
  error_set(error, (enum status)failed.status, "rank %u: %s", frame->rank, failed.text);
  learner->failed = true;
  struct error unsaved = {0};
  while (checkpoint_schedule_whole(&learner->schedule, &unsaved) == STATUS_STOPPED) { // a signal restarts the save once
    checkpoint_schedule_give_up(&learner->schedule, *learner->stop);
    error_clear(&unsaved);
  }
  if (unsaved.status != STATUS_OK) log_error("and no checkpoint could be saved: %s", unsaved.text);
  if (learner->schedule.partial.status != STATUS_OK) log_warn("%s", learner->schedule.partial.text);
  return error->status;
}

// --- every message ---

// Whether an actor may send this message now. One without environments, or a retired one, sends heartbeats, a stop
// request and BYE only. What belongs to a round comes while it is made, and before the actor ends it.
static bool may_send(const struct learner *learner, const struct actor_entry *entry, enum message_type type) {
  const bool in_round = learner->stage == STAGE_ROUND && entry->ended != learner->round;
  switch (type) {
  case MESSAGE_HEARTBEAT:
  case MESSAGE_STOP_REQUEST: return true;
  case MESSAGE_BYE: return learner->phase >= PHASE_LEAVING;
  case MESSAGE_ROUND_END: return entry->active && in_round;
  case MESSAGE_TRANSITIONS:
  case MESSAGE_INFO:
  case MESSAGE_SNAPSHOT: return entry->active && (in_round || !learner->job->config.sync);
  default: return entry->active;
  }
}

static enum status take_stop_request(struct learner *learner, const struct frame *frame, struct error *error) {
  const enum status status = message_decode_empty(frame, error);
  learner->stop_requested |= status == STATUS_OK;
  return status;
}

static enum status take_bye(struct learner *learner, const struct frame *frame, struct error *error) {
  struct message_bye bye;
  const uint32_t actor = frame->sender - 1;
  const enum status status = message_decode_bye(frame, &bye, error);
  if (status != STATUS_OK) return status;
  const struct job *job = learner->job;
  const uint64_t most =
      assignment_with_agents(&job->config, learner->table.actors, actor, job->environment.agents).most_steps;
  if (learner->table.entry[actor].left) return error_set(error, STATUS_PEER, "rank %u said BYE twice", frame->rank);
  if (bye.unsent > most)
    return error_set(error, STATUS_PEER, "rank %u said BYE with %llu unsent steps; it can have %llu, those of a batch",
                     frame->rank, (unsigned long long)bye.unsent, (unsigned long long)most);
  actor_table_leave(&learner->table, actor, bye.unsent);
  return STATUS_OK;
}

static enum status take_heartbeat(struct learner *learner, const struct frame *frame, struct error *error) {
  struct message_heartbeat heartbeat;
  const enum status status = message_decode_heartbeat(frame, &heartbeat, error);
  return status == STATUS_OK ? actor_table_take_heartbeat(&learner->table, frame->sender - 1, &heartbeat, error)
                             : status;
}

static enum status take_message(struct learner *learner, const struct frame *frame, struct error *error) {
  const uint32_t actor = frame->sender - 1;
  if (!may_send(learner, &learner->table.entry[actor], frame->type))
    return error_set(error, STATUS_PEER, "rank %u sent %s, which is not expected now", frame->rank,
                     message_type_name(frame->type));
  actor_table_hear(&learner->table, actor);
  switch (frame->type) {
  case MESSAGE_TRANSITIONS: return take_transitions(learner, frame, error);
  case MESSAGE_INFO: return transition_receiver_take_info(learner->receiver, frame, error);
  case MESSAGE_SNAPSHOT: return take_snapshot(learner, frame, error);
  case MESSAGE_ROUND_END: return take_round_end(learner, frame, error);
  case MESSAGE_WEIGHTS_TAKEN:
    weights_publisher_taken(&learner->publisher, actor);
    return message_decode_empty(frame, error);
  case MESSAGE_EPISODE: return take_episode(learner, frame, error);
  case MESSAGE_STOP_REQUEST: return take_stop_request(learner, frame, error);
  case MESSAGE_BYE: return take_bye(learner, frame, error);
  case MESSAGE_FAILED: return take_failure(learner, frame, error);
  case MESSAGE_ENV_FAILURE: return take_env_failure(learner, frame, error);
  case MESSAGE_HEARTBEAT: return take_heartbeat(learner, frame, error);
  default:
    return error_set(error, STATUS_PEER, "rank %u sent %s to the learner", frame->rank, message_type_name(frame->type));
  }
}

// An actor that was presumed dead is heard of. false: its process has ended, so this message was its last.
static bool revive(struct learner *learner, uint32_t rank) {
  struct actor_table *table = &learner->table;
  if (!actor_table_revive(table, rank - 1)) return false;
  log_warn("actor rank %d is back: %u of %u actor%s there", learner_world_rank(learner, rank - 1),
           actor_table_alive(table), table->active, table->active == 1 ? " is" : "s are");
  return true;
}

// While the job ends only BYE has an effect; any other message says that the actor lives. Rows of a round that is not
// finished, or past the end, are counted as dropped.
static enum status take_while_leaving(struct learner *learner, const struct frame *frame, struct error *error) {
  if (frame->type == MESSAGE_BYE) return take_message(learner, frame, error);
  actor_table_hear(&learner->table, frame->sender - 1);
  return frame->type == MESSAGE_TRANSITIONS ? transition_receiver_drop(learner->receiver, frame, error) : STATUS_OK;
}

static enum status take_bytes(struct learner *learner, int from, const uint8_t *bytes, size_t size,
                              struct error *error) {
  const struct actor_entry *entry = &learner->table.entry[from - 1];
  struct frame frame;
  if (entry->expelled) return STATUS_OK;
  const enum status status = frame_decode(bytes, size, &frame, error);
  if (status != STATUS_OK) return status;
  if (frame.sender != (uint32_t)from)
    return error_set(error, STATUS_PEER, "a message of sender %d says it is of sender %u", from, frame.sender);
  frame.rank = (uint32_t)transport_world_rank(learner->transport, from);
  if (learner->phase == PHASE_LEAVING) return take_while_leaving(learner, &frame, error);
  if (!entry->alive && !revive(learner, (uint32_t)from)) return STATUS_OK;
  return take_message(learner, &frame, error);
}

// Expels the sender of an invalid message. Returns any other error as it is.
static enum status expel(struct learner *learner, int from, struct error *error) {
  struct actor_table *table = &learner->table;
  if (from < 1 || (error->status != STATUS_FORMAT && error->status != STATUS_PEER)) return error->status;
  log_warn("rank %d sent an invalid message and is expelled: %s", transport_world_rank(learner->transport, from),
           error->text);
  error_clear(error);
  const struct message_stop stop = {EXIT_FAILED, false};
  const enum status status = message_encode_stop(&table->bytes, 0, &stop, error);
  return status == STATUS_OK ? actor_table_expel(table, (uint32_t)from - 1, error) : status;
}

enum status learner_drain(struct learner *learner, bool *busy, struct error *error) {
  bool listens = false;
  for (int taken = 0; taken < DRAIN_AT_ONCE; taken++) {
    // Rows that would overwrite those of a checkpoint that is being written wait, and so does all that follows them.
    if (!learner->job->config.sync && learner->phase < PHASE_LEAVING &&
        !transition_receiver_has_room(learner->receiver)) {
      actor_table_excuse(&learner->table);
      return STATUS_OK;
    }
    if (!listens) actor_table_listen(&learner->table);
    listens = true;
    int from = -1;
    const uint8_t *bytes;
    size_t size;
    enum status status = transport_receive(learner->transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size == 0) return STATUS_OK;
    *busy = true;
    if (status == STATUS_OK) status = take_bytes(learner, from, bytes, size, error);
    if (status != STATUS_OK && !learner->failed) status = expel(learner, from, error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}
