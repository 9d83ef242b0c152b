// Environments in child processes: children that work, and every kind of child that does not.
#include "actor/environment.h"
#include "actor/envs/process.h"
#include "actor/envs/supervisor.h"
#include "common/base/clock.h"
#include "tests/support/env_scene.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_full_check(void) { return getenv("CHECK_FULL") && *getenv("CHECK_FULL") == '1'; }

// --- what works ---

static void test_episodes(void) {
  struct env_scene s = {0};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "good"), STATUS_OK);
  CU_ASSERT_EQUAL(s.environment.obs_dim, 2);
  CU_ASSERT_EQUAL(s.environment.act_dim, 1);
  CU_ASSERT_EQUAL(s.environment.action_low[0], -2);
  CU_ASSERT_EQUAL(s.environment.action_high[0], 6);
  CU_ASSERT_TRUE(s.kind.heartbeats_in_step);
  for (uint64_t episode = 0; episode < 3; episode++) {
    UNIT_STATUS(environment_reset(&s.environment, 1000 + 250 * episode, s.obs, &s.error), STATUS_OK, &s.error);
    CU_ASSERT_EQUAL(s.obs[0], 0);
    CU_ASSERT_EQUAL(s.obs[1], 0.25f * (float)episode);
    const int length = episode == 1 ? 4 : 10; // the second is cut by the host
    for (int t = 1; t <= length; t++) {
      CU_ASSERT_EQUAL(env_scene_step(&s, (float)t / 20), STATUS_OK);
      CU_ASSERT_EQUAL(s.obs[0], (float)t);
      CU_ASSERT_DOUBLE_EQUAL(s.reward, -2 + (t / 20. + 1) / 2 * 8, 1e-6);
      CU_ASSERT_EQUAL(s.flags, t == 10 ? CORSAC_TERMINATED : 0);
      double info[2];
      environment_info(&s.environment, info);
      CU_ASSERT_EQUAL(info[0], t);
      CU_ASSERT_EQUAL(info[1], t / 2.);
    }
  }
  CU_ASSERT_EQUAL(s.environment.info_dim, 2);
  CU_ASSERT_STRING_EQUAL(s.environment.info_names[1], "half");
  struct buffer state = {0};
  CU_ASSERT_FALSE(environment_save(&s.environment, &state)); // it has no save
  UNIT_STATUS(environment_load(&s.environment, "x", 1, &s.error), STATUS_FAILED, &s.error);
  CU_ASSERT(error_says(&s.error, "cannot load"));
  buffer_release(&state);
  env_scene_close(&s);
}

// A save that breaks the rules costs neither the child nor its episode.
static void test_bad_saves(void) {
  static const char *const how[] = {"huge", "negative", "grow", "no-room"};
  static const char *const said[] = {"save wants 9223372036854775807 bytes", "save returned -5: the mesh moves",
                                     "save asked for more bytes each time", "save returned -1: a state of 65536 bytes"};
  for (int h = 0; h < 4; h++) {
    char env[4096];
    struct env_scene s = {.config.isolate = true};
    struct buffer state = {0};
    CU_ASSERT_EQUAL_FATAL(env_scene_open(&s, plugin_env("bad_save", how[h], env, sizeof env)), STATUS_OK);
    UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
    for (int t = 1; t < 4; t++) {
      CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
      CU_ASSERT_EQUAL(s.obs[0], (float)t);
      CU_ASSERT_FALSE_FATAL(environment_save(&s.environment, &state));
      CU_ASSERT_EQUAL(state.size, 0);
      CU_ASSERT_PTR_NOT_NULL(strstr(s.environment.unsaved, said[h]));
    }
    buffer_release(&state);
    env_scene_close(&s);
  }
}

static void test_reset_without_a_step(void) {
  struct env_scene s = {0};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "good"), STATUS_OK);
  for (int i = 0; i < 3; i++) UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
  CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
  env_scene_close(&s);
}

