// Programs that play one episode and exit, and programs that are started anew for each episode.
#include "actor/environment.h"
#include "actor/envs/supervisor.h"
#include "actor/rollout.h"
#include "common/base/clock.h"
#include "tests/support/env_scene.h"
#include "tests/support/unit.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A directory, and the file in which a simulator counts its starts.
struct counted {
  char *directory, *file, what[4096];
};

static void counted_begin(struct counted *counted, const char *what) {
  counted->directory = unit_tmpdir();
  counted->file = unit_path(counted->directory, "starts");
  snprintf(counted->what, sizeof counted->what, "%s %s", what, counted->file);
}

static int counted_starts(const struct counted *counted) {
  char *text = unit_read_file(counted->file, NULL);
  const int starts = text ? atoi(text) : 0;
  free(text);
  return starts;
}

static void counted_end(struct counted *counted) {
  free(counted->file);
  unit_tmpdir_remove(counted->directory);
}

static enum status begin_episode(struct env_scene *s, uint64_t episode) {
  s->environment.guest.episode = episode;
  s->environment.env_steps = 10 * episode;
  return environment_reset(&s->environment, 1000 + 250 * episode, s->obs, &s->error);
}

// Plays an episode of `length` steps; 10 is its natural end, after fewer the host cuts it.
static enum status play(struct env_scene *s, uint64_t episode, int length) {
  enum status status = begin_episode(s, episode);
  for (int t = 1; t <= length && status == STATUS_OK; t++) {
    status = env_scene_step(s, 0);
    if (status != STATUS_OK) return status;
    CU_ASSERT_EQUAL(s->obs[0], (float)t);
    CU_ASSERT_EQUAL(s->obs[1], (float)((1000 + 250 * episode) % 1000) / 1000);
    CU_ASSERT_EQUAL(s->flags, t == 10 ? CORSAC_TERMINATED : 0);
  }
  return status;
}

static void test_one_episode(void) {
  struct counted counted;
  struct env_scene s = {0};
  counted_begin(&counted, "once");
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, counted.what), STATUS_OK);
  CU_ASSERT_EQUAL(counted_starts(&counted), 1);
  for (uint64_t episode = 0; episode < 4; episode++) {
    UNIT_STATUS(play(&s, episode, episode == 1 ? 4 : 10), STATUS_OK, &s.error); // the second one is cut
    CU_ASSERT_EQUAL(counted_starts(&counted), (int)episode + 1);
  }
  env_scene_close(&s);
  CU_ASSERT_EQUAL(counted_starts(&counted), 4); // nobody starts one for an episode that never comes
  counted_end(&counted);
}

static void fails(const char *what, int good, const char *text, const char *more) {
  struct counted counted;
  struct env_scene s = {0};
  enum status status = STATUS_OK;
  counted_begin(&counted, what);
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, counted.what), STATUS_OK);
  for (int episode = 0; episode < good; episode++) UNIT_STATUS(play(&s, (uint64_t)episode, 10), STATUS_OK, &s.error);
  status = play(&s, (uint64_t)good, 10);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT_TRUE(error_says(&s.error, text));
  CU_ASSERT_TRUE(error_says(&s.error, more));
  env_scene_close(&s);
  counted_end(&counted);
}

static void test_failures(void) {
  fails("once-bad", 1, "reset with seed 1250 failed", "the process ended with exit status 1");
  fails("once-mid", 1, "step 3 of the episode", "exit status 0 in the midst of an episode");
  fails("once-dims", 1, "was started anew and has act_dim 2, before it had 1", "reset with seed");
  fails("once-bounds", 1, "was started anew and has other action bounds", "");
  fails("once-names", 1, "another named value 1, or rule, than \"half\"", "");
}

// One that ends before its first episode would be started for ever.
static void test_nothing_played(void) {
  struct env_scene s = {0};
  CU_ASSERT_EQUAL(env_scene_open(&s, "exec:true"), STATUS_FAILED);
  CU_ASSERT_TRUE(error_says(&s.error, "exit status 0, and had not called corsac_sim_open"));
  env_scene_close(&s);
}

