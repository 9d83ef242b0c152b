// Messages about environments of several agents.
#include "common/wire/codec.h"
#include "tests/support/unit.h"
#include <string.h>

enum { OBS = 2, ACT = 1, ROWS = 3, AGENTS = 3, WINDOW = 2 };

static struct frame frame_of(const struct buffer *bytes) {
  struct frame frame = {0};
  CU_ASSERT_EQUAL_FATAL(frame_decode(bytes->data, bytes->size, &frame, NULL), STATUS_OK);
  return frame;
}

// --- TRANSITIONS ---

static void init_batch(struct transition_batch *batch, bool agents) {
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(batch, OBS, ACT, ROWS, 1, 1, NULL), STATUS_OK);
  if (agents) CU_ASSERT_EQUAL_FATAL(transition_batch_use_agents(batch, NULL), STATUS_OK);
}

static void test_transitions(void) {
  struct transition_batch sent, got, plain;
  struct buffer bytes = {0};
  struct error error = {0};
  init_batch(&sent, true);
  init_batch(&got, true);
  init_batch(&plain, false);
  sent.rows = ROWS;
  sent.steps = 2;
  sent.transitions = 5;
  for (uint32_t r = 0; r < ROWS; r++) sent.environment[r] = r, sent.agent[r] = 40000 + r;
  sent.episodes = 1;
  sent.episode[0] = (struct episode_record){.length = 2, .agents = AGENTS, .episode_return = -1.5};
  UNIT_STATUS(message_encode_transitions(&bytes, 1, &sent, &error), STATUS_OK, &error);
  struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_transitions(&frame, &got, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(got.transitions, 5);
  CU_ASSERT_EQUAL(memcmp(got.agent, sent.agent, ROWS * sizeof *sent.agent), 0);
  CU_ASSERT_EQUAL(got.episode[0].agents, AGENTS);
  for (size_t size = 0; size < frame.size; size++) {
    struct frame cut = frame;
    cut.size = size;
    CU_ASSERT_EQUAL(message_decode_transitions(&cut, &got, NULL), STATUS_FORMAT);
  }

  // A learner whose environments have one agent each has no room for the column.
  UNIT_STATUS(message_decode_transitions(&frame, &plain, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "each environment has one"));

  // Rows that name no agent are of the first, and a step is a transition.
  transition_batch_clear(&plain);
  plain.rows = ROWS;
  plain.steps = 3;
  UNIT_STATUS(message_encode_transitions(&bytes, 1, &plain, NULL), STATUS_OK, NULL);
  frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_transitions(&frame, &got, NULL), STATUS_OK, NULL);
  CU_ASSERT_EQUAL(got.transitions, 3);
  for (uint32_t r = 0; r < ROWS; r++) CU_ASSERT_EQUAL(got.agent[r], 0);
  transition_batch_release(&sent);
  transition_batch_release(&got);
  transition_batch_release(&plain);
  buffer_release(&bytes);
}

// --- HELLO ---

