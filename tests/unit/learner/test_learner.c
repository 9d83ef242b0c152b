#include "actor/actor.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_loopback.h"
#include "launch/train/setup.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/exchange/handshake.h"
#include "learner/learner.h"
#include "learner/run/metrics_file.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ACTORS = 4 };
static char *directory; // of this program

// A whole job, turn by turn: a learner and its actors on the ends of a loopback transport.
struct scene {
  struct transport *ends[MAX_ACTORS + 1];
  int actors;
  struct actor *actor[MAX_ACTORS]; // NULL: over, or dead
  int expelled;                    // rank; 0: none
  struct setup setup;
  struct job job;
  struct metrics_file *metrics_file;
  struct learner *learner;
  volatile sig_atomic_t stop, actor_stop;
};

// arguments: as after `train`, separated by spaces; the run directory is `name`.
static void scene_init(struct scene *s, const char *name, int actors, const char *arguments) {
  char text[1024], run_dir[512];
  char *words[64] = {"--run-dir", run_dir};
  int count = 2;
  snprintf(run_dir, sizeof run_dir, "%s/%s", directory, name);
  snprintf(text, sizeof text,
           "--hidden 8,8 --batch-size 16 --replay-capacity 2000 --learning-starts 50 --eval-every 0 --log-every 100 "
           "--checkpoint-every 0 --send-steps 4 %s",
           arguments);
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) words[count++] = word;
  *s = (struct scene){.actors = actors};
  struct error error = {0};
  UNIT_STATUS(setup_resolve(&s->setup, count, words, (uint32_t)actors, &error), STATUS_OK, &error);
  if (error.status) fprintf(stderr, "%s\n", error.text);
  CU_ASSERT_EQUAL_FATAL(error.status, STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(actors + 1, s->ends, NULL), STATUS_OK);
  struct config *config = &s->setup.config;
  for (int i = 0; i < actors; i++) s->actor[i] = actor_create(config, s->ends[i + 1], &s->actor_stop, &error);
  CU_ASSERT_EQUAL_FATAL(error.status, STATUS_OK);
  struct message_hello hello;
  uint32_t pid[MAX_ACTORS];
  CU_ASSERT_EQUAL_FATAL(handshake_collect(config, s->ends[0], &s->stop, &hello, pid, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, config, &hello, NULL), STATUS_OK);
  s->metrics_file = metrics_file_open(config->run_dir, metrics_header(), 0, NULL);
  const struct learner_setup setup = {&s->job, s->ends[0], s->setup.run, s->metrics_file, &s->stop, "", NULL, pid};
  s->learner = learner_create(&setup, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->learner);
  CU_ASSERT_EQUAL_FATAL(learner_start(s->learner, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  learner_destroy(s->learner);
  metrics_file_close(s->metrics_file);
  job_release(&s->job);
  for (int i = 0; i < MAX_ACTORS; i++) actor_destroy(s->actor[i]);
  log_close();
  run_directory_close(s->setup.run);
  for (int i = 0; i <= s->actors; i++) transport_destroy(s->ends[i]);
}

// One turn of everybody; false: the learner is done.
static bool turn(struct scene *s, bool *busy) {
  const enum turn learner = learner_turn(s->learner);
  *busy = learner == TURN_BUSY;
  for (int i = 0; i < MAX_ACTORS; i++) {
    enum turn actor = TURN_DONE;
    struct error error = {0};
    if (!s->actor[i]) continue;
    UNIT_STATUS(actor_turn(s->actor[i], &actor, &error), STATUS_OK, &error);
    *busy |= actor == TURN_BUSY;
    if (actor != TURN_DONE) continue;
    CU_ASSERT_EQUAL(actor_exit_code(s->actor[i]), i + 1 == s->expelled ? 1 : learner_outcome(s->learner)->exit_code);
    actor_destroy(s->actor[i]);
    s->actor[i] = NULL;
  }
  return learner != TURN_DONE;
}

// To the job's end, but for 60 s at most.
static const struct learner_outcome *play(struct scene *s) {
  const double deadline = clock_now() + 60;
  struct backoff backoff = {0};
  bool busy;
  while (turn(s, &busy) && clock_now() < deadline) {
    if (busy)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  CU_ASSERT_TRUE(clock_now() < deadline);
  return learner_outcome(s->learner);
}

static bool file_says(const struct scene *s, const char *name, const char *what) {
  char *path = unit_path(s->setup.config.run_dir, name), *text = unit_read_file(path, NULL);
  const bool found = text && strstr(text, what);
  free(path);
  free(text);
  return found;
}

static bool verifies(const struct scene *s, const char *name) {
  char *path = unit_path(s->setup.config.run_dir, name);
  const bool good = checkpoint_verify(path, NULL) == STATUS_OK;
  free(path);
  return good;
}

static void test_async(void) {
  struct scene s;
  scene_init(&s, "async", 2, "--env Pendulum-v1 --env-steps 403 --envs 3");
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(outcome->reason[0], 0);
  CU_ASSERT_STRING_EQUAL(outcome->checkpoint, "ckpt-403.h5");
  CU_ASSERT_EQUAL(s.job.limiter.steps, 403);
  CU_ASSERT_EQUAL(s.job.limiter.updates, 353);
  CU_ASSERT_EQUAL(replay_size(s.job.replay), 403);
  CU_ASSERT_EQUAL(s.job.policy_version, 353);
  CU_ASSERT_TRUE(verifies(&s, "ckpt-403.h5"));
  CU_ASSERT_TRUE(file_says(&s, "status.json", "\"done\""));
  CU_ASSERT_TRUE(file_says(&s, "metrics.csv", ",403,353,"));
  for (int i = 0; i < MAX_ACTORS; i++) CU_ASSERT_PTR_NULL(s.actor[i]); // all were told to leave
  scene_release(&s);
}

// Neither side runs ahead: at every moment of the job.
static void test_utd(void) {
  static const double utds[] = {0.25, 1, 3};
  for (int u = 0; u < 3; u++) {
    struct scene s;
    char arguments[128], name[32];
    bool busy, within = true;
    uint64_t turns = 0;
    snprintf(name, sizeof name, "utd%d", u);
    snprintf(arguments, sizeof arguments, "--env Pendulum-v1 --env-steps 300 --envs 2 --utd %g --utd-slack 20",
             utds[u]);
    scene_init(&s, name, 2, arguments);
    while (turn(&s, &busy) && turns++ < 1000000) {
      const struct rate_limiter *limiter = &s.job.limiter;
      const double past = limiter->steps > 50 ? (double)limiter->steps - 50 : 0;
      within &= (double)limiter->updates <= utds[u] * past;
      within &= past <= (double)limiter->updates / utds[u] + 20;
    }
    CU_ASSERT_TRUE(within);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 300);
    CU_ASSERT_EQUAL(s.job.limiter.updates, (uint64_t)(250 * utds[u]));
    scene_release(&s);
  }
}

static void test_free_running(void) {
  struct scene s;
  scene_init(&s, "free", 1, "--env Pendulum-v1 --env-steps 200 --utd 0");
  CU_ASSERT_EQUAL(play(&s)->exit_code, EXIT_DONE);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 200);
  CU_ASSERT_TRUE(s.job.limiter.updates > 0);
  scene_release(&s);
}

