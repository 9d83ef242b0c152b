// Makes policy versions known to actors; the newest wins. Actors of this node read every version in its shared-memory
// weights. Every other node gets the newest version as a message to one of its actors, which puts it into that node's
// shared-memory weights for the others. The node gets the next one when the actor has taken it (WEIGHTS_TAKEN), so at
// most one version is in flight to an actor. The message goes to the actor that was heard of last, since that one is
// not in a step; if it does not take the version soon, another actor that has none to take gets the next. An actor that
// sees no shared-memory weights is a node of its own. Pair: actor/weights_receiver.h.
#ifndef CORSAC_LEARNER_EXCHANGE_WEIGHTS_PUBLISHER_H
#define CORSAC_LEARNER_EXCHANGE_WEIGHTS_PUBLISHER_H

#include "learner/exchange/actor_table.h"
#include "learner/job/job.h"

struct weights_node {
  uint64_t sent; // newest version sent to it
  uint32_t to;   // the actor that got it
  double when;   // clock_coarse() at which it was sent
  bool is_listed;
};

struct weights_publisher {
  struct policy_weights weights; // scratch: the version encoded last
  struct buffer bytes;           // it, encoded
  uint64_t encoded;              // which version that is; 0: none
  struct shared_weights *shared; // of this node, not owned; NULL: none
  struct buffer head;            // scratch for it
  uint64_t posted;               // newest version in it
  bool nodes_share;              // the shared-memory weights of other nodes are large enough, too
  struct transport *transport;   // not owned
  uint32_t turn;                 // the place in `other` that is looked at next
  double pause_until;            // clock_now(): no message goes out before, see SHARE
  struct weights_node *node;     // (actors) by the first actor on it
  bool *untaken;                 // (actors) it has yet to take a version that it was sent
  uint32_t *other, others;       // (others) the nodes that get messages, by their first actors
};

// Its actors are the transport's other ranks. Where the shared-memory weights are too small for this policy it logs a
// warning and sends messages instead.
enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job,
                                   struct transport *transport, struct error *error);
void weights_publisher_release(struct weights_publisher *publisher);

// The actor said WEIGHTS_TAKEN.
void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor);

// Puts the job's version into the shared-memory weights, and sends it to another node that is ready and has an older
// one: to one node a call, in turn, and with pauses, so that the learner spends at most a twentieth of its time on it
// however many nodes there are. everyone: to all nodes, ready or not; for sync, whose rounds bound what is in flight.
// Version 0 is never sent: everybody begins with it.
enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job,
                                   struct actor_table *table, bool everyone, struct error *error);
#endif
