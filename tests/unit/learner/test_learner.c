#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/learner_scene.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *directory; // of this program

static void test_async(void) {
  struct learner_scene s;
  learner_scene_init(&s, directory, "async", 2, "--env Pendulum-v1 --env-steps 403 --envs 3");
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(outcome->reason[0], 0);
  CU_ASSERT_STRING_EQUAL(outcome->checkpoint, "ckpt-403.h5");
  CU_ASSERT_EQUAL(s.job.limiter.steps, 403);
  CU_ASSERT_EQUAL(s.job.limiter.updates, 353);
  CU_ASSERT_EQUAL(replay_size(s.job.replay), 403);
  CU_ASSERT_EQUAL(s.job.policy_version, 353);
  CU_ASSERT_TRUE(learner_scene_verifies(&s, "ckpt-403.h5"));
  CU_ASSERT_TRUE(learner_scene_says(&s, "status.json", "\"done\""));
  CU_ASSERT_TRUE(learner_scene_says(&s, "metrics.csv", ",403,353,"));
  for (int i = 0; i < LEARNER_SCENE_ACTORS; i++) CU_ASSERT_PTR_NULL(s.actor[i]); // all have left
  learner_scene_release(&s);
}

// Neither side runs ahead: at every moment of the job.
static void test_utd(void) {
  static const double utds[] = {0.25, 1, 3};
  for (int u = 0; u < 3; u++) {
    struct learner_scene s;
    char arguments[128], name[32];
    bool busy, within = true;
    uint64_t turns = 0;
    snprintf(name, sizeof name, "utd%d", u);
    snprintf(arguments, sizeof arguments, "--env Pendulum-v1 --env-steps 300 --envs 2 --utd %g --utd-slack 20",
             utds[u]);
    learner_scene_init(&s, directory, name, 2, arguments);
    while (learner_scene_turn(&s, &busy) && turns++ < 1000000) {
      const struct rate_limiter *limiter = &s.job.limiter;
      const double past = limiter->steps > 50 ? (double)limiter->steps - 50 : 0;
      within &= (double)limiter->updates <= utds[u] * past;
      within &= past <= (double)limiter->updates / utds[u] + 20;
    }
    CU_ASSERT_TRUE(within);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 300);
    CU_ASSERT_EQUAL(s.job.limiter.updates, (uint64_t)(250 * utds[u]));
    learner_scene_release(&s);
  }
}

static void test_free_running(void) {
  struct learner_scene s;
  learner_scene_init(&s, directory, "free", 1, "--env Pendulum-v1 --env-steps 200 --utd 0");
  CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 200);
  CU_ASSERT_TRUE(s.job.limiter.updates > 0);
  learner_scene_release(&s);
}

static void test_sync(void) {
  struct learner_scene s;
  learner_scene_init(&s, directory, "sync", 3,
                     "--env Pendulum-v1 --env-steps 301 --envs 2 --sync --sync-steps 5 --utd 0.5");
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 310);
  CU_ASSERT_EQUAL(s.job.limiter.updates, 130); // whole rounds
  CU_ASSERT_EQUAL(s.job.policy_version,
                  27); // at 50 steps there is nothing to update but the random phase is over; then each round
  CU_ASSERT_TRUE_FATAL(s.job.exact);
  CU_ASSERT_EQUAL(s.job.environments[1].steps, 155);
  learner_scene_release(&s);
}

// In async each update is a version, and the end of the random phase may be one.
static bool best_is_of_one_moment(const struct learner_scene *s) {
  struct checkpoint_info best;
  if (checkpoint_read_info(unit_in(s->setup.config.run_dir, "best.h5"), &best, NULL) != STATUS_OK) return false;
  const bool same = best.policy_version - best.updates <= 1;
  checkpoint_info_release(&best);
  return same;
}

static void test_evaluation(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct learner_scene s;
    char arguments[128];
    snprintf(arguments, sizeof arguments,
             "--env Pendulum-v1 --env-steps 200 --envs 2 --eval-every 80 --eval-episodes 3%s",
             sync ? " --sync --sync-steps 5" : "");
    learner_scene_init(&s, directory, sync ? "eval-sync" : "eval", 2, arguments);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->evaluated);
    CU_ASSERT_EQUAL(outcome->last_steps, 200);
    CU_ASSERT_TRUE(outcome->last_return < 0);
    CU_ASSERT_TRUE(outcome->last_return > -2000);
    CU_ASSERT_TRUE(s.job.evaluations >= 2);
    CU_ASSERT_TRUE(s.job.best_return >= outcome->last_return);
    if (sync) CU_ASSERT_EQUAL(s.job.evaluations, 3); // at 80, 160, and the last
    CU_ASSERT_TRUE(learner_scene_verifies(&s, "best.h5"));
    if (!sync) CU_ASSERT_TRUE(best_is_of_one_moment(&s));
    learner_scene_release(&s);
  }
}

