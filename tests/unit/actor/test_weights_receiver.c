#include "actor/weights_receiver.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <string.h>

struct scene {
  struct transport *ends[2];
  struct policy *policy;          // the actor's
  struct policy_weights *weights; // its
  size_t parameters;              // of these
  struct weights_receiver receiver;
};

static void scene_init(struct scene *s) {
  const struct config config = peer_config("");
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(2, s->ends, NULL), STATUS_OK);
  for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s->ends[i], 10000, NULL), STATUS_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->policy = policy_create(&config, PEER_OBS, PEER_ACT, NULL));
  s->weights = policy_weights(s->policy);
  s->parameters = s->weights->parameters;
  CU_ASSERT_EQUAL_FATAL(weights_receiver_init(&s->receiver, s->policy, s->ends[1], NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  weights_receiver_release(&s->receiver);
  policy_destroy(s->policy);
  transport_destroy(s->ends[0]);
  transport_destroy(s->ends[1]);
}

static enum status take(struct scene *s, struct error *error) {
  struct frame frame = {0};
  CU_ASSERT_TRUE_FATAL(peer_receive(s->ends[1], &frame));
  return weights_receiver_take(&s->receiver, &frame, s->policy, error);
}

// On another node the rank that gets a message writes it into shared memory, and the other reads the same bits.
static void test_relays(void) {
  const struct config config = peer_config("");
  struct transport *ends[3];
  struct policy *policy[2];
  struct weights_receiver receiver[2];
  struct frame frame = {0};
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(3, ends, NULL), STATUS_OK);
  for (int i = 0; i < 3; i++) {
    if (i > 0) transport_loopback_move(ends[i], 1);
    CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(ends[i], 10000, NULL), STATUS_OK);
  }
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy[i] = policy_create(&config, PEER_OBS, PEER_ACT, NULL));
    CU_ASSERT_EQUAL_FATAL(weights_receiver_init(&receiver[i], policy[i], ends[i + 1], NULL), STATUS_OK);
  }
  peer_send_weights(ends[0], 2, 3, policy_weights(policy[0])->parameters, 0.5f);
  CU_ASSERT_TRUE_FATAL(peer_receive(ends[2], &frame));
  CU_ASSERT_EQUAL(weights_receiver_take(&receiver[1], &frame, policy[1], NULL), STATUS_OK);
  CU_ASSERT_EQUAL(weights_receiver_poll(&receiver[0], policy[0], NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(policy_version(policy[0]), 3);
  CU_ASSERT_EQUAL(receiver[0].newest, 3);
  const struct policy_view a = policy_view(policy[0]), b = policy_view(policy[1]);
  CU_ASSERT_EQUAL(a.parameters, b.parameters);
  CU_ASSERT_EQUAL(memcmp(a.values, b.values, a.parameters * sizeof(float)), 0);
  CU_ASSERT_EQUAL(policy_weights(policy[0])->values[1], 0.5f);
  for (int i = 0; i < 2; i++) {
    weights_receiver_release(&receiver[i]);
    policy_destroy(policy[i]);
  }
  for (int i = 0; i < 3; i++) transport_destroy(ends[i]);
}

static int answers(struct scene *s) {
  int counts[MESSAGE_TYPES];
  peer_count(s->ends[0], counts);
  return counts[MESSAGE_WEIGHTS_TAKEN];
}

static void test_newest_wins(void) {
  struct scene s;
  scene_init(&s);
  peer_send_weights(s.ends[0], 1, 3, s.parameters, 0.5f);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.weights->version, 3);
  CU_ASSERT_EQUAL(s.weights->values[0], 0.5f);
  CU_ASSERT_EQUAL(s.weights->values[s.parameters - 1], 0.5f);
  CU_ASSERT_EQUAL(answers(&s), 1);
  peer_send_weights(s.ends[0], 1, 3, s.parameters, 0.25f);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.weights->version, 3);
  CU_ASSERT_EQUAL(s.weights->values[0], 0.5f);
  CU_ASSERT_EQUAL(answers(&s), 1); // it is ready for the next one in any case
  peer_send_weights(s.ends[0], 1, 9, s.parameters, 2);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.weights->version, 9);
  CU_ASSERT_EQUAL(s.weights->values[0], 2);
  CU_ASSERT_EQUAL(s.receiver.newest, 9);
  scene_release(&s);
}

