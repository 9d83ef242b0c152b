#include "common/base/thread.h"

#include <signal.h>
#include <time.h>

// A new thread inherits the mask of the moment when it is made.
int thread_start(pthread_t *thread, const char *name, void *(*main)(void *argument), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failure = pthread_create(thread, NULL, main, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure == 0 && name) (void)pthread_setname_np(*thread, name);
  return failure;
}

void thread_condition_init(pthread_cond_t *condition) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

struct timespec thread_in_seconds(double seconds) {
  struct timespec when;
  clock_gettime(CLOCK_MONOTONIC, &when);
  const double fraction = (double)when.tv_nsec * 1e-9 + seconds;
  when.tv_sec += (time_t)fraction;
  when.tv_nsec = (long)((fraction - (double)(time_t)fraction) * 1e9);
  return when;
}
