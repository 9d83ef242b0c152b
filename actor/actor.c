// The life of an actor: creating it, and its turn. The states and the invariants are in actor_impl.h.
#include "actor/actor_impl.h"

#include "actor/group.h"
#include "common/base/clock.h"
#include "common/base/process.h"
#include "common/wire/codec.h"
#include <assert.h>
#include <math.h>

static const double BLOCKED_SECONDS = 1; // an actor that was blocked for so long ends no episode soon
static const double LONG_SECONDS = 1e-3; // between two drains: messages may have come that MPI has yet to find

#ifdef CORSAC_CHECKS
static void check_invariants(const struct actor *actor) {
  if (actor->state == ACTOR_FAILED || actor->state == ACTOR_LEFT) return;
  if (!actor->rollout) {
    assert(actor->evaluator || actor->assignment.count == 0); // I1
    assert(actor->round_state == NO_ROUND && !actor->is_lent);
    return;
  }
  assert(actor->policy && actor->evaluator);                            // I1
  assert(actor->config.sync || actor->round_state == NO_ROUND);         // I2
  assert((actor->round_state == NO_ROUND) == (actor->round_left == 0)); // I2
  assert(actor->round_left <= actor->config.sync_steps);                // I2
  const bool is_between = actor->config.sync && actor->round_state == NO_ROUND;
  assert(!is_between || actor->sender.batch.steps == 0);       // I3
  assert(!actor->is_lent || evaluator_busy(actor->evaluator)); // I4
  assert(!actor->is_lent || actor_has_single_instance(actor)); // I4
}
#else
static void check_invariants(const struct actor *actor) { (void)actor; }
#endif

// --- create and destroy ---

bool actor_has_single_instance(const struct actor *actor) {
  return actor->rollout && actor->kind.abi->flags & CORSAC_ONE_PER_PROCESS;
}

// Called in the middle of a call that waits for another process. An error shows itself again after the call.
static void keep_in_touch(void *who) {
  struct actor *actor = who;
  struct error ignored = {0};
  if (actor->call != guest_guard.calls) {
    actor->call = guest_guard.calls;
    actor->call_since = clock_coarse();
  }
  actor_send_heartbeat_if_due(actor, &ignored);
}

static enum status open_kind(struct actor *actor, bool trains, struct error *error) {
  const enum status status = environment_kind_open(&actor->kind, actor->config.env, &actor->config, error);
  if (status != STATUS_OK) return status;
  actor->kind.waiting = keep_in_touch;
  actor->kind.who = actor;
  if (actor->kind.process) actor_place_children(actor, trains);
  return actor->group ? group_lead(actor->group, &actor->kind, error) : STATUS_OK;
}

// Whether this actor will have an episode of each evaluation. Then its instance for them is created now, since the
// learner grants time for that before START.
static bool will_evaluate(const struct actor *actor) {
  const struct config *config = &actor->config;
  return config->eval_every > 0 && actor_rank(actor) - 1 < config->eval_episodes && !actor_has_single_instance(actor);
}

// The size of a batch depends on how many agents the environments have. Returns the most of one.
static uint32_t take_agents(struct actor *actor) {
  uint32_t most = 1, *agents = actor->agents;
  for (uint32_t i = 0; i < actor->assignment.count; i++) {
    agents[i] = rollout_agents(actor->rollout, i);
    if (agents[i] > most) most = agents[i];
  }
  assignment_take_agents(&actor->assignment, &actor->config, agents);
  return most;
}

// Makes all that an actor with environments has.
static enum status equip(struct actor *actor, struct error *error) {
  const struct config *config = &actor->config;
  struct assignment *assignment = &actor->assignment;
  enum status status = open_kind(actor, true, error);
  if (status != STATUS_OK) return status;

  actor->rollout = rollout_create(config, &actor->kind, assignment->first, assignment->count, error);
  if (!actor->rollout) return error->status;
  actor->agents = memory_alloc(assignment->count, sizeof *actor->agents, "the numbers of agents", error);
  if (!actor->agents) return STATUS_MEMORY;
  const struct environment *env = rollout_environment(actor->rollout, 0);
  const uint32_t obs_dim = env->obs_dim, act_dim = env->act_dim;
  actor->has_info = env->info_dim > 0;

