#include "actor/evaluator.h"
#include "common/base/random.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

static const struct config config = {.seed = 12, .gamma = 0.9, .n_step = 1, .hidden = {1, {16}}};

static void fill(struct policy_weights *weights, uint64_t version) {
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  weights->version = version;
  for (size_t i = 0; i < weights->parameters; i++) weights->values[i] = (float)(random_uniform(&random) - 0.5) / 2;
}

static struct evaluator *begin_with(const struct config *with, struct environment_kind *kind, uint64_t version) {
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(kind, "Pendulum-v1", NULL, &error), STATUS_OK, &error);
  struct evaluator *evaluator = evaluator_create(with, kind, 3, 1, 4, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(evaluator);
  CU_ASSERT_FALSE(evaluator_busy(evaluator));
  fill(evaluator_weights(evaluator), version);
  return evaluator;
}

static struct evaluator *begin(struct environment_kind *kind, uint64_t version) {
  return begin_with(&config, kind, version);
}

// Runs until nothing is left; results go to `results` by episode. Returns the number of steps.
static int run(struct evaluator *evaluator, struct message_episode *results, uint32_t *episodes) {
  int steps = 0;
  *episodes = 0;
  while (evaluator_busy(evaluator)) {
    bool done;
    struct message_episode result;
    CU_ASSERT_EQUAL_FATAL(evaluator_step(evaluator, &done, &result, NULL), STATUS_OK);
    steps++;
    if (done) results[result.episode] = result, ++*episodes;
  }
  return steps;
}

// Plays an episode without the evaluator, and returns its return.
static double expected_return(const struct config *with, const struct environment_kind *kind, uint32_t episode,
                              float *first_obs, float *first_action) {
  struct environment environment;
  const struct history history = history_of(with, 3, 1);
  float input[64];
  struct policy *policy = policy_create(with, network_input(with, 3, 1), 1, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  CU_ASSERT_EQUAL_FATAL(environment_create(&environment, kind, 4, true, NULL), STATUS_OK);
  fill(policy_weights(policy), 2);
  struct random random = random_stream(config.seed, RANDOM_EVALUATION, 0, episode);
  float obs[3], action;
  double sum = 0, reward;
  int flags;
  CU_ASSERT_EQUAL(environment_reset(&environment, random_u64(&random), obs, NULL), STATUS_OK);
  memcpy(first_obs, obs, sizeof obs);
  history_reset(&history, input, obs);
  for (int i = 0; i < 200; i++) {
    policy_act(policy, 1, input, NULL, &action);
    if (i == 0) *first_action = 2 * action;
    CU_ASSERT_EQUAL(environment_step(&environment, &action, obs, &reward, &flags, NULL), STATUS_OK);
    history_push(&history, input, &action, obs);
    sum += reward;
  }
  policy_destroy(policy);
  environment_destroy(&environment);
  return sum;
}

static void check_episodes(const struct config *with) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin_with(with, &kind, 2);
  struct message_episode results[3];
  uint32_t episodes;
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 17, .first = 0, .stride = 1, .count = 3});
  CU_ASSERT_EQUAL(run(evaluator, results, &episodes), 600); // the host's limit of 200 each
  CU_ASSERT_EQUAL(episodes, 3);
  for (uint32_t i = 0; i < 3; i++) {
    float obs[3], action = 0;
    double expected = expected_return(with, &kind, i, obs, &action);
    CU_ASSERT_EQUAL(results[i].number, 17);
    CU_ASSERT_EQUAL(results[i].length, 200);
    CU_ASSERT_EQUAL(results[i].episode_return, expected);
    bool first = memcmp(evaluator_first_observation(evaluator), obs, sizeof obs) == 0;
    CU_ASSERT_EQUAL(first, i == 2); // of the episode that began last
    CU_ASSERT(first == (*evaluator_first_action(evaluator) == action));
  }
  evaluator_destroy(evaluator);
}

static void test_episodes(void) { check_episodes(&config); }

static void test_history(void) {
  for (uint32_t length = 2; length <= 5; length += 3) {
    struct config with = config;
    with.history = length;
    with.history_actions = length == 2;
    check_episodes(&with);
  }
}

static void test_repeats(void) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin(&kind, 2);
  struct message_episode all[6], again[6];
  uint32_t episodes;
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 1, .first = 0, .stride = 1, .count = 6});
  run(evaluator, all, &episodes);
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 2, .first = 1, .stride = 2, .count = 6});
  run(evaluator, again, &episodes);
  CU_ASSERT_EQUAL(episodes, 3);
  for (uint32_t i = 1; i < 6; i += 2) {
    CU_ASSERT_EQUAL(again[i].number, 2);
    CU_ASSERT_EQUAL(again[i].episode, i);
    CU_ASSERT_EQUAL(again[i].episode_return, all[i].episode_return);
  }
  CU_ASSERT(all[0].episode_return != all[1].episode_return);
  evaluator_weights(evaluator)->version = 0; // the initial network acts like any other
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 3, .first = 0, .stride = 6, .count = 6});
  run(evaluator, again, &episodes);
  CU_ASSERT_EQUAL(episodes, 1);
  CU_ASSERT_EQUAL(again[0].episode_return, all[0].episode_return);
  evaluator_destroy(evaluator);
}

