#include "actor/actor.h"

#include "actor/environment.h"
#include "actor/evaluator.h"
#include "actor/group.h"
#include "actor/rollout.h"
#include "actor/transition_sender.h"
#include "actor/weights_receiver.h"
#include "common/base/clock.h"
#include "common/base/process.h"
#include "common/wire/codec.h"

#include <stdio.h>
#include <unistd.h>

enum { LEARNER = 0 };
static const double PATIENCE_SECONDS = 1; // held back so long, an actor's episode will not end soon
enum phase { PHASE_WAITING, PHASE_RUNNING, PHASE_FAILED, PHASE_LEFT };

struct actor {
  struct config config;
  struct transport *transport; // not owned
  struct group *group;         // not owned, NULL: alone
  const volatile sig_atomic_t *stop;
  enum phase phase;
  struct environment_kind kind;
  struct assignment assignment;
  struct rollout *rollout; // NULL on a surplus rank, like all that follows down to evaluator
  struct policy *policy;
  struct evaluator *evaluator;
  struct transition_sender sender;
  struct weights_receiver weights;
  struct snapshot snapshot;   // scratch
  struct buffer bytes;        // scratch
  uint64_t round, round_left; // sync: the round being made and the steps of each environment still to make in it
  bool in_round;
  uint64_t version;    // sync: what the round is made with
  bool awaits;         // ... and which has yet to come
  uint64_t evaluation; // the newest
  bool lent;           // the only environment evaluates between training episodes
  bool stop_asked;
  double drained;     // when messages were last looked for
  double heard, said; // when the learner was last heard, when this actor last sent
  bool has_info;      // its environments give named values
  double longest_step;
  uint64_t pid_namespace;
  int exit_code;
  bool together;
};

static enum status send_bytes(struct actor *actor, enum status encoded, struct error *error) {
  if (encoded != STATUS_OK) return encoded;
  actor->said = clock_now();
  return transport_send(actor->transport, LEARNER, actor->bytes.data, actor->bytes.size, error);
}

static uint32_t rank(const struct actor *actor) { return (uint32_t)transport_rank(actor->transport); }

static enum status send_empty(struct actor *actor, enum message_type type, struct error *error) {
  return send_bytes(actor, message_encode_empty(&actor->bytes, type, rank(actor), error), error);
}

void actor_fail(struct actor *actor, const struct error *failure) {
  struct error ignored = {0};
  if (actor->phase == PHASE_RUNNING && actor->rollout && !actor->config.sync) // what it had made is good
    transition_sender_ship(&actor->sender, &ignored);
  error_clear(&ignored);
  actor->phase = PHASE_FAILED;
  actor->heard = clock_now(); // nobody listened in a call that ended so
  send_bytes(actor, message_encode_failed(&actor->bytes, rank(actor), failure, &ignored), &ignored);
}

static enum status say_hello(struct actor *actor, struct error *error) {
  const struct environment *env = rollout_environment(actor->rollout, 0);
  struct message_hello hello = {.obs_dim = env->obs_dim,
                                .act_dim = env->act_dim,
                                .max_episode_steps = env->max_episode_steps,
                                .flags = actor->kind.abi->flags,
                                .can_save = environment_can_save(env),
                                .action_low = (double *)env->action_low, // read only: hello does not own them here
                                .action_high = (double *)env->action_high};
  snprintf(hello.environment, sizeof hello.environment, "%s", environment_kind_name(&actor->kind));
  hello.info_dim = env->info_dim;
  actor->has_info = env->info_dim > 0;
  for (uint32_t i = 0; i < env->info_dim; i++)
    snprintf(hello.info_name[i], sizeof hello.info_name[i], "%s", env->info_names[i]);
  return send_bytes(actor, message_encode_hello(&actor->bytes, rank(actor), &hello, error), error);
}

static enum status say_alive(struct actor *actor, struct error *error) {
  const struct message_heartbeat heartbeat = {.longest_step = actor->longest_step,
                                              .pid_namespace = actor->pid_namespace,
                                              .pid = (uint32_t)getpid(),
                                              .heartbeats_in_step = actor->kind.heartbeats_in_step};
  return send_bytes(actor, message_encode_heartbeat(&actor->bytes, rank(actor), &heartbeat, error), error);
}

static enum status say_something(struct actor *actor, struct error *error) {
  if (actor->group) group_say_alive(actor->group);
  return clock_coarse() - actor->said < heartbeat_seconds(&actor->config) ? STATUS_OK : say_alive(actor, error);
}

