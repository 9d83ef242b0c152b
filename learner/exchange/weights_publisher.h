// Makes policy versions known to actors; newest wins. Actors of this node read every version on its shared weights. To
// every other node goes the newest version there is, as a message to one of its actors, who puts it on that node's
// shared weights for the others: as soon as the one before was taken (WEIGHTS_TAKEN), so at most one is under way to a
// node. Who gets it is the actor that was heard of last, for it is not in a step; if it does not take it soon, another
// one gets the next. An actor that sees no shared weights is a node of its own. Pair: actor/weights_receiver.h.
#ifndef CORSAC_LEARNER_EXCHANGE_WEIGHTS_PUBLISHER_H
#define CORSAC_LEARNER_EXCHANGE_WEIGHTS_PUBLISHER_H

#include "learner/job/job.h"
#include "learner/exchange/actor_table.h"

struct weights_node {
  bool ready;    // may be sent to
  uint64_t sent; // newest version sent to it
  uint32_t to;   // actor that got it
  double when;   // s
};
struct weights_publisher {
  struct policy_weights weights; // scratch: the version encoded last
  struct buffer bytes;           // it, encoded
  uint64_t encoded;              // which version that is; 0: none
  struct shared_weights *shared; // not owned; NULL: none
  struct buffer head;            // scratch for it
  uint64_t posted;               // newest version on it
  bool others_fit;               // the shared memory of other nodes is large enough
  struct transport *transport;   // not owned
  uint32_t turn;                 // actor whose node is looked at next
  double pause_until;            // s: before, messages would take too much of the learner's time
  struct weights_node *node;     // (actors) by the first actor on it
};
// Its actors are the transport's other ranks. Where shared weights are too small for this policy it warns and goes
// without.
enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job,
                                   struct transport *transport, struct error *error);
void weights_publisher_release(struct weights_publisher *publisher);
void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor); // actor said WEIGHTS_TAKEN
// Puts the job's current version on the shared weights, and sends it to another node that is ready and has an older
// one: to one at a time, in turn, and with pauses, so that with many nodes the learner spends no more than a twentieth
// of its time on it (everyone=true: to all of them, ready or not, for sync, whose rounds bound what is under way).
// Version 0 is never told: everybody starts there.
enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job,
                                   struct actor_table *table, bool everyone, struct error *error);
#endif
