#include "launch/train/start_watch.h"

#include "common/base/c_locale.h"
#include "common/base/exit_bound.h"
#include "common/base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STARTING, OVER, STOPPED };
enum { TURN_MS = 50, GRACE_TURNS = 10 }; // half a second, in which the start may end by itself

static void obey(struct start_watch *watch) {
  char reason[128];
  const int number = *watch->stop;
  snprintf(reason, sizeof reason, "signal %d (%s) before training began: there was nothing to save", number,
           strsignal(number));
  log_info("stopping: %s", reason);
  exit_bound(EXIT_STOPPED, EXIT_SECONDS); // a file system that hangs holds up what follows
  if (watch->setup->run) setup_abandon(watch->setup, EXIT_STOPPED, reason);
  exit_at_once(EXIT_STOPPED);
}

static void refresh(struct start_watch *watch) {
  struct run_directory *run = atomic_load(&watch->run);
  if (run) run_directory_refresh_lock(run);
}

static void *look(void *who) {
  struct start_watch *watch = who;
  const struct timespec turn = {.tv_nsec = TURN_MS * 1000000L};
  locale_enter_c();
  for (int turns = 0; atomic_load(&watch->state) == STARTING; nanosleep(&turn, NULL)) {
    refresh(watch);
    if (*watch->stop == 0 || turns++ < GRACE_TURNS) continue;
    int state = STARTING;
    if (atomic_compare_exchange_strong(&watch->state, &state, STOPPED)) obey(watch);
  }
  return NULL;
}

void start_watch_begin(struct start_watch *watch, struct setup *setup, const volatile sig_atomic_t *stop) {
  *watch = (struct start_watch){.stop = stop, .setup = setup};
  watch->is_there =
      pthread_create(&watch->thread, NULL, look, watch) == 0; // without it a signal waits until the start is over
}

void start_watch_keep(struct start_watch *watch, struct run_directory *run) { atomic_store(&watch->run, run); }

void start_watch_end(struct start_watch *watch) {
  int state = STARTING;
  if (!watch || !watch->is_there) return;
  if (!atomic_compare_exchange_strong(&watch->state, &state, OVER) && state == STOPPED)
    for (;;) pause();
  watch->is_there = false;
  pthread_join(watch->thread, NULL);
}