// An environment that never ends. What is cut after so many steps is an evaluation; what the clock cut is logged, and
// in sync nothing of it stays.
static void test_cut_evaluation(void) {
  for (int i = 0; i < 4; i++) {
    const bool sync = i % 2, late = i / 2;
    struct learner_scene s;
    char name[512], arguments[1024];
    snprintf(arguments, sizeof arguments,
             "--env %s --env-steps 40 --envs 2 --eval-every 20 --eval-episodes 3 --log-every 10 %s%s",
             plugin_env("waits", late ? "none,2" : "none", name, sizeof name),
             late ? "--eval-timeout 0.01" : "--eval-max-steps 30", sync ? " --sync --sync-steps 5" : "");
    learner_scene_init(&s, directory, (const char *[]){"cut", "cut-sync", "late", "late-sync"}[i], 2, arguments);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->evaluated);
    CU_ASSERT_EQUAL(outcome->last_steps, 40);
    CU_ASSERT_TRUE(outcome->last_return < 0);
    CU_ASSERT_EQUAL(outcome->last_cut, 3);
    CU_ASSERT_TRUE(learner_scene_says(&s, "status.json", "\"eval_cut\": 3"));
    CU_ASSERT_EQUAL(isinf(s.job.best_return) != 0, late);
    CU_ASSERT_EQUAL(s.job.evaluations > 0, !(sync && late));
    if (!late) CU_ASSERT_TRUE(learner_scene_verifies(&s, "best.h5"));
    if (!(sync && late))
      CU_ASSERT_TRUE(learner_scene_says(&s, "metrics.csv", ",0,3,40,40,1,")); // no failures, three cut
    if (sync && late) CU_ASSERT_FALSE(learner_scene_says(&s, "metrics.csv", ",0,3,40,40,1,"));
    learner_scene_release(&s);
  }
}

static void test_checkpoints(void) {
  struct learner_scene s;
  learner_scene_init(&s, directory, "checkpoints", 2,
                     "--env Pendulum-v1 --env-steps 2000 --envs 2 --checkpoint-every 50 --checkpoint-keep 2 --utd 0.2");
  CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
  uint64_t steps[16] = {0};
  CU_ASSERT_EQUAL(checkpoint_list(s.setup.config.run_dir, steps, 16, NULL), 2);
  // One that comes due while another is written begins right after, so only the last one's step is certain.
  CU_ASSERT_EQUAL(steps[0], 2000);
  CU_ASSERT_TRUE(steps[1] >= 50);
  CU_ASSERT_TRUE(steps[1] < 2000);
  learner_scene_release(&s);
}

// A replay so small that rows have to wait for the checkpoint that still writes what they replace.
static void test_small_replay(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct learner_scene s;
    char arguments[256];
    snprintf(
        arguments, sizeof arguments,
        "--env Pendulum-v1 --env-steps 400 --envs 2 --replay-capacity 50 --checkpoint-every 20 --checkpoint-keep 99%s",
        sync ? " --sync --sync-steps 5" : "");
    learner_scene_init(&s, directory, sync ? "small-sync" : "small", 2, arguments);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 400);
    uint64_t steps[32] = {0};
    const int count = checkpoint_list(s.setup.config.run_dir, steps, 32, NULL);
    CU_ASSERT(sync ? count == 20 : count >= 2 && count <= 20); // in sync each has its step
    for (int i = 0; i < count; i++) {
      char name[32];
      snprintf(name, sizeof name, "ckpt-%d.h5", (int)steps[i]);
      CU_ASSERT_TRUE(learner_scene_verifies(&s, name));
    }
    learner_scene_release(&s);
  }
}

static void test_stop(void) {
  static const int signals[] = {SIGUSR1, SIGTERM};
  for (int i = 0; i < 2; i++) {
    struct learner_scene s;
    bool busy;
    learner_scene_init(&s, directory, i ? "term" : "usr1", 2, "--env Pendulum-v1 --env-steps 1000000");
    while (s.job.limiter.updates < 30) learner_scene_turn(&s, &busy);
    s.stop = signals[i];
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, i ? "15" : "10"));
    CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
    CU_ASSERT_TRUE(learner_scene_says(&s, "status.json", "\"stopped\""));
    CU_ASSERT_TRUE(learner_scene_says(&s, "status.json", outcome->checkpoint));
    learner_scene_release(&s);
  }
}

static void test_stop_of_an_actor(void) {
  struct learner_scene s;
  bool busy;
  learner_scene_init(&s, directory, "actor-stop", 2, "--env Pendulum-v1 --env-steps 1000000");
  while (s.job.limiter.updates < 30) learner_scene_turn(&s, &busy);
  s.actor_stop = SIGUSR1;
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
  learner_scene_release(&s);
}