static void test_newest_known(void) {
  struct scene s;
  scene_init(&s);
  CU_ASSERT_EQUAL(weights_receiver_note_version(&s.receiver, 5, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(weights_receiver_note_version(&s.receiver, 5, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.receiver.newest, 5);
  CU_ASSERT_EQUAL(weights_receiver_note_version(&s.receiver, 4, NULL), STATUS_PEER); // the learner never goes back
  CU_ASSERT_EQUAL(s.weights->version, 0);
  scene_release(&s);
}

static void test_damaged(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s);
  peer_send_weights(s.ends[0], 1, 1, s.parameters, 1);
  CU_ASSERT_EQUAL(take(&s, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(answers(&s), 1);
  peer_send_weights(s.ends[0], 1, 2, s.parameters + 1, 7); // of another network
  UNIT_STATUS(take(&s, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "parameters"));
  CU_ASSERT_EQUAL(s.weights->version, 1);
  CU_ASSERT_EQUAL(s.weights->values[0], 1);
  CU_ASSERT_EQUAL(answers(&s), 0);
  scene_release(&s);
}

static void test_shared_weights(void) {
  struct scene s;
  scene_init(&s);
  CU_ASSERT_EQUAL(weights_receiver_poll(&s.receiver, s.policy, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(policy_version(s.policy), 0);
  peer_post_policy(s.ends[0], 3, policy_parameters(s.policy), 0.5f);
  peer_post_policy(s.ends[0], 4, policy_parameters(s.policy), 0.25f);
  CU_ASSERT_EQUAL(weights_receiver_poll(&s.receiver, s.policy, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(policy_version(s.policy), 4);
  CU_ASSERT_EQUAL(s.receiver.newest, 4);
  s.weights = policy_weights(s.policy);
  CU_ASSERT_EQUAL(s.weights->values[0], 0.25f);
  CU_ASSERT_EQUAL(s.weights->values[s.parameters - 1], 0.25f);
  s.weights->version = 9; // newer, by a message
  CU_ASSERT_EQUAL(weights_receiver_poll(&s.receiver, s.policy, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(policy_version(s.policy), 9);
  CU_ASSERT_EQUAL(answers(&s), 0); // a version in shared memory needs no answer
  scene_release(&s);
}

static void test_damaged_shared_weights(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s);
  peer_post_policy(s.ends[0], 1, policy_parameters(s.policy), 1);
  CU_ASSERT_EQUAL(weights_receiver_poll(&s.receiver, s.policy, NULL), STATUS_OK);
  peer_post_policy(s.ends[0], 2, policy_parameters(s.policy) + 1, 7); // of another network
  UNIT_STATUS(weights_receiver_poll(&s.receiver, s.policy, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "shared policy"));
  CU_ASSERT_EQUAL_FATAL(policy_version(s.policy), 1);
  CU_ASSERT_EQUAL(policy_weights(s.policy)->values[0], 1);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an actor on another node puts a message into the shared memory of its node", test_relays},
      {"a newer version is taken, an older one is not, and each message is answered", test_newest_wins},
      {"the newest version that the learner mentioned is remembered", test_newest_known},
      {"a newer version in shared memory is taken at once", test_shared_weights},
      {"a damaged version in shared memory is refused whole", test_damaged_shared_weights},
      {"weights of another shape leave the policy as it was", test_damaged},
  };
  return unit_run("weights_receiver", cases, sizeof cases / sizeof *cases);
}
