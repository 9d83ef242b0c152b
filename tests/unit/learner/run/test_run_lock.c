#include "learner/run/run_lock.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *directory, *path; // of this case

static int entries(void) { // of the directory, a lock included
  char command[4200];
  snprintf(command, sizeof command, "ls %s | wc -l", directory);
  FILE *pipe = popen(command, "r");
  int count = -1;
  CU_ASSERT_EQUAL(fscanf(pipe, "%d", &count), 1);
  pclose(pipe);
  return count;
}

static void age(double seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec -= (time_t)seconds;
  CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, (struct timespec[]){now, now}, 0), 0);
}

static void write_started(const char *host, long pid, unsigned long long pid_set, unsigned long long start) {
  char text[512];
  const int size =
      snprintf(text, sizeof text, "%s %ld %llu 2026-01-31T12:00:00+0100 %llu\n", host, pid, pid_set, start);
  unit_write_file(path, text, (size_t)size);
}

static void write_lock(const char *host, long pid, unsigned long long pid_set) {
  write_started(host, pid, pid_set, process_start((uint32_t)pid));
}

// As versions of corsac wrote it that knew no start and no boot.
static void write_old_lock(const char *host, long pid) {
  char text[512];
  const int size = snprintf(text, sizeof text, "%s %ld %llu 2026-01-31T12:00:00+0100\n", host, pid,
                            (unsigned long long)process_namespace());
  unit_write_file(path, text, (size_t)size);
}

static unsigned long long pid_set(void) { return process_pid_namespace(); }

static long dead_pid(void) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  return child;
}

static void test_one_holder(void) {
  struct run_lock first, second;
  struct error error = {0};
  char host[256] = "", says_pid[64];
  gethostname(host, sizeof host - 1);
  UNIT_STATUS(run_lock_acquire(&first, directory, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(entries(), 1);
  char *text = unit_read_file(path, NULL);
  snprintf(says_pid, sizeof says_pid, " %ld ", (long)getpid());
  CU_ASSERT_EQUAL_FATAL(strstr(text, host), text);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, says_pid));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "T"));
  free(text);
  age(20);
  UNIT_STATUS(run_lock_acquire(&second, directory, &error), STATUS_USAGE, &error);
  snprintf(says_pid, sizeof says_pid, "process %ld on ", (long)getpid());
  CU_ASSERT_TRUE_FATAL(error_says(&error, says_pid));
  CU_ASSERT_TRUE_FATAL(error_says(&error, host));
  CU_ASSERT_TRUE(error_says(&error, "refreshed this lock 20 s"));
  CU_ASSERT_EQUAL(entries(), 1);
  run_lock_release(&first);
  CU_ASSERT_EQUAL(entries(), 0);
  error_clear(&error);
  UNIT_STATUS(run_lock_acquire(&second, directory, &error), STATUS_OK, &error);
  run_lock_release(&second);
}

static void test_stale(void) {
  struct run_lock lock;
  struct error error = {0};
  char host[256] = "";
  gethostname(host, sizeof host - 1);

  write_lock(host, dead_pid(), pid_set()); // gone: at once
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_OK, &error);
  run_lock_release(&lock);

  write_lock(host, dead_pid(), pid_set() + 1); // a pid of another kernel or container of this name says nothing
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_USAGE, &error);
  error_clear(&error);
  write_lock("elsewhere", dead_pid(), pid_set()); // nor one of another host
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "on elsewhere"));
  error_clear(&error);
  age(61);
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_OK, &error);
  run_lock_release(&lock);

  unit_write_file(path, "", 0); // a writer that died in between
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_USAGE, &error);
  error_clear(&error);
  age(61);
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(entries(), 1);
  run_lock_release(&lock);
}

static void expect_taken(void) {
  struct run_lock lock;
  struct error error = {0};
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_OK, &error);
  run_lock_release(&lock);
}