static void test_max_hours(void) {
  struct learner_scene s;
  learner_scene_init(&s, directory, "hours", 1, "--env Pendulum-v1 --env-steps 1000000 --max-hours 0.00003"); // 0.1 s
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "max_hours"));
  CU_ASSERT_TRUE(s.job.limiter.steps > 0);
  learner_scene_release(&s);
}

// Stops a sync job after `turns` turns of everybody, resumes it in one process, and compares with one that never
// stopped. false: it was over before.
static bool stop_and_resume(const char *name, const char *arguments, int turns, const char *whole) {
  struct learner_scene s;
  bool busy, going = true;
  learner_scene_init(&s, directory, name, 2, arguments);
  for (int i = 0; i < turns && going; i++) going = learner_scene_turn(&s, &busy);
  s.stop = SIGUSR1;
  const int code = learner_scene_play(&s)->exit_code;
  char *run = strdup(s.setup.config.run_dir);
  learner_scene_release(&s);
  if (code == EXIT_STOPPED) {
    char checkpoint[1024];
    const char *const resume[] = {"--resume", run, NULL};
    CU_ASSERT_EQUAL(job_run_alone(resume, NULL), EXIT_DONE);
    snprintf(checkpoint, sizeof checkpoint, "%s/ckpt-60.h5", run);
    const bool equal = job_checkpoints_equal(checkpoint, whole);
    if (!equal) fprintf(stderr, "stopped after %d turns\n", turns);
    CU_ASSERT_TRUE(equal);
  }
  free(run);
  return code == EXIT_STOPPED;
}

static void stop_anywhere(const char *utd) {
  struct learner_scene s;
  char env[1024], arguments[1400], name[64], whole[CONFIG_TEXT + 16];
  snprintf(arguments, sizeof arguments,
           "--env %s --envs 2 --sync --sync-steps 5 --env-steps 60 --learning-starts 20 --utd %s --n-step 2 "
           "--eval-every 20 "
           "--eval-episodes 2 --log-every 20 --normalize-observations --log-level error",
           plugin_env("counter", "7", env, sizeof env), utd);
  snprintf(name, sizeof name, "whole-%s", utd);
  learner_scene_init(&s, directory, name, 2, arguments);
  CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
  snprintf(whole, sizeof whole, "%s/ckpt-60.h5", s.setup.config.run_dir);
  learner_scene_release(&s);
  int turns = 0;
  for (bool stopped = true; stopped && turns < 500; turns++) {
    snprintf(name, sizeof name, "stopped-%s-%d", utd, turns);
    stopped = stop_and_resume(name, arguments, turns, whole);
  }
  CU_ASSERT_TRUE(turns > 50);
  CU_ASSERT_TRUE(turns < 500);
}

static void test_stop_anywhere(void) { stop_anywhere("0.4"); }

static void test_stop_between_updates(void) { stop_anywhere("0.04"); }

// A save that waited for snapshots leaves a running episode that is there and not exact: the actors go on with it.
static void test_new_episodes(void) {
  struct learner_scene s;
  log_init(0, LOG_INFO);
  learner_scene_init(&s, directory, "anew", 1, "--env Pendulum-v1 --envs 3");
  for (int e = 0; e < 3; e++) s.job.environments[e].steps = 5;
  s.job.environments[0].live = true;
  s.job.environments[1].exact = true; // between two episodes
  CU_ASSERT_EQUAL(learner_start(s.learner, NULL), STATUS_OK);
  CU_ASSERT_TRUE(learner_scene_says(&s, "log.txt", "1 of 3 environments begins a new episode"));
  learner_scene_release(&s);
  log_init(0, LOG_ERROR);
}

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  directory = unit_tmpdir();
  static const struct unit_case cases[] = {
      {"async: a job of exactly env_steps and the updates owed for them", test_async},
      {"utd holds both ways within utd_slack at every moment", test_utd},
      {"utd 0: the learner runs free and the job ends", test_free_running},
      {"sync: whole rounds, a version for each", test_sync},
      {"evaluations come when they are due and at the end; the best policy is kept", test_evaluation},
      {"an evaluation that is cut says so; one that the clock cut is no best, and leaves nothing in sync",
       test_cut_evaluation},
      {"checkpoints come when they are due, the newest are kept", test_checkpoints},
      {"rows wait for a checkpoint that has not written what they would replace", test_small_replay},
      {"a signal stops the job with a checkpoint and exit code 75", test_stop},
      {"a signal to an actor does the same", test_stop_of_an_actor},
      {"max_hours does the same", test_max_hours},
      {"the log counts the environments that lose their episode", test_new_episodes},
      {"a sync job stopped after any turn goes on as if it never stopped", test_stop_anywhere},
      {"so does one with rounds that make no update, which move the statistics of observations",
       test_stop_between_updates},
  };
  const int failed = unit_run("learner", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
