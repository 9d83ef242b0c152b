// One message of each type with known contents, and a place into which any message can be decoded: for the tests of the
// codec and for fuzzing.
#ifndef CORSAC_TESTS_SUPPORT_CODEC_SAMPLES_H
#define CORSAC_TESTS_SUPPORT_CODEC_SAMPLES_H

#include "common/wire/codec.h"

enum {
  SAMPLE_OBS = 3,
  SAMPLE_ACT = 2,
  SAMPLE_ROWS = 4,
  SAMPLE_EPISODES = 2,
  SAMPLE_ENVIRONMENTS = 3,
  SAMPLE_WINDOW = 2,
  SAMPLE_STATE = 7,
  SAMPLE_PARAMETERS = 11
};

// Every array has its own allocation of exactly its capacity, so that the address sanitizer sees one number too many.
struct codec_target {
  struct message_hello hello;
  struct message_failed failed;
  struct transition_batch batch;
  struct snapshot snapshot;
  struct message_credit credit;
  struct message_round round;
  struct message_round_end round_end;
  struct policy_weights weights;
  struct message_evaluate evaluate;
  struct message_episode episode;
  struct message_step step;
  struct message_env_failure env_failure;
  struct message_info info;
  struct message_stop stop;
  struct message_bye bye;
  struct message_heartbeat heartbeat;
};
void codec_target_init(
    struct codec_target *target); // with the sample's shapes and nothing in it; leaves the program without memory
void codec_target_fill(
    struct codec_target *target); // the sample's contents: all capacities used, all numbers different
void codec_target_release(struct codec_target *target);

// Encodes the target's message of this type.
enum status codec_target_encode(const struct codec_target *target, enum message_type type, uint32_t sender,
                                struct buffer *out, struct error *error);
// Decodes by the frame's type. *sane: every count is within its capacity, every text ends, every flag is one.
enum status codec_target_decode(struct codec_target *target, const struct frame *frame, bool *sane,
                                struct error *error);

#endif
