#include "common/base/thread.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

struct seen {
  sigset_t mask;
  char name[16];
};

static void *look(void *argument) {
  struct seen *seen = argument;
  pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
  while (strcmp(seen->name, "looks") != 0) pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
  return NULL;
}

static void test_signals(void) {
  struct seen seen = {0};
  pthread_t thread;
  sigset_t here;
  CU_ASSERT_EQUAL_FATAL(thread_start(&thread, "looks", look, &seen), 0);
  CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
  pthread_sigmask(SIG_SETMASK, NULL, &here);
  CU_ASSERT_TRUE(sigismember(&seen.mask, SIGTERM) == 1);
  CU_ASSERT_TRUE(sigismember(&seen.mask, SIGUSR1) == 1);
  CU_ASSERT_TRUE(sigismember(&here, SIGTERM) == 0);
  CU_ASSERT_STRING_EQUAL(seen.name, "looks");
}

// The real time is decades ahead of the monotonic clock, so a wait by the real time would be over at once.
static void test_clock(void) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition;
  struct timespec until, now;
  thread_condition_init(&condition);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += 20000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&mutex);
  int result = 0;
  while (result == 0) result = pthread_cond_timedwait(&condition, &mutex, &until);
  pthread_mutex_unlock(&mutex);
  clock_gettime(CLOCK_MONOTONIC, &now);
  CU_ASSERT_EQUAL(result, ETIMEDOUT);
  CU_ASSERT_TRUE(now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
  pthread_cond_destroy(&condition);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a thread takes no signals, and the one that starts it still does", test_signals},
      {"a timed wait goes by the monotonic clock", test_clock},
  };
  return unit_run("thread", cases, sizeof cases / sizeof *cases);
}