static void test_restart(void) {
  struct counted counted;
  struct env_scene s = {.config.restart_each_episode = true};
  counted_begin(&counted, "progress");
  snprintf(s.config.run_dir, sizeof s.config.run_dir, "%s", counted.directory);
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "progress"), STATUS_OK);
  for (uint64_t episode = 0; episode < 3; episode++)
    UNIT_STATUS(play(&s, episode, episode == 1 ? 4 : 10), STATUS_OK, &s.error);
  env_scene_close(&s);
  char *log = unit_path(counted.directory, "environments/3.log"), *text = unit_read_file(log, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  long last = 0;
  int starts = 0;
  for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    long pid;
    int episode, steps;
    if (sscanf(line, "%ld: reset into episode %d after %d steps", &pid, &episode, &steps) != 3) continue;
    CU_ASSERT_EQUAL(episode, starts);
    CU_ASSERT_EQUAL(steps, 10 * episode);
    CU_ASSERT_NOT_EQUAL(pid, last); // every episode has a process of its own
    last = pid;
    starts++;
  }
  CU_ASSERT_EQUAL(starts, 3);
  free(text), free(log);
  counted_end(&counted);
}

// A program that was started for another episode is started again, so that CORSAC_EPISODE is right.
static void test_started_for(void) {
  char *directory = unit_tmpdir(), *seen = unit_path(directory, "seen"), env[8192];
  struct env_scene good = {0}, s = {.config.restart_each_episode = true};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&good, "good"), STATUS_OK);
  snprintf(env, sizeof env, "exec:echo $CORSAC_EPISODE $CORSAC_ENV_STEPS >>%s; exec %s", seen, good.kind.args);
  env_scene_close(&good);
  CU_ASSERT_EQUAL_FATAL(env_scene_open(&s, env), STATUS_OK);
  UNIT_STATUS(play(&s, 7, 10), STATUS_OK, &s.error);
  UNIT_STATUS(play(&s, 8, 10), STATUS_OK, &s.error);
  env_scene_close(&s);
  char *text = unit_read_file(seen, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_STRING_EQUAL(text, "0 0\n7 70\n8 80\n");
  free(text), free(seen);
  unit_tmpdir_remove(directory);
}

// Starts and resets of 0.3 s each, of several instances, take the time of one.
static void test_overlap(void) {
  enum { COUNT = 4 };
  struct counted counted;
  struct environment_kind *kind;
  struct env_scene s = {0};
  struct environment all[COUNT];
  float obs[COUNT][2], action = 0;
  double reward;
  int flags;
  counted_begin(&counted, "once-slow");
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, counted.what), STATUS_OK);
  kind = &s.kind;
  for (int i = 0; i < COUNT; i++) {
    UNIT_STATUS_FATAL(environment_create(&all[i], kind, (uint64_t)i, false, &s.error), STATUS_OK, &s.error);
    UNIT_STATUS_FATAL(environment_reset(&all[i], 1, obs[i], &s.error), STATUS_OK, &s.error);
    for (int t = 0; t < 10; t++)
      UNIT_STATUS_FATAL(environment_step(&all[i], &action, obs[i], &reward, &flags, &s.error), STATUS_OK, &s.error);
  }
  const double start = clock_now();
  for (int i = 0; i < COUNT; i++) UNIT_STATUS(environment_reset_begin(&all[i], 500, &s.error), STATUS_OK, &s.error);
  CU_ASSERT(clock_now() - start < 0.3); // nobody waited
  for (int i = 0; i < COUNT; i++) {
    UNIT_STATUS(environment_reset_end(&all[i], 500, obs[i], &s.error), STATUS_OK, &s.error);
    CU_ASSERT_EQUAL(obs[i][1], 0.5f);
  }
  const double took = clock_now() - start;
  CU_ASSERT(took >= 0.6);
  CU_ASSERT(took < COUNT * 0.6);
  for (int i = 0; i < COUNT; i++) environment_destroy(&all[i]);
  env_scene_close(&s);
  counted_end(&counted);
}

// Makes a rollout of two programs, each by this script before it becomes a good simulator. DIR in it is `directory`.
static struct rollout *create_two(struct env_scene *s, const char *script, const char *directory, struct error *error) {
  struct env_scene good = {0};
  char env[8192];
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&good, "good"), STATUS_OK);
  snprintf(env, sizeof env, "exec:DIR=%s; %s; exec %s", directory, script, good.kind.args);
  s->config = good.config;
  env_scene_close(&good);
  UNIT_STATUS_FATAL(environment_kind_open(&s->kind, env, &s->config, error), STATUS_OK, error);
  return rollout_create(&s->config, &s->kind, 0, 2, error);
}

