// Ships batches of transitions to the learner, at most as many as it has credits for: that is the back-pressure which
// keeps every queue bounded. Pair: learner/exchange/transition_receiver.h.
#ifndef CORSAC_ACTOR_TRANSITION_SENDER_H
#define CORSAC_ACTOR_TRANSITION_SENDER_H

#include "common/config/config.h"
#include "common/wire/assignment.h"
#include "common/wire/message.h"
#include "common/wire/transport.h"

struct transition_sender {
  struct transport *transport;   // not owned
  struct transition_batch batch; // the one being filled
  struct buffer bytes;
  uint32_t batch_steps;
  int64_t credits; // below 0: what was shipped without one is made up for
  bool unlimited;  // sync: a round bounds what is under way
  double send_seconds;
  double opened;        // when the batch got its first step, 0: empty
  double blocked_since; // when a full batch first found no credit, 0: not blocked
};
enum status transition_sender_init(struct transition_sender *sender, const struct config *config,
                                   const struct assignment *assignment, uint32_t obs_dim, uint32_t act_dim,
                                   struct transport *transport, struct error *error);
void transition_sender_release(struct transition_sender *sender);
// May another step be made? No: the batch is full and there is no credit to send it with.
bool transition_sender_has_room(const struct transition_sender *sender);
// Sends the batch if it is full, or old, and a credit is there. Call between steps.
enum status transition_sender_poll(struct transition_sender *sender, struct error *error);
enum status transition_sender_ship(struct transition_sender *sender,
                                   struct error *error); // now, whatever it holds, credit or not
void transition_sender_grant(struct transition_sender *sender, uint32_t batches);
#endif
