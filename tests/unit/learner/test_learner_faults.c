#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/learner_impl.h"
#include "tests/support/environments.h"
#include "tests/support/learner_scene.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *directory; // of this program

static void test_failed_environment(void) {
  struct learner_scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 500 --envs 2 --env-max-failures 1",
           plugin_env("fail_step", "77", env, sizeof env));
  learner_scene_init(&s, directory, "failing", 2, arguments);
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_FAILED);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(outcome->reason, "rank "));
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "fail_step"));
  CU_ASSERT_TRUE(learner_scene_says(&s, "status.json", "\"failed\""));
  CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint)); // what was learned so far
  learner_scene_release(&s);
}

// The sum of the column env_failures, which is the sixth from the end.
static int counted_failures(const struct learner_scene *s) {
  char *path = unit_path(s->setup.config.run_dir, "metrics.csv"), *text = unit_read_file(path, NULL);
  int sum = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    char *end = line + strlen(line);
    for (int commas = 0; end > line && commas < 6; end--) commas += *end == ',';
    sum += atoi(end + 2);
  }
  free(path);
  free(text);
  return sum;
}

// Plays until the learner knows of so many failures, or `steps` steps are in the job.
static void play_until(struct learner_scene *s, uint64_t failures, uint64_t steps) {
  bool busy = true;
  for (int turns = 0; s->learner->env_failures.number < failures && s->job.limiter.steps < steps; turns++)
    if (!learner_scene_turn(s, &busy) || turns > 100000) CU_FAIL_FATAL("the job ends, or never comes so far");
}

// A save in the middle of a round, or of an evaluation, knows nothing of it: a resume repeats it whole.
static void test_failures_in_sync(void) {
  struct learner_scene s;
  char env[1024], arguments[1200];
  bool busy;
  snprintf(arguments, sizeof arguments,
           "--env %s --env-steps 40 --sync --sync-steps 20 --eval-every 20 --eval-episodes 3",
           plugin_env("flaky", "return", env, sizeof env));
  learner_scene_init(&s, directory, "failures", 1, arguments);
  play_until(&s, 1, 20);
  CU_ASSERT_EQUAL(s.learner->stage, STAGE_ROUND);
  CU_ASSERT_EQUAL_FATAL(s.learner->env_failures.number, 1);
  CU_ASSERT_EQUAL(s.job.metrics.env_failures, 0);
  play_until(&s, UINT64_MAX, 20);
  CU_ASSERT_EQUAL_FATAL(s.learner->env_failures.number, 1);
  CU_ASSERT_EQUAL(s.job.metrics.env_failures, 1);
  play_until(&s, 2, 40);
  CU_ASSERT_TRUE(s.learner->evaluation.running);
  CU_ASSERT_EQUAL(s.job.metrics.env_failures, 1);
  while (s.learner->evaluation.running && learner_scene_turn(&s, &busy)) continue;
  CU_ASSERT_EQUAL(s.job.metrics.env_failures, s.learner->env_failures.number);
  CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
  CU_ASSERT_EQUAL(counted_failures(&s), (int)s.learner->env_failures.number);
  learner_scene_release(&s);
}

// One of two actors has an environment that always fails: the other one makes the rest.
static void test_retired_actor(void) {
  struct learner_scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 500 --envs 2 --env-max-failures 2",
           plugin_env("flaky", "create:1", env, sizeof env));
  learner_scene_init(&s, directory, "retired", 2, arguments);
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 500);
  CU_ASSERT_EQUAL(s.job.environments[1].steps, 15);
  CU_ASSERT_TRUE(s.job.environments[0].steps >= 485);
  CU_ASSERT_EQUAL_FATAL(counted_failures(&s), 1);
  CU_ASSERT_TRUE(learner_scene_says(&s, "metrics.csv", "env_failures"));
  CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
  learner_scene_release(&s);
}

// With absurd saves a job ends as any other; only its checkpoints are not exact.
static void test_bad_saves(void) {
  static const char *const how[] = {"huge", "negative", "grow"};
  for (int i = 0; i < 6; i++) {
    struct learner_scene s;
    char env[1024], arguments[1400], name[32];
    snprintf(name, sizeof name, "bad-save-%d", i);
    snprintf(arguments, sizeof arguments, "--env %s --env-steps 132 --envs 2 --checkpoint-every 66 %s",
             plugin_env("bad_save", how[i % 3], env, sizeof env), i / 3 ? "--sync --sync-steps 3" : "");
    learner_scene_init(&s, directory, name, 2, arguments);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 132);
    CU_ASSERT_TRUE_FATAL(!s.job.exact);
    CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
    CU_ASSERT_TRUE(learner_scene_says(&s, "metrics.csv", ",0,,,132,1,")); // no failure
    CU_ASSERT_FALSE(learner_scene_says(&s, "metrics.csv", ",1,,,132,1,"));
    learner_scene_release(&s);
  }
}

