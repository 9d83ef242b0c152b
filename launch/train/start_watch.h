// Obeys a signal that comes while a job starts. Large networks and checkpoints take minutes to make and to read, and
// meanwhile no other code looks at the signal's flag. Nothing is to be saved yet, so a thread ends the process. The
// thread refreshes the lock of the run directory too.
#ifndef CORSAC_LAUNCH_TRAIN_START_WATCH_H
#define CORSAC_LAUNCH_TRAIN_START_WATCH_H

#include "launch/train/setup.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

struct start_watch {
  const volatile sig_atomic_t *stop;
  struct setup *setup;
  _Atomic int state;
  _Atomic(struct run_directory *) run; // whose lock is refreshed; NULL: none yet
  bool is_there;
  pthread_t thread;
};

// Starts the thread: on rank 0, before setup_resolve. setup: zeroed. It and the watch stay in place until
// start_watch_end. Half a second after a signal setup_abandon is called and the process ends with EXIT_STOPPED.
void start_watch_begin(struct start_watch *watch, struct setup *setup, const volatile sig_atomic_t *stop);

// From now on the thread refreshes the lock of this directory. It stays open until start_watch_end.
void start_watch_keep(struct start_watch *watch, struct run_directory *run);

// Ends the thread: training begins and looks at the flag itself, or the start has failed. Does not return while a
// signal is being obeyed. watch may be NULL.
void start_watch_end(struct start_watch *watch);

#endif
