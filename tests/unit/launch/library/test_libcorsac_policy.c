// libcorsac_policy's functions: loading and its errors, acting from many threads, drawing, no allocation.
#include "launch/library/policy.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/allocations.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *directory, *path;
static struct corsac_policy *policy;

enum { THREADS = 8, CALLS = 2000 };

static void act(int call, float *action, void *scratch) {
  const float obs[SMALL_OBS] = {0.01f * (float)call, -0.5f, (float)(call % 7)};
  if (call % 2)
    corsac_policy_sample(policy, obs, 3, (uint64_t)call, action, scratch);
  else
    corsac_policy_act(policy, obs, action, scratch);
}

struct thread {
  pthread_t id;
  float (*action)[SMALL_ACT]; // (CALLS)
  char *scratch;
};

static void *act_often(void *context) {
  struct thread *thread = context;
  for (int call = 0; call < CALLS; call++) act(call, thread->action[call], thread->scratch);
  return NULL;
}

static void test_threads(void) {
  struct thread thread[THREADS];
  for (int t = 0; t < THREADS; t++) {
    thread[t].action = calloc(CALLS, sizeof *thread[t].action);
    thread[t].scratch = malloc(corsac_policy_scratch_size(policy) + 3);
    thread[t].scratch += t % 4; // of any alignment
  }
  for (int t = 0; t < THREADS; t++) CU_ASSERT_EQUAL(pthread_create(&thread[t].id, NULL, act_often, &thread[t]), 0);
  for (int t = 0; t < THREADS; t++) pthread_join(thread[t].id, NULL);
  for (int t = 1; t < THREADS; t++)
    CU_ASSERT_EQUAL(memcmp(thread[0].action, thread[t].action, CALLS * sizeof *thread[t].action), 0);
  for (int t = 0; t < THREADS; t++) {
    free(thread[t].action);
    free(thread[t].scratch - t % 4);
  }
}

static void test_draws(void) {
  void *scratch = malloc(corsac_policy_scratch_size(policy));
  const float obs[SMALL_OBS] = {0.1f, 0.2f, 0.3f};
  float a[SMALL_ACT], b[SMALL_ACT], c[SMALL_ACT], mode[SMALL_ACT];
  CU_ASSERT_EQUAL(corsac_policy_act(policy, obs, mode, scratch), 0);
  corsac_policy_sample(policy, obs, 1, 0, a, scratch);
  corsac_policy_sample(policy, obs, 1, 1, b, scratch);
  corsac_policy_sample(policy, obs, 1, 0, c, scratch);
  CU_ASSERT_EQUAL_FATAL(memcmp(a, c, sizeof a), 0);
  CU_ASSERT_TRUE_FATAL(memcmp(a, b, sizeof a) != 0);
  CU_ASSERT_TRUE(memcmp(a, mode, sizeof a) != 0);
  corsac_policy_sample(policy, obs, 2, 0, c, scratch);
  CU_ASSERT(memcmp(a, c, sizeof a) != 0);
  for (int i = 0; i < SMALL_ACT; i++) {
    const double low = corsac_policy_action_low(policy)[i], high = corsac_policy_action_high(policy)[i];
    CU_ASSERT_TRUE((double)a[i] >= low);
    CU_ASSERT_TRUE((double)a[i] <= high);
  }
  const float bad[SMALL_OBS] = {0, NAN, 0};
  CU_ASSERT_EQUAL(corsac_policy_act(policy, bad, a, scratch), -1);
  CU_ASSERT_EQUAL(corsac_policy_sample(policy, bad, 1, 0, a, scratch), -1);
  free(scratch);
}

static void test_many(void) {
  enum { ROWS = 5 };
  void *scratch = malloc(corsac_policy_scratch_size(policy));
  float obs[ROWS * SMALL_OBS], many[ROWS * SMALL_ACT] = {0}, one[SMALL_ACT];
  for (int i = 0; i < ROWS * SMALL_OBS; i++) obs[i] = (float)i / 7 - 1;
  CU_ASSERT_EQUAL(corsac_policy_act_many(policy, ROWS, obs, many, scratch), 0);
  for (int r = 0; r < ROWS; r++) {
    corsac_policy_act(policy, obs + r * SMALL_OBS, one, scratch);
    CU_ASSERT_EQUAL(memcmp(many + r * SMALL_ACT, one, sizeof one), 0);
  }
  obs[SMALL_OBS] = INFINITY;
  many[SMALL_ACT] = 77;
  CU_ASSERT_EQUAL(corsac_policy_act_many(policy, ROWS, obs, many, scratch), 1);
  CU_ASSERT_EQUAL(many[SMALL_ACT], 77);
  CU_ASSERT_EQUAL(memcmp(many + 4 * SMALL_ACT, one, sizeof one), 0);
  free(scratch);
}

