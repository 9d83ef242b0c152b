// Programs at the other end of a socket: those that work, and every fault that can come over a connection.
#include "actor/envs/relay.h"
#include "actor/environment.h"
#include "actor/envs/supervisor.h"
#include "common/base/clock.h"
#include "tests/support/env_scene.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *const kinds[] = {"unix", "tcp"};
enum { KINDS = 2 };

static enum status open_scene(struct env_scene *s, const char *kind, const char *simulator, const char *what) {
  char env[4096];
  snprintf(s->config.channel, sizeof s->config.channel, "%s", kind);
  return env_scene_open(s, simulator_env(simulator, what, env, sizeof env));
}

// --- what works ---

static void play(struct env_scene *s) {
  for (uint64_t episode = 0; episode < 3; episode++) {
    UNIT_STATUS(environment_reset(&s->environment, 1000 + 250 * episode, s->obs, &s->error), STATUS_OK, &s->error);
    CU_ASSERT_EQUAL(s->obs[0], 0);
    CU_ASSERT_EQUAL(s->obs[1], 0.25f * (float)episode);
    const int length = episode == 1 ? 4 : 10; // the second is cut by the host
    for (int t = 1; t <= length; t++) {
      CU_ASSERT_EQUAL(env_scene_step(s, (float)t / 20), STATUS_OK);
      CU_ASSERT_EQUAL(s->obs[0], (float)t);
      CU_ASSERT_DOUBLE_EQUAL(s->reward, -2 + (t / 20. + 1) / 2 * 8, 1e-6);
      CU_ASSERT_EQUAL(s->flags, t == 10 ? CORSAC_TERMINATED : 0);
    }
  }
}

static void test_episodes(void) {
  static const char *const simulators[] = {"faulty", "frames"};
  for (int k = 0; k < KINDS; k++)
    for (int i = 0; i < 2; i++) {
      struct env_scene s = {0};
      CU_ASSERT_EQUAL_FATAL(open_scene(&s, kinds[k], simulators[i], "good"), STATUS_OK);
      CU_ASSERT_EQUAL(s.environment.obs_dim, 2);
      CU_ASSERT_EQUAL(s.environment.action_low[0], -2);
      CU_ASSERT_EQUAL(s.environment.action_high[0], 6);
      play(&s);
      double info[2] = {0};
      if (i == 0) {
        environment_info(&s.environment, info);
        CU_ASSERT_EQUAL(s.environment.info_dim, 2);
        CU_ASSERT_STRING_EQUAL(s.environment.info_names[1], "half");
        CU_ASSERT_EQUAL(info[1], 5);
      }
      env_scene_close(&s);
    }
}

static void test_state(void) {
  struct env_scene s = {0};
  struct buffer state = {0};
  CU_ASSERT_EQUAL_FATAL(open_scene(&s, "unix", "frames", "good"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 250, s.obs, &s.error), STATUS_OK, &s.error);
  for (int t = 0; t < 2; t++) CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
  CU_ASSERT_TRUE_FATAL(environment_save(&s.environment, &state));
  CU_ASSERT_EQUAL(state.size, 2 * sizeof(float));
  for (int t = 0; t < 3; t++) CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
  CU_ASSERT_EQUAL(s.obs[0], 5);
  UNIT_STATUS(environment_load(&s.environment, state.data, state.size, &s.error), STATUS_OK, &s.error);
  CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
  CU_ASSERT_EQUAL(s.obs[0], 3);
  CU_ASSERT_EQUAL(s.obs[1], 0.25f);
  buffer_release(&state);
  env_scene_close(&s);
}

// What comes before the program with the key does not keep it out.
static void test_greetings(void) {
  static const char *const good[] = {"slow", "strangers", "two"};
  for (int i = 0; i < 3; i++) {
    struct env_scene s = {0};
    UNIT_STATUS(open_scene(&s, i == 1 ? "tcp" : "unix", "frames", good[i]), STATUS_OK, &s.error);
    if (s.environment.self) play(&s);
    env_scene_close(&s);
  }
}

// --- what does not ---