// The process that has the lock makes no refresh, for a minute and more.
static void test_silent_here(void) {
  struct run_lock lock;
  struct error error = {0};
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  for (int suspended = 0; suspended < 2; suspended++) {
    if (suspended) kill(child, SIGSTOP);
    write_lock(host, child, pid_set());
    age(100);
    UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_USAGE, &error);
    CU_ASSERT_TRUE(error_says(&error, "refreshed this lock 100 s ago; stop it"));
    CU_ASSERT_FALSE(error_says(&error, "host is down"));
    error_clear(&error);
  }
  write_started(host, child, pid_set(), process_start((uint32_t)child) - 1); // its number was that of an older process
  expect_taken();
  write_lock(host, child, pid_set());
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  expect_taken();
}

static void test_older_version(void) {
  struct run_lock lock;
  struct error error = {0};
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const long pids[] = {dead_pid(), getppid()};
  for (int i = 0; i < 2; i++) {
    write_old_lock(host, pids[i]);
    UNIT_STATUS(run_lock_acquire(&lock, directory, &error), STATUS_USAGE, &error);
    error_clear(&error);
    age(61);
    expect_taken();
  }
}

// After 0.3 s a child does this with the lock.
static pid_t meanwhile(void (*act)(void)) {
  const pid_t child = fork();
  if (child != 0) return child;
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  act();
  _exit(0);
}
static void refresh_elsewhere(void) {
  unlink(path);
  write_lock("elsewhere", 1, 1);
}
static void give_back(void) { unlink(path); }

// Waits for a lock that is so old, then takes it. Returns how long that took.
static double await(double old, double most, enum status wanted) {
  struct run_lock lock;
  struct error error = {0};
  age(old);
  const double start = clock_now();
  run_lock_await(directory, most);
  const double took = clock_now() - start;
  CU_ASSERT(entries() <= 1); // the wait leaves nothing
  UNIT_STATUS(run_lock_acquire(&lock, directory, &error), wanted, &error);
  if (wanted == STATUS_OK)
    run_lock_release(&lock);
  else
    CU_ASSERT_TRUE(error_says(&error, "refreshed this lock"));
  unlink(path);
  return took;
}

// The waits are until 60.5 s, so one that does not end as it should takes half a minute.
static void test_await(void) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  write_lock("elsewhere", 1, pid_set()); // its host has died
  CU_ASSERT(await(59, 100, STATUS_OK) > 0.4);
  write_lock("elsewhere", 1, 1); // another job: it is alive
  pid_t child = meanwhile(refresh_elsewhere);
  CU_ASSERT(await(30, 100, STATUS_USAGE) < 20);
  waitpid(child, NULL, 0);
  write_lock("elsewhere", 1, 1); // it ends
  child = meanwhile(give_back);
  CU_ASSERT(await(30, 100, STATUS_OK) < 20);
  waitpid(child, NULL, 0);
  write_lock("elsewhere", 1, 1);
  CU_ASSERT(await(0, 0.2, STATUS_USAGE) < 20); // no longer than the caller has time
  write_lock(host, getppid(), pid_set());      // it runs here
  CU_ASSERT(await(30, 100, STATUS_USAGE) < 20);
  write_lock(host, dead_pid(), pid_set()); // it has gone
  CU_ASSERT(await(30, 100, STATUS_OK) < 20);
  write_lock("elsewhere", 1, 1); // stale
  CU_ASSERT(await(61, 100, STATUS_OK) < 20);
  run_lock_await(directory, 100); // there is none
  run_lock_await("/nonexistent", 100);
  CU_ASSERT_EQUAL(entries(), 0);
}

