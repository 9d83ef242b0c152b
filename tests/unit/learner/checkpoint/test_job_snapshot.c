#include "learner/checkpoint/job_snapshot.h"
#include "common/base/clock.h"
#include "tests/support/allocations.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static bool same(const void *left, const void *right, size_t bytes) { return memcmp(left, right, bytes) == 0; }

// Every array of the snapshot is its own, and as the job's was when it was taken.
static void test_whole(void) {
  struct config config = small_config();
  struct job job, other, snapshot;
  struct error error = {0};
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "deviation");
  small_job_init(&job, &config);
  small_job_init(&other, &config);
  UNIT_STATUS_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK, &error);
  small_job_fill(&job, 1, 13);
  small_job_fill(&other, 1, 13); // the same job
  UNIT_STATUS(job_snapshot_take(&snapshot, &job, true, &error), STATUS_OK, &error);
  small_job_fill(&job, 2, 3);
  const struct sac *is = &snapshot.sac, *was = &other.sac;
  const size_t policy = was->policy_net.parameters * sizeof(real), critics = was->critics.size * sizeof(real);
  CU_ASSERT_TRUE_FATAL(same(is->policy, was->policy, policy));
  CU_ASSERT_TRUE(same(is->policy_adam.m, was->policy_adam.m, policy));
  CU_ASSERT_TRUE_FATAL(same(is->policy_adam.v, was->policy_adam.v, policy));
  CU_ASSERT_EQUAL(is->policy_adam.step, was->policy_adam.step);
  CU_ASSERT(same(is->critics.parameters, was->critics.parameters, critics));
  CU_ASSERT(same(is->critics.targets, was->critics.targets, critics));
  CU_ASSERT(same(is->critics_adam.m, was->critics_adam.m, critics));
  CU_ASSERT(same(is->critics_adam.v, was->critics_adam.v, critics));
  CU_ASSERT_EQUAL(is->log_alpha, was->log_alpha);
  CU_ASSERT_TRUE(same(&is->alpha_adam, &was->alpha_adam, sizeof is->alpha_adam));
  CU_ASSERT(same(snapshot.normalizer.mean, other.normalizer.mean, SMALL_OBS * sizeof(double)));
  CU_ASSERT(same(snapshot.normalizer.m2, other.normalizer.m2, SMALL_OBS * sizeof(double)));
  CU_ASSERT_EQUAL(snapshot.normalizer.count, 13);
  CU_ASSERT_EQUAL(snapshot.rewards.count, other.rewards.count);
  CU_ASSERT_EQUAL(snapshot.rewards.m2, other.rewards.m2);
  CU_ASSERT(same(snapshot.rewards.returns, other.rewards.returns, SMALL_ENVS * sizeof(double)));
  CU_ASSERT(same(snapshot.rewards.last, other.rewards.last, SMALL_ENVS * sizeof(uint64_t)));
  CU_ASSERT_TRUE(same(&snapshot.metrics, &other.metrics, sizeof other.metrics));
  CU_ASSERT_TRUE_FATAL(same(&snapshot.limiter, &other.limiter, sizeof other.limiter));
  CU_ASSERT_EQUAL(snapshot.episodes, other.episodes);
  CU_ASSERT_EQUAL(snapshot.next_eval, other.next_eval);
  CU_ASSERT_EQUAL(snapshot.best_return, other.best_return);
  CU_ASSERT_TRUE(snapshot.exact);
  for (int e = 0; e < SMALL_ENVS; e++) {
    const struct snapshot *left = &snapshot.environments[e], *right = &other.environments[e];
    CU_ASSERT_EQUAL(left->steps, right->steps);
    CU_ASSERT_EQUAL(left->live, right->live);
    CU_ASSERT_EQUAL(left->state.size, right->state.size);
    if (right->live) CU_ASSERT(same(left->obs, right->obs, SMALL_OBS * sizeof(float)));
    if (right->state.size) CU_ASSERT(same(left->state.data, right->state.data, right->state.size));
  }
  CU_ASSERT_EQUAL_FATAL(replay_size(snapshot.replay), 13);
  CU_ASSERT_EQUAL(replay_cursor(snapshot.replay), 13);
  CU_ASSERT(replay_size(job.replay) == 16);
  CU_ASSERT_EQUAL(replay_room(job.replay), SMALL_CAPACITY - 16);
  replay_view_release(snapshot.replay, 13);
  job_snapshot_release(&snapshot);
  job_release(&job);
  job_release(&other);
}

static void test_time(void) {
  struct config config = small_config();
  struct job job, snapshot;
  struct error error = {0};
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 1);
  UNIT_STATUS_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK, &error);
  UNIT_STATUS(job_snapshot_take(&snapshot, &job, false, &error), STATUS_OK, &error);
  const double then = job_seconds(&snapshot), until = clock_now() + 0.01;
  CU_ASSERT(then > 999);
  while (clock_now() < until) continue;
  CU_ASSERT_EQUAL_FATAL(job_seconds(&snapshot), then);
  CU_ASSERT_TRUE(job_seconds(&job) > then);
  CU_ASSERT_EQUAL(replay_room(job.replay), SIZE_MAX);
  job_snapshot_release(&snapshot);
  job_release(&job);
}

static void test_no_allocation(void) {
  struct config config = small_config();
  struct job job, snapshot;
  struct error error = {0};
  if (!allocations_counted()) return;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 13);
  UNIT_STATUS_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK, &error);
  const size_t before = allocations_count();
  for (int i = 0; i < 3; i++) {
    UNIT_STATUS(job_snapshot_take(&snapshot, &job, true, &error), STATUS_OK, &error);
    replay_view_release(snapshot.replay, SIZE_MAX);
  }
  CU_ASSERT_EQUAL(allocations_count(), before);
  job_snapshot_release(&snapshot);
  job_release(&job);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a snapshot is the job of its moment, whatever becomes of the job", test_whole},
      {"the time of a snapshot does not go on", test_time},
      {"taking one allocates nothing", test_no_allocation},
  };
  return unit_run("job_snapshot", cases, sizeof cases / sizeof *cases);
}
