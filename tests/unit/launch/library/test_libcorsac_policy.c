// libcorsac_policy's functions: loading and its errors, acting from many threads, drawing, no allocation.
#include "launch/library/policy.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/allocations.h"
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