// A temperature out of hand is logged once, with its cause, while the job goes on.
static void test_high_alpha(void) {
  struct learner_scene s;
  log_init(0, LOG_WARN);
  learner_scene_init(&s, directory, "alpha", 1, "--env Pendulum-v1 --env-steps 200");
  s.job.sac.log_alpha = 11; // 60,000
  CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
  log_flush();
  char *path = unit_path(s.setup.config.run_dir, "log.txt"), *text = unit_read_file(path, NULL);
  const char *logged = text ? strstr(text, "alpha has grown to ") : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL(logged);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(logged, "target_entropy (-1)"));
  CU_ASSERT_TRUE(!strstr(logged + 1, "alpha has grown to "));
  free(path);
  free(text);
  learner_scene_release(&s);
  log_init(0, LOG_ERROR);
}

// At the end of a job that is done the log says that the learner idled, and what would have used its time.
static void test_idle_learner(void) {
  static const struct {
    const char *name, *more;
    double idle; // s added
    bool says;
  } cases[] = {{"idle", "", 1000, true},
               {"busy", "", -1000, false},
               {"free", " --utd 0", 1000, false},
               {"random", " --learning-starts 1000", 1000, false}};
  log_init(0, LOG_INFO);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct learner_scene s;
    char arguments[256];
    bool busy;
    snprintf(arguments, sizeof arguments, "--env Pendulum-v1 --env-steps 200 --log-level info%s", cases[i].more);
    learner_scene_init(&s, directory, cases[i].name, 1, arguments);
    learner_scene_turn(&s, &busy);
    s.learner->idle = cases[i].idle;
    CU_ASSERT_EQUAL(learner_scene_play(&s)->exit_code, EXIT_DONE);
    CU_ASSERT_EQUAL(learner_scene_says(&s, "log.txt", "the learner idled 100 % of its time: a higher --utd"),
                    cases[i].says);
    CU_ASSERT_EQUAL(learner_scene_says(&s, "log.txt", "--recipe (`corsac recipes`"), cases[i].says);
    learner_scene_release(&s);
  }
  log_init(0, LOG_ERROR);
}

static void test_dead_actor(void) {
  struct learner_scene s;
  bool busy;
  learner_scene_init(&s, directory, "dead", 2,
                     "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) learner_scene_turn(&s, &busy);
  learner_scene_kill(&s, 1);
  const struct learner_outcome *outcome = learner_scene_play(&s); // the other one makes the rest
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(!outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 600);
  learner_scene_release(&s);
  learner_scene_init(&s, directory, "all-dead", 1,
                     "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) learner_scene_turn(&s, &busy);
  learner_scene_kill(&s, 0);
  outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "rank 1 is presumed dead"));
  learner_scene_release(&s);
}

static void test_min_actors(void) {
  struct learner_scene s;
  bool busy;
  learner_scene_init(&s, directory, "few", 3,
                     "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8 --min-actors 2");
  while (s.job.limiter.steps < 60) learner_scene_turn(&s, &busy);
  learner_scene_kill(&s, 1);
  learner_scene_kill(&s, 2);
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "1 actor is left, fewer than min_actors (2)"));
  CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
  learner_scene_release(&s);
}