// An evaluation of three episodes of an environment that never ends, and has no limit, under these bounds.
static int run_endless(uint64_t max_steps, double timeout, const char *args, struct message_episode results[3]) {
  struct environment_kind kind;
  struct error error = {0};
  struct config bounded = config;
  uint32_t episodes;
  char name[512];
  bounded.eval_max_steps = max_steps;
  bounded.eval_timeout = timeout;
  plugin_env("waits", args, name, sizeof name);
  UNIT_STATUS_FATAL(environment_kind_open(&kind, name, NULL, &error), STATUS_OK, &error);
  struct evaluator *evaluator = evaluator_create(&bounded, &kind, 1, 1, 0, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(evaluator);
  fill(evaluator_weights(evaluator), 2);
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 1, .stride = 1, .count = 3});
  const int steps = run(evaluator, results, &episodes);
  CU_ASSERT_EQUAL(episodes, 3);
  evaluator_destroy(evaluator);
  environment_kind_close(&kind);
  return steps;
}

static void test_endless(void) {
  struct message_episode results[3], again[3];
  CU_ASSERT_EQUAL(run_endless(50, 0, "none", results), 150);
  CU_ASSERT_EQUAL(run_endless(50, 1000, "none", again), 150);
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(results[i].length, 50);
    CU_ASSERT_EQUAL(results[i].cut, EPISODE_OUT_OF_STEPS);
    CU_ASSERT_TRUE(!results[i].failed);
    CU_ASSERT_TRUE(results[i].episode_return < 0);
    CU_ASSERT_EQUAL(results[i].episode_return, again[i].episode_return);
  }
  CU_ASSERT_EQUAL(run_endless(0, 0, "none", results), 3 * EVALUATION_STEPS);
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(results[i].length, EVALUATION_STEPS);
    CU_ASSERT_EQUAL(results[i].cut, EPISODE_OUT_OF_STEPS);
  }
}

static void test_time(void) {
  struct message_episode results[3];
  run_endless(0, 0.05, "none,2", results); // steps of 2 ms
  CU_ASSERT_EQUAL(results[0].cut, EPISODE_OUT_OF_TIME);
  CU_ASSERT_TRUE(results[0].length > 0);
  CU_ASSERT_TRUE(results[0].length < 100);
  for (int i = 1; i < 3; i++) {
    CU_ASSERT_EQUAL(results[i].cut, EPISODE_NOT_BEGUN);
    CU_ASSERT_TRUE(results[i].failed);
  }
}

// The environment's own limit is no cut, and holds under a larger eval_max_steps. A smaller one cuts.
static void test_own_limit(void) {
  static const struct {
    uint64_t asked;
    uint32_t length, cut;
  } cases[] = {
      {0, 200, EPISODE_WHOLE}, {1000, 200, EPISODE_WHOLE}, {200, 200, EPISODE_WHOLE}, {7, 7, EPISODE_OUT_OF_STEPS}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct environment_kind kind;
    struct config bounded = config;
    struct message_episode result;
    uint32_t episodes;
    bounded.eval_max_steps = cases[i].asked;
    CU_ASSERT_EQUAL_FATAL(environment_kind_open(&kind, "Pendulum-v1", NULL, NULL), STATUS_OK);
    struct evaluator *evaluator = evaluator_create(&bounded, &kind, 3, 1, 4, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(evaluator);
    fill(evaluator_weights(evaluator), 2);
    evaluator_begin(evaluator, &(struct message_evaluate){.number = 1, .stride = 1, .count = 1});
    run(evaluator, &result, &episodes);
    CU_ASSERT_EQUAL(result.length, cases[i].length);
    CU_ASSERT_EQUAL(result.cut, cases[i].cut);
    evaluator_destroy(evaluator);
  }
}

// The rewards of all steps add up to the return, and each observation is the next one of the step before.
static void test_made(void) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin(&kind, 2);
  struct message_episode result = {0};
  double sum = 0;
  float obs[3] = {0};
  bool done = false;
  CU_ASSERT_PTR_NULL(evaluator_made(evaluator));
  evaluator_begin(evaluator, &(struct message_evaluate){.stride = 1, .count = 1});
  for (uint32_t step = 0; !done; step++) {
    CU_ASSERT_EQUAL_FATAL(evaluator_step(evaluator, &done, &result, NULL), STATUS_OK);
    const struct evaluator_transition *made = evaluator_made(evaluator);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    CU_ASSERT_EQUAL(made->episode, 0);
    CU_ASSERT_EQUAL(made->step, step);
    CU_ASSERT_EQUAL(made->flags, (done ? CORSAC_TRUNCATED : 0));
    CU_ASSERT_EQUAL(memcmp(made->obs, step ? obs : evaluator_first_observation(evaluator), sizeof obs), 0);
    CU_ASSERT_EQUAL(made->scaled[0], 2 * made->action[0]);
    memcpy(obs, made->next_obs, sizeof obs);
    sum += made->reward;
  }
  CU_ASSERT_EQUAL(sum, result.episode_return);
  evaluator_destroy(evaluator);
}