static void test_refresh(void) {
  struct run_lock lock;
  struct stat before, after;
  CU_ASSERT_EQUAL(run_lock_acquire(&lock, directory, NULL), STATUS_OK);
  age(50);
  stat(path, &before);
  run_lock_refresh(&lock); // too early
  stat(path, &after);
  CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
  CU_ASSERT_EQUAL(before.st_mtime, after.st_mtime);
  lock.refreshed -= 11, lock.looked -= 2;
  run_lock_refresh(&lock);
  stat(path, &after);
  CU_ASSERT(after.st_mtime >= before.st_mtime + 49);
  CU_ASSERT_EQUAL(entries(), 1);

  unit_write_file(path, "", 0); // a lock without a name says nothing
  lock.looked -= 2;
  run_lock_refresh(&lock);
  CU_ASSERT_FALSE(run_lock_is_lost(&lock));

  // Taken over while this process stood still: the other's lock stays, whatever happens here.
  write_lock("elsewhere", 12345, 1);
  CU_ASSERT_EQUAL(run_lock_check(&lock, NULL), STATUS_FAILED);
  lock.looked -= 2; // found before a refresh is due
  run_lock_refresh(&lock);
  CU_ASSERT_TRUE(run_lock_is_lost(&lock));
  CU_ASSERT_TRUE(error_says(&lock.loss, "process 12345 on elsewhere has taken over"));
  CU_ASSERT_EQUAL(entries(), 1);
  run_lock_release(&lock);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_EQUAL(strncmp(text, "elsewhere 12345 ", 16), 0);
  free(text);
}

// One of many: tries when `go` is closed, says whether it won, and holds what it has until `hold` is closed.
static void compete(int go, int said, int hold) {
  struct run_lock lock;
  char byte;
  (void)!read(go, &byte, 1);
  byte = run_lock_acquire(&lock, directory, NULL) == STATUS_OK;
  (void)!write(said, &byte, 1);
  (void)!read(hold, &byte, 1);
  _exit(0);
}

// Many processes find the same stale lock at the same moment: one gets it.
static void test_race(void) {
  enum { ROUNDS = 30, PROCESSES = 8 };
  for (int round = 0; round < ROUNDS; round++) {
    int go[2], said[2], hold[2], winners = 0;
    write_lock("elsewhere", 1, 1);
    age(100);
    CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(said), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(hold), 0);
    for (int i = 0; i < PROCESSES; i++) {
      if (fork() > 0) continue;
      close(go[1]);
      close(hold[1]);
      compete(go[0], said[1], hold[0]);
    }
    close(go[1]);
    for (int i = 0; i < PROCESSES; i++) {
      char won = 0;
      CU_ASSERT_EQUAL(read(said[0], &won, 1), 1);
      winners += won;
    }
    close(hold[1]);
    for (int i = 0; i < PROCESSES; i++) wait(NULL);
    close(go[0]), close(said[0]), close(said[1]), close(hold[0]);
    CU_ASSERT_EQUAL(winners, 1);
    unlink(path);
  }
  CU_ASSERT_EQUAL(entries(), 0);
}

static void test_no_directory(void) {
  struct run_lock lock;
  struct error error = {0};
  char *none = unit_path(directory, "none");
  UNIT_STATUS(run_lock_acquire(&lock, none, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, none));
  free(none);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  path = unit_path(directory, "lock");
  run();
  free(path);
  unit_tmpdir_remove(directory);
}
static void one_holder(void) { alone(test_one_holder); }
static void stale(void) { alone(test_stale); }
static void awaits(void) { alone(test_await); }
static void silent_here(void) { alone(test_silent_here); }
static void older_version(void) { alone(test_older_version); }
static void refresh(void) { alone(test_refresh); }
static void race(void) { alone(test_race); }
static void no_directory(void) { alone(test_no_directory); }

int main(void) {
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a lock has one holder, and a refusal says who it is and how old the lock is", one_holder},
      {"a lock is stale at once where its process has gone, else after 60 s", stale},
      {"a process that stands still on this host keeps its lock, until it has gone", silent_here},
      {"a lock of an older version is stale after 60 s", older_version},
      {"a wait for a lock out of sight ends when it is refreshed, given back or stale", awaits},
      {"a refresh happens every 10 s at most, and notices a lock that was lost", refresh},
      {"of many processes that find a stale lock one takes it over", race},
      {"the error names a missing directory", no_directory},
  };
  return unit_run("run_lock", cases, sizeof cases / sizeof *cases);
}