// Plays until a call fails, within 4 steps. The message has to contain both texts.
static void fails(const char *kind, const char *simulator, const char *what, double timeout, const char *text,
                  const char *more) {
  struct env_scene s = {.config.env_timeout = timeout};
  const double start = clock_now();
  enum status status = open_scene(&s, kind, simulator, what);
  if (status == STATUS_OK) status = environment_reset(&s.environment, 5, s.obs, &s.error);
  for (int t = 0; status == STATUS_OK && t < 4; t++) status = env_scene_step(&s, 0);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  if (status != STATUS_FAILED) fprintf(stderr, "\n    %s %s over %s: %d\n", simulator, what, kind, (int)status);
  CU_ASSERT(error_says(&s.error, text));
  CU_ASSERT(error_says(&s.error, more));
  env_scene_close(&s);
  CU_ASSERT(clock_now() - start < timeout + 10);
}

static void test_wrong_greetings(void) {
  for (int k = 0; k < KINDS; k++) {
    fails(kinds[k], "frames", "key", 60, "ended with exit status 5", "refused: it has not the key");
    fails(kinds[k], "frames", "magic", 60, "ended with exit status 5", "refused: it has not the key");
    fails(kinds[k], "frames", "half", 60, "ended with exit status 7", "refused: it was closed before");
    fails(kinds[k], "frames", "version", 60, "version 99 of the connection", "libcorsac_sim");
  }
}

static void test_wrong_frames(void) {
  static const char *const broken[] = {"spec-huge",   "spec-short", "spec-length", "spec-act-dim",
                                       "spec-number", "number",     "what",        "unknown",
                                       "long",        "short",      "huge",        "text-long"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    fails(kinds[i % 2], "frames", broken[i], 60, "the process breaks the protocol: it answered request", " bytes of ");
  fails("unix", "frames", "spec-no-act-dim", 60, "act_dim to 0", "they have to be");
  fails("unix", "frames", "spec-info-dim", 60, "info_dim 2147483648", "at most");
  fails("unix", "frames", "spec-obs-dim", 60, "obs_dim 4294967295", "at most");
  fails("unix", "frames", "flags", 60, "flags 77", "CORSAC_TERMINATED");
  fails("unix", "frames", "unended", 60, "xxxxxxxxxx", "");
}

static void test_wrong_states(void) {
  static const char *const how[] = {"save-grows", "save-huge", "save-fails", "save-length", "save-fails-long"};
  for (int h = 0; h < 5; h++) {
    struct env_scene s = {0};
    struct buffer state = {0};
    CU_ASSERT_EQUAL_FATAL(open_scene(&s, "unix", "frames", how[h]), STATUS_OK);
    UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
    CU_ASSERT_FALSE(environment_save(&s.environment, &state));
    CU_ASSERT_EQUAL(state.size, 0);
    CU_ASSERT_EQUAL(env_scene_step(&s, 0), h < 3 ? STATUS_OK : STATUS_FAILED);
    buffer_release(&state);
    env_scene_close(&s);
  }
}

static void test_ends(void) {
  for (int k = 0; k < KINDS; k++) {
    fails(kinds[k], "frames", "leave", 60, "the connection to the simulator was lost", "the other side has closed it");
    fails(kinds[k], "frames", "cut", 60, "the connection to the simulator was lost", "the other side has closed it");
    fails(kinds[k], "frames", "exit", 60, "the process ended with exit status 3", "");
    fails(kinds[k], "frames", "fail", 60, "the mesh is tangled", "");
    fails(kinds[k], "frames", "hang", 0.5, "did not answer within 0.5 s (env_timeout)", "");
  }
}

// The library tells what it tells over memory.
static void test_library(void) {
  for (int k = 0; k < KINDS; k++) {
    fails(kinds[k], "faulty", "segv", 60, "the process ended by signal 11 (Segmentation fault)", "step 3");
    fails(kinds[k], "faulty", "exit-early", 60, "exit status 3", "had not called corsac_sim_open");
    fails(kinds[k], "faulty", "hang-early", 0.3, "did not call corsac_sim_open within 0.3 s", "corsac help remote");
    fails(kinds[k], "faulty", "hang", 0.5, "did not answer within 0.5 s (env_timeout)", "");
    fails(kinds[k], "faulty", "nan", 60, "not finite", "component 1 is");
    fails(kinds[k], "faulty", "begin", 60, "corsac_sim_begin in the middle of an episode", "");
    fails(kinds[k], "faulty", "says", 60, "the mesh is\\ntangled", "residual 7e300");
    struct env_scene s = {0};
    CU_ASSERT_EQUAL(open_scene(&s, kinds[k], "faulty", "twice"), STATUS_OK); // the first one counts
    env_scene_close(&s);
  }
}

// Without corsac's channel a program would act at random; the actor hears of it at once.
static void test_alone(void) {
  static const char *const channels[] = {"memory", "unix", "tcp"};
  for (int k = 0; k < 3; k++) {
    fails(channels[k], "frames", "alone", 60, "the process ran without corsac", "did not pass CORSAC_CHANNEL on");
    struct env_scene s = {0};
    char command[4096], env[4200];
    simulator_env("faulty", "good", command, sizeof command);
    snprintf(env, sizeof env, "exec:env -u CORSAC_CHANNEL %s", command + strlen("exec:"));
    snprintf(s.config.channel, sizeof s.config.channel, "%s", channels[k]);
    CU_ASSERT_EQUAL(env_scene_open(&s, env), STATUS_FAILED);
    CU_ASSERT(error_says(&s.error, "the process ran without corsac"));
    env_scene_close(&s);
  }
}

static void test_host(void) {
  struct env_scene s = {.config.channel = "tcp", .config.channel_host = "no-such-interface"};
  CU_ASSERT_EQUAL(open_scene(&s, "tcp", "frames", "good"), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "channel_host no-such-interface is neither an address nor a network interface"));
  CU_ASSERT(error_says(&s.error, "it has lo"));
  env_scene_close(&s);
  struct env_scene elsewhere = {.config.channel = "tcp", .config.channel_host = "192.0.2.1"};
  CU_ASSERT_EQUAL(open_scene(&elsewhere, "tcp", "frames", "good"), STATUS_FAILED);
  CU_ASSERT(error_says(&elsewhere.error, "channel_host 192.0.2.1: no program can be awaited there"));
  env_scene_close(&elsewhere);
  struct env_scene lo = {.config.channel = "tcp", .config.channel_host = "lo"};
  UNIT_STATUS(open_scene(&lo, "tcp", "frames", "good"), STATUS_OK, &lo.error);
  env_scene_close(&lo);
}

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *directory = opendir(path);
  while (directory && readdir(directory)) count++;
  if (directory) closedir(directory);
  return count;
}

