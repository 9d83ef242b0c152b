#include "launch/train/start_watch.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// While a job starts no turn of the learner refreshes the lock. That the thread does is seen by what a refresh finds.
static void test_refresh(void) {
  static const char text[] = "elsewhere 12345 1 2026-01-31T12:00:00+0100 1\n";
  const volatile sig_atomic_t stop = 0;
  struct start_watch watch;
  struct setup setup = {0};
  char *directory = unit_tmpdir();
  struct run_directory *run = run_directory_create(directory, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  unit_write_file(unit_in(directory, "lock"), text, strlen(text));
  start_watch_begin(&watch, &setup, &stop);
  CU_ASSERT_TRUE(watch.is_there);
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  CU_ASSERT_FALSE(run_directory_is_lost(run)); // it has none to refresh yet
  start_watch_keep(&watch, run);
  for (const double until = clock_now() + 30; !run_directory_is_lost(run) && clock_now() < until;)
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  CU_ASSERT_TRUE(run_directory_is_lost(run));
  start_watch_end(&watch);
  run_directory_close(run);
  unit_tmpdir_remove(directory);
}

int main(void) {
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {{"the lock is refreshed while a job starts", test_refresh}};
  return unit_run("start_watch", cases, sizeof cases / sizeof *cases);
}
