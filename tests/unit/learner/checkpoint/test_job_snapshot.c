#include "learner/checkpoint/job_snapshot.h"
#include "common/base/clock.h"
#include "tests/support/allocations.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <string.h>

static bool same(const void *left, const void *right, size_t bytes) { return memcmp(left, right, bytes) == 0; }

// Every array of the snapshot is its own, and as the job's was when it was taken.
static void test_whole(void) {
  struct config config = small_config();
  struct job job, other, snapshot;
  struct error error = {0};
  small_job_init(&job, &config);
  small_job_init(&other, &config);
  CU_ASSERT_EQUAL_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK);
  small_job_fill(&job, 1, 13);
  small_job_fill(&other, 1, 13); // the same job
  CU_ASSERT_EQUAL(job_snapshot_take(&snapshot, &job, true, &error), STATUS_OK);
  small_job_fill(&job, 2, 3);
  const struct sac *is = &snapshot.sac, *was = &other.sac;
  const size_t policy = was->policy_net.parameters * sizeof(real), critics = was->critics.size * sizeof(real);
  CU_ASSERT(same(is->policy, was->policy, policy) && same(is->policy_adam.m, was->policy_adam.m, policy));
  CU_ASSERT(same(is->policy_adam.v, was->policy_adam.v, policy) && is->policy_adam.step == was->policy_adam.step);
  CU_ASSERT(same(is->critics.parameters, was->critics.parameters, critics));
  CU_ASSERT(same(is->critics.targets, was->critics.targets, critics));
  CU_ASSERT(same(is->critics_adam.m, was->critics_adam.m, critics));
  CU_ASSERT(same(is->critics_adam.v, was->critics_adam.v, critics));
  CU_ASSERT(is->log_alpha == was->log_alpha && same(&is->alpha_adam, &was->alpha_adam, sizeof is->alpha_adam));
  CU_ASSERT(same(snapshot.normalizer.mean, other.normalizer.mean, SMALL_OBS * sizeof(double)));
  CU_ASSERT(same(snapshot.normalizer.m2, other.normalizer.m2, SMALL_OBS * sizeof(double)));
  CU_ASSERT(snapshot.normalizer.count == 13 && same(&snapshot.metrics, &other.metrics, sizeof other.metrics));
  CU_ASSERT(same(&snapshot.limiter, &other.limiter, sizeof other.limiter) && snapshot.episodes == other.episodes);
  CU_ASSERT(snapshot.next_eval == other.next_eval && snapshot.best_return == other.best_return && snapshot.exact);
  for (int e = 0; e < SMALL_ENVS; e++) {
    const struct snapshot *left = &snapshot.environments[e], *right = &other.environments[e];
    CU_ASSERT(left->steps == right->steps && left->live == right->live && left->state.size == right->state.size);
    if (right->live) CU_ASSERT(same(left->obs, right->obs, SMALL_OBS * sizeof(float)));
    if (right->state.size) CU_ASSERT(same(left->state.data, right->state.data, right->state.size));
  }
  CU_ASSERT(replay_size(snapshot.replay) == 13 && replay_cursor(snapshot.replay) == 13);
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
  CU_ASSERT_EQUAL_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK);
  CU_ASSERT_EQUAL(job_snapshot_take(&snapshot, &job, false, &error), STATUS_OK);
  const double then = job_seconds(&snapshot), until = clock_now() + 0.01;
  CU_ASSERT(then > 999);
  while (clock_now() < until) continue;
  CU_ASSERT(job_seconds(&snapshot) == then && job_seconds(&job) > then);
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
  CU_ASSERT_EQUAL_FATAL(job_snapshot_init(&snapshot, &job, &error), STATUS_OK);
  const size_t before = allocations_count();
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(job_snapshot_take(&snapshot, &job, true, &error), STATUS_OK);
    replay_view_release(snapshot.replay, SIZE_MAX);
  }
  CU_ASSERT_EQUAL(allocations_count(), before);
  job_snapshot_release(&snapshot);
  job_release(&job);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a snapshot is the job of its moment, whatever becomes of the job", test_whole},
      {"its time stands still", test_time},
      {"taking one allocates nothing", test_no_allocation},
  };
  return unit_run("job_snapshot", cases, sizeof cases / sizeof *cases);
}