// In the middle of a step that another process makes. What goes wrong here is seen after it.
static void say_waiting(void *who) {
  struct error ignored = {0};
  say_something(who, &ignored);
}

// No second instance may stand beside the one that trains.
static bool is_alone(const struct actor *actor) { return actor->kind.abi->flags & CORSAC_ONE_PER_PROCESS; }

// Everything an actor with environments has.
static enum status equip(struct actor *actor, struct error *error) {
  const struct config *config = &actor->config;
  enum status status = environment_kind_open(&actor->kind, config->env, config, error);
  if (status != STATUS_OK) return status;
  actor->kind.waiting = say_waiting;
  actor->kind.who = actor;
  if (actor->group) status = group_lead(actor->group, &actor->kind, error);
  if (status != STATUS_OK) return status;
  actor->rollout = rollout_create(config, &actor->kind, actor->assignment.first, actor->assignment.count, error);
  if (!actor->rollout) return error->status;
  const struct environment *env = rollout_environment(actor->rollout, 0);
  actor->policy = policy_create(config, env->obs_dim, env->act_dim, error);
  if (!actor->policy) return error->status;
  policy_weights(actor->policy)->normalize = config->normalize_observations;
  actor->evaluator = evaluator_create(config, &actor->kind, env->obs_dim, env->act_dim, actor->assignment.first, error);
  if (!actor->evaluator) return error->status;
  // Made now, while time for it is granted, if this actor will have episodes to evaluate.
  if (!is_alone(actor) && config->eval_every > 0 && rank(actor) - 1 < config->eval_episodes &&
      !evaluator_environment(actor->evaluator, error))
    return error->status;
  status = transition_sender_init(&actor->sender, config, &actor->assignment, env->obs_dim, env->act_dim,
                                  actor->transport, error);
  if (status != STATUS_OK) return status;
  status = weights_receiver_init(&actor->weights, actor->policy, actor->transport, error);
  if (status != STATUS_OK) return status;
  status = snapshot_init(&actor->snapshot, env->obs_dim, env->act_dim, (uint32_t)config->n_step - 1, error);
  if (status != STATUS_OK) return status;
  return say_hello(actor, error);
}

struct actor *actor_prepare(const struct config *config, struct transport *transport, struct group *group,
                            const volatile sig_atomic_t *stop, struct error *error) {
  struct actor *actor = memory_alloc(1, sizeof *actor, "an actor", error);
  if (!actor) return NULL;
  *actor = (struct actor){.config = *config,
                          .transport = transport,
                          .group = group,
                          .stop = stop,
                          .pid_namespace = process_pid_namespace()};
  actor->assignment = assignment_of(config, (uint32_t)transport_size(transport) - 1, rank(actor) - 1);
  if (say_alive(actor, error) != STATUS_OK) { // which process this is, before the environment can end it
    memory_free(actor);
    return NULL;
  }
  return actor;
}

void actor_equip(struct actor *actor) {
  struct error error = {0};
  if (actor->assignment.count > 0 && equip(actor, &error) != STATUS_OK) actor_fail(actor, &error);
  actor->heard = clock_now(); // an environment may have taken minutes to create
}

struct actor *actor_create(const struct config *config, struct transport *transport, const volatile sig_atomic_t *stop,
                           struct error *error) {
  struct actor *actor = actor_prepare(config, transport, NULL, stop, error);
  if (actor) actor_equip(actor);
  return actor;
}

void actor_close(struct actor *actor) {
  evaluator_destroy(actor->evaluator);
  actor->evaluator = NULL;
  rollout_destroy(actor->rollout);
  actor->rollout = NULL;
}

void actor_destroy(struct actor *actor) {
  if (!actor) return;
  actor_close(actor);
  policy_destroy(actor->policy);
  transition_sender_release(&actor->sender);
  weights_receiver_release(&actor->weights);
  snapshot_release(&actor->snapshot);
  buffer_release(&actor->bytes);
  environment_kind_close(&actor->kind);
  memory_free(actor);
}

bool actor_has_left(const struct actor *actor) { return actor->phase == PHASE_LEFT; }
int actor_exit_code(const struct actor *actor) { return actor->exit_code; }
bool actor_leaves_together(const struct actor *actor) { return actor->together; }

static enum status restore(struct actor *actor, const struct frame *frame, struct error *error) {
  enum status status = message_decode_snapshot(frame, (uint32_t)actor->config.n_step - 1, &actor->snapshot, error);
  return status == STATUS_OK ? rollout_restore(actor->rollout, &actor->snapshot, error) : status;
}