static void test_begin_drops(void) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin(&kind, 2);
  struct message_episode results[2], after[2];
  uint32_t episodes;
  bool done;
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 1, .first = 0, .stride = 1, .count = 2});
  run(evaluator, results, &episodes);
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 2, .first = 0, .stride = 1, .count = 2});
  for (int i = 0; i < 70; i++) CU_ASSERT_EQUAL(evaluator_step(evaluator, &done, after, NULL), STATUS_OK);
  evaluator_begin(evaluator, &(struct message_evaluate){.number = 3, .first = 1, .stride = 4, .count = 2});
  CU_ASSERT_EQUAL(run(evaluator, after, &episodes), 200);
  CU_ASSERT_EQUAL(episodes, 1);
  CU_ASSERT_EQUAL(after[1].number, 3);
  CU_ASSERT_EQUAL(after[1].episode_return, results[1].episode_return);
  evaluator_destroy(evaluator);
}

static void test_nothing_to_do(void) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin(&kind, 2);
  struct message_episode results[2];
  uint32_t episodes;
  evaluator_begin(evaluator, &(struct message_evaluate){.first = 3, .stride = 4, .count = 3});
  CU_ASSERT_FALSE(evaluator_busy(evaluator));
  evaluator_begin(evaluator, &(struct message_evaluate){.first = 1, .stride = UINT32_MAX, .count = 2});
  run(evaluator, results, &episodes);
  CU_ASSERT_EQUAL(episodes, 1);
  evaluator_destroy(evaluator);
  evaluator_destroy(NULL);
}

// The instance is created at the first step; a failure there is one of evaluation.
static void fails(const char *plugin, enum status expected, const char *text) {
  char env[4096];
  struct environment_kind kind;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env(plugin, NULL, env, sizeof env), NULL, &error), STATUS_OK,
                    &error);
  struct evaluator *evaluator = evaluator_create(&config, &kind, 3, 1, 4, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(evaluator);
  evaluator_begin(evaluator, &(struct message_evaluate){.first = 0, .stride = 1, .count = 1});
  bool done;
  int failures = 0;
  struct message_episode result = {0};
  for (int i = 0; i < 10 && !error.status && evaluator_busy(evaluator); i++) {
    evaluator_step(evaluator, &done, &result, &error);
    const struct message_env_failure *env_failure = evaluator_env_failure(evaluator);
    if (!env_failure) continue;
    CU_ASSERT_TRUE(env_failure->evaluation);
    CU_ASSERT_EQUAL(env_failure->environment, 4);
    CU_ASSERT_EQUAL(env_failure->in_a_row, (uint32_t)++failures);
    CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, text));
    CU_ASSERT_EQUAL(done, failures == 2); // run again, once
  }
  CU_ASSERT_EQUAL_FATAL(error.status, expected);
  if (error.status) {
    CU_ASSERT(error_says(&error, text));
  } else {
    CU_ASSERT_EQUAL(failures, 2);
    CU_ASSERT_TRUE_FATAL(result.failed);
    CU_ASSERT_EQUAL(result.episode, 0);
  }
  evaluator_destroy(evaluator);
  environment_kind_close(&kind);
}

// Every third episode fails at first, and succeeds when it is run again.
static void test_runs_again(void) {
  char env[4096];
  struct environment_kind kind;
  struct message_episode result;
  bool done;
  int failures = 0, episodes = 0;
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(&kind, plugin_env("flaky", "return", env, sizeof env), NULL, NULL),
                        STATUS_OK);
  struct evaluator *evaluator = evaluator_create(&config, &kind, 2, 1, 40, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(evaluator);
  evaluator_begin(evaluator, &(struct message_evaluate){.first = 0, .stride = 1, .count = 5});
  while (evaluator_busy(evaluator)) {
    CU_ASSERT_EQUAL_FATAL(evaluator_step(evaluator, &done, &result, NULL), STATUS_OK);
    failures += evaluator_env_failure(evaluator) != NULL;
    if (!done) continue;
    CU_ASSERT_TRUE_FATAL(!result.failed);
    CU_ASSERT_EQUAL(result.length, 6);
    CU_ASSERT_EQUAL(result.episode_return, 6);
    CU_ASSERT_EQUAL(result.episode, (uint32_t)episodes++);
  }
  CU_ASSERT_EQUAL(failures, 2);
  CU_ASSERT_EQUAL(episodes, 5);
  evaluator_destroy(evaluator);
  environment_kind_close(&kind);
}

