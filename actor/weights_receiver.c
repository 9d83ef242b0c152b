#include "actor/weights_receiver.h"

enum status weights_receiver_init(struct weights_receiver *receiver, const struct policy_weights *shape,
                                  struct transport *transport, struct error *error) {
  *receiver = (struct weights_receiver){.transport = transport, .board = transport_board(transport)};
  const enum status status = policy_weights_init(&receiver->arriving, shape->obs_dim, shape->parameters, error);
  if (status != STATUS_OK || !receiver->board) return status;
  return buffer_reserve(&receiver->copy, message_weights_size(shape->obs_dim, shape->parameters), error);
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

bool weights_receiver_sees(struct weights_receiver *receiver, uint64_t version) {
  if (!receiver->board) return false;
  const uint64_t newest = board_version(receiver->board);
  weights_receiver_hear(receiver, newest);
  return newest > version;
}

enum status weights_receiver_look(struct weights_receiver *receiver, struct policy_weights *weights,
                                  struct error *error) {
  if (!receiver->board) return STATUS_OK;
  struct buffer *copy = &receiver->copy;
  const size_t expected = message_weights_size(weights->obs_dim, weights->parameters);
  const uint64_t version = board_read_newer(receiver->board, weights->version, copy->data, expected, &copy->size);
  weights_receiver_sees(receiver, version);
  if (version == 0) return STATUS_OK;
  if (copy->size != expected)
    return error_set(error, STATUS_FORMAT, "the weights on the node's board have %zu bytes, expected %zu", copy->size,
                     expected);
  struct frame frame;
  enum status status = frame_decode(copy->data, copy->size, &frame, error);
  if (status == STATUS_OK) status = message_decode_weights(&frame, &receiver->arriving, error);
  if (status != STATUS_OK) return status;
  if (receiver->arriving.version != version)
    return error_set(error, STATUS_FORMAT, "the node's board says version %llu, the weights on it %llu",
                     (unsigned long long)version, (unsigned long long)receiver->arriving.version);
  policy_weights_copy(weights, &receiver->arriving);
  return STATUS_OK;
}

void weights_receiver_hear(struct weights_receiver *receiver, uint64_t newest_version) {
  if (newest_version > receiver->newest) receiver->newest = newest_version;
}