// Looks for the round's version, which is kept until the round has ended. On another node than the learner's somebody
// else may still have to put it on the shared weights.
static enum status await_version(struct actor *actor, struct error *error) {
  const enum status status = weights_receiver_look(&actor->weights, actor->policy, error);
  const uint64_t version = policy_version(actor->policy), wanted = actor->version;
  if (status != STATUS_OK || (version < wanted && actor->weights.relays)) return status;
  if (version != wanted)
    return error_set(error, STATUS_PEER, "round %llu wants policy version %llu, this actor has %llu",
                     (unsigned long long)actor->round, (unsigned long long)wanted, (unsigned long long)version);
  actor->awaits = false;
  actor->in_round = true;
  return STATUS_OK;
}

static enum status begin_round(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_round round;
  enum status status = message_decode_round(frame, &round, error);
  if (status == STATUS_OK) status = weights_receiver_hear(&actor->weights, round.version, error);
  if (status != STATUS_OK) return status;
  if (!actor->config.sync || actor->awaits || actor->in_round || round.round <= actor->round)
    return error_set(error, STATUS_PEER, "the learner asks for round %llu, this actor %s %llu",
                     (unsigned long long)round.round, actor->in_round || actor->awaits ? "is in" : "has made",
                     (unsigned long long)actor->round);
  actor->round = round.round;
  actor->round_left = actor->config.sync_steps;
  actor->version = round.version;
  actor->awaits = true;
  return await_version(actor, error);
}

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
  evaluator_begin(actor->evaluator, &evaluate);
  return STATUS_OK;
}

