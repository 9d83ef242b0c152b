#include "actor/weights_receiver.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <string.h>

enum { PARAMETERS = 12 };

struct scene {
  struct transport *ends[2];
  struct policy_weights weights; // the actor's
  struct weights_receiver receiver;
};

static void scene_init(struct scene *s) {
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(2, s->ends, NULL), STATUS_OK);
  for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(transport_board_open(s->ends[i], 1000, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&s->weights, PEER_OBS, PARAMETERS, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(weights_receiver_init(&s->receiver, &s->weights, s->ends[1], NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  weights_receiver_release(&s->receiver);
  policy_weights_release(&s->weights);
  transport_destroy(s->ends[0]);
  transport_destroy(s->ends[1]);
}

static enum status take(struct scene *s, struct error *error) {
  struct frame frame = {0};
  CU_ASSERT_TRUE_FATAL(peer_receive(s->ends[1], &frame));
  return weights_receiver_take(&s->receiver, &frame, &s->weights, error);
}

static int answers(struct scene *s) {
  int counts[MESSAGE_TYPES];
  peer_count(s->ends[0], counts);
  return counts[MESSAGE_WEIGHTS_TAKEN];
}

static void test_newest_wins(void) {
  struct scene s;
  scene_init(&s);
  peer_send_weights(s.ends[0], 1, 3, PARAMETERS, 0.5f);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT(s.weights.version == 3 && s.weights.values[0] == 0.5f && s.weights.values[PARAMETERS - 1] == 0.5f);
  CU_ASSERT_EQUAL(answers(&s), 1);
  peer_send_weights(s.ends[0], 1, 2, PARAMETERS, 0.25f);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT(s.weights.version == 3 && s.weights.values[0] == 0.5f);
  CU_ASSERT_EQUAL(answers(&s), 1); // ready for the next in any case
  peer_send_weights(s.ends[0], 1, 9, PARAMETERS, 2);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT(s.weights.version == 9 && s.weights.values[0] == 2);
  CU_ASSERT_EQUAL(s.receiver.newest, 9);
  scene_release(&s);
}

static void test_newest_known(void) {
  struct scene s;
  scene_init(&s);
  weights_receiver_hear(&s.receiver, 5);
  weights_receiver_hear(&s.receiver, 4);
  CU_ASSERT_EQUAL(s.receiver.newest, 5);
  CU_ASSERT_EQUAL(s.weights.version, 0);
  scene_release(&s);
}

static void test_damaged(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s);
  peer_send_weights(s.ends[0], 1, 1, PARAMETERS, 1);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(answers(&s), 1);
  peer_send_weights(s.ends[0], 1, 2, PARAMETERS + 1, 7); // of another network
  CU_ASSERT_EQUAL(take(&s, &error), STATUS_FORMAT);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "parameters"));
  CU_ASSERT(s.weights.version == 1 && s.weights.values[0] == 1);
  CU_ASSERT_EQUAL(answers(&s), 0);
  scene_release(&s);
}

// What the learner would write: `version` on the board, `inside` in the weights.
static void post(struct scene *s, uint64_t version, uint64_t inside, size_t parameters, float value) {
  struct buffer bytes = {0};
  struct policy_weights weights;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, parameters, NULL), STATUS_OK);
  weights.version = inside;
  for (size_t i = 0; i < parameters; i++) weights.values[i] = value;
  CU_ASSERT_EQUAL_FATAL(message_encode_weights(&bytes, 0, &weights, NULL), STATUS_OK);
  board_publish(transport_board(s->ends[0]), version, bytes.data, bytes.size);
  policy_weights_release(&weights);
  buffer_release(&bytes);
}

static void test_board(void) {
  struct scene s;
  scene_init(&s);
  CU_ASSERT_FALSE(weights_receiver_sees(&s.receiver, 0));
  CU_ASSERT_EQUAL(weights_receiver_look(&s.receiver, &s.weights, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.weights.version, 0);
  post(&s, 3, 3, PARAMETERS, 0.5f);
  post(&s, 4, 4, PARAMETERS, 0.25f);
  CU_ASSERT_TRUE(weights_receiver_sees(&s.receiver, 0));
  CU_ASSERT_EQUAL(s.receiver.newest, 4); // lag is known before anything is taken
  CU_ASSERT_EQUAL(weights_receiver_look(&s.receiver, &s.weights, NULL), STATUS_OK);
  CU_ASSERT(s.weights.version == 4 && s.weights.values[0] == 0.25f && s.weights.values[PARAMETERS - 1] == 0.25f);
  CU_ASSERT_FALSE(weights_receiver_sees(&s.receiver, 4));
  s.weights.version = 9; // newer, by a message
  CU_ASSERT_EQUAL(weights_receiver_look(&s.receiver, &s.weights, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.weights.version, 9);
  CU_ASSERT_EQUAL(answers(&s), 0); // the board asks for none
  scene_release(&s);
}

static void refused(struct scene *s, const char *why) {
  struct error error = {0};
  CU_ASSERT_EQUAL(weights_receiver_look(&s->receiver, &s->weights, &error), STATUS_FORMAT);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, why));
  CU_ASSERT(s->weights.version == 1 && s->weights.values[0] == 1);
}

static void test_damaged_board(void) {
  struct scene s;
  scene_init(&s);
  post(&s, 1, 1, PARAMETERS, 1);
  CU_ASSERT_EQUAL(weights_receiver_look(&s.receiver, &s.weights, NULL), STATUS_OK);
  post(&s, 2, 2, PARAMETERS + 1, 7);
  refused(&s, "bytes");
  post(&s, 3, 3, PARAMETERS - 1, 7);
  refused(&s, "bytes");
  post(&s, 4, 5, PARAMETERS, 7);
  refused(&s, "version 4");
  uint8_t noise[1000];
  memset(noise, 0x5a, sizeof noise);
  board_publish(transport_board(s.ends[0]), 6, noise, message_weights_size(PEER_OBS, PARAMETERS));
  refused(&s, "");
  memset(s.receiver.board->memory, 0xff, board_size(1000));
  refused(&s, "bytes");
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a newer version is taken, an older one is not, each is answered", test_newest_wins},
      {"the newest version the learner told of is remembered", test_newest_known},
      {"a newer version on the board is taken, and known of at once", test_board},
      {"what stands on the board is checked, and refused whole", test_damaged_board},
      {"weights of another shape leave the policy as it was", test_damaged},
  };
  return unit_run("weights_receiver", cases, sizeof cases / sizeof *cases);
}
