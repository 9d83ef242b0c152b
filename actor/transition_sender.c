#include "actor/transition_sender.h"

#include "common/base/clock.h"
#include "common/wire/codec.h"

enum status transition_sender_init(struct transition_sender *sender, const struct config *config,
                                   const struct assignment *assignment, uint32_t obs_dim, uint32_t act_dim,
                                   struct transport *transport, struct error *error) {
  *sender = (struct transition_sender){.transport = transport,
                                       .batch_steps = assignment->batch_steps,
                                       .unlimited = config->sync,
                                       .send_seconds = config->send_seconds};
  enum status status = transition_batch_init(&sender->batch, obs_dim, act_dim, assignment->batch_rows,
                                             assignment->most_steps, assignment->count, error);
  if (status == STATUS_OK && config_links_rows(config, obs_dim))
    status = transition_batch_use_episodes(&sender->batch, error);
  if (status != STATUS_OK || assignment->agents == assignment->count) return status;
  return transition_batch_use_agents(&sender->batch, error);
}

void transition_sender_release(struct transition_sender *sender) {
  transition_batch_release(&sender->batch);
  buffer_release(&sender->bytes);
}

static bool is_full(const struct transition_sender *sender) { return sender->batch.steps >= sender->batch_steps; }
static bool may_send(const struct transition_sender *sender) { return sender->unlimited || sender->credits > 0; }

// Rows that were shipped without a credit are owed: the next batch is begun when a credit has paid for them.
static bool is_in_debt(const struct transition_sender *sender) { return !sender->unlimited && sender->credits < 0; }

bool transition_sender_has_room(const struct transition_sender *sender) {
  return !is_full(sender) && !is_in_debt(sender);
}

static void end_blocking(struct transition_sender *sender) {
  if (sender->blocked_since > 0) sender->batch.blocked += clock_now() - sender->blocked_since;
  sender->blocked_since = 0;
}

enum status transition_sender_ship(struct transition_sender *sender, struct error *error) {
  if (sender->batch.steps == 0 && sender->batch.rows == 0) return STATUS_OK;
  end_blocking(sender);
  sender->opened = 0;
  sender->credits--;
  enum status status =
      message_encode_transitions(&sender->bytes, (uint32_t)transport_rank(sender->transport), &sender->batch, error);
  if (status == STATUS_OK) status = transport_send(sender->transport, 0, sender->bytes.data, sender->bytes.size, error);
  transition_batch_clear(&sender->batch);
  return status;
}

enum status transition_sender_poll(struct transition_sender *sender, struct error *error) {
  if (is_full(sender) && may_send(sender)) return transition_sender_ship(sender, error);
  if (!transition_sender_has_room(sender)) {
    if (sender->blocked_since == 0) sender->blocked_since = clock_now();
    return STATUS_OK;
  }
  end_blocking(sender);
  if (sender->batch.steps == 0) return STATUS_OK;
  const double now = clock_coarse();
  if (sender->opened == 0) sender->opened = now;
  if (now - sender->opened >= sender->send_seconds && may_send(sender)) return transition_sender_ship(sender, error);
  return STATUS_OK;
}

void transition_sender_grant(struct transition_sender *sender, uint32_t batches) { sender->credits += batches; }
