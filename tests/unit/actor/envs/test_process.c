// Children that do what they should, and every kind that does not.
#include "actor/environment.h"
#include "actor/envs/process.h"
#include "actor/envs/supervisor.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/process.h"
#include "common/config/options.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_full_check(void) { return getenv("CHECK_FULL") && *getenv("CHECK_FULL") == '1'; }

// An environment of its own kind, and what came of opening it.
struct scene {
  struct config config;
  struct environment_kind kind;
  struct environment environment;
  struct error error;
  float obs[2];
  double reward;
  int flags;
  void (*waiting)(void *who); // for kind, which opening clears
  void *who;
};

static enum status open_env(struct scene *s, const char *env) {
  const char *dir = s->config.run_dir;
  char kept[CONFIG_TEXT];
  const double timeout = s->config.env_timeout;
  const bool isolate = s->config.isolate;
  snprintf(kept, sizeof kept, "%s", dir);
  options_defaults(&s->config);
  snprintf(s->config.run_dir, sizeof s->config.run_dir, "%s", kept);
  if (timeout > 0) s->config.env_timeout = timeout;
  s->config.isolate = isolate;
  enum status status = environment_kind_open(&s->kind, env, &s->config, &s->error);
  s->kind.waiting = s->waiting;
  s->kind.who = s->who;
  if (status == STATUS_OK) status = environment_create(&s->environment, &s->kind, 3, false, &s->error);
  return status;
}

static enum status open_faulty(struct scene *s, const char *what) {
  char env[4096];
  return open_env(s, simulator_env("faulty", what, env, sizeof env));
}

static void close_env(struct scene *s) {
  environment_destroy(&s->environment);
  environment_kind_close(&s->kind);
}

static enum status make_step(struct scene *s, float action) {
  return environment_step(&s->environment, &action, s->obs, &s->reward, &s->flags, &s->error);
}

// ---- what works ----

static void test_episodes(void) {
  struct scene s = {0};
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "good"), STATUS_OK);
  CU_ASSERT_EQUAL(s.environment.obs_dim, 2);
  CU_ASSERT_EQUAL(s.environment.act_dim, 1);
  CU_ASSERT_EQUAL(s.environment.action_low[0], -2);
  CU_ASSERT_EQUAL(s.environment.action_high[0], 6);
  CU_ASSERT_TRUE(s.kind.heartbeats_in_step);
  for (uint64_t episode = 0; episode < 3; episode++) {
    UNIT_STATUS(environment_reset(&s.environment, 1000 + 250 * episode, s.obs, &s.error), STATUS_OK, &s.error);
    CU_ASSERT_EQUAL(s.obs[0], 0);
    CU_ASSERT_EQUAL(s.obs[1], 0.25f * (float)episode);
    const int length = episode == 1 ? 4 : 10; // the host cuts the second
    for (int t = 1; t <= length; t++) {
      CU_ASSERT_EQUAL(make_step(&s, (float)t / 20), STATUS_OK);
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
  close_env(&s);
}

// It costs neither the child nor its episode.
static void test_bad_saves(void) {
  static const char *const how[] = {"huge", "negative", "grow"};
  for (int h = 0; h < 3; h++) {
    char env[4096];
    struct scene s = {.config.isolate = true};
    struct buffer state = {0};
    CU_ASSERT_EQUAL_FATAL(open_env(&s, plugin_env("bad_save", how[h], env, sizeof env)), STATUS_OK);
    UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
    for (int t = 1; t < 4; t++) {
      CU_ASSERT_EQUAL(make_step(&s, 0), STATUS_OK);
      CU_ASSERT_EQUAL(s.obs[0], (float)t);
      CU_ASSERT_FALSE_FATAL(environment_save(&s.environment, &state));
      CU_ASSERT_EQUAL(state.size, 0);
      CU_ASSERT_PTR_NOT_NULL(strstr(s.environment.unsaved, "save "));
    }
    buffer_release(&state);
    close_env(&s);
  }
}

static void test_reset_without_a_step(void) {
  struct scene s = {0};
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "good"), STATUS_OK);
  for (int i = 0; i < 3; i++) UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
  CU_ASSERT_EQUAL(make_step(&s, 0), STATUS_OK);
  close_env(&s);
}

