// Makes policy versions known to actors; newest wins. Two roads: actors that see the transport's board (this node's)
// read every version there; the others get the newest version there is as a message when they are ready (they said
// WEIGHTS_TAKEN for the one before), so at most one is under way to each and a slow actor delays nobody. Pair:
// actor/weights_receiver.h.
#ifndef CORSAC_LEARNER_WEIGHTS_PUBLISHER_H
#define CORSAC_LEARNER_WEIGHTS_PUBLISHER_H

#include "learner/job.h"
#include "learner/roster.h"

struct weights_publisher {
  struct policy_weights weights; // scratch: the version encoded last
  struct buffer bytes;           // it, encoded
  uint64_t encoded;              // which version that is; 0: none
  struct board *board;           // not owned; NULL: none
  struct buffer head;            // scratch for it
  uint64_t posted;               // newest version on it
  uint32_t actors;
  bool *ready;    // (actors) may be sent to
  uint64_t *sent; // (actors) newest version sent to it
};
// Its actors are the transport's other ranks. Where the board is too small for this policy it warns and goes without.
enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job,
                                   struct transport *transport, struct error *error);
void weights_publisher_release(struct weights_publisher *publisher);
void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor); // actor said WEIGHTS_TAKEN
// Puts the job's current version on the board, and sends it to every active actor that does not see that, is ready and
// has an older one (everyone=true: ready or not, for sync, whose rounds bound what is under way). Version 0 is never
// told: everybody starts there.
enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job, struct roster *roster,
                                   bool everyone, struct error *error);
#endif