static void test_overlap(void) {
  enum { COUNT = 4 };
  struct env_scene s[COUNT] = {0};
  for (int i = 0; i < COUNT; i++) {
    CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s[i], "slow"), STATUS_OK);
    UNIT_STATUS_FATAL(environment_reset(&s[i].environment, 0, s[i].obs, &s[i].error), STATUS_OK, &s[i].error);
  }
  const float action = 0;
  const double start = clock_now();
  for (int i = 0; i < COUNT; i++)
    UNIT_STATUS(environment_step_begin(&s[i].environment, &action, &s[i].error), STATUS_OK, &s[i].error);
  CU_ASSERT(clock_now() - start < 0.1); // nobody waited for a step of 0.1 s
  for (int i = 0; i < COUNT; i++)
    UNIT_STATUS(environment_step_end(&s[i].environment, s[i].obs, &s[i].reward, &s[i].flags, &s[i].error), STATUS_OK,
                &s[i].error);
  CU_ASSERT(clock_now() - start < COUNT * 0.1);
  for (int i = 0; i < COUNT; i++) env_scene_close(&s[i]);
}

// An actor with many environments is not held up by one end after the other.
static void test_ends_at_once(void) {
  enum { COUNT = 4 };
  struct env_scene s[COUNT] = {0};
  for (int i = 0; i < COUNT; i++) {
    CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s[i], "slow-end"), STATUS_OK);
    UNIT_STATUS_FATAL(environment_reset(&s[i].environment, 0, s[i].obs, &s[i].error), STATUS_OK, &s[i].error);
  }
  const double start = clock_now();
  for (int i = 0; i < COUNT; i++) environment_destroy_begin(&s[i].environment);
  for (int i = 0; i < COUNT; i++) env_scene_close(&s[i]);
  const double seconds = clock_now() - start;
  CU_ASSERT(seconds >= 1); // nobody was killed
  CU_ASSERT(seconds < COUNT * 1.0);
}

static int waits;
static void count_wait(void *who) { ++*(int *)who; }

static void test_waiting_is_heard(void) {
  struct env_scene s = {.waiting = count_wait, .who = &waits};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "slow"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 0, s.obs, &s.error), STATUS_OK, &s.error);
  CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
  CU_ASSERT(waits >= 1);
  env_scene_close(&s);
}