static void test_overlap(void) {
  enum { COUNT = 4 };
  struct scene s[COUNT] = {0};
  for (int i = 0; i < COUNT; i++) {
    CU_ASSERT_EQUAL_FATAL(open_faulty(&s[i], "slow"), STATUS_OK);
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
  for (int i = 0; i < COUNT; i++) close_env(&s[i]);
}

static int waits;
static void count_wait(void *who) { ++*(int *)who; }

static void test_waiting_is_heard(void) {
  struct scene s = {.waiting = count_wait, .who = &waits};
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "slow"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 0, s.obs, &s.error), STATUS_OK, &s.error);
  CU_ASSERT_EQUAL(make_step(&s, 0), STATUS_OK);
  CU_ASSERT(waits >= 1);
  close_env(&s);
}

// The same numbers as in this process, states too.
static void test_isolated(void) {
  char env[4096];
  plugin_env("counter", "6", env, sizeof env);
  struct scene here = {0}, there = {.config.isolate = true};
  CU_ASSERT_EQUAL_FATAL(open_env(&here, env), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(open_env(&there, env), STATUS_OK);
  CU_ASSERT_PTR_NULL(there.kind.plugin);
  CU_ASSERT_STRING_EQUAL(environment_kind_name(&there.kind), environment_kind_name(&here.kind));
  struct buffer state = {0};
  struct scene *both[] = {&here, &there};
  for (int i = 0; i < 2; i++)
    CU_ASSERT_EQUAL(environment_reset(&both[i]->environment, 123, both[i]->obs, NULL), STATUS_OK);
  for (int t = 0; t < 6; t++) {
    for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL(make_step(both[i], 0.3f), STATUS_OK);
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
    CU_ASSERT_EQUAL(make_step(both[i], 0.3f), STATUS_OK);
    CU_ASSERT_EQUAL(both[i]->obs[0], 4);
  }
  CU_ASSERT_EQUAL(here.obs[1], there.obs[1]);
  UNIT_STATUS(environment_load(&there.environment, state.data, 5, &there.error), STATUS_FAILED, &there.error);
  buffer_release(&state);
  close_env(&here);
  close_env(&there);
}

static void test_isolated_failures(void) {
  char env[4096];
  struct scene s = {.config.isolate = true};
  CU_ASSERT_EQUAL(open_env(&s, "./missing.so"), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "./missing.so: No such file"));
  close_env(&s);
  struct scene create = {.config.isolate = true};
  CU_ASSERT_EQUAL(open_env(&create, plugin_env("fail_create", NULL, env, sizeof env)), STATUS_FAILED);
  CU_ASSERT(error_says(&create.error, "create failed: "));
  close_env(&create);
  struct scene bounds = {.config.isolate = true};
  CU_ASSERT_EQUAL(open_env(&bounds, plugin_env("bad_bounds", NULL, env, sizeof env)), STATUS_FAILED);
  CU_ASSERT(error_says(&bounds.error, "bounds of action component"));
  close_env(&bounds);
}

// ---- what does not ----

// Plays until something fails, which it has to within 4 steps, and quickly; the message says all the texts.
static void fails(const char *what, double timeout, const char *text, const char *more) {
  struct scene s = {.config.env_timeout = timeout};
  const double start = clock_now();
  enum status status = open_faulty(&s, what);
  if (status == STATUS_OK) status = environment_reset(&s.environment, 5, s.obs, &s.error);
  int steps = 0;
  while (status == STATUS_OK && steps < 4) {
    status = make_step(&s, 0);
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
  close_env(&s);
  CU_ASSERT(clock_now() - start < timeout + 3);
}

static void test_death(void) {
  fails("exit", 60, "step 3", "the process ended with exit status 0");
  fails("segv", 60, "): step 3 of the episode failed", "the process ended by signal 11 (Segmentation fault)");
  fails("kill", 60, "", "ended by signal 9 (Killed)");
  fails("exit-early", 60, "create failed: the process ended with exit status 3", "had not called corsac_sim_open");
  struct scene s = {0};
  CU_ASSERT_EQUAL(open_env(&s, "exec:./no_such_program"), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 127"));
  CU_ASSERT(error_says(&s.error, "not found"));
  close_env(&s);
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
  fails("says", 60, "the mesh is\\ntangled", "residual 7e300"); // written after it had said so
  for (int i = 0; i < (is_full_check() ? 50 : 5); i++) fails("garbage", 0.2, "", "");
}

static void test_opened_twice(void) {
  struct scene s = {0};
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "twice"), STATUS_OK); // the first one counts
  close_env(&s);
}

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *directory = opendir(path);
  while (directory && readdir(directory)) count++;
  if (directory) closedir(directory);
  return count;
}