  actor->policy = policy_create(config, network_input(config, obs_dim, act_dim), act_dim, error);
  if (!actor->policy) return error->status;
  policy_weights(actor->policy)->normalize = config->normalize_observations;

  actor->evaluator = evaluator_create(config, &actor->kind, obs_dim, act_dim, assignment->first, error);
  if (!actor->evaluator) return error->status;
  if (will_evaluate(actor) && !evaluator_environment(actor->evaluator, error)) return error->status;

  const uint32_t most_agents = take_agents(actor);
  status = transition_sender_init(&actor->sender, config, assignment, obs_dim, act_dim, actor->transport, error);
  if (status == STATUS_OK) status = weights_receiver_init(&actor->weights, actor->policy, actor->transport, error);
  if (status == STATUS_OK) status = snapshot_init_for(&actor->snapshot, config, obs_dim, act_dim, most_agents, error);
  return status == STATUS_OK ? actor_send_hello(actor, error) : status;
}

// Makes all that an actor that only evaluates has.
static enum status equip_to_evaluate(struct actor *actor, uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  const enum status status = open_kind(actor, false, error);
  if (status != STATUS_OK) return status;
  actor->evaluator = evaluator_create(&actor->config, &actor->kind, obs_dim, act_dim, actor->assignment.first, error);
  if (!actor->evaluator || !evaluator_environment(actor->evaluator, error)) return error->status;
  return actor_send_hello(actor, error);
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
  actor->assignment = assignment_of(config, (uint32_t)transport_size(transport) - 1, actor_rank(actor) - 1);

  // The heartbeat says which process this is, before an environment is created that may end it.
  if (actor_send_heartbeat(actor, error) == STATUS_OK) return actor;
  memory_free(actor);
  return NULL;
}

void actor_equip(struct actor *actor) {
  struct error error = {0};
  if (actor->assignment.count > 0 && equip(actor, &error) != STATUS_OK) actor_fail(actor, &error);
  actor->received = actor->drained = clock_now(); // creating an environment may have taken minutes
}

void actor_equip_to_evaluate(struct actor *actor, uint32_t obs_dim, uint32_t act_dim) {
  struct error error = {0};
  if (actor->assignment.count > 0 && equip_to_evaluate(actor, obs_dim, act_dim, &error) != STATUS_OK)
    actor_fail(actor, &error);
  actor->received = actor->drained = clock_now();
}

struct actor *actor_create(const struct config *config, struct transport *transport, const volatile sig_atomic_t *stop,
                           struct error *error) {
  struct actor *actor = actor_prepare(config, transport, NULL, stop, error);
  if (actor) actor_equip(actor);
  return actor;
}

void actor_fail(struct actor *actor, const struct error *failure) {
  struct error ignored = {0};
  // The steps before the failure are good. In sync mode an unfinished round counts for nothing.
  if (actor->state == ACTOR_RUNNING && actor->rollout && !actor->config.sync)
    transition_sender_ship(&actor->sender, &ignored);
  actor->state = ACTOR_FAILED;
  actor->received = actor->drained = clock_now(); // messages of the failed call's time are not late
  actor_send_failed(actor, failure);
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
  memory_free(actor->agents);
  buffer_release(&actor->bytes);
  environment_kind_close(&actor->kind);
  memory_free(actor);
}

bool actor_has_left(const struct actor *actor) { return actor->state == ACTOR_LEFT; }
int actor_exit_code(const struct actor *actor) { return actor->exit_code; }
bool actor_leaves_together(const struct actor *actor) { return actor->leaves_together; }

// --- messages ---

// A learner that sends invalid bytes or numbers ends this actor: the error is the turn's. What the environment cannot
// do (RESTORE with a state that it refuses) fails the actor, and the learner is told.
static enum status take_frame(struct actor *actor, const uint8_t *bytes, size_t size, struct error *error) {
  struct frame frame;
  enum status status = frame_decode(bytes, size, &frame, error);
  if (status != STATUS_OK) return status;
  status = actor_take_message(actor, &frame, error);
  const bool is_invalid = status == STATUS_FORMAT && frame.type != MESSAGE_RESTORE;
  if (status == STATUS_OK || status == STATUS_PEER || is_invalid) return status;
  actor_fail(actor, error);
  error_clear(error);
  return STATUS_OK;
}