// An isolated plugin gives the same numbers and states as one in this process.
static void test_isolated(void) {
  char env[4096];
  plugin_env("counter", "6", env, sizeof env);
  struct env_scene here = {0}, there = {.config.isolate = true};
  CU_ASSERT_EQUAL_FATAL(env_scene_open(&here, env), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(env_scene_open(&there, env), STATUS_OK);
  CU_ASSERT_PTR_NULL(there.kind.plugin);
  CU_ASSERT_STRING_EQUAL(environment_kind_name(&there.kind), environment_kind_name(&here.kind));
  struct buffer state = {0};
  struct env_scene *both[] = {&here, &there};
  for (int i = 0; i < 2; i++)
    CU_ASSERT_EQUAL(environment_reset(&both[i]->environment, 123, both[i]->obs, NULL), STATUS_OK);
  for (int t = 0; t < 6; t++) {
    for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL(env_scene_step(both[i], 0.3f), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(here.obs, there.obs, sizeof here.obs), 0);
    CU_ASSERT_EQUAL(here.reward, there.reward);
    CU_ASSERT_EQUAL(here.flags, there.flags);
    if (t == 2) {
      CU_ASSERT_TRUE_FATAL(environment_save(&there.environment, &state));
      CU_ASSERT_EQUAL(state.size, 3 * sizeof(double));
    }
  }
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(environment_load(&both[i]->environment, state.data, state.size, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(env_scene_step(both[i], 0.3f), STATUS_OK);
    CU_ASSERT_EQUAL(both[i]->obs[0], 4);
  }
  CU_ASSERT_EQUAL(here.obs[1], there.obs[1]);
  UNIT_STATUS(environment_load(&there.environment, state.data, 5, &there.error), STATUS_FAILED, &there.error);
  buffer_release(&state);
  env_scene_close(&here);
  env_scene_close(&there);
}

static void test_isolated_failures(void) {
  char env[4096];
  struct env_scene s = {.config.isolate = true};
  CU_ASSERT_EQUAL(env_scene_open(&s, "./missing.so"), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "./missing.so: No such file"));
  env_scene_close(&s);
  struct env_scene create = {.config.isolate = true};
  CU_ASSERT_EQUAL(env_scene_open(&create, plugin_env("fail_create", NULL, env, sizeof env)), STATUS_FAILED);
  CU_ASSERT(error_says(&create.error, "create failed: "));
  env_scene_close(&create);
  struct env_scene step = {.config.isolate = true};
  CU_ASSERT_EQUAL_FATAL(env_scene_open(&step, plugin_env("fail_step", "1", env, sizeof env)), STATUS_OK);
  UNIT_STATUS(environment_reset(&step.environment, 7, step.obs, &step.error), STATUS_OK, &step.error);
  CU_ASSERT_EQUAL(env_scene_step(&step, 0), STATUS_FAILED);
  CU_ASSERT(error_says(&step.error, "the solver diverged")); // nothing is asked between the failure and its reason
  env_scene_close(&step);

  struct env_scene bounds = {.config.isolate = true};
  CU_ASSERT_EQUAL(env_scene_open(&bounds, plugin_env("bad_bounds", NULL, env, sizeof env)), STATUS_FAILED);
  CU_ASSERT(error_says(&bounds.error, "bounds of action component"));
  env_scene_close(&bounds);
}

// --- what does not ---

// Plays until a call fails, which has to be within 4 steps and soon. The message has to contain all the texts.
static void fails(const char *what, double timeout, const char *text, const char *more) {
  struct env_scene s = {.config.env_timeout = timeout};
  const double start = clock_now();
  enum status status = env_scene_open_faulty(&s, what);
  if (status == STATUS_OK) status = environment_reset(&s.environment, 5, s.obs, &s.error);
  int steps = 0;
  while (status == STATUS_OK && steps < 4) {
    status = env_scene_step(&s, 0);
    steps++;
  }
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  if (status != STATUS_FAILED) fprintf(stderr, "\n    faulty %s: %d after %d steps\n", what, (int)status, steps);
  CU_ASSERT(error_says(&s.error, text));
  CU_ASSERT(error_says(&s.error, more));
  struct error again = {0};
  if (s.environment.self && strncmp(what, "nan", 3) != 0 && strcmp(what, "garbage") != 0) { // it stays broken
    const enum status after = environment_reset(&s.environment, 5, s.obs, &again);
    CU_ASSERT_EQUAL(after, STATUS_FAILED);
    if (after != STATUS_FAILED) fprintf(stderr, "\n    faulty %s goes on after: %s\n", what, s.error.text);
  }
  env_scene_close(&s);
  CU_ASSERT(clock_now() - start < timeout + 3);
}

static void test_death(void) {
  fails("exit", 60, "step 3", "the process ended with exit status 0");
  fails("segv", 60, "): step 3 of the episode failed", "the process ended by signal 11 (Segmentation fault)");
  fails("kill", 60, "", "ended by signal 9 (Killed)");
  fails("exit-early", 60, "create failed: the process ended with exit status 3", "had not called corsac_sim_open");
  struct env_scene s = {0};
  CU_ASSERT_EQUAL(env_scene_open(&s, "exec:./no_such_program"), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 127"));
  CU_ASSERT(error_says(&s.error, "not found"));
  env_scene_close(&s);
}

static void test_hang(void) {
  fails("hang-early", 0.3, "create failed", "did not call corsac_sim_open within 0.3 s (env_timeout)");
  fails("hang-reset", 0.3, "reset with seed 5 failed", "did not answer within 0.3 s (env_timeout)");
  fails("hang", 0.3, "3", "did not answer within 0.3 s (env_timeout)");
  fails("deaf", 0.3, "3", "did not answer within 0.3 s (env_timeout)");
}

static void test_nonsense(void) {
  fails("nan", 60, "not finite", "component 1 is");
  fails("nan-reward", 60, "reward", "nan");
  fails("nan-reset", 60, "not finite", "component 0 is inf");
  fails("flags", 60, "flags 77", "CORSAC_TERMINATED");
  fails("status", 60, "breaks the protocol", "status 9");
  fails("dims", 60, "obs_dim to 1073741824", "info_dim to 1000000");
  fails("version", 60, "version 99 of the channel", "libcorsac_sim");
  fails("begin", 60, "corsac_sim_begin in the middle of an episode", "");
  fails("shrink", 60, "", "flags 77");
  fails("says", 60, "the mesh is\\ntangled", "residual 7e300"); // it was written after the answer
  for (int i = 0; i < (is_full_check() ? 50 : 5); i++) fails("garbage", 0.2, "", "");
}

// What the program also wrote to its output is in the message once.
static void says_once(const char *what, const char *text, const char *end) {
  struct env_scene s = {0};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, what), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 5, s.obs, &s.error), STATUS_OK, &s.error);
  enum status status = STATUS_OK;
  for (int t = 0; t < 3 && status == STATUS_OK; t++) status = env_scene_step(&s, 0);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  const char *found = strstr(s.error.text, text);
  CU_ASSERT_PTR_NOT_NULL_FATAL(found);
  if (strstr(found + 1, text)) fprintf(stderr, "\n    twice: %s\n", s.error.text);
  CU_ASSERT_PTR_NULL(strstr(found + 1, text));
  const size_t length = strlen(s.error.text), ends = strlen(end);
  CU_ASSERT_TRUE(length > ends && strcmp(s.error.text + length - ends, end) == 0);
  env_scene_close(&s);
}

