#include "actor/envs/relay.h"

#include "actor/envs/listener.h"
#include "common/env/channel_child.h"
#include "common/env/frame.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct relay {
  struct channel_child child; // of the actor's channel
  int program;                // the connection
  uint32_t obs_dim, act_dim, info_dim;
  uint32_t number; // of the request that the program has to answer
  struct channel_patience patience;
};

// Says why on stderr, which is in the message that the user gets. Returns RELAY_LOST.
static int lose(int result) {
  fprintf(stderr, "corsac: the connection to the simulator: %s\n", frame_reason(result));
  return RELAY_LOST;
}

static int refuse(struct relay *relay, const struct frame_head *head) {
  char why[CHANNEL_TEXT];
  snprintf(why, sizeof why,
           "the process breaks the protocol: it answered request %u with %llu bytes of %u, numbered %u", relay->number,
           (unsigned long long)head->length, head->what, head->number);
  channel_child_fail(&relay->child, why);
  return RELAY_LOST;
}

static int pass_failure(struct relay *relay, const struct frame_head *head) {
  char why[CHANNEL_TEXT] = "";
  if (head->length >= sizeof why) return refuse(relay, head);
  const int result = frame_receive(relay->program, why, (size_t)head->length);
  if (result != 0) return lose(result);
  channel_child_fail(&relay->child, why);
  return 0;
}

// Waits for the head of the answer to `what`. *failed: it was a failure, and is told. Here and below: 0, or RELAY_LOST.
static int receive_head(struct relay *relay, uint32_t what, struct frame_head *head, bool *failed) {
  const int result = frame_receive_head(relay->program, head, &relay->patience);
  *failed = false;
  if (result != 0) return lose(result);
  if (head->number == relay->number && head->what == what) return 0;
  *failed = head->number == relay->number && head->what == FRAME_FAILED;
  return *failed ? pass_failure(relay, head) : refuse(relay, head);
}

// --- open ---

static int receive_spec(struct relay *relay) {
  struct frame_head head;
  struct channel_spec spec = {0};
  bool failed;
  relay->number = 1;
  int result = receive_head(relay, CHANNEL_OPEN, &head, &failed);
  if (result != 0 || failed) return result;
  if (head.length < FRAME_SPEC) return refuse(relay, &head);
  if ((result = frame_receive(relay->program, &spec, FRAME_SPEC)) != 0) return lose(result);
  const size_t size = spec.act_dim <= CHANNEL_MAX_DIM ? spec.act_dim * sizeof(double) : 0;
  if (head.length != FRAME_SPEC + 2 * size) return refuse(relay, &head); // R1
  struct channel *channel = relay->child.channel;
  if ((result = frame_receive(relay->program, channel->action_low, size)) != 0 ||
      (result = frame_receive(relay->program, channel->action_high, size)) != 0)
    return lose(result);
  if (channel_child_publish(&relay->child, &spec, channel->action_low, channel->action_high) != 0) {
    channel_child_fail(&relay->child, relay->child.why);
    return RELAY_LOST;
  }
  relay->obs_dim = spec.obs_dim;
  relay->act_dim = spec.act_dim;
  relay->info_dim = spec.info_dim;
  return 0;
}

// --- requests ---

static int receive_result(struct relay *relay, uint32_t what) {
  struct frame_head head;
  struct frame_result given;
  struct channel *channel = relay->child.channel;
  bool failed;
  int result = receive_head(relay, what, &head, &failed);
  if (result != 0 || failed) return result;
  if (head.length != frame_result_size(relay->obs_dim, relay->info_dim)) return refuse(relay, &head); // R1
  if ((result = frame_receive(relay->program, &given, sizeof given)) != 0 ||
      (result = frame_receive(relay->program, channel->info, relay->info_dim * sizeof(double))) != 0 ||
      (result = frame_receive(relay->program, channel->obs, relay->obs_dim * sizeof(float))) != 0)
    return lose(result);
  channel_child_answer(&relay->child, &(struct channel_answer){
                                          .status = CHANNEL_OK, .flags = given.flags, .reward = given.reward}); // R2
  return 0;
}

// Why a save failed.
static int receive_reason(struct relay *relay, const struct frame_head *head, uint64_t size) {
  struct channel_answer answer = {.status = CHANNEL_OK, .state_size = size};
  if (head->length - sizeof size >= sizeof answer.text) return refuse(relay, head); // R1
  const int result = frame_receive(relay->program, answer.text, (size_t)head->length - sizeof size);
  if (result != 0) return lose(result);
  channel_child_answer(&relay->child, &answer);
  return 0;
}