static enum status send_snapshots(struct actor *actor, struct error *error) {
  for (uint32_t i = 0; i < rollout_count(actor->rollout); i++) {
    enum status status = rollout_snapshot(actor->rollout, i, &actor->snapshot, error);
    if (status != STATUS_OK) return status;
    status = send_bytes(
        actor, message_encode_snapshot(&actor->bytes, MESSAGE_SNAPSHOT, rank(actor), &actor->snapshot, error), error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

// What the environments say of the steps whose rows have just been sent.
static enum status send_info(struct actor *actor, struct error *error) {
  struct message_info info;
  enum status status = STATUS_OK;
  if (!actor->has_info) return STATUS_OK;
  for (uint32_t i = 0; i < rollout_count(actor->rollout) && status == STATUS_OK; i++)
    if (rollout_take_info(actor->rollout, i, &info))
      status = send_bytes(actor, message_encode_info(&actor->bytes, rank(actor), &info, error), error);
  return status;
}

static enum status tell_env_failure(struct actor *actor, const struct message_env_failure *env_failure,
                                    struct error *error) {
  return send_bytes(actor, message_encode_env_failure(&actor->bytes, rank(actor), env_failure, error), error);
}

static enum status tell_env_failures(struct actor *actor, struct error *error) {
  enum status status = STATUS_OK;
  for (const struct message_env_failure *env_failure;
       status == STATUS_OK && (env_failure = rollout_env_failure(actor->rollout));)
    status = tell_env_failure(actor, env_failure, error);
  return status;
}

// Rows first: a snapshot stands for everything up to its step.
static enum status answer_snapshot_request(struct actor *actor, struct error *error) {
  enum status status = transition_sender_ship(&actor->sender, error);
  if (status == STATUS_OK) status = send_info(actor, error);
  if (status == STATUS_OK) status = send_snapshots(actor, error);
  return status == STATUS_OK ? tell_env_failures(actor, error) : status;
}

static enum status leave(struct actor *actor, const struct frame *frame, struct error *error) {
  struct message_stop stop;
  const enum status status = message_decode_stop(frame, &stop, error);
  if (status != STATUS_OK) return status;
  actor->exit_code = (int)stop.exit_code;
  actor->together = stop.together;
  actor->phase = PHASE_LEFT;
  const struct message_bye bye = {actor->sender.batch.steps};
  return send_bytes(actor, message_encode_bye(&actor->bytes, rank(actor), &bye, error), error);
}

static enum status take_message(struct actor *actor, const struct frame *frame, struct error *error) {
  union {
    struct message_credit credit;
    struct message_heartbeat heartbeat;
  } m;
  enum status status;
  if (actor->phase == PHASE_FAILED && frame->type != MESSAGE_STOP)
    return STATUS_OK; // what comes now was meant for a sound actor
  if (!actor->rollout && frame->type != MESSAGE_STOP && frame->type != MESSAGE_HEARTBEAT &&
      frame->type != MESSAGE_START)
    return error_set(error, STATUS_PEER, "a surplus rank got %s", message_type_name(frame->type));
  if ((frame->type == MESSAGE_START || frame->type == MESSAGE_RESTORE) && actor->phase != PHASE_WAITING)
    return error_set(error, STATUS_PEER, "the learner sent %s to an actor that has begun",
                     message_type_name(frame->type));
  switch (frame->type) {
  case MESSAGE_START:
    actor->phase = PHASE_RUNNING;
    actor->said = 0; // a heartbeat now: who this is
    return message_decode_empty(frame, error);
  case MESSAGE_RESTORE: return restore(actor, frame, error);
  case MESSAGE_WEIGHTS: return weights_receiver_take(&actor->weights, frame, actor->policy, error);
  case MESSAGE_ROUND: return begin_round(actor, frame, error);
  case MESSAGE_EVALUATE: return begin_evaluation(actor, frame, error);
  case MESSAGE_SNAPSHOT_REQUEST:
    status = message_decode_empty(frame, error);
    return status == STATUS_OK ? answer_snapshot_request(actor, error) : status;
  case MESSAGE_STOP: return leave(actor, frame, error);
  case MESSAGE_CREDIT:
    status = message_decode_credit(frame, &m.credit, error);
    if (status != STATUS_OK) return status;
    transition_sender_grant(&actor->sender, m.credit.batches);
    if (actor->sender.credits > WIRE_MAX_CREDITS)
      return error_set(error, STATUS_PEER, "the learner gives credits for %lld batches at once",
                       (long long)actor->sender.credits);
    return weights_receiver_hear(&actor->weights, m.credit.newest_version, error);
  case MESSAGE_HEARTBEAT:
    status = message_decode_heartbeat(frame, &m.heartbeat, error);
    if (status != STATUS_OK || !actor->rollout) return status;
    return weights_receiver_hear(&actor->weights, m.heartbeat.newest_version, error);
  default: return error_set(error, STATUS_PEER, "an actor got %s", message_type_name(frame->type));
  }
}

// Everything that has arrived, before anybody's silence is judged. A probe of MPI may only move a message along and
// find it the next time: after a long step, and what came during it, "nothing" is believed when it has been said three
// times.
static enum status drain(struct actor *actor, bool *heard, struct error *error) {
  static const double LONG_SECONDS = 1e-3;
  const double now = clock_coarse();
  int believed = now - actor->drained > LONG_SECONDS ? 3 : 1;
  actor->drained = now;
  while (actor->phase != PHASE_LEFT) {
    int from;
    const uint8_t *bytes;
    size_t size;
    enum status status = transport_receive(actor->transport, &from, &bytes, &size, error);
    if (status != STATUS_OK || (size == 0 && --believed == 0)) return status;
    if (size == 0) continue;
    struct frame frame;
    status = frame_decode(bytes, size, &frame, error);
    if (status == STATUS_OK) {
      status = take_message(actor, &frame, error);
      // A number that no learner sends ends this actor; a state that its environment refuses is told.
      const bool damaged = status == STATUS_FORMAT && frame.type != MESSAGE_RESTORE;
      if (status != STATUS_OK && status != STATUS_PEER && !damaged) {
        actor_fail(actor, error);
        error_clear(error);
        status = STATUS_OK;
      }
    }
    if (status != STATUS_OK) return status;
    actor->heard = clock_coarse();
    *heard = true;
  }
  return STATUS_OK;
}

static enum status evaluate_step(struct actor *actor, struct error *error) {
  bool done;
  struct message_episode result;
  enum status status = evaluator_step(actor->evaluator, &done, &result, error);
  const struct message_env_failure *env_failure = evaluator_env_failure(actor->evaluator);
  if (status == STATUS_OK && env_failure) status = tell_env_failure(actor, env_failure, error);
  if (status != STATUS_OK || !done) return status;
  return send_bytes(actor, message_encode_episode(&actor->bytes, rank(actor), &result, error), error);
}

// The only environment goes to the evaluator for its episodes, and back to the rollout after them.
static void lend(struct actor *actor) {
  const double blocked = actor->sender.blocked_since;
  const bool now = actor->config.sync || (blocked > 0 && clock_now() - blocked > PATIENCE_SECONDS);
  struct environment *environment = rollout_lend(actor->rollout, now, &actor->sender.batch);
  if (!environment) return;
  evaluator_borrow(actor->evaluator, environment);
  actor->lent = true;
}

static enum status take_back(struct actor *actor, struct error *error) {
  evaluator_borrow(actor->evaluator, NULL);
  actor->lent = false;
  return rollout_take_back(actor->rollout, &actor->sender.batch, error);
}

static enum status evaluation_turn(struct actor *actor, bool *worked, struct error *error) {
  if (is_alone(actor) && !actor->lent) lend(actor);
  if (is_alone(actor) && !actor->lent) return STATUS_OK;
  *worked = true;
  const enum status status = evaluate_step(actor, error);
  return status == STATUS_OK && actor->lent && !evaluator_busy(actor->evaluator) ? take_back(actor, error) : status;
}

static enum status rollout_turn(struct actor *actor, bool *worked, struct error *error) {
  enum status status = actor->config.sync ? STATUS_OK : weights_receiver_look(&actor->weights, actor->policy, error);
  if (status != STATUS_OK) return status;
  const uint64_t before = actor->sender.batch.steps;
  status = rollout_step(actor->rollout, actor->policy, actor->weights.newest, &actor->sender.batch, error);
  *worked |= actor->sender.batch.steps > before;
  const bool complete = actor->sender.batch.steps > before && rollout_is_level(actor->rollout);
  if (status == STATUS_OK) status = tell_env_failures(actor, error);
  if (status == STATUS_OK) status = transition_sender_poll(&actor->sender, error);
  actor->longest_step = actor->sender.batch.longest_step;
  if (status != STATUS_OK || !actor->in_round || !complete || --actor->round_left > 0) return status;
  // The round is made: the rest of its rows, where each environment stands, and the end.
  actor->in_round = false;
  status = answer_snapshot_request(actor, error);
  if (status != STATUS_OK) return status;
  const struct message_round_end end = {actor->round};
  return send_bytes(actor, message_encode_round_end(&actor->bytes, rank(actor), &end, error), error);
}

static enum status look_at_learner(struct actor *actor, struct error *error) {
  const double silence = clock_coarse() - actor->heard;
  if (*actor->stop && !actor->stop_asked) {
    // A daemon of mpirun that has lost the others tells its ranks to end, too. That is no wish that the job should.
    if (actor->phase == PHASE_RUNNING && silence > 2 * heartbeat_seconds(&actor->config))
      return error_set(error, STATUS_STOPPED,
                       "told to stop by a signal while the learner has been silent for %.1f s: this actor leaves alone",
                       silence);
    actor->stop_asked = true;
    const enum status status = send_empty(actor, MESSAGE_STOP_REQUEST, error);
    if (status != STATUS_OK) return status;
  }
  // Before START the learner waits for other actors' environments and owes no heartbeat.
  if (silence > actor->config.actor_timeout + (actor->phase == PHASE_WAITING ? actor->config.env_timeout : 0))
    return error_set(error, STATUS_PEER, "the learner has been silent for %.0f s (actor_timeout %g): this actor leaves",
                     silence, actor->config.actor_timeout);
  return STATUS_OK;
}

static enum status work(struct actor *actor, bool *worked, struct error *error) {
  enum status status = STATUS_OK;
  if (actor->awaits) status = await_version(actor, error);
  if (status == STATUS_OK && evaluator_busy(actor->evaluator)) status = evaluation_turn(actor, worked, error);
  const bool may_step = actor->config.sync ? actor->in_round : transition_sender_has_room(&actor->sender);
  if (status == STATUS_OK && may_step && !actor->lent) {
    status = rollout_turn(actor, worked, error);
  } else if (status == STATUS_OK) {
    status = transition_sender_poll(&actor->sender, error);
  }
  const bool shipped = actor->sender.batch.steps == 0 && !actor->config.sync; // in sync a round's sums go together
  return status == STATUS_OK && shipped ? send_info(actor, error) : status;
}

enum status actor_turn(struct actor *actor, enum turn *turn, struct error *error) {
  bool busy = false;
  enum status status = drain(actor, &busy, error);
  // A step may take minutes: what came meanwhile was just drained, so the learner's silence can be judged now and not
  // after the work.
  if (status == STATUS_OK && actor->phase != PHASE_LEFT) status = look_at_learner(actor, error);
  if (status != STATUS_OK) return status;
  if (actor->phase == PHASE_RUNNING && actor->rollout && work(actor, &busy, error) != STATUS_OK) {
    actor_fail(actor, error);
    error_clear(error);
  }
  if (actor->phase != PHASE_LEFT) status = say_something(actor, error); // after the work: in a long step nobody could
  *turn = actor->phase == PHASE_LEFT ? TURN_DONE : busy ? TURN_BUSY : TURN_IDLE;
  return status;
}