static void test_no_repetition(void) {
  says_once("says", "tangled", "tangled; the last it wrote: residual 7e300");
  says_once("says-last", "tangled", "tangled; the last it wrote: residual 7e300");
  says_once("says-long", "all of it", "all of it");
  says_once("begin", "corsac_sim_begin in the middle of an episode", "CORSAC_TRUNCATED");
  says_once("says-part", "failed: tangled", "failed: tangled; the last it wrote: entangled");
}

static void test_opened_twice(void) {
  struct env_scene s = {0};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "twice"), STATUS_OK); // the first one counts
  env_scene_close(&s);
}

static void test_words(void) {
  char *directory = unit_tmpdir(), *logs = unit_path(directory, "environments"), *path = unit_path(logs, "3.log");
  char *older = unit_path(logs, "3.log.1");
  struct env_scene s = {0};
  snprintf(s.config.run_dir, sizeof s.config.run_dir, "%s", directory);
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "words"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 5, s.obs, &s.error), STATUS_OK, &s.error);
  enum status status = STATUS_OK;
  for (int t = 0; t < 3 && status == STATUS_OK; t++) status = env_scene_step(&s, 0);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 5; the last it wrote: "));
  CU_ASSERT(error_says(&s.error, "line 99999 of very many | the last \\x1b word"));
  env_scene_close(&s);
  size_t size = 0, older_size = 0;
  char *text = unit_read_file(path, &size), *old = unit_read_file(older, &older_size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_TRUE(size > 0);
  CU_ASSERT_TRUE(size <= 1 << 20);
  CU_ASSERT_TRUE(older_size > 0);
  CU_ASSERT_TRUE(older_size <= 1 << 20);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "it ended with exit status 5"));
  free(old);
  free(text);
  free(older);
  free(path);
  free(logs);
  unit_tmpdir_remove(directory);
}

static void test_name_command(void) {
  static const char *const names[][2] = {{"./bin/solver -x in/put", "solver"},
                                         {"  ./solver", "solver"},
                                         {"python3.11 -u sim/bad.py 1", "bad.py"},
                                         {"python -m tokamak", "tokamak"},
                                         {"A=/x/y B= env C=1 ./solver", "solver"},
                                         {"cd case && ./solver", "solver"},
                                         {"bash -c './solver in'", "solver"},
                                         {"python3", "python3"},
                                         {"so%l<er", "so_l_er"},
                                         {"python/solver", "solver"},
                                         {" ", "exec"},
                                         {"./solver 2>&1 | tee log", "solver"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[64];
    process_command_name(names[i][0], name, sizeof name);
    CU_ASSERT_STRING_EQUAL(name, names[i][1]);
  }
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  static const struct unit_case cases[] = {
      {"a command has the name of its simulator", test_name_command},
      {"a child's episodes and named values arrive, also of episodes that were cut", test_episodes},
      {"resets may follow each other", test_reset_without_a_step},
      {"several children step at once", test_overlap},
      {"several children end at once", test_ends_at_once},
      {"the listener is called while a child is waited for", test_waiting_is_heard},
      {"a save that breaks its rules costs nothing but the state", test_bad_saves},
      {"an isolated plugin gives the same bits, saves and loads", test_isolated},
      {"an isolated plugin's failures have the plugin's own text", test_isolated_failures},
      {"a death is seen at once and named", test_death},
      {"a hang ends with env_timeout", test_hang},
      {"invalid answers fail the environment, and nothing else", test_nonsense},
      {"a message does not repeat what the program wrote to its output", test_no_repetition},
      {"one process may open a channel, once", test_opened_twice},
      {"the output of a child is kept in a bounded file, and its last lines are in the message", test_words},
  };
  return unit_run("process", cases, sizeof cases / sizeof *cases);
}
