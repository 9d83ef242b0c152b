// An actor whose learner is silent, breaks the protocol, or sends invalid numbers.
#include "actor/actor.h"
#include "common/wire/assignment.h"
#include "common/base/clock.h"
#include "tests/support/actor_scene.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <time.h>

static void test_protocol(void) {
  struct actor_scene s;
  enum turn turn;
  struct error error = {0};
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_BYE); // no learner sends BYE
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "BYE"));
  actor_scene_release(&s);
}

// Encodes a message with an invalid number, and returns what the actor's error says; NULL: there is no such case.
// Before it the actor has got version 4 and a credit.
static const char *encode_invalid_weights(int which, struct policy_weights *weights, struct buffer *bytes) {
  const char *says = NULL;
  weights->version = 5;
  switch (which) {
  case 0:
    weights->values[3] = NAN;
    says = "values is nan";
    break;
  case 1:
    weights->scale[0] = INFINITY;
    says = "scale is inf";
    break;
  case 2:
    weights->version = 3;
    says = "back from policy version 4 to 3";
    break;
  default: return NULL;
  }
  CU_ASSERT_EQUAL(message_encode_weights(bytes, 0, weights, NULL), STATUS_OK);
  return says;
}

static const char *encode_invalid_evaluation(int which, struct policy_weights *weights, struct buffer *bytes) {
  static const struct message_evaluate evaluations[] = {{.number = 1, .stride = 1, .count = 99},
                                                        {.number = 0, .stride = 1, .count = 1}};
  static const char *const says[] = {"99 episodes (eval_episodes 10)", "evaluation 0 after 0"};
  if (which < 0 || which > 1) return NULL;
  CU_ASSERT_EQUAL(message_encode_evaluate(bytes, 0, &evaluations[which], weights, NULL), STATUS_OK);
  return says[which];
}

static const char *encode_invalid_number(int which, struct buffer *bytes) {
  enum status status = STATUS_OK;
  const char *says = NULL;
  switch (which) {
  case 0:
    status = message_encode_credit(bytes, 0, &(struct message_credit){1, 3, 0}, NULL);
    says = "back from policy version 4 to 3";
    break;
  case 1:
    status = message_encode_credit(bytes, 0, &(struct message_credit){UINT32_MAX, 4, 0}, NULL);
    says = "batches is 4294967295";
    break;
  case 2:
    status = message_encode_credit(bytes, 0, &(struct message_credit){WIRE_MAX_CREDITS, 4, 0}, NULL);
    says = "credits for 65 batches"; // with the one that it has
    break;
  case 3:
    status = message_encode_heartbeat(bytes, 0, &(struct message_heartbeat){.newest_version = 3}, NULL);
    says = "back from policy version 4 to 3";
    break;
  case 4:
    status = message_encode_round(bytes, 0, &(struct message_round){1, 4}, NULL);
    says = "asks for round 1"; // the job is async
    break;
  case 5:
    status = message_encode_empty(bytes, MESSAGE_START, 0, NULL);
    says = "has begun";
    break;
  case 6:
    status = message_encode_stop(bytes, 0, &(struct message_stop){1000, false}, NULL);
    says = "exit_code is 1000";
    break;
  default: break;
  }
  CU_ASSERT_EQUAL(status, STATUS_OK);
  return says;
}

static const char *encode_invalid(const struct actor_scene *s, int which, struct buffer *bytes) {
  enum { WEIGHTS = 3, EVALUATIONS = 2 };
  struct policy_weights weights;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, s->parameters, NULL), STATUS_OK);
  const char *says = encode_invalid_weights(which, &weights, bytes);
  if (!says) says = encode_invalid_evaluation(which - WEIGHTS, &weights, bytes);
  if (!says) says = encode_invalid_number(which - WEIGHTS - EVALUATIONS, bytes);
  policy_weights_release(&weights);
  return says;
}

static void test_invalid_numbers(void) {
  const char *says = "";
  for (int which = 0; says; which++) {
    struct actor_scene s;
    enum turn turn;
    struct error error = {0};
    struct buffer bytes = {0};
    actor_scene_init(&s, actor_scene_config(""), 1, 1);
    says = encode_invalid(&s, which, &bytes);
    peer_send_empty(s.ends[0], 1, MESSAGE_START);
    struct buffer credit = {0};
    CU_ASSERT_EQUAL(message_encode_credit(&credit, 0, &(struct message_credit){1, 4, 0}, NULL), STATUS_OK);
    peer_send(s.ends[0], 1, &credit);
    if (says) peer_send(s.ends[0], 1, &bytes);
    CU_ASSERT_EQUAL(actor_turn(s.actor, &turn, &error) == STATUS_OK, says == NULL); // every invalid message is an error
    if (says) CU_ASSERT_TRUE(error_says(&error, says));
    buffer_release(&credit);
    buffer_release(&bytes);
    actor_scene_release(&s);
  }
}

// Turns until the actor gives up, for 10 s at most.
static enum status listen_in_vain(struct actor_scene *s, struct error *error) {
  enum turn turn;
  enum status status = STATUS_OK;
  for (const double until = clock_now() + 10; status == STATUS_OK && clock_now() < until;)
    status = actor_turn(s->actor, &turn, error);
  return status;
}

static void test_silent_learner(void) {
  struct actor_scene s;
  struct error error = {0};
  const struct timespec longer = {.tv_nsec = 150000000};
  actor_scene_init(&s, actor_scene_config("actor_timeout: 0.1\nenv_timeout: 100\n"), 1, 1);
  nanosleep(&longer, NULL);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_IDLE); // other actors may still be creating their environments
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  nanosleep(&longer, NULL);
  CU_ASSERT_NOT_EQUAL(actor_scene_play(&s, 1), TURN_DONE); // START came during the silence and counts
  UNIT_STATUS(listen_in_vain(&s, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "silent"));
  actor_scene_release(&s);
}

// A job that is suspended as a whole goes on. Whoever goes on first has heard of nobody, and waits before it judges.
static void test_suspended(void) {
  struct actor_scene s;
  struct error error = {0};
  enum turn turn;
  actor_scene_init(&s, actor_scene_config("actor_timeout: 2\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 2);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1), TURN_BUSY);
  nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 500000000}, NULL);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(turn, TURN_IDLE); // it makes no step for a learner that may be gone
  peer_send_empty(s.ends[0], 1, MESSAGE_SNAPSHOT_REQUEST);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(turn, TURN_BUSY);
  actor_scene_release(&s);
}

// While the learner is silent, a signal comes from a daemon of mpirun that lost its connection.
static void test_stop_alone(void) {
  struct actor_scene s;
  struct config config = actor_scene_config("");
  config.actor_timeout = 1;
  actor_scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  actor_scene_play(&s, 1000);
  for (const double until = clock_now() + 2.4 * heartbeat_seconds(&config); clock_now() < until;)
    actor_scene_play(&s, 1);
  s.stop = 15;
  enum turn turn;
  struct error error = {0};
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_STOPPED, &error);
  CU_ASSERT_TRUE(error_says(&error, "leaves alone"));
  CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_STOP_REQUEST], 0);
  actor_scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an actor leaves a learner that breaks the protocol", test_protocol},
      {"an actor leaves a learner that sends invalid numbers", test_invalid_numbers},
      {"an actor that was suspended waits for the learner before it judges", test_suspended},
      {"an actor leaves a learner that is silent after START", test_silent_learner},
      {"a signal to an actor that is cut off from the learner stops that actor alone", test_stop_alone},
  };
  return unit_run("actor_learner_fails", cases, sizeof cases / sizeof *cases);
}
