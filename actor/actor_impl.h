// Inside of an actor: its states and its data, shared by the turn (actor.c), what it sends (actor_send.c) and what it
// receives (actor_receive.c).
//
// The states
//
//   GREETING  actor_prepare has sent a heartbeat, actor_equip has made the environments and sent HELLO; RESTORE may
//             come, and the actor waits for START
//             START (actor_take_message): it is RUNNING
//   RUNNING   it steps, evaluates, and sends what happened
//             work fails, or a message asks for what its environment cannot do (drain): actor_fail: it is FAILED
//   FAILED    it has sent FAILED, makes no step, and waits. In async mode the learner lets it stay so until the job
//             ends ("retired"), since a rank that left would end an MPI job
//   LEFT      it has sent BYE; actor_turn gives TURN_DONE
//
//   In GREETING, too, actor_equip or a RESTORE that the environment refuses leads to FAILED. STOP leads from every
//   state to LEFT (leave). Where the learner is silent or breaks the protocol, actor_turn returns an error and the
//   caller ends the process.
//
// What a RUNNING actor does in a turn (work)
//
//   async  It steps while its sender has room. When a full batch finds no credit it waits (blocked); CREDIT ends that.
//   sync   It steps in a round only:
//            NO_ROUND        ROUND comes (begin_round): ROUND_WAITS
//            ROUND_WAITS     the round's policy version is there (actor_await_version): ROUND_STEPS
//            ROUND_STEPS     every environment has made sync_steps steps (end_round): rows, snapshots and ROUND_END are
//                            sent, and it is NO_ROUND
//   both   EVALUATE (begin_evaluation) gives it episodes of an evaluation. It makes a step of them in each turn, beside
//          the training, and sends EPISODE after each. An environment that may exist once is lent to the evaluator
//          for it (lend), and no training step is made until it is back (take_back).
//
// Invariants, at the end of each turn (check_invariants in actor.c):
//
//   I1. An actor that has not FAILED has a rollout and all that belongs to it, or it only evaluates and has an
//       evaluator alone, or it is a surplus rank, which never steps or evaluates.
//   I2. Only a sync job has rounds. In ROUND_STEPS 1 to sync_steps steps are left, in NO_ROUND none.
//   I3. Between two sync rounds the batch holds no step: a round's rows are all sent before its ROUND_END.
//   I4. An environment is lent only while its evaluator is busy, and only where it may exist once.
//   I5. A snapshot is sent after the rows of all steps before it: it stands for everything up to its step.
//   I6. A FAILED actor sends heartbeats, STOP_REQUEST and BYE, and nothing else.
//   I7. The learner's silence is judged only after all messages that have arrived were taken, and an actor that was
//       away for long makes no step before it has heard of the learner (doubts).
#ifndef CORSAC_ACTOR_ACTOR_IMPL_H
#define CORSAC_ACTOR_ACTOR_IMPL_H

#include "actor/actor.h"
#include "actor/evaluator.h"
#include "actor/rollout.h"
#include "actor/transition_sender.h"
#include "actor/weights_receiver.h"

enum actor_state { ACTOR_GREETING, ACTOR_RUNNING, ACTOR_FAILED, ACTOR_LEFT };
enum actor_round { NO_ROUND, ROUND_WAITS, ROUND_STEPS };

struct actor {
  struct config config;
  struct transport *transport; // not owned
  struct group *group;         // not owned; NULL: it steps its environments alone
  const volatile sig_atomic_t *stop;
  enum actor_state state;
  struct environment_kind kind;
  struct assignment assignment;

  // NULL or empty on a surplus rank, and all but the evaluator in an actor that only evaluates (I1).
  struct rollout *rollout;
  struct policy *policy;
  struct evaluator *evaluator;
  struct transition_sender sender;
  struct weights_receiver weights;
  struct snapshot snapshot; // scratch
  uint32_t *agents;         // (assignment.count) of each environment
  struct buffer bytes;      // scratch: the message to send

  uint64_t call;     // of an environment, the last one that was waited for (guest_guard.calls), and
  double call_since; // s: when that was first noticed

  enum actor_round round_state;
  uint64_t round, round_version;  // the newest round, and the policy version that it is made with
  uint64_t round_left;            // steps of each environment
  uint64_t evaluation;            // the newest
  uint32_t steps_asked;           // the first steps of each of its episodes that are sent as STEP
  bool is_lent;                   // the only environment is with the evaluator
  bool has_info;                  // its environments give named values
  bool stop_asked;                // STOP_REQUEST was sent
  bool doubts;                    // it was away for long, and has heard nothing since
  double drained, received, sent; // s: when drain last ran, when a message last came and last went
  double longest_step;            // s
  uint64_t pid_namespace;
  int exit_code;        // STOP's
  bool leaves_together; // STOP's
};

// The rank as messages have it.
uint32_t actor_rank(const struct actor *actor);

// Whether no second instance of its environment may exist beside the one that trains.
bool actor_has_single_instance(const struct actor *actor);

// --- actor_place.c ---

// Gives the child processes of this actor their places among those that share its cores. trains: it has environments
// that train, beside the one that evaluates.
void actor_place_children(struct actor *actor, bool trains);

// --- actor_send.c: each sends one kind of message to the learner ---

enum status actor_send_hello(struct actor *actor, struct error *error);
enum status actor_send_heartbeat(struct actor *actor, struct error *error);

// Sends a heartbeat to the group of ranks, and to the learner until BYE, if nothing was sent for so long that one is
// due.
enum status actor_send_heartbeat_if_due(struct actor *actor, struct error *error);

// An error on the way is ignored: the actor has one to report already.
void actor_send_failed(struct actor *actor, const struct error *failure);

enum status actor_send_stop_request(struct actor *actor, struct error *error);
enum status actor_send_bye(struct actor *actor, struct error *error);
enum status actor_send_episode(struct actor *actor, const struct message_episode *episode, struct error *error);
enum status actor_send_step(struct actor *actor, const struct evaluator_transition *made, struct error *error);
enum status actor_send_round_end(struct actor *actor, struct error *error);
enum status actor_send_env_failure(struct actor *actor, const struct message_env_failure *failure, struct error *error);

// All failures and warnings that the rollout has to report.
enum status actor_send_env_failures(struct actor *actor, struct error *error);

// The sums of the environments' named values, of the steps whose rows have been sent.
enum status actor_send_info(struct actor *actor, struct error *error);

// All rows, then where each environment stands (I5).
enum status actor_send_rows_and_snapshots(struct actor *actor, struct error *error);

// --- actor_receive.c ---

enum status actor_take_message(struct actor *actor, const struct frame *frame, struct error *error);

// Looks for the round's policy version. On another node than the learner's it may take a while until an actor of the
// node has put it into shared memory.
enum status actor_await_version(struct actor *actor, struct error *error);
#endif
