#include "learner/job/job.h"
#include "common/nn/linalg.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void test_new_run(void) {
  struct config config = small_config();
  config.log_every = 100;
  config.eval_every = 0;
  config.checkpoint_every = 300;
  config.utd = 0.5;
  struct job job;
  small_job_init(&job, &config);
  CU_ASSERT_EQUAL(job.next_log, 100);
  CU_ASSERT_EQUAL(job.next_eval, UINT64_MAX);
  CU_ASSERT_EQUAL(job.next_checkpoint, 300);
  CU_ASSERT_TRUE_FATAL(isinf(job.best_return));
  CU_ASSERT_TRUE(job.best_return < 0);
  CU_ASSERT_EQUAL(job.limiter.base_steps, config.learning_starts);
  CU_ASSERT_EQUAL(job.limiter.utd, 0.5);
  CU_ASSERT_EQUAL(replay_capacity(job.replay), SMALL_CAPACITY);
  CU_ASSERT_EQUAL(job.environment.act_dim, SMALL_ACT);
  for (uint32_t e = 0; e < SMALL_ENVS; e++) {
    const struct snapshot *at = &job.environments[e];
    CU_ASSERT_EQUAL(at->environment, e);
    CU_ASSERT_TRUE(!at->live);
    CU_ASSERT_EQUAL(at->steps, 0);
    CU_ASSERT_EQUAL(at->episode, 0);
  }
  CU_ASSERT(job.sac.policy[0] != 0);
  CU_ASSERT_EQUAL(memcmp(job.sac.critics.parameters, job.sac.critics.targets, job.sac.critics.size * sizeof(real)), 0);
  job_release(&job);
  job_release(&job); // nothing is left to release
}

static void test_too_large(void) {
  struct config config = small_config();
  config.replay_capacity = UINT32_MAX;
  config.env_steps = 1ull << 53; // fewer would not need so many rows
  config.envs = 2;
  struct message_hello hello = small_hello(100000, 2); // 3 PB
  struct error error = {0};
  struct job job;
  UNIT_STATUS(job_init(&job, &config, &hello, &error), STATUS_MEMORY, &error);
  CU_ASSERT_TRUE(error_says(&error, "replay_capacity"));
  CU_ASSERT_PTR_NULL(job.replay);
  CU_ASSERT_PTR_NULL(hello.action_low);
  job_release(&job);
}