static void test_sync(void) {
  struct scene s;
  scene_init(&s, "sync", 3, "--env Pendulum-v1 --env-steps 301 --envs 2 --sync --sync-steps 5 --utd 0.5");
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 310);
  CU_ASSERT_EQUAL(s.job.limiter.updates, 130); // whole rounds
  CU_ASSERT_EQUAL(s.job.policy_version,
                  27); // at 50 steps there is nothing to update but the random phase is over; then each round
  CU_ASSERT_TRUE_FATAL(s.job.exact);
  CU_ASSERT_EQUAL(s.job.environments[1].steps, 155);
  scene_release(&s);
}

static void test_evaluation(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct scene s;
    char arguments[128];
    snprintf(arguments, sizeof arguments,
             "--env Pendulum-v1 --env-steps 200 --envs 2 --eval-every 80 --eval-episodes 3%s",
             sync ? " --sync --sync-steps 5" : "");
    scene_init(&s, sync ? "eval-sync" : "eval", 2, arguments);
    const struct learner_outcome *outcome = play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->evaluated);
    CU_ASSERT_EQUAL(outcome->last_steps, 200);
    CU_ASSERT_TRUE(outcome->last_return < 0);
    CU_ASSERT_TRUE(outcome->last_return > -2000);
    CU_ASSERT_TRUE(s.job.evaluations >= 2);
    CU_ASSERT_TRUE(s.job.best_return >= outcome->last_return);
    if (sync) CU_ASSERT_EQUAL(s.job.evaluations, 3); // at 80, 160, and the last
    CU_ASSERT_TRUE(verifies(&s, "best.h5"));
    scene_release(&s);
  }
}

