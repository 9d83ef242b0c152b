#include "actor/weights_receiver.h"

enum status weights_receiver_init(struct weights_receiver *receiver, const struct policy_weights *shape,
                                  struct transport *transport, struct error *error) {
  *receiver = (struct weights_receiver){.transport = transport};
  return policy_weights_init(&receiver->arriving, shape->obs_dim, shape->parameters, error);
}

void weights_receiver_release(struct weights_receiver *receiver) {
  policy_weights_release(&receiver->arriving);
  buffer_release(&receiver->bytes);
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

void weights_receiver_hear(struct weights_receiver *receiver, uint64_t newest_version) {
  if (newest_version > receiver->newest) receiver->newest = newest_version;
}