// What env_steps cannot fill takes no memory: neither in a new run nor in a resumed one, which may make more.
static void test_bounded_replay(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  bool has_replay;
  config.replay_capacity = UINT32_MAX;
  config.env_steps = 30;
  small_job_init(&job, &config); // of 4e9 rows
  CU_ASSERT_EQUAL(replay_capacity(job.replay), UINT32_MAX);
  small_job_fill(&job, 1, 30);
  CU_ASSERT_EQUAL_FATAL(replay_size(job.replay), 30);
  CU_ASSERT_EQUAL(replay_cursor(job.replay), 30);
  job.limiter.steps = 30;
  char path[] = "/tmp/corsac-job-XXXXXX";
  close(mkstemp(path));
  UNIT_STATUS(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  job_release(&job);
  for (uint64_t end = 2; end <= 3000; end *= 10) { // fewer than the file holds, and more
    config.env_steps = end;
    small_job_init(&job, &config);
    UNIT_STATUS(checkpoint_read(path, &job, &has_replay, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE_FATAL(has_replay);
    CU_ASSERT_EQUAL_FATAL(replay_size(job.replay), 30);
    CU_ASSERT_EQUAL(replay_cursor(job.replay), 30);
    CU_ASSERT_EQUAL(replay_capacity(job.replay), UINT32_MAX);
    if (end > 30) small_job_fill(&job, 1, (uint32_t)end - 30);
    CU_ASSERT_EQUAL(replay_size(job.replay), end > 30 ? end : 30);
    job_release(&job);
  }
  unlink(path);
}

static void test_seconds(void) {
  struct config config = small_config();
  struct job job;
  small_job_init(&job, &config);
  job.seconds = 100;
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  const double seconds = job_seconds(&job);
  CU_ASSERT_TRUE(seconds >= 100.02);
  CU_ASSERT_TRUE(seconds < 130);
  job_release(&job);
}

// Rows that say which one they are: row i has obs (i, i, i), action (i, i), reward i, next_obs -i, discount i/100.
static void insert_numbered(struct job *job, int rows) {
  for (int i = 0; i < rows; i++) {
    const float x = (float)i, obs[SMALL_OBS] = {x, x, x}, action[SMALL_ACT] = {x, x};
    const float next[SMALL_OBS] = {-x, -x, -x}, discount = x / 100;
    replay_insert(job->replay, 1, obs, action, &x, next, &discount);
  }
}

static void test_sample(void) {
  struct config config = small_config();
  config.normalize_observations = false;
  struct job job;
  small_job_init(&job, &config);
  insert_numbered(&job, 12);
  job.sac.updates = 5;
  job_sample(&job);
  const struct sac_batch *batch = sac_batch(&job.sac);
  float first[4], noise[4 * SMALL_ACT];
  memcpy(noise, batch->noise, sizeof noise);
  for (size_t r = 0; r < batch->rows; r++) {
    const float x = first[r] = batch->reward[r];
    CU_ASSERT_TRUE(x >= 0);
    CU_ASSERT_TRUE(x < 12);
    CU_ASSERT_EQUAL(batch->input[r * batch->width + 2], x);
    CU_ASSERT_EQUAL(batch->next_input[r * batch->width], -x);
    CU_ASSERT_EQUAL(batch->input[r * batch->width + SMALL_OBS], x);
    CU_ASSERT_EQUAL(batch->discount[r], x / 100);
  }
  job.sac.updates = 6; // other rows, other noise
  job_sample(&job);
  CU_ASSERT(memcmp(first, batch->reward, sizeof first) != 0);
  CU_ASSERT(memcmp(noise, batch->noise, sizeof noise) != 0);
  job.sac.updates = 5; // the same again: nothing but the number of the update counts
  job_sample(&job);
  CU_ASSERT_EQUAL(memcmp(first, batch->reward, sizeof first), 0);
  CU_ASSERT_EQUAL(memcmp(noise, batch->noise, sizeof noise), 0);
  job_release(&job);
}

static void test_sample_normalised(void) {
  struct config config = small_config();
  struct job job;
  small_job_init(&job, &config);
  insert_numbered(&job, 12);
  for (int i = 0; i < 12; i++) normalizer_update(&job.normalizer, (const float[]){(float)i, 10, (float)(2 * i)});
  job_sample(&job);
  const struct sac_batch *batch = sac_batch(&job.sac);
  const double deviation = sqrt((12.0 * 12 - 1) / 12); // of 0..11
  for (size_t r = 0; r < batch->rows; r++) {
    const double x = batch->reward[r];
    CU_ASSERT_DOUBLE_EQUAL(batch->input[r * batch->width], (x - 5.5) / deviation, 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(batch->next_input[r * batch->width], (-x - 5.5) / deviation, 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(batch->input[r * batch->width + 2], (x - 11) / (2 * deviation), 1e-5);
    CU_ASSERT_EQUAL(batch->input[r * batch->width + SMALL_OBS], (float)x);
  }
  job_release(&job);
}

// Rewards of a batch are divided by what the statistics say when it is taken; the replay keeps them as they came.
static void test_sample_scaled(void) {
  struct config config = small_config();
  struct job job;
  float raw[4];
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "bounded");
  small_job_init(&job, &config);
  insert_numbered(&job, 12);
  job.rewards.count = 10;
  job.rewards.m2 = 40;
  job.rewards.highest = 5;
  for (int times = 0; times < 3; times++) {
    job.rewards.scaling = times == 0 ? REWARD_RAW : times == 1 ? REWARD_DEVIATION : REWARD_BOUNDED;
    job_sample(&job);
    const struct sac_batch *batch = sac_batch(&job.sac);
    for (size_t r = 0; r < batch->rows; r++) {
      if (times == 0) raw[r] = batch->reward[r];
      const double scale = times == 0 ? 1 : times == 1 ? 2 + 1e-8 : sqrt(4 + 1e-8);
      CU_ASSERT_EQUAL(batch->reward[r], (float)((double)raw[r] / scale));
    }
  }
  job.rewards.highest = 15;
  job_sample(&job);
  CU_ASSERT_EQUAL(sac_batch(&job.sac)->reward[0], (float)((double)raw[0] / 3));
  job_release(&job);
}

// How far learning rates have come is a matter of steps, so a resume that changes env_steps stretches it.
static void test_progress(void) {
  const struct config config = small_config();
  static const uint64_t of[][2] = {{0, 1000}, {250, 1000}, {250, 500}, {250, 250}, {250, 100}};
  static const double expected[] = {0, 0.25, 0.5, 1, 1};
  struct job job;
  small_job_init(&job, &config);
  insert_numbered(&job, 12);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    job.limiter.steps = of[i][0];
    job.config.env_steps = of[i][1];
    job_sample(&job);
    CU_ASSERT_EQUAL(sac_batch(&job.sac)->progress, expected[i]);
  }
  job_release(&job);
}

static void test_export(void) {
  struct config config = small_config();
  struct job job;
  struct policy_weights weights;
  small_job_init(&job, &config);
  small_job_fill(&job, 3, 5);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), NULL), STATUS_OK);
  job_export_policy(&job, &weights);
  CU_ASSERT_EQUAL(weights.version, job.policy_version);
  CU_ASSERT_TRUE(weights.normalize);
  CU_ASSERT_EQUAL(weights.shift[1], (float)job.normalizer.mean[1]);
  float *back = memory_alloc(job.sac.policy_net.parameters, sizeof *back, "weights", NULL);
  mlp_import(&job.sac.policy_net, weights.values, back);
  CU_ASSERT_EQUAL(memcmp(back, job.sac.policy, job.sac.policy_net.parameters * sizeof *back), 0);
  memory_free(back);
  job.config.normalize_observations = false;
  job_export_policy(&job, &weights);
  CU_ASSERT_TRUE_FATAL(!weights.normalize);
  CU_ASSERT_EQUAL(weights.shift[1], 0);
  CU_ASSERT_EQUAL(weights.scale[1], 1);
  policy_weights_release(&weights);
  job_release(&job);
}