static void test_hello(void) {
  double low[] = {-1}, high[] = {1};
  uint32_t agents[] = {1, 65536, 7};
  struct message_hello got = {0}, sent = {.environment = "plate",
                                          .obs_dim = OBS,
                                          .act_dim = ACT,
                                          .action_low = low,
                                          .action_high = high,
                                          .environments = 3,
                                          .agents = agents};
  struct buffer bytes = {0};
  struct error error = {0};
  UNIT_STATUS(message_encode_hello(&bytes, 1, &sent, &error), STATUS_OK, &error);
  struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_hello(&frame, &got, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(got.environments, 3);
  CU_ASSERT_EQUAL(memcmp(got.agents, agents, sizeof agents), 0);
  for (uint32_t wrong = 0; wrong < 2; wrong++) {
    agents[1] = wrong ? 65537 : 0;
    UNIT_STATUS(message_encode_hello(&bytes, 1, &sent, NULL), STATUS_OK, NULL);
    frame = frame_of(&bytes);
    CU_ASSERT_EQUAL(message_decode_hello(&frame, &got, NULL), STATUS_FORMAT);
    CU_ASSERT_PTR_NULL(got.agents);
  }
  message_hello_release(&got);
  buffer_release(&bytes);
}

// --- SNAPSHOT ---

static void fill_snapshot(struct snapshot *snapshot) {
  static const uint8_t state[AGENTS] = {SNAPSHOT_PRESENT | SNAPSHOT_TOOK_PART, SNAPSHOT_TOOK_PART, SNAPSHOT_PRESENT};
  static const uint32_t length[AGENTS] = {9, 0, 1}, window[AGENTS] = {2, 0, 1};
  CU_ASSERT_EQUAL_FATAL(snapshot_init_agents(snapshot, OBS, ACT, WINDOW, AGENTS, NULL), STATUS_OK);
  snapshot->steps = 20;
  snapshot->live = snapshot->exact = true;
  snapshot->episode_length = 10;
  snapshot->window = 3;
  for (uint32_t j = 0; j < AGENTS; j++) {
    snapshot->agent_state[j] = state[j];
    snapshot->agent_length[j] = length[j];
    snapshot->agent_window[j] = window[j];
    snapshot->agent_return[j] = -0.1 * j;
    for (uint32_t k = 0; k < OBS; k++) snapshot->obs[j * OBS + k] = (float)(j * OBS + k);
    snapshot->window_reward[j] = (float)j;
  }
}

static void refuse(struct snapshot *sent, struct snapshot *got, const char *text) {
  struct buffer bytes = {0};
  struct error error = {0};
  UNIT_STATUS(message_encode_snapshot(&bytes, MESSAGE_SNAPSHOT, 1, sent, NULL), STATUS_OK, NULL);
  struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_snapshot(&frame, WINDOW, got, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, text));
  buffer_release(&bytes);
}

