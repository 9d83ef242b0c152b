#include "tests/support/peer.h"

#include "common/config/options.h"
#include "common/wire/shared_policy.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

struct config peer_config(const char *yaml) {
  static const char small[] =
      "env: Pendulum-v1\nhidden: \"8,8\"\nreplay_capacity: 1000\nbatch_size: 16\nlearning_starts: 50\n"
      "eval_every: 0\nlog_every: 0\ncheckpoint_every: 0\nlog_level: error\n";
  struct config config;
  struct error error = {0};
  options_defaults(&config);
  enum status status = options_parse_yaml(small, strlen(small), "small", &config, &error);
  if (status == STATUS_OK) status = options_parse_yaml(yaml, strlen(yaml), "test", &config, &error);
  if (status != STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
  if (config.envs == 0) config.envs = 1;
  return config;
}

struct message_hello peer_hello(void) {
  struct message_hello hello = {.environment = "Pendulum-v1",
                                .obs_dim = PEER_OBS,
                                .act_dim = PEER_ACT,
                                .max_episode_steps = 200,
                                .can_save = true};
  hello.action_low = memory_alloc(PEER_ACT, sizeof(double), "bounds", NULL);
  hello.action_high = memory_alloc(PEER_ACT, sizeof(double), "bounds", NULL);
  hello.action_low[0] = -2;
  hello.action_high[0] = 2;
  return hello;
}

bool peer_receive(struct transport *end, struct frame *frame) {
  int from;
  const uint8_t *bytes;
  size_t size = 0;
  struct error error = {0};
  UNIT_STATUS_FATAL(transport_receive(end, &from, &bytes, &size, &error), STATUS_OK, &error);
  if (size == 0) return false;
  UNIT_STATUS_FATAL(frame_decode(bytes, size, frame, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(frame->sender, (uint32_t)from);
  return true;
}

bool peer_receive_type(struct transport *end, enum message_type type, struct frame *frame) {
  while (peer_receive(end, frame))
    if (frame->type == type) return true;
  return false;
}

void peer_count(struct transport *end, int counts[MESSAGE_TYPES]) {
  struct frame frame;
  memset(counts, 0, MESSAGE_TYPES * sizeof *counts);
  while (peer_receive(end, &frame)) counts[frame.type]++;
}

void peer_send(struct transport *end, int to, const struct buffer *bytes) {
  CU_ASSERT_EQUAL_FATAL(transport_send(end, to, bytes->data, bytes->size, NULL), STATUS_OK);
}

static uint32_t rank(const struct transport *end) { return (uint32_t)transport_rank(end); }

static void send_and_release(struct transport *end, int to, struct buffer *bytes, enum status encoded) {
  CU_ASSERT_EQUAL_FATAL(encoded, STATUS_OK);
  peer_send(end, to, bytes);
  buffer_release(bytes);
}

void peer_send_empty(struct transport *end, int to, enum message_type type) {
  struct buffer bytes = {0};
  send_and_release(end, to, &bytes, message_encode_empty(&bytes, type, rank(end), NULL));
}

void peer_send_hello(struct transport *end, const struct message_hello *hello) {
  struct buffer bytes = {0};
  send_and_release(end, 0, &bytes, message_encode_hello(&bytes, rank(end), hello, NULL));
}

void peer_send_credit(struct transport *end, int to, uint32_t batches) {
  struct buffer bytes = {0};
  send_and_release(end, to, &bytes,
                   message_encode_credit(&bytes, rank(end), &(struct message_credit){batches, 0, 0}, NULL));
}

void peer_send_stop(struct transport *end, int to, uint32_t exit_code) {
  struct buffer bytes = {0};
  send_and_release(end, to, &bytes,
                   message_encode_stop(&bytes, rank(end), &(struct message_stop){exit_code, true}, NULL));
}

static struct policy_weights weights_of(uint64_t version, size_t parameters, float value) {
  struct policy_weights weights;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, parameters, NULL), STATUS_OK);
  weights.version = version;
  for (size_t i = 0; i < parameters; i++) weights.values[i] = value;
  for (uint32_t i = 0; i < PEER_OBS; i++) weights.scale[i] = 1;
  return weights;
}

void peer_send_weights(struct transport *end, int to, uint64_t version, size_t parameters, float value) {
  struct buffer bytes = {0};
  struct policy_weights weights = weights_of(version, parameters, value);
  send_and_release(end, to, &bytes, message_encode_weights(&bytes, rank(end), &weights, NULL));
  policy_weights_release(&weights);
}

void peer_post_policy(struct transport *end, uint64_t version, size_t parameters, float value) {
  struct buffer head = {0};
  struct policy_weights weights = weights_of(version, parameters, value);
  const struct policy_view view = {version, PEER_OBS, false, weights.shift, weights.scale, parameters, weights.values};
  CU_ASSERT_EQUAL(shared_policy_write(transport_shared_weights(end), &view, &head, NULL), STATUS_OK);
  buffer_release(&head);
  policy_weights_release(&weights);
}

void peer_send_evaluate(struct transport *end, int to, const struct message_evaluate *evaluate, size_t parameters) {
  struct buffer bytes = {0};
  struct policy_weights weights = weights_of(1, parameters, 0.01f);
  send_and_release(end, to, &bytes, message_encode_evaluate(&bytes, rank(end), evaluate, &weights, NULL));
  policy_weights_release(&weights);
}
