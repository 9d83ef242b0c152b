// What a child process leaves behind, and what it is given.
#include "actor/envs/process_child.h"
#include "actor/envs/supervisor.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/process.h"
#include "tests/support/env_scene.h"
#include "tests/support/unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_full_check(void) { return getenv("CHECK_FULL") && *getenv("CHECK_FULL") == '1'; }

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

static void test_restarts(void) {
  const int restarts = is_full_check() ? 1000 : 40;
  static const char *const kinds[] = {"good", "segv", "exit", "hang-early"};
  size_t files = 0, maps = 0;
  for (int i = 0; i < restarts; i++) {
    const char *what = kinds[i % 16 == 0 ? 3 : i % 3];
    struct env_scene s = {.config.env_timeout = i % 16 == 0 ? 0.05 : 60};
    if (env_scene_open_faulty(&s, what) == STATUS_OK) {
      environment_reset(&s.environment, 1, s.obs, &s.error);
      for (int t = 0; t < 4; t++) env_scene_step(&s, 0);
    }
    env_scene_close(&s);
    if (i == 20) {
      files = count_entries("/proc/self/fd");
      maps = count_lines("/proc/self/maps");
    }
  }
  CU_ASSERT_EQUAL(count_entries("/proc/self/fd"), files);
  CU_ASSERT(count_lines("/proc/self/maps") <= maps + 2);
  CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0); // no child, no zombie
}

static bool have_ended(const char *path, int expected) {
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
    for (int i = 0; i < count; i++) gone += process_has_ended((uint32_t)pids[i]);
    if (gone == count) return true;
  }
  return false;
}

// Plays the actor, with a child that has started processes of its own, until it is killed.
static pid_t start_actor(const char *path, int *ready) {
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t actor = fork();
  if (actor == 0) {
    char what[4096];
    struct env_scene s = {0};
    snprintf(what, sizeof what, "family %s; true", path);
    if (env_scene_open_faulty(&s, what) == STATUS_OK &&
        environment_reset(&s.environment, 1, s.obs, &s.error) == STATUS_OK) {
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
  CU_ASSERT_TRUE(have_ended(path, 5));

  struct env_scene s = {0};
  char what[4096];
  snprintf(what, sizeof what, "family %s; true", path);
  unlink(path);
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, what), STATUS_OK);
  UNIT_STATUS(environment_reset(&s.environment, 1, s.obs, &s.error), STATUS_OK, &s.error);
  env_scene_close(&s);
  CU_ASSERT_TRUE(have_ended(path, 5));
  free(path);
  unit_tmpdir_remove(directory);
}

// After a kill of the supervisor the child's group is killed, and the actor sees that at once.
static void test_killed_supervisor(void) {
  struct env_scene s = {.config.env_timeout = 60};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "good"), STATUS_OK);
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
    status = env_scene_step(&s, 0);
    if (status == STATUS_OK && s.flags) status = environment_reset(&s.environment, 1, s.obs, &s.error);
  }
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "the process has ended"));
  CU_ASSERT(clock_now() - start < 5);
  env_scene_close(&s);
}

// A child has no descriptor of the actor's but the channel, and no variable of the launcher's.
static void test_clean_child(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "seen");
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  setenv("PMIX_RANK", "3", 1);
  setenv("OPENBLAS_NUM_THREADS", "7", 1);
  const int open_file = open("/dev/null", O_RDONLY);
  char env[4096];
  struct env_scene s = {0};
  snprintf(env, sizeof env, "exec:ls /proc/self/fd > %s; env >> %s; exit 4", path, path);
  CU_ASSERT_EQUAL(env_scene_open(&s, env), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "exit status 4"));
  close(open_file);
  env_scene_close(&s);
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

// Runs in a process of its own, since it changes the directory, as a library may do.
static int start_elsewhere(const char *directory) {
  struct env_scene s = {0};
  if (chdir(directory) != 0 || mkdir("run", 0777) != 0) return 2;
  file_begin();
  if (chdir("/") != 0) return 3;
  snprintf(s.config.run_dir, sizeof s.config.run_dir, "run");
  const enum status status = env_scene_open(&s, "exec:pwd > seen; exit 4");
  env_scene_close(&s);
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

static void count_wait(void *who) { ++*(int *)who; }

// Puts a reader behind stderr that takes 4 kB every 5 ms. Returns its process.
static pid_t slow_stderr(void) {
  int ends[2];
  char bytes[4096];
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t reader = fork();
  if (reader == 0) {
    close(ends[1]);
    while (read(ends[0], bytes, sizeof bytes) > 0) usleep(5000);
    _exit(0);
  }
  close(ends[0]);
  CU_ASSERT_EQUAL(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  close(ends[1]);
  return reader;
}

// It writes faster than the supervisor can pass on.
static void test_flood(void) {
  struct env_scene s = {.config.env_timeout = 0.3};
  const int kept = dup(STDERR_FILENO);
  const pid_t reader = slow_stderr();
  const double start = clock_now();
  const enum status status = env_scene_open(&s, "exec:yes & yes & wait");
  env_scene_close(&s);
  const double seconds = clock_now() - start;
  CU_ASSERT_EQUAL(dup2(kept, STDERR_FILENO), STDERR_FILENO);
  close(kept);
  CU_ASSERT_EQUAL(waitpid(reader, NULL, 0), reader);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "did not call corsac_sim_open within 0.3 s"));
  CU_ASSERT(error_says(&s.error, "the last it wrote: y | y"));
  CU_ASSERT(seconds < 5);
}

// A child that ignores TERM takes half a second to end, in which the actor has to be heard.
static void test_end_is_heard(void) {
  int waits = 0;
  struct env_scene s = {.waiting = count_wait, .who = &waits};
  CU_ASSERT_EQUAL_FATAL(env_scene_open_faulty(&s, "deaf"), STATUS_OK);
  s.config.env_timeout = 0.01;
  UNIT_STATUS(environment_reset(&s.environment, 1, s.obs, &s.error), STATUS_OK, &s.error);
  enum status status = STATUS_OK;
  for (int t = 0; t < 3 && status == STATUS_OK; t++) status = env_scene_step(&s, 0);
  CU_ASSERT_EQUAL(status, STATUS_FAILED);
  CU_ASSERT(waits >= 5);
  env_scene_close(&s);
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv); // a child begins with this program
  static const struct unit_case cases[] = {
      {"restarts leave no descriptor, mapping or process", test_restarts},
      {"no orphan is left, however the actor ends", test_no_orphans},
      {"after a kill of the supervisor its child ends, too", test_killed_supervisor},
      {"a child gets no descriptor and no launcher's variable", test_clean_child},
      {"a child that writes without end is ended in time, with its last words", test_flood},
      {"while a child ends the actor is heard", test_end_is_heard},
      {"a child starts in the directory where the program was started", test_directory},
  };
  return unit_run("process_child", cases, sizeof cases / sizeof *cases);
}