// Each program waits until the other one has begun, too.
static void test_creates_overlap(void) {
  static const char meet[] =
      "touch $DIR/$CORSAC_INDEX; for i in $(seq 200); do [ -e $DIR/0 ] && [ -e $DIR/1 ] && break; "
      "sleep 0.05; done; [ -e $DIR/0 ] && [ -e $DIR/1 ] || exit 7";
  struct env_scene s = {0};
  struct error error = {0};
  char *directory = unit_tmpdir();
  struct rollout *rollout = create_two(&s, meet, directory, &error);
  UNIT_STATUS(rollout ? STATUS_OK : error.status, STATUS_OK, &error);
  for (uint32_t i = 0; rollout && i < 2; i++) CU_ASSERT_EQUAL(rollout_environment(rollout, i)->guest.index, i);
  rollout_destroy(rollout);
  environment_kind_close(&s.kind);
  unit_tmpdir_remove(directory);
}

// The first one fails, and the second one is ended at once: it does not stay until the kind is closed.
static void test_create_abandoned(void) {
  static const char fail[] = "if [ $CORSAC_INDEX = 1 ]; then echo $$ >$DIR/part; mv $DIR/part $DIR/pid; sleep 60; fi; "
                             "for i in $(seq 200); do [ -e $DIR/pid ] && break; sleep 0.05; done; exit 3";
  struct env_scene s = {0};
  struct error error = {0};
  char *directory = unit_tmpdir(), *pid = unit_path(directory, "pid");
  CU_ASSERT_PTR_NULL(create_two(&s, fail, directory, &error));
  CU_ASSERT_TRUE(error_says(&error, "environment 0 (training): create failed: the process ended with exit status 3"));
  char *text = unit_read_file(pid, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  const pid_t second = (pid_t)atoi(text);
  CU_ASSERT(second > 1);
  CU_ASSERT(kill(second, 0) != 0);
  environment_kind_close(&s.kind);
  free(text), free(pid);
  unit_tmpdir_remove(directory);
}

// An instance may be destroyed between the halves of its reset, while another one goes on.
static void test_destroyed_between(void) {
  struct counted counted;
  struct env_scene s = {.config.restart_each_episode = true};
  struct environment other;
  counted_begin(&counted, "once");
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, counted.what), STATUS_OK);
  UNIT_STATUS_FATAL(environment_create(&other, &s.kind, 4, false, &s.error), STATUS_OK, &s.error);
  for (int round = 0; round < 2; round++) {
    UNIT_STATUS(environment_reset_begin(&s.environment, 5, &s.error), STATUS_OK, &s.error);
    if (round == 0) UNIT_STATUS(environment_reset_begin(&other, 5, &s.error), STATUS_OK, &s.error);
    if (round == 0) environment_destroy(&other);
    UNIT_STATUS(environment_reset_end(&s.environment, 5, s.obs, &s.error), STATUS_OK, &s.error);
    CU_ASSERT_EQUAL(s.obs[1], 0.005f);
  }
  env_scene_close(&s);
  counted_end(&counted);
}

static void late(struct config config, const char *what, const char *text) {
  struct env_scene s = {.config = config};
  enum status status = env_scene_open_faulty(&s, what);
  if (status == STATUS_OK) status = play(&s, 0, 10);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT_TRUE(error_says(&s.error, text));
  env_scene_close(&s);
}

static void test_limits(void) {
  late((struct config){.create_timeout = 0.3}, "hang-early", "within 0.3 s (create_timeout)");
  late((struct config){.reset_timeout = 0.3}, "hang-reset", "within 0.3 s (reset_timeout)");
  late((struct config){.step_timeout = 0.3}, "hang", "within 0.3 s (step_timeout)");
  late((struct config){.env_timeout = 0.3, .create_timeout = 60}, "hang", "within 0.3 s (env_timeout)");
  struct env_scene s = {.config = {.step_timeout = 0.01, .reset_timeout = 60}}; // each limit is for its call alone
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "once-slow"), STATUS_OK);
  UNIT_STATUS(begin_episode(&s, 0), STATUS_OK, &s.error);
  env_scene_close(&s);
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  static const struct unit_case cases[] = {
      {"a program that exits with 0 after an episode is started for the next one", test_one_episode},
      {"another status, an exit in an episode and another spec are failures", test_failures},
      {"a program that exits before its first episode has failed", test_nothing_played},
      {"restart_each_episode gives every episode a new process, which knows its number", test_restart},
      {"a program that was started for another episode is started again", test_started_for},
      {"the ends, starts and resets of several instances overlap", test_overlap},
      {"the starts of an actor's first programs overlap", test_creates_overlap},
      {"where one of them fails, the others are ended", test_create_abandoned},
      {"an instance may be destroyed between the halves of its reset", test_destroyed_between},
      {"create, reset and step have limits of their own, which messages name", test_limits},
  };
  return unit_run("process_reset", cases, sizeof cases / sizeof *cases);
}
