#include "launch/policy/gathering.h"

#include "actor/actor.h"
#include "common/base/random.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 5, EPISODES = 4, LENGTH = 200 };

static int retries;
static void count_retry(const char *why) { retries += why != NULL; }

// Rank 0 and actors that only evaluate, in one process.
struct scene {
  struct config config;
  int size; // of the transport
  struct transport *ends[MOST + 1];
  struct actor *actors[MOST + 1];
  struct policy_weights weights;
  struct gathering gathering;
  volatile sig_atomic_t stop;
};

static void scene_init(struct scene *s, const char *env, int actors) {
  struct error error = {0};
  struct mlp mlp;
  *s = (struct scene){.size = actors + 1, .config = peer_config("eval_episodes: 4\n")};
  if (env) snprintf(s->config.env, sizeof s->config.env, "%s", env);
  s->config.envs = actors < EPISODES ? (uint64_t)actors : EPISODES;
  policy_network(&mlp, NULL, PEER_OBS, PEER_ACT, &s->config);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&s->weights, PEER_OBS, mlp.parameters, NULL), STATUS_OK);
  s->weights.version = 3;
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < s->weights.parameters; i++) s->weights.values[i] = (float)random_uniform(&random) - 0.5f;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(s->size, s->ends, NULL), STATUS_OK);
  for (int i = 1; i < s->size; i++) {
    s->actors[i] = actor_prepare(&s->config, s->ends[i], NULL, &s->stop, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->actors[i]);
    actor_equip_to_evaluate(s->actors[i], PEER_OBS, PEER_ACT);
  }
  retries = 0;
}

static enum status meet(struct scene *s, struct error *error) {
  return gathering_init(&s->gathering, &s->config, s->ends[0], &s->stop, count_retry, error);
}

static void begin(struct scene *s, bool steps) {
  struct error error = {0};
  UNIT_STATUS_FATAL(meet(s, &error), STATUS_OK, &error);
  const struct message_evaluate evaluate = {.steps = steps ? UINT32_MAX : 1};
  UNIT_STATUS_FATAL(gathering_begin(&s->gathering, evaluate, &s->weights, &error), STATUS_OK, &error);
}

static void scene_release(struct scene *s) {
  gathering_release(&s->gathering);
  policy_weights_release(&s->weights);
  for (int i = 1; i < s->size; i++) actor_destroy(s->actors[i]);
  for (int i = 0; i < s->size; i++) transport_destroy(s->ends[i]);
}

// A turn of every actor and of rank 0; the last actor makes several, so episodes end in another order.
static enum status turn(struct scene *s, struct error *error) {
  bool busy;
  enum turn done;
  for (int i = 1; i < s->size; i++)
    for (int k = 0; k < i; k++) CU_ASSERT_EQUAL(actor_turn(s->actors[i], &done, NULL), STATUS_OK);
  return gathering_turn(&s->gathering, &busy, error);
}

// What was gathered: returns, and a hash of all steps in their order.
struct result {
  double returns[EPISODES], sum;
  uint32_t steps;
  uint64_t hash;
};

static void add(uint64_t *hash, const void *bytes, size_t size) {
  for (const unsigned char *at = bytes; size-- > 0; at++) *hash = (*hash ^ *at) * 0x100000001b3u;
}

static struct result gather(struct scene *s) {
  struct result result = {.hash = 14695981039346656037u};
  struct gathering_next next;
  struct error error = {0};
  uint32_t episodes = 0;
  for (enum gathering_item item = GATHERING_NOTHING; item != GATHERING_OVER;) {
    item = gathering_next(&s->gathering, &next);
    if (item == GATHERING_NOTHING) UNIT_STATUS_FATAL(turn(s, &error), STATUS_OK, &error);
    if (item == GATHERING_STEP) {
      CU_ASSERT_EQUAL(next.made.episode, episodes);
      add(&result.hash, &next.made.step, sizeof next.made.step);
      add(&result.hash, next.made.obs, PEER_OBS * sizeof(float));
      add(&result.hash, next.made.scaled, sizeof(float));
      add(&result.hash, next.made.next_obs, PEER_OBS * sizeof(float));
      result.sum += next.made.reward;
      result.steps++;
    }
    if (item == GATHERING_EPISODE) {
      CU_ASSERT_EQUAL(next.episode.episode, episodes);
      CU_ASSERT_FALSE(next.episode.failed);
      result.returns[episodes++] = next.episode.episode_return;
    }
  }
  CU_ASSERT_EQUAL(episodes, EPISODES);
  return result;
}

static void test_order(void) {
  struct result first = {0};
  for (int actors = 1; actors <= MOST; actors++) {
    struct scene s;
    scene_init(&s, NULL, actors);
    begin(&s, true);
    const struct result result = gather(&s);
    CU_ASSERT_EQUAL(result.steps, EPISODES * LENGTH);
    if (actors == 1) first = result;
    CU_ASSERT_EQUAL(memcmp(result.returns, first.returns, sizeof result.returns), 0);
    CU_ASSERT_EQUAL(result.hash, first.hash);
    CU_ASSERT_EQUAL(result.sum, first.sum);
    scene_release(&s);
  }
  CU_ASSERT_NOT_EQUAL(first.returns[0], first.returns[1]);
}

