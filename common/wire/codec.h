// Messages as bytes: explicit little-endian encoding, a magic number and a version in front, every length checked
// before use.
//
//   frame: magic "CRSC" | u16 version | u16 type | u32 sender's rank | u64 payload bytes | payload
//
// message_encode_* write one frame to a buffer. Its size is set to 0 first and its capacity is kept, so steady state
// allocates nothing.
//
// message_decode_* read a payload into the struct. They write no further than its capacities. On anything that does not
// fit they fail with STATUS_FORMAT, naming message and field: too short, too long, another dimension, more rows than
// the capacity, a bool that is neither, a number outside of its field's range (not finite, an action beyond [-1, 1], a
// time below 0 ...). Outputs may be partly written on failure; counts in them are then 0. Floats in their range pass
// bit for bit.
#ifndef CORSAC_COMMON_WIRE_CODEC_H
#define CORSAC_COMMON_WIRE_CODEC_H

#include "common/wire/message.h"

struct frame {
  enum message_type type;
  uint32_t sender;
  uint32_t rank;          // the sender as messages to people name it (transport_world_rank); until then the sender
  const uint8_t *payload; // points into the bytes given
  size_t size;            // of the payload
};
enum { FRAME_HEADER = 20 };
enum status frame_decode(const uint8_t *bytes, size_t size, struct frame *frame, struct error *error);
const char *message_type_name(enum message_type type);

// Messages without a payload: WEIGHTS_TAKEN, STOP_REQUEST, START, SNAPSHOT_REQUEST.
enum status message_encode_empty(struct buffer *out, enum message_type type, uint32_t sender, struct error *error);
enum status message_decode_empty(const struct frame *frame, struct error *error);

enum status message_encode_hello(struct buffer *out, uint32_t sender, const struct message_hello *hello,
                                 struct error *error);
// Allocates the action bounds.
enum status message_decode_hello(const struct frame *frame, struct message_hello *hello, struct error *error);
enum status message_encode_failed(struct buffer *out, uint32_t sender, const struct error *failure,
                                  struct error *error);
enum status message_decode_failed(const struct frame *frame, struct message_failed *failed, struct error *error);
enum status message_encode_transitions(struct buffer *out, uint32_t sender, const struct transition_batch *batch,
                                       struct error *error);
enum status message_decode_transitions(const struct frame *frame, struct transition_batch *batch, struct error *error);
// type: SNAPSHOT or RESTORE.
enum status message_encode_snapshot(struct buffer *out, enum message_type type, uint32_t sender,
                                    const struct snapshot *snapshot, struct error *error);
enum status message_decode_snapshot(const struct frame *frame, uint32_t window_capacity, struct snapshot *snapshot,
                                    struct error *error);
enum status message_encode_credit(struct buffer *out, uint32_t sender, const struct message_credit *credit,
                                  struct error *error);
enum status message_decode_credit(const struct frame *frame, struct message_credit *credit, struct error *error);
enum status message_encode_round(struct buffer *out, uint32_t sender, const struct message_round *round,
                                 struct error *error);
enum status message_decode_round(const struct frame *frame, struct message_round *round, struct error *error);
enum status message_encode_round_end(struct buffer *out, uint32_t sender, const struct message_round_end *end,
                                     struct error *error);
enum status message_decode_round_end(const struct frame *frame, struct message_round_end *end, struct error *error);
enum status message_encode_weights(struct buffer *out, uint32_t sender, const struct policy_weights *weights,
                                   struct error *error);
// The weights' shape must be the message's.
enum status message_decode_weights(const struct frame *frame, struct policy_weights *weights, struct error *error);
enum status message_encode_evaluate(struct buffer *out, uint32_t sender, const struct message_evaluate *evaluate,
                                    const struct policy_weights *weights, struct error *error);
enum status message_decode_evaluate(const struct frame *frame, struct message_evaluate *evaluate,
                                    struct policy_weights *weights, struct error *error);
enum status message_encode_episode(struct buffer *out, uint32_t sender, const struct message_episode *episode,
                                   struct error *error);
enum status message_decode_episode(const struct frame *frame, struct message_episode *episode, struct error *error);
enum status message_encode_step(struct buffer *out, uint32_t sender, const struct message_step *step,
                                struct error *error);
// The arrays are the caller's, and obs_dim and act_dim say how long they are.
enum status message_decode_step(const struct frame *frame, struct message_step *step, struct error *error);
enum status message_encode_env_failure(struct buffer *out, uint32_t sender,
                                       const struct message_env_failure *env_failure, struct error *error);
enum status message_decode_env_failure(const struct frame *frame, struct message_env_failure *env_failure,
                                       struct error *error);
enum status message_encode_info(struct buffer *out, uint32_t sender, const struct message_info *info,
                                struct error *error);
enum status message_decode_info(const struct frame *frame, struct message_info *info, struct error *error);
enum status message_encode_stop(struct buffer *out, uint32_t sender, const struct message_stop *stop,
                                struct error *error);
enum status message_decode_stop(const struct frame *frame, struct message_stop *stop, struct error *error);
enum status message_encode_bye(struct buffer *out, uint32_t sender, const struct message_bye *bye, struct error *error);
enum status message_decode_bye(const struct frame *frame, struct message_bye *bye, struct error *error);
enum status message_encode_heartbeat(struct buffer *out, uint32_t sender, const struct message_heartbeat *heartbeat,
                                     struct error *error);
enum status message_decode_heartbeat(const struct frame *frame, struct message_heartbeat *heartbeat,
                                     struct error *error);

#endif
