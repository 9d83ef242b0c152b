// Takes policy versions from the learner; the newest wins. Pair: learner/exchange/weights_publisher.h. On the learner's
// node they stand on the transport's shared weights, for whoever looks. To another node goes one WEIGHTS message at
// most at a time, to whichever of its actors was heard of last, which puts it on the node's shared weights for the
// others; it says WEIGHTS_TAKEN when it is ready for the next, so a slow actor neither delays another nor collects a
// queue.
#ifndef CORSAC_ACTOR_WEIGHTS_RECEIVER_H
#define CORSAC_ACTOR_WEIGHTS_RECEIVER_H

#include "common/nn/policy.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"

struct weights_receiver {
  struct transport *transport;    // not owned
  struct policy_weights arriving; // decoded here first: a broken message leaves the policy as it was
  struct buffer bytes;            // of an answer
  struct shared_weights *shared;  // not owned; NULL: none is seen
  bool relays;                    // what comes as a message goes on the shared weights
  struct buffer head;             // scratch for that
  struct buffer copy;             // of what stands on it
  uint64_t newest; // the newest version on the shared weights or told of by the learner: what lag is counted against
  uint64_t told;   // by the learner
};
enum status weights_receiver_init(struct weights_receiver *receiver, struct policy *policy, struct transport *transport,
                                  struct error *error);
void weights_receiver_release(struct weights_receiver *receiver);
// A WEIGHTS message: into the policy if it is newer, on the shared weights if that is the one of a node without the
// learner, and answered with WEIGHTS_TAKEN.
enum status weights_receiver_take(struct weights_receiver *receiver, const struct frame *frame, struct policy *policy,
                                  struct error *error);
// The shared weights's version into the policy if it is newer; else one load, so for every step. Where the learner was
// writing all the while it stays as it is.
enum status weights_receiver_poll(struct weights_receiver *receiver, struct policy *policy, struct error *error);
// The learner mentioned a version. STATUS_PEER: an older one than before.
enum status weights_receiver_note_version(struct weights_receiver *receiver, uint64_t newest_version,
                                          struct error *error);
#endif
