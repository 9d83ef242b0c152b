// The learner's list of its actors: who is alive, who holds how many credits, and the messages that go to them.
#ifndef CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H
#define CORSAC_LEARNER_EXCHANGE_ACTOR_TABLE_H

#include "common/config/config.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"
#include "learner/job/rate_limiter.h"
#include <stdbool.h>

enum { ROSTER_CREDITS = 2 }; // that an actor may hold: one batch under way while the next is filled

struct roster_entry { // of one actor
  bool alive, active; // active: it has environments that work
  bool left;          // it said BYE
  bool expelled;      // it sent what no actor sends: nothing more is taken of it
  uint32_t batch_steps;
  int64_t credits; // it holds: batches it may send, or has sent and which have not arrived; below 0: it shipped some
                   // without
  double heard, said, longest_step; // clock_now() times; s
  bool speaks;                      // also while its environments step
  uint32_t pid;                     // of its process, where that can be looked for from here; 0: it cannot
  double looked;                    // when it was looked for
  uint64_t ended;                   // sync: the last round that it said the end of
  uint32_t evaluates;               // the first of its episodes in the evaluation under way; UINT32_MAX: it has none
};

// Steps that were made and are in no replay, by cause, in this process' time. Those past the end are the job's
// `dropped`.
struct roster_losses {
  uint64_t unsent;  // stayed with actors when they left
  uint64_t at_most; // what actors that are gone can have made beyond what arrived of them
  uint32_t actors;  // that are gone
};

struct roster {
  struct transport *transport;                  // not owned
  uint32_t actors, active;                      // ranks 1..actors; the first `active` have environments
  struct roster_entry *entry;                   // (actors), of rank i + 1
  double actor_timeout, env_timeout, heartbeat; // s
  double began, listened;                       // clock_now() times; see roster_listen
  uint64_t realm;                               // process_realm() here
  uint64_t unsent;                              // steps, see roster_losses
  uint32_t next;                                // whose turn it is to get the next credit
  struct buffer bytes;                          // scratch for messages
};
enum status roster_init(struct roster *roster, const struct config *config, struct transport *transport,
                        struct error *error);
void roster_release(struct roster *roster);
uint32_t roster_alive(const struct roster *roster); // active and alive
// Actor i makes no more steps, but is there and will leave with the others.
void roster_retire(struct roster *roster, uint32_t actor);
// A HEARTBEAT of actor i. STATUS_PEER for what its process cannot say: another number than before, and as below.
enum status roster_take_heartbeat(struct roster *roster, uint32_t actor, const struct message_heartbeat *heartbeat,
                                  struct error *error);
// Actor i's longest step so far, by which patience with its silence goes. STATUS_PEER: the job is not that old.
enum status roster_take_step(struct roster *roster, uint32_t actor, double seconds, struct error *error);
void roster_leave(struct roster *roster, uint32_t actor, uint64_t unsent); // it said BYE
// Actor i gets what stands in roster->bytes and counts as gone from the next roster_keep_in_touch on, for good.
enum status roster_expel(struct roster *roster, uint32_t actor, struct error *error);
struct roster_losses roster_losses(const struct roster *roster);
// Actor i (0-based) was heard of now.
void roster_hear(struct roster *roster, uint32_t actor);
// Sends what stands in roster->bytes to actor i, unless it is dead.
enum status roster_send(struct roster *roster, uint32_t actor, struct error *error);
enum status roster_send_all(struct roster *roster, bool active_only, struct error *error); // to every one alive
// A batch of actor i arrived: one credit less.
void roster_batch_arrived(struct roster *roster, uint32_t actor);
// Hands out credits, round-robin, as far as the limiter allows: at most two per actor, and steps made + steps that
// credits still permit stay within rate_limiter_allowed (and within `total` steps, plus one batch per actor).
enum status roster_grant(struct roster *roster, const struct rate_limiter *limiter, uint64_t total,
                         uint64_t newest_version, struct error *error);
// A heartbeat to everyone who has been told nothing for a second. *died: an actor that was found gone (and is now
// marked dead), or -1: its process is no more, where that can be seen from here, or it has been silent for too long. An
// actor in a step owes no sign of life, unless its environments are processes of their own: then that is actor_timeout,
// else the largest of actor_timeout, env_timeout and 20 times its longest step.
enum status roster_keep_in_touch(struct roster *roster, uint64_t newest_version, int *died, struct error *error);
// Actor i, marked dead, was heard of: it is one of the others again, with all that it was sent and has sent. false:
// that was its last word, its process is gone.
bool roster_revive(struct roster *roster, uint32_t actor);
// An actor that has not said BYE and is now marked dead, or -1. However short its silence, if its process is no more
// and that can be seen from here; else as roster_keep_in_touch finds it.
int roster_find_gone(struct roster *roster);
// Marks dead who has not said BYE: there is no more waiting for it.
void roster_give_up(struct roster *roster);
// Only the heartbeat, for when nobody is listened to.
enum status roster_say_alive(struct roster *roster, uint64_t newest_version, struct error *error);
void roster_listen(struct roster *roster); // whatever has arrived is being taken now
// Nobody could be listened to since roster_listen, or since this was called: that time is nobody's silence.
void roster_excuse(struct roster *roster);
bool roster_all_left(const struct roster *roster); // everyone alive has said BYE
#endif