static void test_first_steps(void) {
  struct scene s;
  scene_init(&s, NULL, 2);
  begin(&s, false);
  CU_ASSERT_EQUAL(gather(&s).steps, EPISODES); // the first of each
  scene_release(&s);
}

static void test_dismiss(void) {
  struct scene s;
  enum turn done = TURN_IDLE;
  scene_init(&s, NULL, 2);
  begin(&s, false);
  CU_ASSERT_FALSE(gathering_dismiss(&s.gathering, 7, 0)); // nobody has answered yet
  for (int i = 1; i < s.size; i++) {
    CU_ASSERT_EQUAL(actor_turn(s.actors[i], &done, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(done, TURN_DONE);
    CU_ASSERT_EQUAL(actor_exit_code(s.actors[i]), 7);
  }
  scene_release(&s);
}

// Turns until the gathering fails, and what it says.
static void fails(struct scene *s, enum status status, const char *says) {
  struct error error = {0};
  enum status got = STATUS_OK;
  for (int i = 0; i < 10 * EPISODES * LENGTH && got == STATUS_OK; i++) got = turn(s, &error);
  UNIT_STATUS(got, status, &error);
  CU_ASSERT_TRUE(error_says(&error, says));
}

static void test_stop(void) {
  struct scene s;
  scene_init(&s, NULL, 2);
  begin(&s, false);
  s.stop = 15;
  fails(&s, STATUS_STOPPED, "a signal to rank 1 stopped the evaluation after 0 of 4 episodes");
  scene_release(&s);
}

static void test_no_environment(void) {
  char env[512];
  struct scene s;
  struct error error = {0};
  scene_init(&s, plugin_env("fail_create", NULL, env, sizeof env), 2);
  UNIT_STATUS(meet(&s, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "create failed: no licence"));
  scene_release(&s);
  error_clear(&error);
  scene_init(&s, plugin_env("counter", NULL, env, sizeof env), 2);
  UNIT_STATUS(meet(&s, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE(error_says(&error, "obs_dim 2 and act_dim 1 in evaluation"));
  scene_release(&s);
}

// One rank's message, in place of an actor's.
static void test_invalid(void) {
  const struct {
    struct message_episode episode;
    const char *says;
  } cases[] = {
      {{.number = 1, .episode = 1, .length = 5}, "rank 1 sent EPISODE of episode 1, which it was not asked for"},
      {{.number = 2, .episode = 0, .length = 5}, "was not asked for"},
      {{.number = 1, .episode = 9, .length = 5}, "was not asked for"},
      {{.number = 1, .episode = 0}, "without a step"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scene s;
    struct buffer bytes = {0};
    bool busy;
    struct error error = {0};
    scene_init(&s, NULL, 2);
    begin(&s, false);
    CU_ASSERT_EQUAL(message_encode_episode(&bytes, 1, &cases[i].episode, NULL), STATUS_OK);
    peer_send(s.ends[1], 0, &bytes);
    UNIT_STATUS(gathering_turn(&s.gathering, &busy, &error), STATUS_PEER, &error);
    CU_ASSERT_TRUE(error_says(&error, cases[i].says));
    buffer_release(&bytes);
    scene_release(&s);
  }
}

// Each actor's environment fails in its fourth step, once: the episode is made again, and given once.
static void test_retry(void) {
  char env[512];
  struct scene s;
  struct error error = {0};
  struct gathering_next next;
  scene_init(&s, plugin_env("nan_obs", NULL, env, sizeof env), 1);
  begin(&s, true);
  enum gathering_item item;
  while ((item = gathering_next(&s.gathering, &next)) != GATHERING_EPISODE) {
    if (item == GATHERING_NOTHING) UNIT_STATUS_FATAL(turn(&s, &error), STATUS_OK, &error);
    if (item == GATHERING_STEP) CU_ASSERT_TRUE(next.made.step < 2); // of the second attempt alone
  }
  CU_ASSERT_TRUE(next.episode.failed);
  CU_ASSERT_PTR_NOT_NULL(strstr(next.why, "step 3 of the episode returned an observation"));
  CU_ASSERT_EQUAL(retries, 1);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"steps and episodes come in order, the same from any number of actors", test_order},
      {"without a trace the first step of each episode is sent", test_first_steps},
      {"actors leave with the exit code that they are given", test_dismiss},
      {"a signal to any rank stops the evaluation", test_stop},
      {"an environment that cannot be made, or has other dimensions, ends it", test_no_environment},
      {"an episode that was not asked for is refused", test_invalid},
      {"an episode that fails twice is told with its reason, and without the first attempt's steps", test_retry},
  };
  return unit_run("gathering", cases, sizeof cases / sizeof *cases);
}
