// Sends policy versions to actors. Newest wins: an actor gets the newest version there is when it is ready (it said
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
  uint32_t actors;
  bool *ready;    // (actors) may be sent to
  uint64_t *sent; // (actors) newest version sent to it
};
enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job, uint32_t actors,
                                   struct error *error);
void weights_publisher_release(struct weights_publisher *publisher);
void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor); // actor said WEIGHTS_TAKEN
// Sends the job's current version to every active actor that is ready and has an older one (everyone=true: ready or
// not, for sync, whose rounds bound what is under way). Version 0 is never sent: everybody starts there.
enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job, struct roster *roster,
                                   bool everyone, struct error *error);
#endif