static void test_snapshot(void) {
  struct snapshot sent, got, one;
  struct buffer bytes = {0};
  struct error error = {0};
  fill_snapshot(&sent);
  CU_ASSERT_EQUAL_FATAL(snapshot_init_agents(&got, OBS, ACT, WINDOW, AGENTS + 2, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&one, OBS, ACT, WINDOW, NULL), STATUS_OK);
  UNIT_STATUS(message_encode_snapshot(&bytes, MESSAGE_SNAPSHOT, 1, &sent, &error), STATUS_OK, &error);
  struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_snapshot(&frame, WINDOW, &got, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(got.agents, AGENTS);
  CU_ASSERT_EQUAL(memcmp(got.obs, sent.obs, AGENTS * OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(got.agent_state, sent.agent_state, AGENTS), 0);
  CU_ASSERT_EQUAL(memcmp(got.agent_return, sent.agent_return, AGENTS * sizeof(double)), 0);
  CU_ASSERT_EQUAL(memcmp(got.agent_length, sent.agent_length, AGENTS * sizeof(uint32_t)), 0);
  CU_ASSERT_EQUAL(memcmp(got.agent_window, sent.agent_window, AGENTS * sizeof(uint32_t)), 0);
  UNIT_STATUS(snapshot_copy(&got, &sent, NULL), STATUS_OK, NULL);
  CU_ASSERT_EQUAL(got.agent_capacity, AGENTS + 2);
  for (size_t size = 0; size < frame.size; size++) {
    struct frame cut = frame;
    cut.size = size;
    CU_ASSERT_EQUAL(message_decode_snapshot(&cut, WINDOW, &got, NULL), STATUS_FORMAT);
  }
  CU_ASSERT_EQUAL(message_decode_snapshot(&frame, WINDOW, &one, NULL), STATUS_FORMAT); // no room
  CU_ASSERT_EQUAL(message_decode_snapshot(&frame, WINDOW - 1, &got, NULL), STATUS_FORMAT);

  sent.agent_window[2] = 0;
  refuse(&sent, &got, "windows hold 2 of 3");
  sent.agent_window[1] = 1;
  refuse(&sent, &got, "agent 1"); // one that is not there has no window
  sent.agent_window[1] = 0;
  sent.agent_window[2] = 1;
  sent.agent_state[0] = 4;
  refuse(&sent, &got, "agent 0: state 4");
  sent.agent_state[0] = 3;
  sent.agent_length[0] = 11; // longer than the environment's episode
  refuse(&sent, &got, "agent 0");
  snapshot_release(&sent);
  snapshot_release(&got);
  snapshot_release(&one);
  buffer_release(&bytes);
}

// Linked rows say where in their episodes they stand; both sides know from the configuration whether rows are linked.
static void test_linked(void) {
  struct transition_batch sent, got, plain;
  struct buffer bytes = {0};
  struct error error = {0};
  init_batch(&sent, true);
  init_batch(&got, true);
  init_batch(&plain, true);
  CU_ASSERT_EQUAL_FATAL(transition_batch_use_episodes(&sent, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transition_batch_use_episodes(&got, NULL), STATUS_OK);
  sent.rows = ROWS;
  sent.steps = sent.transitions = ROWS;
  for (uint32_t r = 0; r < ROWS; r++) sent.episode_number[r] = ((uint64_t)1 << 40) + r, sent.episode_step[r] = 7 + r;
  UNIT_STATUS(message_encode_transitions(&bytes, 1, &sent, &error), STATUS_OK, &error);
  struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_transitions(&frame, &got, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(got.episode_number, sent.episode_number, ROWS * sizeof *sent.episode_number), 0);
  CU_ASSERT_EQUAL(memcmp(got.episode_step, sent.episode_step, ROWS * sizeof *sent.episode_step), 0);
  for (size_t size = 0; size < frame.size; size++) {
    struct frame cut = frame;
    cut.size = size;
    CU_ASSERT_EQUAL(message_decode_transitions(&cut, &got, NULL), STATUS_FORMAT);
  }
  UNIT_STATUS(message_decode_transitions(&frame, &plain, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "linked"));
  transition_batch_release(&sent);
  transition_batch_release(&got);
  transition_batch_release(&plain);
  buffer_release(&bytes);
}

// A snapshot carries what the networks see before the present observation.
static void test_history(void) {
  const struct config config = {.n_step = 3, .history = 3, .history_actions = true};
  struct snapshot sent, got, copy;
  struct buffer bytes = {0};
  struct error error = {0};
  CU_ASSERT_EQUAL_FATAL(snapshot_init_for(&sent, &config, OBS, ACT, AGENTS, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(snapshot_init_for(&got, &config, OBS, ACT, AGENTS, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(snapshot_init_for(&copy, &config, OBS, ACT, AGENTS, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(sent.history_dim, 2 * (OBS + ACT));
  sent.live = true;
  for (uint32_t i = 0; i < AGENTS * sent.history_dim; i++) sent.history[i] = (float)i + 0.5f;
  UNIT_STATUS(message_encode_snapshot(&bytes, MESSAGE_SNAPSHOT, 1, &sent, &error), STATUS_OK, &error);
  const struct frame frame = frame_of(&bytes);
  UNIT_STATUS(message_decode_snapshot(&frame, 0, &got, &error), STATUS_OK, &error);
  UNIT_STATUS(snapshot_copy(&copy, &got, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(copy.history, sent.history, AGENTS * sent.history_dim * sizeof(float)), 0);
  snapshot_release(&got);
  CU_ASSERT_EQUAL_FATAL(snapshot_init_agents(&got, OBS, ACT, 0, AGENTS, NULL), STATUS_OK);
  UNIT_STATUS(message_decode_snapshot(&frame, 0, &got, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "history_dim"));
  snapshot_release(&sent);
  snapshot_release(&got);
  snapshot_release(&copy);
  buffer_release(&bytes);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"rows name their agents, and steps are counted apart from transitions", test_transitions},
      {"HELLO says how many agents each environment has", test_hello},
      {"a snapshot has what each agent is in the middle of", test_snapshot},
      {"linked rows arrive with their places in episodes", test_linked},
      {"a snapshot carries the history of each agent", test_history},
  };
  return unit_run("codec_agents", cases, sizeof cases / sizeof *cases);
}