// A long step, or a suspension of the job, counts as silence of the learner for two heartbeats at most, or for a
// quarter of actor_timeout where that is shorter (I7). A learner that is alive has sent something meanwhile, or does so
// soon. Only then does the actor step again, or obey a signal.
static void note_absence(struct actor *actor, double now) {
  const double away = now - actor->drained;
  const double most = fmin(2 * heartbeat_seconds(&actor->config), 0.25 * actor->config.actor_timeout);
  if (actor->drained > 0 && away > most) {
    actor->received += away - most;
    actor->doubts = true;
  }
  actor->drained = now;
}

// Takes all messages that have arrived. A probe of MPI may only move a message along, and find it at the next call. So
// after a long step, during which messages may have come, the transport has to say three times that there is none.
static enum status drain(struct actor *actor, bool *received, struct error *error) {
  const double now = clock_coarse();
  int probes = now - actor->drained > LONG_SECONDS ? 3 : 1;
  note_absence(actor, now);
  while (actor->state != ACTOR_LEFT) {
    int from;
    const uint8_t *bytes;
    size_t size;
    enum status status = transport_receive(actor->transport, &from, &bytes, &size, error);
    if (status != STATUS_OK || (size == 0 && --probes == 0)) return status;
    if (size == 0) continue;
    status = take_frame(actor, bytes, size, error);
    if (status != STATUS_OK) return status;
    actor->received = clock_coarse();
    actor->doubts = false;
    *received = true;
  }
  return STATUS_OK;
}

// --- evaluation ---

static enum status evaluate_step(struct actor *actor, struct error *error) {
  bool done;
  struct message_episode result;
  const double began = actor->rollout ? 0 : clock_now();
  enum status status = evaluator_step(actor->evaluator, &done, &result, error);
  if (!actor->rollout) actor->longest_step = fmax(actor->longest_step, clock_now() - began);
  for (const struct evaluator_transition *made = evaluator_made(actor->evaluator);
       status == STATUS_OK && made && made->step < actor->steps_asked; made = evaluator_made_next(actor->evaluator))
    status = actor_send_step(actor, made, error);
  const struct message_env_failure *failure = evaluator_env_failure(actor->evaluator);
  if (status == STATUS_OK && failure) status = actor_send_env_failure(actor, failure, error);
  return status == STATUS_OK && done ? actor_send_episode(actor, &result, error) : status;
}

// Lends the only environment to the evaluator. In async mode it waits for the end of the running episode, unless the
// environment can save or the episode does not go on.
static void lend(struct actor *actor) {
  const double blocked = actor->sender.blocked_since;
  const bool now = actor->config.sync || (blocked > 0 && clock_now() - blocked > BLOCKED_SECONDS);
  struct environment *environment = rollout_lend(actor->rollout, now, &actor->sender.batch);
  if (!environment) return;
  evaluator_borrow(actor->evaluator, environment);
  actor->is_lent = true;
}

static enum status take_back(struct actor *actor, struct error *error) {
  evaluator_borrow(actor->evaluator, NULL);
  actor->is_lent = false;
  return rollout_take_back(actor->rollout, &actor->sender.batch, error);
}

static enum status evaluation_turn(struct actor *actor, bool *worked, struct error *error) {
  enum status status = STATUS_OK;
  if (evaluator_busy(actor->evaluator)) {
    const bool borrows = actor_has_single_instance(actor);
    if (borrows && !actor->is_lent) lend(actor);
    if (borrows && !actor->is_lent) return STATUS_OK;
    *worked = true;
    status = evaluate_step(actor, error);
    if (status == STATUS_OK) status = actor_send_heartbeat_if_due(actor, error); // a step of training may follow
  }
  return status == STATUS_OK && actor->is_lent && !evaluator_busy(actor->evaluator) ? take_back(actor, error) : status;
}

// --- training ---

static enum status end_round(struct actor *actor, struct error *error) {
  actor->round_state = NO_ROUND;
  const enum status status = actor_send_rows_and_snapshots(actor, error); // I3
  return status == STATUS_OK ? actor_send_round_end(actor, error) : status;
}

