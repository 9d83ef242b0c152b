// The messages that an actor receives. The states and the invariants are in actor_impl.h.
#include "actor/actor_impl.h"

#include "common/wire/codec.h"

static enum status restore(struct actor *actor, const struct frame *frame, struct error *error) {
  enum status status =
      message_decode_snapshot(frame, (uint32_t)config_row_steps(&actor->config) - 1, &actor->snapshot, error);
  return status == STATUS_OK ? rollout_restore(actor->rollout, &actor->snapshot, error) : status;
}

// --- rounds ---

enum status actor_await_version(struct actor *actor, struct error *error) {
  const enum status status = weights_receiver_poll(&actor->weights, actor->policy, error);
  const uint64_t version = policy_version(actor->policy), wanted = actor->round_version;
  if (status != STATUS_OK || (version < wanted && actor->weights.relays)) return status;
  if (version != wanted)
    return error_set(error, STATUS_PEER, "round %llu wants policy version %llu, this actor has %llu",
                     (unsigned long long)actor->round, (unsigned long long)wanted, (unsigned long long)version);
  actor->round_state = ROUND_STEPS;
  return STATUS_OK;
}

static enum status begin_round(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_round round;
  enum status status = message_decode_round(frame, &round, error);
  if (status == STATUS_OK) status = weights_receiver_note_version(&actor->weights, round.version, error);
  if (status != STATUS_OK) return status;
  if (!actor->config.sync || actor->round_state != NO_ROUND || round.round <= actor->round) // I2
    return error_set(error, STATUS_PEER, "the learner asks for round %llu, this actor %s %llu",
                     (unsigned long long)round.round, actor->round_state != NO_ROUND ? "is in" : "has made",
                     (unsigned long long)actor->round);
  actor->round = round.round;
  actor->round_left = actor->config.sync_steps;
  actor->round_version = round.version;
  actor->round_state = ROUND_WAITS;
  return actor_await_version(actor, error);
}

// --- evaluations ---

static enum status begin_evaluation(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_evaluate evaluate;
  const enum status status = message_decode_evaluate(frame, &evaluate, evaluator_weights(actor->evaluator), error);
  if (status != STATUS_OK) return status;
  if (evaluate.number <= actor->evaluation || evaluate.count > actor->config.eval_episodes)
    return error_set(error, STATUS_PEER,
                     "the learner asks for %u episodes (eval_episodes %llu) of evaluation %llu after %llu",
                     evaluate.count, (unsigned long long)actor->config.eval_episodes,
                     (unsigned long long)evaluate.number, (unsigned long long)actor->evaluation);
  actor->evaluation = evaluate.number;
  actor->steps_asked = evaluate.steps;
  evaluator_begin(actor->evaluator, &evaluate);
  return STATUS_OK;
}

// --- the others ---

static enum status take_credit(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_credit credit;
  const enum status status = message_decode_credit(frame, &credit, error);
  if (status != STATUS_OK) return status;
  transition_sender_grant(&actor->sender, credit.batches);
  if (actor->sender.credits > WIRE_MAX_CREDITS)
    return error_set(error, STATUS_PEER, "the learner gives credits for %lld batches at once",
                     (long long)actor->sender.credits);
  rollout_note_env_steps(actor->rollout, credit.env_steps);
  return weights_receiver_note_version(&actor->weights, credit.newest_version, error);
}

static enum status take_heartbeat(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_heartbeat heartbeat;
  const enum status status = message_decode_heartbeat(frame, &heartbeat, error);
  if (status != STATUS_OK || !actor->rollout) return status;
  return weights_receiver_note_version(&actor->weights, heartbeat.newest_version, error);
}

static enum status leave(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_stop stop;
  const enum status status = message_decode_stop(frame, &stop, error);
  if (status != STATUS_OK) return status;
  actor->exit_code = (int)stop.exit_code;
  actor->leaves_together = stop.together;
  actor->state = ACTOR_LEFT;
  return actor_send_bye(actor, error);
}

// Whether this message may come in the actor's state.
static enum status check_state(const struct actor *actor, enum message_type type, struct error *error) {
  const bool is_for_all = type == MESSAGE_START || type == MESSAGE_STOP || type == MESSAGE_HEARTBEAT;
  const bool is_due = actor->rollout || is_for_all || (actor->evaluator && type == MESSAGE_EVALUATE); // I1
  if (!is_due)
    return error_set(error, STATUS_PEER, "%s got %s",
                     actor->evaluator ? "a rank that only evaluates" : "a surplus rank", message_type_name(type));
  if ((type == MESSAGE_START || type == MESSAGE_RESTORE) && actor->state != ACTOR_GREETING)
    return error_set(error, STATUS_PEER, "the learner sent %s to an actor that has begun", message_type_name(type));
  return STATUS_OK;
}

enum status actor_take_message(struct actor *actor, const struct frame *frame, struct error *error) {
  // The learner sent it before it knew that this actor has failed (I6).
  if (actor->state == ACTOR_FAILED && frame->type != MESSAGE_STOP) return STATUS_OK;
  enum status status = check_state(actor, frame->type, error);
  if (status != STATUS_OK) return status;
  switch (frame->type) {
  case MESSAGE_START:
    actor->state = ACTOR_RUNNING;
    actor->sent = 0; // a heartbeat is due now
    return message_decode_empty(frame, error);
  case MESSAGE_RESTORE: return restore(actor, frame, error);
  case MESSAGE_WEIGHTS: return weights_receiver_take(&actor->weights, frame, actor->policy, error);
  case MESSAGE_ROUND: return begin_round(actor, frame, error);
  case MESSAGE_EVALUATE: return begin_evaluation(actor, frame, error);
  case MESSAGE_SNAPSHOT_REQUEST:
    status = message_decode_empty(frame, error);
    return status == STATUS_OK ? actor_send_rows_and_snapshots(actor, error) : status;
  case MESSAGE_STOP: return leave(actor, frame, error);
  case MESSAGE_CREDIT: return take_credit(actor, frame, error);
  case MESSAGE_HEARTBEAT: return take_heartbeat(actor, frame, error);
  default: return error_set(error, STATUS_PEER, "an actor got %s", message_type_name(frame->type));
  }
}
