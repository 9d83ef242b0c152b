// The learner's list of its actors: who is alive, who holds how many credits, and the messages that go to them.
#ifndef CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H
#define CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H

#include "common/config/config.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"
#include "learner/job/rate_limiter.h"
#include <stdbool.h>

enum { ACTOR_TABLE_CREDITS = 2 }; // that an actor may hold: one batch under way while the next is filled

struct actor_entry {  // of one actor
  bool alive, active; // active: it has environments that work
  bool left;          // it said BYE
  bool expelled;      // it sent what no actor sends: nothing more is taken of it
  uint32_t batch_steps;
  int64_t credits; // it holds: batches it may send, or has sent and which have not arrived; below 0: it shipped some
                   // without
  double heard, said, longest_step; // clock_now() times; s
  bool heartbeats_in_step;          // also while its environments step
  uint32_t pid;                     // of its process, where that can be looked for from here; 0: it cannot
  double looked;                    // when it was looked for
  uint64_t ended;                   // sync: the last round that it said the end of
  uint32_t evaluates;               // the first of its episodes in the evaluation under way; UINT32_MAX: it has none
};

// Steps that were made and are in no replay, by cause, in this process' time. Those past the end are the job's
// `dropped`.
struct actor_table_losses {
  uint64_t unsent;  // stayed with actors when they left
  uint64_t at_most; // what actors that are gone can have made beyond what arrived of them
  uint32_t actors;  // that are gone
};

struct actor_table {
  struct transport *transport;                  // not owned
  uint32_t actors, active;                      // ranks 1..actors; the first `active` have environments
  struct actor_entry *entry;                    // (actors), of rank i + 1
  double actor_timeout, env_timeout, heartbeat; // s
  double began, listened;                       // clock_now() times; see actor_table_listen
  uint64_t pid_namespace;                       // process_pid_namespace() here
  uint64_t unsent;                              // steps, see actor_table_losses
  uint32_t next;                                // whose turn it is to get the next credit
  struct buffer bytes;                          // scratch for messages
};
enum status actor_table_init(struct actor_table *table, const struct config *config, struct transport *transport,
                             struct error *error);
void actor_table_release(struct actor_table *table);
uint32_t actor_table_alive(const struct actor_table *table); // active and alive
// Actor i makes no more steps, but is there and will leave with the others.
void actor_table_retire(struct actor_table *table, uint32_t actor);
// A HEARTBEAT of actor i. STATUS_PEER for what its process cannot say: another number than before, and as below.
enum status actor_table_take_heartbeat(struct actor_table *table, uint32_t actor,
                                       const struct message_heartbeat *heartbeat, struct error *error);
// Actor i's longest step so far, by which patience with its silence goes. STATUS_PEER: the job is not that old.
enum status actor_table_take_step(struct actor_table *table, uint32_t actor, double seconds, struct error *error);
void actor_table_leave(struct actor_table *table, uint32_t actor, uint64_t unsent); // it said BYE
// Actor i gets what stands in actor table->bytes and counts as gone from the next actor_table_keep_in_touch on, for
// good.
enum status actor_table_expel(struct actor_table *table, uint32_t actor, struct error *error);
struct actor_table_losses actor_table_losses(const struct actor_table *table);
// Actor i (0-based) was heard of now.
void actor_table_hear(struct actor_table *table, uint32_t actor);
// Sends what stands in actor table->bytes to actor i, unless it is dead.
enum status actor_table_send(struct actor_table *table, uint32_t actor, struct error *error);
enum status actor_table_send_all(struct actor_table *table, bool active_only,
                                 struct error *error); // to every one alive
// A batch of actor i arrived: one credit less.
void actor_table_batch_arrived(struct actor_table *table, uint32_t actor);
// Hands out credits, round-robin, as far as the limiter allows: at most two per actor, and steps made + steps that
// credits still permit stay within rate_limiter_allowed (and within `total` steps, plus one batch per actor).
enum status actor_table_grant(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                              uint64_t newest_version, struct error *error);
// A heartbeat to everyone who has been told nothing for a second. *died: an actor that was found gone (and is now
// marked dead), or -1: its process is no more, where that can be seen from here, or it has been silent for too long. An
// actor in a step owes no sign of life, unless its environments are processes of their own: then that is actor_timeout,
// else the largest of actor_timeout, env_timeout and 20 times its longest step.
enum status actor_table_keep_in_touch(struct actor_table *table, uint64_t newest_version, int *died,
                                      struct error *error);
// Actor i, marked dead, was heard of: it is one of the others again, with all that it was sent and has sent. false:
// that was its last word, its process is gone.
bool actor_table_revive(struct actor_table *table, uint32_t actor);
// An actor that has not said BYE and is now marked dead, or -1. However short its silence, if its process is no more
// and that can be seen from here; else as actor_table_keep_in_touch finds it.
int actor_table_find_gone(struct actor_table *table);
// Marks dead who has not said BYE: there is no more waiting for it.
void actor_table_give_up(struct actor_table *table);
// Only the heartbeat, for when nobody is listened to.
enum status actor_table_say_alive(struct actor_table *table, uint64_t newest_version, struct error *error);
void actor_table_listen(struct actor_table *table); // whatever has arrived is being taken now
// Nobody could be listened to since actor_table_listen, or since this was called: that time is nobody's silence.
void actor_table_excuse(struct actor_table *table);
bool actor_table_all_left(const struct actor_table *table); // everyone alive has said BYE
#endif