// An environment that never ends. What is cut after so many steps is an evaluation; what the clock cut is told, and in
// sync nothing of it stays.
static void test_cut_evaluation(void) {
  for (int i = 0; i < 4; i++) {
    const bool sync = i % 2, late = i / 2;
    struct scene s;
    char name[512], arguments[1024];
    snprintf(arguments, sizeof arguments,
             "--env %s --env-steps 40 --envs 2 --eval-every 20 --eval-episodes 3 --log-every 10 %s%s",
             plugin_env("waits", late ? "none,2" : "none", name, sizeof name),
             late ? "--eval-timeout 0.01" : "--eval-max-steps 30", sync ? " --sync --sync-steps 5" : "");
    scene_init(&s, (const char *[]){"cut", "cut-sync", "late", "late-sync"}[i], 2, arguments);
    const struct learner_outcome *outcome = play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->evaluated);
    CU_ASSERT_EQUAL(outcome->last_steps, 40);
    CU_ASSERT_TRUE(outcome->last_return < 0);
    CU_ASSERT_EQUAL(outcome->last_cut, 3);
    CU_ASSERT_TRUE(file_says(&s, "status.json", "\"eval_cut\": 3"));
    CU_ASSERT_EQUAL(isinf(s.job.best_return) != 0, late);
    CU_ASSERT_EQUAL(s.job.evaluations > 0, !(sync && late));
    if (!late) CU_ASSERT_TRUE(verifies(&s, "best.h5"));
    if (!(sync && late)) CU_ASSERT_TRUE(file_says(&s, "metrics.csv", ",0,3\n")); // no failures, three cut
    if (sync && late) CU_ASSERT_FALSE(file_says(&s, "metrics.csv", ",0,3\n"));
    scene_release(&s);
  }
}

static void test_checkpoints(void) {
  struct scene s;
  scene_init(&s, "checkpoints", 2,
             "--env Pendulum-v1 --env-steps 2000 --envs 2 --checkpoint-every 50 --checkpoint-keep 2 --utd 0.2");
  CU_ASSERT_EQUAL(play(&s)->exit_code, EXIT_DONE);
  uint64_t steps[16] = {0};
  CU_ASSERT_EQUAL(checkpoint_list(s.setup.config.run_dir, steps, 16, NULL), 2);
  // One that comes due while another is written begins right after, so only the last one's step is certain.
  CU_ASSERT_EQUAL(steps[0], 2000);
  CU_ASSERT_TRUE(steps[1] >= 50);
  CU_ASSERT_TRUE(steps[1] < 2000);
  scene_release(&s);
}

// A replay so small that rows have to wait for the checkpoint that holds their places.
static void test_small_replay(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct scene s;
    char arguments[256];
    snprintf(
        arguments, sizeof arguments,
        "--env Pendulum-v1 --env-steps 400 --envs 2 --replay-capacity 50 --checkpoint-every 20 --checkpoint-keep 99%s",
        sync ? " --sync --sync-steps 5" : "");
    scene_init(&s, sync ? "small-sync" : "small", 2, arguments);
    const struct learner_outcome *outcome = play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 400);
    uint64_t steps[32] = {0};
    const int count = checkpoint_list(s.setup.config.run_dir, steps, 32, NULL);
    CU_ASSERT(sync ? count == 20 : count >= 2 && count <= 20); // in sync each has its step
    for (int i = 0; i < count; i++) {
      char name[32];
      snprintf(name, sizeof name, "ckpt-%d.h5", (int)steps[i]);
      CU_ASSERT_TRUE(verifies(&s, name));
    }
    scene_release(&s);
  }
}

static void test_stop(void) {
  static const int signals[] = {SIGUSR1, SIGTERM};
  for (int i = 0; i < 2; i++) {
    struct scene s;
    bool busy;
    scene_init(&s, i ? "term" : "usr1", 2, "--env Pendulum-v1 --env-steps 1000000");
    while (s.job.limiter.updates < 30) turn(&s, &busy);
    s.stop = signals[i];
    const struct learner_outcome *outcome = play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, i ? "15" : "10"));
    CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
    CU_ASSERT_TRUE(file_says(&s, "status.json", "\"stopped\""));
    CU_ASSERT_TRUE(file_says(&s, "status.json", outcome->checkpoint));
    scene_release(&s);
  }
}