static void test_no_allocation(void) {
  void *scratch = malloc(corsac_policy_scratch_size(policy));
  float action[SMALL_ACT];
  const size_t before = allocations_count();
  for (int call = 0; call < 1000; call++) act(call, action, scratch);
  if (allocations_counted()) CU_ASSERT_EQUAL(allocations_count(), before);
  free(scratch);
  CU_ASSERT_EQUAL_FATAL(corsac_policy_obs_dim(policy), SMALL_OBS);
  CU_ASSERT_EQUAL(corsac_policy_act_dim(policy), SMALL_ACT);
  CU_ASSERT_STRING_EQUAL(corsac_policy_env(policy), "Small-v0");
  CU_ASSERT_STRING_EQUAL(corsac_policy_file(policy), path);
  CU_ASSERT(corsac_policy_env_steps(policy) > 0);
}

// --- with a history ---

enum { HISTORY = 3, STEPS = 6 };

// An episode of STEPS observations, whose actions go to action. drawn: by corsac_policy_step_sample.
static void run_episode(const struct corsac_policy *with, void *state, bool drawn, float action[STEPS][SMALL_ACT],
                        void *scratch) {
  corsac_policy_reset(with, state);
  for (int t = 0; t < STEPS; t++) {
    const float obs[SMALL_OBS] = {0.3f * (float)t, -0.2f, 1 - (float)(t % 2)};
    const int failed = drawn ? corsac_policy_step_sample(with, state, obs, 1, (uint64_t)t, action[t], scratch)
                             : corsac_policy_step(with, state, obs, action[t], scratch);
    CU_ASSERT_EQUAL(failed, 0);
  }
}