static void test_thresholds(void) {
  CU_ASSERT_EQUAL(job_threshold_after(100, 100, 100), 200);
  CU_ASSERT_EQUAL(job_threshold_after(100, 100, 199), 200);
  CU_ASSERT_EQUAL(job_threshold_after(100, 100, 200), 300);
  CU_ASSERT_EQUAL(job_threshold_after(100, 30, 1000), 1030);
}

int main(void) {
  linalg_init();
  static const struct unit_case cases[] = {
      {"a new job begins at step 0, and may be released twice", test_new_run},
      {"a job that does not fit into memory is refused and leaves nothing behind", test_too_large},
      {"a replay that env_steps cannot fill takes memory for what can come, and resumes as one of its capacity",
       test_bounded_replay},
      {"seconds go on from those of earlier processes", test_seconds},
      {"a sample is whole rows and noise, given by the number of the update alone", test_sample},
      {"a sample is normalised with the present statistics", test_sample_normalised},
      {"a batch has its rewards scaled as the statistics of rewards say", test_sample_scaled},
      {"learning rates have come as far as steps in env_steps", test_progress},
      {"an exported policy has the version, the parameters and the normalizer", test_export},
      {"the next threshold is a multiple beyond the steps made", test_thresholds},
  };
  return unit_run("job", cases, sizeof cases / sizeof *cases);
}