static void test_stop_of_an_actor(void) {
  struct scene s;
  bool busy;
  scene_init(&s, "actor-stop", 2, "--env Pendulum-v1 --env-steps 1000000");
  while (s.job.limiter.updates < 30) turn(&s, &busy);
  s.actor_stop = SIGUSR1;
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
  scene_release(&s);
}

static void test_max_hours(void) {
  struct scene s;
  scene_init(&s, "hours", 1, "--env Pendulum-v1 --env-steps 1000000 --max-hours 0.00003"); // 0.1 s
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "max_hours"));
  CU_ASSERT_TRUE(s.job.limiter.steps > 0);
  scene_release(&s);
}

static void test_failed_environment(void) {
  struct scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 500 --envs 2 --env-max-failures 1",
           plugin_env("fail_step", "77", env, sizeof env));
  scene_init(&s, "failing", 2, arguments);
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_FAILED);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(outcome->reason, "rank "));
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "fail_step"));
  CU_ASSERT_TRUE(file_says(&s, "status.json", "\"failed\""));
  CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint)); // what was learned so far
  scene_release(&s);
}

// One of two actors has an environment that always fails: the other one makes the rest.
static void test_retired_actor(void) {
  struct scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 500 --envs 2 --env-max-failures 2",
           plugin_env("flaky", "create:1", env, sizeof env));
  scene_init(&s, "retired", 2, arguments);
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 500);
  CU_ASSERT_EQUAL(s.job.environments[1].steps, 15);
  CU_ASSERT_TRUE(s.job.environments[0].steps >= 485);
  CU_ASSERT_TRUE_FATAL(file_says(&s, "metrics.csv", ",1,\n"));
  CU_ASSERT_TRUE(file_says(&s, "metrics.csv", "env_failures"));
  CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
  scene_release(&s);
}

// With absurd saves a job ends as any other; only its checkpoints are not exact.
static void test_bad_saves(void) {
  static const char *const how[] = {"huge", "negative", "grow"};
  for (int i = 0; i < 6; i++) {
    struct scene s;
    char env[1024], arguments[1400], name[32];
    snprintf(name, sizeof name, "bad-save-%d", i);
    snprintf(arguments, sizeof arguments, "--env %s --env-steps 132 --envs 2 --checkpoint-every 66 %s",
             plugin_env("bad_save", how[i % 3], env, sizeof env), i / 3 ? "--sync --sync-steps 3" : "");
    scene_init(&s, name, 2, arguments);
    const struct learner_outcome *outcome = play(&s);
    CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
    CU_ASSERT_TRUE(outcome->together);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 132);
    CU_ASSERT_TRUE_FATAL(!s.job.exact);
    CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
    CU_ASSERT_TRUE(file_says(&s, "metrics.csv", ",0,\n")); // no failure
    CU_ASSERT_FALSE(file_says(&s, "metrics.csv", ",1,\n"));
    scene_release(&s);
  }
}

// A temperature out of hand is told once, with its cause, while the job goes on.
static void test_high_alpha(void) {
  struct scene s;
  log_init(0, LOG_WARN);
  scene_init(&s, "alpha", 1, "--env Pendulum-v1 --env-steps 200");
  s.job.sac.log_alpha = 11; // 60,000
  CU_ASSERT_EQUAL(play(&s)->exit_code, EXIT_DONE);
  char *path = unit_path(s.setup.config.run_dir, "log.txt"), *text = unit_read_file(path, NULL);
  const char *told = text ? strstr(text, "alpha has grown to ") : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL(told);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(told, "target_entropy (-1)"));
  CU_ASSERT_TRUE(!strstr(told + 1, "alpha has grown to "));
  free(path);
  free(text);
  scene_release(&s);
  log_init(0, LOG_ERROR);
}

static void kill_actor(struct scene *s, int i) {
  actor_destroy(s->actor[i]);
  s->actor[i] = NULL;
}