static enum status rollout_turn(struct actor *actor, bool *worked, struct error *error) {
  struct transition_batch *batch = &actor->sender.batch;
  enum status status = actor->config.sync ? STATUS_OK : weights_receiver_poll(&actor->weights, actor->policy, error);
  if (status != STATUS_OK) return status;

  const uint64_t before = batch->steps;
  status = rollout_step(actor->rollout, actor->policy, actor->weights.newest, batch, error);
  const bool stepped = batch->steps > before;
  const bool all_stepped = actor->round_state == ROUND_STEPS && stepped && rollout_is_level(actor->rollout);
  *worked |= stepped;

  if (status == STATUS_OK) status = actor_send_env_failures(actor, error);
  if (status == STATUS_OK) status = transition_sender_poll(&actor->sender, error);
  actor->longest_step = batch->longest_step;
  if (status != STATUS_OK || !all_stepped) return status;
  return --actor->round_left > 0 ? STATUS_OK : end_round(actor, error);
}

static enum status work(struct actor *actor, bool *worked, struct error *error) {
  enum status status = STATUS_OK;
  if (actor->round_state == ROUND_WAITS) status = actor_await_version(actor, error);
  if (status == STATUS_OK) status = evaluation_turn(actor, worked, error);
  if (status != STATUS_OK || !actor->rollout) return status;

  const bool may_step =
      actor->config.sync ? actor->round_state == ROUND_STEPS : transition_sender_has_room(&actor->sender);
  status =
      may_step && !actor->is_lent ? rollout_turn(actor, worked, error) : transition_sender_poll(&actor->sender, error);
  if (status != STATUS_OK) return status;

  // The named values go after the rows of their steps; in sync mode those of a round go together.
  const bool was_shipped = actor->sender.batch.steps == 0 && !actor->config.sync;
  return was_shipped ? actor_send_info(actor, error) : STATUS_OK;
}

// --- the turn ---

// A daemon of mpirun that has lost the others ends its ranks with a signal, too. That does not ask for an end of the
// job: an actor that the learner is silent to leaves alone.
static enum status take_signal(struct actor *actor, double silence, struct error *error) {
  if (actor->state == ACTOR_RUNNING && silence > 2 * heartbeat_seconds(&actor->config))
    return error_set(error, STATUS_STOPPED,
                     "told to stop by a signal while the learner has been silent for %.1f s: this actor leaves alone",
                     silence);
  actor->stop_asked = true;
  return actor_send_stop_request(actor, error);
}

static enum status check_learner(struct actor *actor, struct error *error) {
  const double silence = clock_coarse() - actor->received;
  if (*actor->stop && !actor->stop_asked && !actor->doubts) {
    const enum status status = take_signal(actor, silence, error);
    if (status != STATUS_OK) return status;
  }
  // Before START the learner waits for other actors' environments and owes no heartbeat.
  const double extra = actor->state == ACTOR_GREETING ? config_call_timeout(&actor->config, CONFIG_CREATE) : 0;
  if (silence <= actor->config.actor_timeout + extra) return STATUS_OK;
  return error_set(error, STATUS_PEER, "the learner has been silent for %.0f s (actor_timeout %g): this actor leaves",
                   silence, actor->config.actor_timeout);
}

enum status actor_turn(struct actor *actor, enum turn *turn, struct error *error) {
  bool busy = false;
  enum status status = drain(actor, &busy, error);
  // After the drain and before the work: a step may take minutes, and messages come meanwhile (I7).
  if (status == STATUS_OK && actor->state != ACTOR_LEFT) status = check_learner(actor, error);
  if (status != STATUS_OK) return status;

  const bool works = actor->state == ACTOR_RUNNING && actor->evaluator && !actor->doubts;
  if (works && work(actor, &busy, error) != STATUS_OK) {
    actor_fail(actor, error);
    error_clear(error);
  }
  // After the work: during a long step no heartbeat could be sent.
  status = actor_send_heartbeat_if_due(actor, error);
  check_invariants(actor);
  *turn = actor->state == ACTOR_LEFT ? TURN_DONE : busy ? TURN_BUSY : TURN_IDLE;
  return status;
}
