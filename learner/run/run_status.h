// status.json as its readers see it: what a run said last, and whether who said it is still there.
#ifndef CORSAC_LEARNER_RUN_RUN_STATUS_H
#define CORSAC_LEARNER_RUN_RUN_STATUS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum run_state {
  RUN_UNKNOWN, // there is no status.json, or none that can be read
  RUN_RUNNING,
  RUN_SILENT, // it says running, but from where nobody here can look, and not of late
  RUN_DIED,   // it says running, but its process is gone: killed, crashed, or its host went down
  RUN_DONE,
  RUN_STOPPED,
  RUN_FAILED
};
const char *run_state_name(enum run_state state); // "unknown", "running", "silent", "died", ...

// How often in a row starts have ended in the same way at the same step.
struct run_failures {
  uint32_t count;
  char cause[32]; // "" for none
  uint64_t at_steps, at_updates;
};

struct run_word { // texts are "" where nothing tells them
  enum run_state state;
  bool says_running; // as it stands in the file
  int exit_code;     // -1: it has not ended, or nothing tells
  char reason[1024], host[256], updated[64], checkpoint[64], boot[64];
  uint64_t pid, pid_namespace, process_start;
  double age; // s since `updated`; below 0: unknown
  uint64_t env_steps, updates, surplus, unsent, lost_at_most, actors_lost;
  struct run_failures failures;
};
// Of a run directory, judged as of now. Never fails: what cannot be read is unknown.
void run_word_read(const char *directory, struct run_word *word);
// In words, for people: "died: process 7 on node3 is gone ...".
void run_word_format(const struct run_word *word, char *text, size_t size);
#endif