static void test_dead_actor(void) {
  struct scene s;
  bool busy;
  scene_init(&s, "dead", 2, "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) turn(&s, &busy);
  kill_actor(&s, 1);
  const struct learner_outcome *outcome = play(&s); // the other one makes the rest
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_TRUE(!outcome->together);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 600);
  scene_release(&s);
  scene_init(&s, "all-dead", 1, "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) turn(&s, &busy);
  kill_actor(&s, 0);
  outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "rank 1 is gone"));
  scene_release(&s);
}

static void test_min_actors(void) {
  struct scene s;
  bool busy;
  scene_init(&s, "few", 3, "--env Pendulum-v1 --env-steps 600 --actor-timeout 0.8 --env-timeout 0.8 --min-actors 2");
  while (s.job.limiter.steps < 60) turn(&s, &busy);
  kill_actor(&s, 1);
  kill_actor(&s, 2);
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_PTR_NOT_NULL(strstr(outcome->reason, "1 actors are left, fewer than min_actors (2)"));
  CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
  scene_release(&s);
}

static void test_dead_actor_in_sync(void) {
  struct scene s;
  bool busy;
  scene_init(&s, "dead-sync", 2,
             "--env Pendulum-v1 --env-steps 600 --envs 2 --sync --actor-timeout 0.8 --env-timeout 0.8");
  while (s.job.limiter.steps < 100) turn(&s, &busy);
  kill_actor(&s, 1);
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_STOPPED);
  CU_ASSERT_TRUE(!outcome->together);
  CU_ASSERT_TRUE(verifies(&s, outcome->checkpoint));
  CU_ASSERT_EQUAL(s.job.limiter.steps % 2, 0); // the last whole round
  scene_release(&s);
}

