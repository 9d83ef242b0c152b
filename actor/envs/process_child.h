// A child process with its supervisor and its channel: starting it, waiting for an answer, ending it. No wait here is
// without an end, and nothing that the child writes into the channel can do more than fail it.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_CHILD_H
#define CORSAC_ACTOR_ENVS_PROCESS_CHILD_H

#include "actor/envs/supervisor.h"
#include "common/env/channel.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_start {
  const char *const *argv; // what the supervisor is to run, from "exec", "argv" or "plugin" on; NULL at its end
  const char *log;         // file for what the child writes, "": stderr
  uint64_t index;
  int evaluation;
};

struct process_child {
  struct channel *channel; // mapped, or NULL
  int file, socket;
  pid_t supervisor; // 0: none, or reaped
  bool ended;
  struct supervisor_report report; // the last one
  struct channel_patience patience;
  uint32_t number; // of the last request
  bool asked;      // that has had no answer yet
};

// What somebody wants to be called while an answer is awaited, at least ten times a second.
struct process_listener {
  void (*waiting)(void *who); // or NULL
  void *who;
};
enum process_answer { PROCESS_ANSWERED, PROCESS_ENDED, PROCESS_LATE };

// false: why says it, and nothing is left to be ended.
bool process_child_start(struct process_child *child, const struct process_start *start, char *why, size_t size);
// Asks; what belongs to the request has been written into the channel.
void process_child_ask(struct process_child *child, enum channel_request request);
// Waits for the answer until clock_now() is `until`.
enum process_answer process_child_await(struct process_child *child, double until, struct process_listener listener);
// Ends it and everything that it has started; `seconds`: how long it may take to end by itself, after CHANNEL_CLOSE.
// report tells how it ended, as far as that is known (report.news is SUPERVISOR_ENDED). Twice is fine.
void process_child_end(struct process_child *child, double seconds);
void process_child_release(struct process_child *child); // ends it and gives everything back; twice is fine
#endif
