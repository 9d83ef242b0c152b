#include "actor/weights_receiver.h"

#include "common/wire/posted_policy.h"

enum status weights_receiver_init(struct weights_receiver *receiver, struct policy *policy, struct transport *transport,
                                  struct error *error) {
  const struct policy_weights *shape = policy_weights(policy);
  *receiver = (struct weights_receiver){.transport = transport, .board = transport_board(transport)};
  enum status status = policy_weights_init(&receiver->arriving, shape->obs_dim, shape->parameters, error);
  if (status != STATUS_OK || !receiver->board) return status;
  return buffer_reserve(&receiver->copy, posted_policy_size(shape->obs_dim, policy_parameters(policy)), error);
}

void weights_receiver_release(struct weights_receiver *receiver) {
  policy_weights_release(&receiver->arriving);
  buffer_release(&receiver->bytes);
  buffer_release(&receiver->copy);
}

enum status weights_receiver_take(struct weights_receiver *receiver, const struct frame *frame,
                                  struct policy_weights *weights, struct error *error) {
  enum status status = message_decode_weights(frame, &receiver->arriving, error);
  if (status != STATUS_OK) return status;
  if (receiver->arriving.version > weights->version) policy_weights_copy(weights, &receiver->arriving);
  weights_receiver_hear(receiver, receiver->arriving.version);
  status = message_encode_empty(&receiver->bytes, MESSAGE_WEIGHTS_TAKEN, (uint32_t)transport_rank(receiver->transport),
                                error);
  if (status != STATUS_OK) return status;
  return transport_send(receiver->transport, 0, receiver->bytes.data, receiver->bytes.size, error);
}

static bool sees_newer(struct weights_receiver *receiver, uint64_t version) {
  if (!receiver->board) return false;
  const uint64_t newest = board_version(receiver->board);
  weights_receiver_hear(receiver, newest);
  return newest > version;
}

enum status weights_receiver_look(struct weights_receiver *receiver, struct policy *policy, struct error *error) {
  struct policy_view view;
  if (!sees_newer(receiver, policy_version(policy))) return STATUS_OK;
  const enum status status = posted_policy_read(receiver->board, policy_version(policy), receiver->arriving.obs_dim,
                                                policy_parameters(policy), &receiver->copy, &view, error);
  if (status != STATUS_OK || view.version == 0) return status;
  policy_take(policy, &view);
  weights_receiver_hear(receiver, board_version(receiver->board));
  return STATUS_OK;
}

void weights_receiver_hear(struct weights_receiver *receiver, uint64_t newest_version) {
  if (newest_version > receiver->newest) receiver->newest = newest_version;
}