static void test_failures(void) {
  fails("fail_create", STATUS_OK, "environment 4 (evaluation): create failed: no licence");
  fails("nan_obs", STATUS_OK, "environment 4 (evaluation): step 3 of the episode returned an observation");
  fails("counter", STATUS_MISMATCH, "obs_dim 2 and act_dim 1 in evaluation, but the policy's are 3 and 1");
}

// Sampled actions of an episode, from its number alone. Returns the sum of |eps|.
static double run_sampled(struct evaluator *evaluator, struct message_evaluate evaluate, double returns[6]) {
  double noise = 0;
  evaluator_begin(evaluator, &evaluate);
  while (evaluator_busy(evaluator)) {
    bool done;
    struct message_episode result;
    CU_ASSERT_EQUAL_FATAL(evaluator_step(evaluator, &done, &result, NULL), STATUS_OK);
    noise += fabs((double)evaluator_made(evaluator)->eps[0]);
    if (done) returns[result.episode] = result.episode_return;
  }
  return noise;
}

static void test_sampled(void) {
  struct environment_kind kind;
  struct evaluator *evaluator = begin(&kind, 2);
  double plain[6], all[6], some[6];
  CU_ASSERT_EQUAL(run_sampled(evaluator, (struct message_evaluate){.stride = 1, .count = 6}, plain), 0);
  const double noise =
      run_sampled(evaluator, (struct message_evaluate){.stride = 1, .count = 6, .sampled = true}, all) / 1200;
  CU_ASSERT_TRUE(noise > 0.75);
  CU_ASSERT_TRUE(noise < 0.85); // the mean of |N(0,1)| is 0.798
  run_sampled(evaluator, (struct message_evaluate){.first = 1, .stride = 2, .count = 6, .sampled = true}, some);
  for (int i = 1; i < 6; i += 2) {
    CU_ASSERT_EQUAL(some[i], all[i]);
    CU_ASSERT_NOT_EQUAL(all[i], plain[i]);
  }
  CU_ASSERT_EQUAL(run_sampled(evaluator, (struct message_evaluate){.stride = 1, .count = 6}, some), 0);
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(some[i], plain[i]);
  evaluator_destroy(evaluator);
}

static void test_borrowed(void) {
  struct environment_kind kind;
  struct environment lent;
  struct error error = {0};
  struct message_episode results[2];
  uint32_t episodes;
  struct evaluator *evaluator = begin(&kind, 2);
  UNIT_STATUS_FATAL(environment_create(&lent, &kind, 4, false, &error), STATUS_OK, &error);
  void *const self = lent.self;
  for (int fails = 0; fails < 2; fails++) {
    evaluator_borrow(evaluator, &lent);
    if (fails) environment_destroy(&lent);
    evaluator_begin(evaluator, &(struct message_evaluate){.count = 2, .stride = 1});
    run(evaluator, results, &episodes);
    CU_ASSERT_EQUAL(episodes, 2);
    CU_ASSERT_PTR_NOT_NULL(lent.self);
    evaluator_borrow(evaluator, NULL);
    CU_ASSERT_PTR_EQUAL(lent.self, fails ? NULL : self);
  }
  environment_destroy(&lent);
  evaluator_destroy(evaluator);
  environment_kind_close(&kind);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"episodes run deterministically, seeded by their numbers", test_episodes},
      {"a policy sees the history of its episode", test_history},
      {"evaluations repeat, however their episodes are dealt out", test_repeats},
      {"evaluator_made returns each step as it was made", test_made},
      {"a new evaluation drops the one under way", test_begin_drops},
      {"an evaluation may have no episode for this evaluator, or one", test_nothing_to_do},
      {"an episode that never ends is cut after eval_max_steps, the same each time", test_endless},
      {"an episode is cut after eval_timeout, and then no other one begins", test_time},
      {"an environment's own step limit holds, and is no cut", test_own_limit},
      {"a failure is reported as one of evaluation", test_failures},
      {"sampled actions depend on seed, episode and step alone", test_sampled},
      {"an episode whose environment fails is run again", test_runs_again},
      {"a borrowed instance that had to be made anew is not given back", test_borrowed},
  };
  return unit_run("evaluator", cases, sizeof cases / sizeof *cases);
}