// What no actor sends, from rank 1 of a job whose environments have no named values; false: there is no such case.
// round: sync: of which both actors make the steps.
static bool encode_hostile(int which, uint64_t round, struct buffer *bytes) {
  struct message_episode episode = {.number = 1, .length = 1, .episode_return = 1};
  struct message_env_failure env_failure = {.in_a_row = 1, .text = "it failed"};
  struct message_info info = {.info_dim = 1, .count = {1}};
  struct message_heartbeat heartbeat = {.pid = 1};
  struct snapshot snapshot;
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  enum status status = STATUS_OK;
  switch (which) {
  case 0: status = message_encode_credit(bytes, 1, &(struct message_credit){1, 0}, NULL); break;
  case 1: status = message_encode_bye(bytes, 1, &(struct message_bye){0}, NULL); break; // before it is told to leave
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

// Each costs its sender its place, in async not the job.
static void test_hostile(void) {
  bool more = true;
  for (int which = 0; more; which++) {
    struct scene s;
    struct buffer bytes = {0};
    bool busy;
    char name[32];
    if (!(more = encode_hostile(which, 0, &bytes))) break;
    snprintf(name, sizeof name, "hostile-%d", which);
    scene_init(&s, name, 2, "--env Pendulum-v1 --env-steps 300 --utd 0.1");
    s.expelled = 1;
    while (s.job.limiter.steps < 60) turn(&s, &busy);
    peer_send(s.ends[1], 0, &bytes);
    const struct learner_outcome *outcome = play(&s);
    const bool good = outcome->exit_code == EXIT_DONE && s.job.limiter.steps == 300 && s.job.best_return == -INFINITY &&
                      file_says(&s, "status.json", "\"actors_lost\": 1");
    if (!good) fprintf(stderr, "case %d\n", which);
    CU_ASSERT_TRUE(good);
    scene_release(&s);
    buffer_release(&bytes);
  }
}

// In sync the job ends as for a dead actor: with the last whole round. All while rank 2 is in the middle of it.
static void test_hostile_in_sync(void) {
  bool more = true;
  for (int which = 0; more; which++) {
    struct scene s;
    struct buffer bytes = {0};
    bool busy;
    char name[32];
    if (!(more = encode_hostile(which, 0, &bytes))) break;
    snprintf(name, sizeof name, "hostile-sync-%d", which);
    scene_init(&s, name, 2, "--env Pendulum-v1 --env-steps 60000 --envs 2 --sync --utd 0.01");
    s.expelled = 1;
    while (s.job.limiter.steps < 60) turn(&s, &busy);
    CU_ASSERT_TRUE(encode_hostile(which, s.job.limiter.steps / 2 + 1, &bytes));
    peer_send(s.ends[1], 0, &bytes);
    const struct learner_outcome *outcome = play(&s);
    const bool good = outcome->exit_code == EXIT_STOPPED && verifies(&s, outcome->checkpoint) &&
                      s.job.limiter.steps % 2 == 0 && s.job.limiter.steps < 1000;
    if (!good) fprintf(stderr, "case %d: %d, %s\n", which, outcome->exit_code, outcome->reason);
    CU_ASSERT_TRUE(good);
    scene_release(&s);
    buffer_release(&bytes);
  }
}

// In one process the learner sleeps through the actor's steps: that is no reason to give the actor up.
static void test_long_steps(void) {
  struct scene s;
  char env[1024], arguments[1200];
  snprintf(arguments, sizeof arguments, "--env %s --env-steps 3 --actor-timeout 0.4",
           plugin_env("slow", "600", env, sizeof env));
  scene_init(&s, "long", 1, arguments);
  const struct learner_outcome *outcome = play(&s);
  CU_ASSERT_EQUAL(outcome->exit_code, EXIT_DONE);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 3);
  scene_release(&s);
}

// Stops a sync job after `turns` turns of everybody, resumes it in one process, and compares with one that never
// stopped. false: it was over before.
static bool stop_and_resume(const char *name, const char *arguments, int turns, const char *whole) {
  struct scene s;
  bool busy, going = true;
  scene_init(&s, name, 2, arguments);
  for (int i = 0; i < turns && going; i++) going = turn(&s, &busy);
  s.stop = SIGUSR1;
  const int code = play(&s)->exit_code;
  char *run = strdup(s.setup.config.run_dir);
  scene_release(&s);
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

static void test_stop_anywhere(void) {
  struct scene s;
  char env[1024], arguments[1400], name[64], whole[CONFIG_TEXT + 16];
  snprintf(arguments, sizeof arguments,
           "--env %s --envs 2 --sync --sync-steps 5 --env-steps 60 --learning-starts 20 --utd 0.4 --n-step 2 "
           "--eval-every 20 "
           "--eval-episodes 2 --log-every 20 --normalize-observations --log-level error",
           plugin_env("counter", "7", env, sizeof env));
  scene_init(&s, "whole", 2, arguments);
  CU_ASSERT_EQUAL(play(&s)->exit_code, EXIT_DONE);
  snprintf(whole, sizeof whole, "%s/ckpt-60.h5", s.setup.config.run_dir);
  scene_release(&s);
  int turns = 0;
  for (bool stopped = true; stopped && turns < 500; turns++) {
    snprintf(name, sizeof name, "stopped-%d", turns);
    stopped = stop_and_resume(name, arguments, turns, whole);
  }
  CU_ASSERT_TRUE(turns > 50);
  CU_ASSERT_TRUE(turns < 500);
}

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  directory = unit_tmpdir();
  static const struct unit_case cases[] = {
      {"fewer actors than min_actors save the job and stop it", test_min_actors},
      {"async: a job of exactly env_steps and the updates owed for them", test_async},
      {"utd holds both ways within utd_slack at every moment", test_utd},
      {"utd 0: the learner runs free and the job ends", test_free_running},
      {"sync: whole rounds, a version for each", test_sync},
      {"evaluations come when they are due and at the end; the best policy is kept", test_evaluation},
      {"one that is cut says so; what the clock cut is no best, and nothing of it stays in sync", test_cut_evaluation},
      {"checkpoints come when they are due, the newest are kept", test_checkpoints},
      {"rows wait for a checkpoint that has not written what they would replace", test_small_replay},
      {"a signal stops the job with a checkpoint and exit code 75", test_stop},
      {"so does one that came to an actor", test_stop_of_an_actor},
      {"so does max_hours", test_max_hours},
      {"async goes on without an actor whose environment fails too often", test_retired_actor},
      {"an environment that fails ends the job, with its reason", test_failed_environment},
      {"a save that breaks its rules costs the exact resume, not the job", test_bad_saves},
      {"a temperature out of hand is told once, with its cause", test_high_alpha},
      {"async goes on without an actor that died, not without all", test_dead_actor},
      {"sync saves the last whole round when an actor dies", test_dead_actor_in_sync},
      {"what no actor says costs its sender its place, not the job", test_hostile},
      {"in sync it ends the job with a checkpoint", test_hostile_in_sync},
      {"steps longer than actor_timeout are no silence in one process", test_long_steps},
      {"a sync job stopped after any turn goes on as if it never stopped", test_stop_anywhere},
  };
  const int failed = unit_run("learner", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