static size_t count_lines(const char *path) {
  size_t count = 0;
  FILE *file = fopen(path, "r");
  for (int c; file && (c = fgetc(file)) != EOF;) count += c == '\n';
  if (file) fclose(file);
  return count;
}

static void test_words(void) {
  char *directory = unit_tmpdir(), *logs = unit_path(directory, "environments"), *path = unit_path(logs, "3.log");
  char *older = unit_path(logs, "3.log.1");
  struct scene s = {0};
  snprintf(s.config.run_dir, sizeof s.config.run_dir, "%s", directory);
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "words"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 5, s.obs, &s.error), STATUS_OK, &s.error);
  enum status status = STATUS_OK;
  for (int t = 0; t < 3 && status == STATUS_OK; t++) status = make_step(&s, 0);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 5; the last it wrote: "));
  CU_ASSERT(error_says(&s.error, "line 99999 of very many | the last \\x1b word"));
  close_env(&s);
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

// ---- what is left ----

static void test_restarts(void) {
  const int restarts = is_full_check() ? 1000 : 40;
  static const char *const kinds[] = {"good", "segv", "exit", "hang-early"};
  size_t files = 0, maps = 0;
  for (int i = 0; i < restarts; i++) {
    const char *what = kinds[i % 16 == 0 ? 3 : i % 3];
    struct scene s = {.config.env_timeout = i % 16 == 0 ? 0.05 : 60};
    if (open_faulty(&s, what) == STATUS_OK) {
      environment_reset(&s.environment, 1, s.obs, &s.error);
      for (int t = 0; t < 4; t++) make_step(&s, 0);
    }
    close_env(&s);
    if (i == 20) {
      files = count_entries("/proc/self/fd");
      maps = count_lines("/proc/self/maps");
    }
  }
  CU_ASSERT_EQUAL(count_entries("/proc/self/fd"), files);
  CU_ASSERT(count_lines("/proc/self/maps") <= maps + 2);
  CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0); // no child, no zombie
}

static bool all_gone(const char *path, int expected) {
  int pids[16], count = 0;
  char more[4096];
  snprintf(more, sizeof more, "%s.more", path);
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(i ? more : path, "r");
    while (file && count < 16 && fscanf(file, "%d", &pids[count]) == 1) count++;
    if (file) fclose(file);
  }
  CU_ASSERT_EQUAL(count, expected);
  for (const double until = clock_now() + 20; clock_now() < until; usleep(10000)) {
    int gone = 0;
    for (int i = 0; i < count; i++) gone += process_is_gone((uint32_t)pids[i]);
    if (gone == count) return true;
  }
  return false;
}

// An "actor": plays with a child that has a family, until it is killed.
static pid_t start_actor(const char *path, int *ready) {
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t actor = fork();
  if (actor == 0) {
    char what[4096];
    struct scene s = {0};
    snprintf(what, sizeof what, "family %s; true", path);
    if (open_faulty(&s, what) == STATUS_OK && environment_reset(&s.environment, 1, s.obs, &s.error) == STATUS_OK) {
      const int supervisor_is_there = 1;
      if (write(ends[1], &supervisor_is_there, sizeof supervisor_is_there) < 0) _exit(1);
    }
    for (;;) pause();
  }
  close(ends[1]);
  CU_ASSERT_EQUAL(read(ends[0], ready, sizeof *ready), (ssize_t)sizeof *ready);
  close(ends[0]);
  return actor;
}

static void test_no_orphans(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "pids");
  int ready = 0;
  const pid_t actor = start_actor(path, &ready);
  CU_ASSERT_EQUAL(kill(actor, SIGKILL), 0);
  CU_ASSERT_EQUAL(waitpid(actor, NULL, 0), actor);
  CU_ASSERT_TRUE(all_gone(path, 5));

  struct scene s = {0};
  char what[4096];
  snprintf(what, sizeof what, "family %s; true", path);
  unlink(path);
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, what), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 1, s.obs, &s.error), STATUS_OK, &s.error);
  close_env(&s);
  CU_ASSERT_TRUE(all_gone(path, 5));
  free(path);
  unit_tmpdir_remove(directory);
}

