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

int main(void) {
  static const struct unit_case cases[] = {
      {"a newer version is taken, an older one is not, each is answered", test_newest_wins},
      {"the newest version the learner told of is remembered", test_newest_known},
      {"weights of another shape leave the policy as it was", test_damaged},
  };
  return unit_run("weights_receiver", cases, sizeof cases / sizeof *cases);
}