static void test_dead_actor_in_sync(void) {
  struct learner_scene s;
  bool busy;
  learner_scene_init(&s, directory, "dead-sync", 2,
                     "--env Pendulum-v1 --env-steps 600 --envs 2 --sync --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) learner_scene_turn(&s, &busy);
  learner_scene_kill(&s, 1);
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_TRUE(!outcome->together);
  CU_ASSERT_TRUE(learner_scene_verifies(&s, outcome->checkpoint));
  CU_ASSERT_EQUAL(s.job.limiter.steps % 2, 0); // the last whole round
  learner_scene_release(&s);
}

// Messages that no actor of ours sends, from rank 1 of a job whose environments have no named values; false: there is
// no such case. round: sync: of which both actors make the steps.
static bool encode_hostile(int which, uint64_t round, struct buffer *bytes) {
  struct message_episode episode = {.number = 1, .length = 1, .episode_return = 1};
  struct message_env_failure env_failure = {.in_a_row = 1, .text = "it failed"};
  struct message_info info = {.info_dim = 1, .count = {1}};
  struct message_heartbeat heartbeat = {.pid = 1};
  struct snapshot snapshot;
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  enum status status = STATUS_OK;
  switch (which) {
  case 0: status = message_encode_credit(bytes, 1, &(struct message_credit){1, 0, 0}, NULL); break;
  case 1: status = message_encode_bye(bytes, 1, &(struct message_bye){0}, NULL); break; // before the learner's STOP
  case 2: status = message_encode_empty(bytes, MESSAGE_START, 1, NULL); break;
  case 3: status = message_encode_round_end(bytes, 1, &(struct message_round_end){round + 1}, NULL); break;
  case 4:
    status = message_encode_round_end(bytes, 1, &(struct message_round_end){round}, NULL);
    break;                                                                  // early, or twice
  case 5: status = message_encode_episode(bytes, 1, &episode, NULL); break; // of no evaluation that has begun
  case 6: episode.episode_return = INFINITY, status = message_encode_episode(bytes, 1, &episode, NULL); break;
  case 7: episode.episode_return = 1e300, status = message_encode_episode(bytes, 1, &episode, NULL); break;
  case 8:
    env_failure.environment = 1, status = message_encode_env_failure(bytes, 1, &env_failure, NULL);
    break; // rank 2's
  case 9: env_failure.in_a_row = 11, status = message_encode_env_failure(bytes, 1, &env_failure, NULL); break;
  case 10: env_failure.pause = NAN, status = message_encode_env_failure(bytes, 1, &env_failure, NULL); break;
  case 11: status = message_encode_info(bytes, 1, &info, NULL); break;
  case 12: heartbeat.longest_step = INFINITY, status = message_encode_heartbeat(bytes, 1, &heartbeat, NULL); break;
  case 13: heartbeat.longest_step = 1e8, status = message_encode_heartbeat(bytes, 1, &heartbeat, NULL); break;
  case 14: heartbeat.longest_step = NAN, status = message_encode_heartbeat(bytes, 1, &heartbeat, NULL); break;
  case 15: heartbeat.pid = UINT32_MAX, status = message_encode_heartbeat(bytes, 1, &heartbeat, NULL); break;
  case 16: status = message_encode_snapshot(bytes, MESSAGE_SNAPSHOT, 1, &snapshot, NULL); break; // without its rows
  case 17: status = buffer_reserve(bytes, 37, NULL), bytes->size = 37; break;                    // a frame of zeros
  default: return snapshot_release(&snapshot), false;
  }
  CU_ASSERT_EQUAL(status, STATUS_OK);
  snapshot_release(&snapshot);
  return true;
}

// Whether it is good; which case it is not.
static void check_case(int which, bool good, const char *what) {
  if (!good) fprintf(stderr, "case %d: not %s\n", which, what);
  CU_ASSERT_TRUE(good);
}

// Each message costs its sender its place, in async not the job.
static void test_hostile(void) {
  bool more = true;
  for (int which = 0; more; which++) {
    struct learner_scene s;
    struct buffer bytes = {0};
    bool busy;
    char name[32];
    if (!(more = encode_hostile(which, 0, &bytes))) break;
    snprintf(name, sizeof name, "hostile-%d", which);
    learner_scene_init(&s, directory, name, 2, "--env Pendulum-v1 --env-steps 300 --utd 0.1");
    s.expelled = 1;
    while (s.job.limiter.steps < 60) learner_scene_turn(&s, &busy);
    peer_send(s.ends[1], 0, &bytes);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    check_case(which, outcome->exit_code == EXIT_DONE, "done");
    check_case(which, s.job.limiter.steps == 300, "whole");
    check_case(which, s.job.best_return == -INFINITY, "without an evaluation");
    check_case(which, learner_scene_says(&s, "status.json", "\"actors_lost\": 1"), "without one actor");
    learner_scene_release(&s);
    buffer_release(&bytes);
  }
}

// In sync the job ends as for a dead actor: with the last whole round. Rank 2 is in the middle of a round.
static void test_hostile_in_sync(void) {
  bool more = true;
  for (int which = 0; more; which++) {
    struct learner_scene s;
    struct buffer bytes = {0};
    bool busy;
    char name[32];
    if (!(more = encode_hostile(which, 0, &bytes))) break;
    snprintf(name, sizeof name, "hostile-sync-%d", which);
    learner_scene_init(&s, directory, name, 2, "--env Pendulum-v1 --env-steps 60000 --envs 2 --sync --utd 0.01");
    s.expelled = 1;
    while (s.job.limiter.steps < 60) learner_scene_turn(&s, &busy);
    CU_ASSERT_TRUE(encode_hostile(which, s.job.limiter.steps / 2 + 1, &bytes));
    peer_send(s.ends[1], 0, &bytes);
    const struct learner_outcome *outcome = learner_scene_play(&s);
    check_case(which, outcome->exit_code == EXIT_STOPPED, "stopped");
    check_case(which, learner_scene_verifies(&s, outcome->checkpoint), "saved");
    check_case(which, s.job.limiter.steps % 2 == 0, "a whole round");
    check_case(which, s.job.limiter.steps < 1000, "at once");
    learner_scene_release(&s);
    buffer_release(&bytes);
  }
}

// In one process the learner sleeps through the actor's steps: that is no reason to give the actor up.
static void test_long_steps(void) {
  struct learner_scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 3 --actor-timeout 0.4",
           plugin_env("slow", "600", env, sizeof env));
  learner_scene_init(&s, directory, "long", 1, arguments);
  const struct learner_outcome *outcome = learner_scene_play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 3);
  learner_scene_release(&s);
}