// With the supervisor killed, the group goes; that is seen at once.
static void test_killed_supervisor(void) {
  struct scene s = {.config.env_timeout = 60};
  CU_ASSERT_EQUAL_FATAL(open_faulty(&s, "good"), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 1, s.obs, &s.error), STATUS_OK, &s.error);
  char path[64];
  int supervisor = 0;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL_FATAL(fscanf(file, "%d", &supervisor), 1);
  fclose(file);
  const double start = clock_now();
  CU_ASSERT_EQUAL(kill(supervisor, SIGKILL), 0);
  enum status status = STATUS_OK;
  while (status == STATUS_OK && clock_now() - start < 5) {
    status = make_step(&s, 0);
    if (status == STATUS_OK && s.flags) status = environment_reset(&s.environment, 1, s.obs, &s.error);
  }
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "the process has ended"));
  CU_ASSERT(clock_now() - start < 5);
  close_env(&s);
}

// No descriptor of the actor's but the channel, no variable of the launcher's.
static void test_clean_child(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "seen");
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  setenv("PMIX_RANK", "3", 1);
  setenv("OPENBLAS_NUM_THREADS", "7", 1);
  const int open_file = open("/dev/null", O_RDONLY);
  char env[4096];
  struct scene s = {0};
  snprintf(env, sizeof env, "exec:ls /proc/self/fd > %s; env >> %s; exit 4", path, path);
  CU_ASSERT_EQUAL(open_env(&s, env), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 4"));
  close(open_file);
  close_env(&s);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_EQUAL(strncmp(text, "0\n1\n2\n3\n4\n", 10), 0); // 3: the directory that ls reads, 4: the channel
  CU_ASSERT(text[10] < '0' || text[10] > '9');
  CU_ASSERT_PTR_NULL(strstr(text, "OMPI_COMM_WORLD"));
  CU_ASSERT_PTR_NULL(strstr(text, "PMIX_"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "OPENBLAS_NUM_THREADS=7"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "CORSAC_INDEX=3"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "CORSAC_EVALUATION=0"));
  free(text);
  free(path);
  unit_tmpdir_remove(directory);
  unsetenv("OMPI_COMM_WORLD_RANK");
  unsetenv("PMIX_RANK");
  unsetenv("OPENBLAS_NUM_THREADS");
}

// In a process of its own, whose directory then changes, as a library may do it.
static int start_elsewhere(const char *directory) {
  struct scene s = {0};
  if (chdir(directory) != 0 || mkdir("run", 0777) != 0) return 2;
  file_begin();
  if (chdir("/") != 0) return 3;
  snprintf(s.config.run_dir, sizeof s.config.run_dir, "run");
  const enum status status = open_env(&s, "exec:pwd > seen; exit 4");
  close_env(&s);
  return status == STATUS_FAILED ? 0 : 4;
}

static void test_directory(void) {
  char *directory = unit_tmpdir(), *seen = unit_path(directory, "seen");
  char *log = unit_path(directory, "run/environments/3.log");
  int code = 0;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) _exit(start_elsewhere(directory));
  CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
  CU_ASSERT_EQUAL(code, 0);
  char *text = unit_read_file(seen, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  text[strcspn(text, "\n")] = 0;
  CU_ASSERT_STRING_EQUAL(text, directory);
  CU_ASSERT_EQUAL(access(log, R_OK), 0);
  free(text), free(log), free(seen), unit_tmpdir_remove(directory);
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
      {"the listener is called while a child is waited for", test_waiting_is_heard},
      {"a save that breaks its rules costs nothing but the state", test_bad_saves},
      {"an isolated plugin gives the same bits, saves and loads", test_isolated},
      {"an isolated plugin's failures have the plugin's own text", test_isolated_failures},
      {"a death is seen at once and named", test_death},
      {"a hang ends with env_timeout", test_hang},
      {"invalid answers fail the environment, and nothing else", test_nonsense},
      {"one process may open a channel, once", test_opened_twice},
      {"the output of a child is kept in a bounded file, and its last lines are in the message", test_words},
      {"restarts leave no descriptor, mapping or process", test_restarts},
      {"no orphan is left, however the actor ends", test_no_orphans},
      {"after a kill of the supervisor its child ends, too", test_killed_supervisor},
      {"a child gets no descriptor and no launcher's variable", test_clean_child},
      {"a child starts in the directory where the program was started", test_directory},
  };
  return unit_run("process", cases, sizeof cases / sizeof *cases);
}
