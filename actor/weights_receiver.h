// Takes versions of the policy from the learner; the newest one counts. Its counterpart is
// learner/exchange/weights_publisher.h.
//
// On the learner's node the learner writes each version into the shared memory of the node, and actors poll that. To
// each other node it sends one WEIGHTS message at a time, to the actor of it that it heard of last. That actor writes
// the version into its node's shared memory for the others, and sends WEIGHTS_TAKEN: the learner may send the next one.
// So a slow actor neither delays another nor collects a queue.
#ifndef CORSAC_ACTOR_WEIGHTS_RECEIVER_H
#define CORSAC_ACTOR_WEIGHTS_RECEIVER_H

#include "common/nn/policy.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"

struct weights_receiver {
  struct transport *transport;    // not owned
  struct policy_weights arriving; // a message is decoded into it, so that a broken one leaves the policy as it was
  struct buffer bytes;            // scratch: an answer
  struct shared_weights *shared;  // the node's shared memory, not owned; NULL: this rank sees none
  bool relays;                    // this rank writes versions that come as messages into it
  struct buffer head;             // scratch of writing
  struct buffer copy;             // scratch of reading
  uint64_t newest;                // version in shared memory or mentioned by the learner; lag is counted against it
  uint64_t mentioned;             // by the learner
};
enum status weights_receiver_init(struct weights_receiver *receiver, struct policy *policy, struct transport *transport,
                                  struct error *error);
void weights_receiver_release(struct weights_receiver *receiver);

// Takes a WEIGHTS message: into the policy if it is newer, and into shared memory if this rank relays. Answers with
// WEIGHTS_TAKEN.
enum status weights_receiver_take(struct weights_receiver *receiver, const struct frame *frame, struct policy *policy,
                                  struct error *error);

// Takes the version in shared memory if it is newer. Otherwise this is one load, cheap enough for every step. While the
// writer is at work all the time, the policy stays as it is.
enum status weights_receiver_poll(struct weights_receiver *receiver, struct policy *policy, struct error *error);

// The learner mentioned its newest version in a message. STATUS_PEER: an older one than before.
enum status weights_receiver_note_version(struct weights_receiver *receiver, uint64_t newest_version,
                                          struct error *error);
#endif
