// Sends batches of transitions to the learner, at most one for each credit that the learner has given. So no queue
// grows without bound. Its counterpart is learner/exchange/transition_receiver.h.
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
  int64_t credits;      // below 0: batches were sent without a credit, and use up the next ones
  bool unlimited;       // sync mode needs no credits: a round bounds what is under way
  double send_seconds;  // after which a batch is old
  double opened;        // s: when the batch got its first step; 0: it is empty
  double blocked_since; // s: since when no step may be made; 0: one may
};

enum status transition_sender_init(struct transition_sender *sender, const struct config *config,
                                   const struct assignment *assignment, uint32_t obs_dim, uint32_t act_dim,
                                   struct transport *transport, struct error *error);
void transition_sender_release(struct transition_sender *sender);

// Whether another step may be made. Not where the batch is full, which means that no credit was there to send it; nor
// where a batch was sent without a credit, until one comes for it.
bool transition_sender_has_room(const struct transition_sender *sender);

// Sends the batch if it is full or old, and there is a credit. To be called between two steps.
enum status transition_sender_poll(struct transition_sender *sender, struct error *error);

// Sends the batch now, if it holds anything, with a credit or without.
enum status transition_sender_ship(struct transition_sender *sender, struct error *error);

// Adds credits.
void transition_sender_grant(struct transition_sender *sender, uint32_t batches);
#endif
