#include "actor/weights_receiver.h"

#include "common/wire/shared_policy.h"

enum status weights_receiver_init(struct weights_receiver *receiver, struct policy *policy, struct transport *transport,
                                  struct error *error) {
  const struct policy_weights *shape = policy_weights(policy);
  const size_t bytes = shared_policy_size(shape->obs_dim, policy_parameters(policy));
  *receiver = (struct weights_receiver){.transport = transport, .shared = transport_shared_weights(transport)};
  enum status status = policy_weights_init(&receiver->arriving, shape->obs_dim, shape->parameters, error);
  if (receiver->shared && receiver->shared->capacity < bytes) receiver->shared = NULL; // every rank gets messages then
  if (status != STATUS_OK || !receiver->shared) return status;
  receiver->relays = transport_shared_weights_home(transport, transport_rank(transport)) != 0;
  if (receiver->relays && !shared_weights_reserve(receiver->shared, bytes))
    return error_set(error, STATUS_MEMORY, "no shared memory on this node for twice the policy's %zu bytes", bytes);
  return buffer_reserve(&receiver->copy, bytes, error);
}

void weights_receiver_release(struct weights_receiver *receiver) {
  policy_weights_release(&receiver->arriving);
  buffer_release(&receiver->bytes);
  buffer_release(&receiver->copy);
  buffer_release(&receiver->head);
}

enum status weights_receiver_take(struct weights_receiver *receiver, const struct frame *frame, struct policy *policy,
                                  struct error *error) {
  enum status status = message_decode_weights(frame, &receiver->arriving, error);
  if (status == STATUS_OK) status = weights_receiver_note_version(receiver, receiver->arriving.version, error);
  if (status != STATUS_OK) return status;
  if (receiver->arriving.version > policy_version(policy)) {
    policy_weights_copy(policy_weights(policy), &receiver->arriving);
    const struct policy_view view = policy_view(policy);
    if (receiver->relays) status = shared_policy_share(receiver->shared, &view, &receiver->head, error);
    if (status != STATUS_OK) return status;
  }
  status = message_encode_empty(&receiver->bytes, MESSAGE_WEIGHTS_TAKEN, (uint32_t)transport_rank(receiver->transport),
                                error);
  if (status != STATUS_OK) return status;
  return transport_send(receiver->transport, 0, receiver->bytes.data, receiver->bytes.size, error);
}

static void note_newest(struct weights_receiver *receiver, uint64_t version) {
  if (version > receiver->newest) receiver->newest = version;
}

static bool has_newer(struct weights_receiver *receiver, uint64_t version) {
  if (!receiver->shared) return false;
  const uint64_t newest = shared_weights_version(receiver->shared);
  note_newest(receiver, newest);
  return newest > version;
}

enum status weights_receiver_poll(struct weights_receiver *receiver, struct policy *policy, struct error *error) {
  struct policy_view view;
  if (!has_newer(receiver, policy_version(policy))) return STATUS_OK;
  const enum status status = shared_policy_read(receiver->shared, policy_version(policy), receiver->arriving.obs_dim,
                                                policy_parameters(policy), &receiver->copy, &view, error);
  if (status != STATUS_OK || view.version == 0) return status;
  policy_take(policy, &view);
  note_newest(receiver, shared_weights_version(receiver->shared));
  return STATUS_OK;
}

enum status weights_receiver_note_version(struct weights_receiver *receiver, uint64_t newest_version,
                                          struct error *error) {
  if (newest_version < receiver->mentioned)
    return error_set(error, STATUS_PEER, "the learner goes back from policy version %llu to %llu",
                     (unsigned long long)receiver->mentioned, (unsigned long long)newest_version);
  receiver->mentioned = newest_version;
  note_newest(receiver, newest_version);
  return STATUS_OK;
}