static void test_nothing_is_left(void) {
  static const char *const whats[] = {"good", "key", "leave", "hang", "spec-huge"};
  char *directory = unit_tmpdir(), *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
  setenv("TMPDIR", directory, 1);
  size_t files = 0;
  for (int i = 0; i < 20; i++) {
    struct env_scene s = {.config.env_timeout = 1};
    if (open_scene(&s, kinds[i / 5 % 2], "frames", whats[i % 5]) == STATUS_OK) {
      environment_reset(&s.environment, 1, s.obs, &s.error);
      for (int t = 0; t < 4; t++) env_scene_step(&s, 0);
    }
    env_scene_close(&s);
    if (i == 9) files = count_entries("/proc/self/fd");
  }
  CU_ASSERT_EQUAL(count_entries("/proc/self/fd"), files);
  CU_ASSERT_EQUAL(count_entries(directory), 2); // . and ..
  CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0);
  if (before)
    setenv("TMPDIR", before, 1);
  else
    unsetenv("TMPDIR");
  free(before);
  unit_tmpdir_remove(directory);
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  static const struct unit_case cases[] = {
      {"episodes and named values come over both kinds of sockets, with the library and without", test_episodes},
      {"a state is saved and loaded over a socket", test_state},
      {"a slow key and strangers do not keep the program out, and a second one cannot connect", test_greetings},
      {"a wrong greeting is refused and named", test_wrong_greetings},
      {"a wrong frame fails the environment, and nothing else", test_wrong_frames},
      {"a save that breaks the rules does not", test_wrong_states},
      {"the end of the connection and that of the program are told apart", test_ends},
      {"a program with the library fails as it does over memory", test_library},
      {"a program that does not get the channel is ended at once and named", test_alone},
      {"the host to listen at is checked", test_host},
      {"no process, file or socket is left", test_nothing_is_left},
  };
  return unit_run("relay", cases, sizeof cases / sizeof *cases);
}
