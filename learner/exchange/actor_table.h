// The learner's table of its actors: who is alive, who holds how many credits, and the messages that go to them.
// actor_table.c lists the states of an actor and the invariants.
#ifndef CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H
#define CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H

#include "common/config/config.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"
#include "learner/job/rate_limiter.h"
#include <stdbool.h>

enum { ACTOR_TABLE_WAIT = 5, ACTOR_TABLE_NAMED = 30 }; // s: of a wait that is shown, and named in the log
enum { ACTOR_TABLE_CREDITS = 2 }; // that an actor may hold: one batch in flight while it fills the next

struct actor_entry {                       // of one actor
  bool alive;                              // not presumed dead
  bool active;                             // it has environments, and they make steps
  bool left;                               // it said BYE
  bool expelled;                           // it sent an invalid message: nothing more is taken of it
  uint32_t batch_steps, batch_transitions; // of a full batch
  int64_t credits;          // batches it may send, or has sent and which have not arrived; below 0: sent without one
  double heard, sent;       // clock_now() of the last message from it, to it
  double longest_step;      // s, without the time for which the job was suspended
  double reported_step;     // s: as the actor said
  double reported;          // clock_now() when it said that last; 0: never
  bool heartbeats_in_step;  // it sends heartbeats while its environments make a step
  struct message_wait wait; // the call that it waits for, as its last message said
  double wait_from;         // clock_now() when that call began
  bool wait_named;          // the log has named it
  uint32_t pid;             // of its process, where the learner can look for that; 0: it cannot
  double looked;            // clock_now() of the last look for its process
  uint64_t ended;           // sync: the last round that it ended
  uint32_t evaluates;       // its first episode in the running evaluation; UINT32_MAX: it has none
};

// Steps that were made and are in no replay, by cause, in this process's time. job->dropped counts those past the end.
struct actor_table_losses {
  uint64_t unsent;  // stayed with actors that left
  uint64_t at_most; // what actors that are presumed dead can have made beyond what arrived
  uint32_t actors;  // that are presumed dead
};

struct actor_table {
  struct transport *transport;                  // not owned
  uint32_t actors, active;                      // ranks 1..actors; the first `active` have environments
  struct actor_entry *entry;                    // (actors), of rank i + 1
  double actor_timeout, env_timeout, heartbeat; // s
  double began;                                 // clock_now()
  double listened;                              // clock_coarse() of the last actor_table_listen
  double returned, away;                        // clock_coarse() after the learner's last absence, and its s
  uint64_t pid_namespace;                       // process_pid_namespace() here
  uint64_t unsent;                              // steps, see actor_table_losses
  uint32_t next;                                // the actor that gets the next credit
  bool is_counted;                              // what follows is up to date; else actor_table_grant counts it
  uint64_t promised;                            // steps that the credits of living actors permit, and
  uint64_t promised_transitions;                // transitions
  uint32_t wanting;                             // actors that may get another credit
  uint32_t least_steps, most_steps;             // batch_steps of active actors
  uint32_t least_transitions;                   // batch_transitions of them
  struct buffer bytes;                          // scratch for messages
};

enum status actor_table_init(struct actor_table *table, const struct config *config, struct transport *transport,
                             struct error *error);

// Where environments have several agents: agents (config->envs) of each, before the first credit.
void actor_table_take_agents(struct actor_table *table, const struct config *config, const uint32_t *agents);
void actor_table_release(struct actor_table *table);

// Actors that are alive and active.
uint32_t actor_table_alive(const struct actor_table *table);

// True when every actor that is alive has said BYE.
bool actor_table_all_left(const struct actor_table *table);
struct actor_table_losses actor_table_losses(const struct actor_table *table);

// --- what an actor says. `actor` is its index, its rank less one. ---

// A message of any kind arrived: until it says otherwise the actor waits for no call.
void actor_table_hear(struct actor_table *table, uint32_t actor);

// A batch arrived: one credit less.
void actor_table_batch_arrived(struct actor_table *table, uint32_t actor);

// A HEARTBEAT arrived. STATUS_PEER: it names another process than before, or as actor_table_take_step.
enum status actor_table_take_heartbeat(struct actor_table *table, uint32_t actor,
                                       const struct message_heartbeat *heartbeat, struct error *error);

// The actor, of those that are alive, whose environment has kept it waiting longest, at least ACTOR_TABLE_WAIT s; -1:
// none. *seconds: for how long.
int actor_table_find_wait(const struct actor_table *table, double *seconds);

// The actor's longest step so far, on which the patience with its silence depends. A step in which the learner was
// away, too, counts without that time: the job was suspended. STATUS_PEER: it is longer than the job can have run.
enum status actor_table_take_step(struct actor_table *table, uint32_t actor, double seconds, struct error *error);

// The actor makes no more steps; it stays and leaves with the others.
void actor_table_retire(struct actor_table *table, uint32_t actor);

// The actor said BYE; `unsent` steps stayed with it.
void actor_table_leave(struct actor_table *table, uint32_t actor, uint64_t unsent);

// Sends the actor the message in table->bytes, its last one. The next actor_table_keep_in_touch counts it as dead.
enum status actor_table_expel(struct actor_table *table, uint32_t actor, struct error *error);

// An actor that is presumed dead was heard of: it is alive again, with the credits it had. false: its process has
// ended or it was expelled, and it stays dead.
bool actor_table_revive(struct actor_table *table, uint32_t actor);

// --- what goes to actors ---

// Sends the message in table->bytes to one actor, unless it is presumed dead; to all actors, or to the first `active`.
enum status actor_table_send(struct actor_table *table, uint32_t actor, struct error *error);
enum status actor_table_send_all(struct actor_table *table, bool active_only, struct error *error);

// Hands out credits, round-robin. An actor holds at most two. What is made and what credits still permit, in steps or
// in transitions as utd counts, stays within rate_limiter_allowed, and the steps within `total` plus one batch for each
// actor.
enum status actor_table_grant(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                              uint64_t newest_version, struct error *error);

// Sends a heartbeat to every actor that was sent nothing for a heartbeat's interval.
enum status actor_table_send_heartbeats(struct actor_table *table, uint64_t newest_version, struct error *error);

// --- who is presumed dead ---

// *dead: an actor that is presumed dead from now on, or -1 and then the heartbeats are sent. An actor is presumed dead
// when its process has ended, where the learner can see that, or when it has been silent for too long. An actor in a
// step owes no heartbeat, unless its environments are processes of their own: too long is actor_timeout for those,
// and else the largest of actor_timeout, env_timeout and 20 times its longest step.
enum status actor_table_keep_in_touch(struct actor_table *table, uint64_t newest_version, int *dead,
                                      struct error *error);

// Returns an actor that has not said BYE and is presumed dead from now on, or -1. Looks for its process at once,
// however short its silence.
int actor_table_find_dead(struct actor_table *table);

// Marks every actor dead that has not said BYE: the learner waits no longer.
void actor_table_give_up(struct actor_table *table);

// All messages that have arrived are being taken now. Where the last time was long ago, the learner was suspended or in
// a long update; of that time at most a quarter of actor_timeout counts as silence.
void actor_table_listen(struct actor_table *table);

// No message could be taken since actor_table_listen, or since the last call: that time does not count as silence.
void actor_table_excuse(struct actor_table *table);
#endif