static int receive_state(struct relay *relay, uint64_t capacity) {
  struct frame_head head;
  uint64_t size;
  bool failed;
  int result = receive_head(relay, CHANNEL_SAVE, &head, &failed);
  if (result != 0 || failed) return result;
  if (head.length < sizeof size) return refuse(relay, &head);
  if ((result = frame_receive(relay->program, &size, sizeof size)) != 0) return lose(result);
  if ((int64_t)size < 0) return receive_reason(relay, &head, size);
  const uint64_t comes = size <= capacity ? size : 0;
  if (head.length != sizeof size + comes) return refuse(relay, &head); // R1
  void *state = comes > 0 ? channel_child_state(&relay->child) : NULL;
  if (comes > 0 && !state) {
    channel_child_fail(&relay->child, relay->child.why);
    return RELAY_LOST;
  }
  if (comes > 0 && (result = frame_receive(relay->program, state, (size_t)comes)) != 0) return lose(result);
  channel_child_answer(&relay->child, &(struct channel_answer){.status = CHANNEL_OK, .state_size = size}); // R2
  return 0;
}

static int receive_nothing(struct relay *relay, uint32_t what) {
  struct frame_head head;
  bool failed;
  const int result = receive_head(relay, what, &head, &failed);
  if (result != 0 || failed) return result;
  if (head.length != 0) return refuse(relay, &head);
  channel_child_answer(&relay->child, &(struct channel_answer){.status = CHANNEL_OK});
  return 0;
}

static int send_request(struct relay *relay, int request, const void *bytes, size_t size) {
  relay->number = relay->child.number;
  const int result =
      frame_send(relay->program, (uint32_t)request, relay->number, &(struct iovec){(void *)bytes, size}, 1);
  return result == 0 ? 0 : lose(result);
}

struct reset {
  uint64_t seed, episode, env_steps;
  char case_text[CHANNEL_CASE];
};
_Static_assert(offsetof(struct reset, case_text) == FRAME_RESET, "the case comes behind three numbers");

static int send_reset(struct relay *relay) {
  const struct channel *channel = relay->child.channel;
  struct reset reset = {.seed = channel->seed, .episode = channel->episode, .env_steps = channel->env_steps};
  memcpy(reset.case_text, channel->case_text, sizeof reset.case_text);
  const size_t text = strnlen(reset.case_text, CHANNEL_CASE - 1);
  return send_request(relay, CHANNEL_RESET, &reset, FRAME_RESET + (text > 0 ? text + 1 : 0));
}

static int pass(struct relay *relay, int request) {
  struct channel *channel = relay->child.channel;
  const uint64_t capacity = channel->state_capacity;
  const void *state;
  int result;
  switch (request) {
  case CHANNEL_RESET: result = send_reset(relay); return result == 0 ? receive_result(relay, CHANNEL_RESET) : result;
  case CHANNEL_STEP:
    result = send_request(relay, request, channel->action, relay->act_dim * sizeof(float));
    return result == 0 ? receive_result(relay, CHANNEL_STEP) : result;
  case CHANNEL_SAVE:
    result = send_request(relay, request, &capacity, sizeof capacity);
    return result == 0 ? receive_state(relay, capacity) : result;
  default: // CHANNEL_LOAD
    state = channel_child_state(&relay->child);
    if (!state || channel->state_size > capacity) return RELAY_LOST;
    result = send_request(relay, request, state, (size_t)channel->state_size);
    return result == 0 ? receive_nothing(relay, CHANNEL_LOAD) : result;
  }
}

// Waits for the end of the connection. The program may take its time: the actor ends what takes too long.
static int finish(struct relay *relay) {
  char byte;
  if (send_request(relay, CHANNEL_CLOSE, NULL, 0) == 0)
    while (frame_receive(relay->program, &byte, 1) == 0) continue;
  return RELAY_CLOSED;
}

static int serve(struct relay *relay) {
  int result = receive_spec(relay);
  while (result == 0) {
    const int request = channel_child_wait(&relay->child);
    if (request == CHANNEL_CLOSE) return finish(relay);
    result = request < 0 ? RELAY_LOST : pass(relay, request);
  }
  return result;
}

int relay(int listener, const char *value, int channel) {
  struct frame_address address;
  struct relay relay = {.program = -1};
  char number[16], why[CHANNEL_TEXT];
  uint32_t version = 0;
  if (!frame_parse(value, &address)) return RELAY_LOST;
  relay.program = listener_accept(listener, address.key, &version);
  close(listener);
  if (address.is_unix) listener_remove(address.path);
  if (relay.program == LISTENER_TIRED) {
    fprintf(stderr, "corsac: %d connections without the key came to the simulator's channel\n", LISTENER_MOST);
    return RELAY_LOST;
  }
  snprintf(number, sizeof number, "%d", channel);
  if (setenv(CHANNEL_VARIABLE, number, 1) != 0 || channel_child_open(&relay.child) != 0) {
    fprintf(stderr, "corsac: the relay of the simulator: %s\n", relay.child.why);
    return RELAY_LOST;
  }
  if (relay.program >= 0) return serve(&relay);
  snprintf(why, sizeof why,
           "the process uses version %u of the connection, this program version %d: it has to be built with this "
           "program's libcorsac_sim",
           version, FRAME_VERSION);
  channel_child_fail(&relay.child, why);
  return RELAY_LOST;
}