static struct corsac_policy *load_history(void) {
  char *best = unit_path(directory, "history.h5"), why[1024] = "";
  small_policy_write(best, HISTORY, true);
  struct corsac_policy *with = corsac_policy_load(best, why, sizeof why);
  CU_ASSERT_STRING_EQUAL(why, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(with);
  free(best);
  return with;
}

// A step reads the past, an episode forgets it, and a copy of a state acts the same.
static void test_history(void) {
  struct corsac_policy *with = load_history();
  const size_t size = corsac_policy_state_size(with);
  char *state = malloc(size), *copy = malloc(size), *scratch = malloc(corsac_policy_scratch_size(with));
  float a[STEPS][SMALL_ACT], b[STEPS][SMALL_ACT], one[SMALL_ACT], two[SMALL_ACT];
  const float obs[SMALL_OBS] = {0.25f, 0.5f, -1}, bad[SMALL_OBS] = {0, 0, NAN}, zero[SMALL_ACT] = {0};
  CU_ASSERT_EQUAL(corsac_policy_history(with), HISTORY);
  CU_ASSERT_EQUAL(corsac_policy_obs_dim(with), SMALL_OBS);
  CU_ASSERT_EQUAL(size % sizeof(float), 0);
  const size_t before = allocations_count();
  run_episode(with, state, false, a, scratch);
  run_episode(with, state, false, b, scratch);
  if (allocations_counted()) CU_ASSERT_EQUAL(allocations_count(), before);
  CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
  run_episode(with, copy, true, b, scratch);
  CU_ASSERT_TRUE(memcmp(a, b, sizeof a) != 0);
  memcpy(copy, state, size);
  CU_ASSERT_EQUAL(corsac_policy_step(with, copy, bad, one, scratch), -1);
  CU_ASSERT_EQUAL(corsac_policy_applied(with, copy, bad + 1), -1);
  CU_ASSERT_EQUAL(memcmp(copy, state, size), 0); // left alone
  corsac_policy_step(with, state, obs, one, scratch);
  corsac_policy_step(with, copy, obs, two, scratch);
  CU_ASSERT_EQUAL(memcmp(one, two, sizeof one), 0);
  CU_ASSERT_EQUAL(corsac_policy_applied(with, copy, zero), 0);
  corsac_policy_step(with, state, obs, one, scratch);
  corsac_policy_step(with, copy, obs, two, scratch);
  CU_ASSERT_TRUE(memcmp(one, two, sizeof one) != 0);
  corsac_policy_reset(with, state);
  corsac_policy_step(with, state, obs, two, scratch);
  CU_ASSERT_TRUE(memcmp(one, two, sizeof one) != 0);
  free(state);
  free(copy);
  free(scratch);
  corsac_policy_free(with);
}

// What has no state refuses such a policy, and a state takes any policy.
static void test_history_and_none(void) {
  struct corsac_policy *with = load_history();
  char *scratch = malloc(corsac_policy_scratch_size(with)), *own = malloc(corsac_policy_scratch_size(policy));
  float *state = malloc(corsac_policy_state_size(policy));
  const float obs[SMALL_OBS] = {0.25f, 0.5f, -1};
  float action[SMALL_ACT] = {7, 7}, expected[SMALL_ACT];
  CU_ASSERT_EQUAL(corsac_policy_act(with, obs, action, scratch), -1);
  CU_ASSERT_EQUAL(corsac_policy_sample(with, obs, 1, 1, action, scratch), -1);
  CU_ASSERT_EQUAL(corsac_policy_act_many(with, 1, obs, action, scratch), 1);
  CU_ASSERT_EQUAL(action[0], 7);
  CU_ASSERT_EQUAL(corsac_policy_history(policy), 1);
  corsac_policy_reset(policy, state);
  for (int t = 0; t < 3; t++) {
    CU_ASSERT_EQUAL(corsac_policy_step(policy, state, obs, action, own), 0);
    corsac_policy_act(policy, obs, expected, own);
    CU_ASSERT_EQUAL(memcmp(action, expected, sizeof expected), 0);
    CU_ASSERT_EQUAL(corsac_policy_step_sample(policy, state, obs, 3, (uint64_t)t, action, own), 0);
    corsac_policy_sample(policy, obs, 3, (uint64_t)t, expected, own);
    CU_ASSERT_EQUAL(memcmp(action, expected, sizeof expected), 0);
  }
  free(scratch);
  free(own);
  free(state);
  corsac_policy_free(with);
}

static void test_errors(void) {
  char why[256] = "", little[9];
  CU_ASSERT_PTR_NULL(corsac_policy_load("/nowhere/x.h5", why, sizeof why));
  CU_ASSERT(strstr(why, "/nowhere/x.h5: cannot be opened") != NULL);
  CU_ASSERT_PTR_NULL(corsac_policy_load("/nowhere/x.h5", little, sizeof little));
  CU_ASSERT_STRING_EQUAL(little, "/nowhere");
  CU_ASSERT_PTR_NULL(corsac_policy_load("/nowhere/x.h5", NULL, 0));
  corsac_policy_free(NULL);
  CU_ASSERT_EQUAL(corsac_policy_abi(), CORSAC_POLICY_ABI);
}

static void test_locale(void) {
  char why[256] = "", text[16];
  unit_set_comma_locale();
  struct corsac_policy *loaded = corsac_policy_load(path, why, sizeof why);
  CU_ASSERT_STRING_EQUAL(why, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
  CU_ASSERT_EQUAL(corsac_policy_action_low(loaded)[1], corsac_policy_action_low(policy)[1]);
  corsac_policy_free(loaded);
  CU_ASSERT_PTR_NULL(corsac_policy_load("/nowhere/x.h5", why, sizeof why));
  snprintf(text, sizeof text, "%.1f", 0.5);
  CU_ASSERT_STRING_EQUAL(text, "0,5"); // the host's again
  setlocale(LC_ALL, "C");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"many threads act with one policy", test_threads},
      {"a draw is a function of observation, seed and counter", test_draws},
      {"many rows are acted in as one after the other", test_many},
      {"acting allocates nothing", test_no_allocation},
      {"a state holds an episode's past, may be copied, and learns what was applied", test_history},
      {"a policy with a history is refused without a state, one without takes it", test_history_and_none},
      {"loading says why it fails", test_errors},
      {"a host with a decimal comma loads the same, and keeps its locale", test_locale},
  };
  const struct config config = small_config();
  struct job job;
  directory = unit_tmpdir();
  path = unit_path(directory, "a.h5");
  small_job_init(&job, &config);
  small_job_fill(&job, 2, 9);
  if (checkpoint_write(path, &job, CHECKPOINT_ALL, NULL) != STATUS_OK) return 1;
  job_release(&job);
  policy = corsac_policy_load(path, NULL, 0);
  const int result = policy ? unit_run("libcorsac_policy", cases, sizeof cases / sizeof *cases) : 1;
  corsac_policy_free(policy);
  free(path);
  unit_tmpdir_remove(directory);
  return result;
}