static char *read_in_run(const struct learner_scene *s, const char *name) {
  char *path = unit_path(s->setup.config.run_dir, name), *text = unit_read_file(path, NULL);
  free(path);
  return text;
}

static void write_in_run(const struct learner_scene *s, const char *name, const char *text) {
  char *path = unit_path(s->setup.config.run_dir, name);
  unit_write_file(path, text, strlen(text));
  free(path);
}

static void expect_in_run(const struct learner_scene *s, const char *name, const char *wanted) {
  char *text = read_in_run(s, name);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_STRING_EQUAL(text, wanted);
  free(text);
}

// The process stood still for so long that a job of another host has taken the run directory over: it is that job's.
static void test_lost_directory(void) {
  static const char lock[] = "elsewhere 12345 1 2026-01-31T12:00:00+0100 1\n";
  static const char *const modes[] = {"", "--sync --sync-steps 50"};
  for (int i = 0; i < 2; i++) {
    struct learner_scene s;
    char arguments[256];
    snprintf(arguments, sizeof arguments,
             "--env Pendulum-v1 --env-steps 5000 --log-every 50 --checkpoint-every 100 --checkpoint-keep 1 %s",
             modes[i]);
    learner_scene_init(&s, directory, i ? "lost-in-sync" : "lost", 1, arguments);
    play_until(&s, UINT64_MAX, 200);
    while (checkpoint_writer_busy(s.learner->schedule.writer)) checkpoint_schedule_poll(&s.learner->schedule);
    char *rows = read_in_run(&s, "metrics.csv");
    write_in_run(&s, "lock", lock);
    write_in_run(&s, "status.json", "another job's");
    write_in_run(&s, "ckpt-1.h5", "another job's");
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL); // the lock is looked at once a second
    const struct learner_outcome *outcome = learner_scene_play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_FAILED);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "process 12345 on elsewhere has taken over this run directory"));
    CU_ASSERT_STRING_EQUAL(outcome->checkpoint, "");
    expect_in_run(&s, "metrics.csv", rows);
    expect_in_run(&s, "status.json", "another job's");
    expect_in_run(&s, "ckpt-1.h5", "another job's");
    free(rows);
    learner_scene_release(&s);
  }
}

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  directory = unit_tmpdir();
  static const struct unit_case cases[] = {
      {"async goes on without an actor whose environment fails too often", test_retired_actor},
      {"sync counts failures with their round or evaluation", test_failures_in_sync},
      {"an environment that fails ends the job, with its reason", test_failed_environment},
      {"a save that breaks its rules costs the exact resume, not the job", test_bad_saves},
      {"a temperature out of hand is logged once, with its cause", test_high_alpha},
      {"the log says at the end that the learner idled", test_idle_learner},
      {"async goes on without an actor that died, not without all", test_dead_actor},
      {"fewer actors than min_actors save the job and stop it", test_min_actors},
      {"sync saves the last whole round when an actor dies", test_dead_actor_in_sync},
      {"async expels an actor that sends an invalid message and goes on", test_hostile},
      {"sync saves the last whole round when an actor is expelled", test_hostile_in_sync},
      {"a job whose run directory another one took over ends and writes nothing more", test_lost_directory},
      {"steps longer than actor_timeout are no silence in one process", test_long_steps},
  };
  const int failed = unit_run("learner_faults", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
