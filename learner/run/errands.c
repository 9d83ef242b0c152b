// The states, under the mutex:
//
//   IDLE      errands_run (caller) -> ASKED
//   ASKED     thread_main (thread) makes the call -> OVER
//   OVER      errands_run (caller) -> IDLE
//   any       errands_destroy (caller) -> ENDS; it is IDLE then, since errands_run waits
#include "learner/run/errands.h"

#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/streams.h"
#include "common/base/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double LOOK_SECONDS = 0.05, SAID_SECONDS = 30;

enum state { IDLE, ASKED, OVER, ENDS };

struct errands {
  const char *directory;
  void (*meanwhile)(void *who);
  void *who;
  pthread_t thread;
  pthread_mutex_t mutex; // over all that follows
  pthread_cond_t asked, over;
  enum state state;
  void (*call)(void *argument);
  void *argument;
};

static void *thread_main(void *argument) {
  struct errands *errands = argument;
  locale_enter_c(); // a plugin may have changed the process's locale
  pthread_mutex_lock(&errands->mutex);
  while (errands->state != ENDS) {
    if (errands->state != ASKED) {
      pthread_cond_wait(&errands->asked, &errands->mutex);
      continue;
    }
    pthread_mutex_unlock(&errands->mutex);
    errands->call(errands->argument);
    pthread_mutex_lock(&errands->mutex);
    errands->state = OVER;
    pthread_cond_signal(&errands->over);
  }
  pthread_mutex_unlock(&errands->mutex);
  return NULL;
}

struct errands *errands_create(const char *directory, void (*meanwhile)(void *who), void *who, struct error *error) {
  struct errands *errands = memory_alloc(1, sizeof *errands, "the thread that writes files", error);
  if (!errands) return NULL;
  *errands = (struct errands){.directory = directory, .meanwhile = meanwhile, .who = who};
  pthread_mutex_init(&errands->mutex, NULL);
  pthread_cond_init(&errands->asked, NULL);
  thread_condition_init(&errands->over);
  const int failure = thread_start(&errands->thread, "files", thread_main, errands);
  if (failure == 0) return errands;
  error_set(error, STATUS_FAILED, "the thread that writes files cannot be started: %s", strerror(failure));
  memory_free(errands);
  return NULL;
}

void errands_destroy(struct errands *errands) {
  if (!errands) return;
  pthread_mutex_lock(&errands->mutex);
  errands->state = ENDS;
  pthread_cond_signal(&errands->asked);
  pthread_mutex_unlock(&errands->mutex);
  pthread_join(errands->thread, NULL);
  pthread_cond_destroy(&errands->asked);
  pthread_cond_destroy(&errands->over);
  pthread_mutex_destroy(&errands->mutex);
  memory_free(errands);
}

// The mutex is held. false: the call goes on.
static bool wait_until_over(struct errands *errands) {
  const struct timespec until = thread_in_seconds(LOOK_SECONDS);
  while (errands->state != OVER)
    if (pthread_cond_timedwait(&errands->over, &errands->mutex, &until) != 0) break;
  return errands->state == OVER;
}

// Not in the log, whose file may be on the same file system.
static void say(const struct errands *errands) {
  char line[512];
  const int size = snprintf(line, sizeof line,
                            "corsac: %.300s: a file operation has taken %.0f s so far, and the job waits for it\n",
                            errands->directory, SAID_SECONDS);
  if (size > 0) (void)streams_write(streams_error_descriptor(), line, (size_t)size);
}

void errands_run(struct errands *errands, void (*call)(void *argument), void *argument) {
  if (!errands) {
    call(argument);
    return;
  }
  const double began = clock_now();
  bool said = false;
  pthread_mutex_lock(&errands->mutex);
  errands->call = call;
  errands->argument = argument;
  errands->state = ASKED;
  pthread_cond_signal(&errands->asked);
  while (!wait_until_over(errands)) {
    pthread_mutex_unlock(&errands->mutex);
    errands->meanwhile(errands->who);
    if (!said && clock_now() - began > SAID_SECONDS) {
      said = true;
      say(errands);
    }
    pthread_mutex_lock(&errands->mutex);
  }
  errands->state = IDLE;
  pthread_mutex_unlock(&errands->mutex);
  if (said) log_warn("%s: a file operation took %.0f s", errands->directory, clock_now() - began);
}
