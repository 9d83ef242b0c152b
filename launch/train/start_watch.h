// A signal that comes while a job starts. Large networks and large checkpoints take minutes to make and to read, in
// which nobody looks at the signal's flag; and there is nothing to save. So a thread looks, and ends the process.
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
  bool is_there;
  pthread_t thread;
};
// On rank 0, before setup_resolve. setup: zeroed, to be resolved; it and the watch stay where they are until
// start_watch_end. Half a second after a signal the process ends with EXIT_STOPPED: setup_abandon tells of it, or
// undoes the run directory.
void start_watch_begin(struct start_watch *watch, struct setup *setup, const volatile sig_atomic_t *stop);
// Training begins, or the start has failed: from here on others look. Does not return where a signal is being obeyed.
void start_watch_end(struct start_watch *watch); // NULL: does nothing

#endif
