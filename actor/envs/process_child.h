// A child process with its supervisor and its channel: starting it, waiting for an answer, ending it. Every wait here
// has an end, and nothing that the child writes into the channel can do more than fail its environment.
//
// The states
//
//   NONE     there is no process (supervisor is 0)
//            process_child_start: it is WAITED FOR, since the child has to answer CHANNEL_OPEN first
//   IDLE     the child waits for a request
//            process_child_ask: it is WAITED FOR
//   WAITED FOR   a request has had no answer yet (asked)
//            process_child_await: IDLE (PROCESS_ANSWERED), ENDED (PROCESS_ENDED), or as before (PROCESS_LATE)
//   ENDED    the supervisor has reported the child's end, or is dead itself (ended)
//
//   In every state process_child_end leads to NONE. The channel stays mapped, so that the last answer can be read;
//   process_child_release gives it back, too.
//
// Invariants
//
//   I1. The actor reads the channel's answer only after `answered` has the number of the last request.
//   I2. The channel's memory object cannot get smaller (it is sealed), so a read of it cannot kill the actor.
//   I3. In NONE no process is left that the child or its supervisor has started, as far as the kernel let them be
//   killed.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_CHILD_H
#define CORSAC_ACTOR_ENVS_PROCESS_CHILD_H

#include "actor/envs/listener.h"
#include "actor/envs/supervisor.h"
#include "common/env/channel.h"
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_start {
  const char *const
      *argv;       // what the supervisor is to run: from "exec", "argv", "plugin" or "fmi" on, with NULL at the end
  const char *log; // file for the child's output, "": stderr
  const char *directory; // where the child runs, absolute; "": where this program was started
  const char *copy_of;   // what is copied into that directory first, absolute; "": nothing
  uint64_t index;
  bool evaluation;
  uint64_t episode, env_steps;
  const char *case_text; // the case of all that the child will play; NULL: there is none, or its resets tell it
  bool has_cores;
  cpu_set_t cores;     // where has_cores
  const char *channel; // memory, unix or tcp; the latter two with a relay
  const char *host;    // of tcp: where to listen, as listener_open takes it
};

struct process_child {
  struct channel *channel;  // mapped, or NULL
  int file, socket;         // of the channel; to the supervisor
  struct listener listener; // of the relay; the actor keeps only its path
  pid_t supervisor;         // 0: there is none
  bool ended;
  struct supervisor_report report; // the last one
  struct channel_patience patience;
  uint32_t number; // of the last request
  bool asked;      // the last request has had no answer yet
  double closing;  // clock_now() when process_child_close asked it to end; 0: it has not
};

// Called at least ten times a second while an answer or an end is waited for. waiting may be NULL.
struct process_listener {
  void (*waiting)(void *who);
  void *who;
};

enum process_answer { PROCESS_ANSWERED, PROCESS_ENDED, PROCESS_LATE };

// Starts a supervisor with its child. false: `why` says what failed, and nothing is left to be ended.
bool process_child_start(struct process_child *child, const struct process_start *start, char *why, size_t size);

// Sends a request; its numbers are in the channel already.
void process_child_ask(struct process_child *child, enum channel_request request);

// Whether the last request has been answered.
bool process_child_has_answered(const struct process_child *child);

// Looks for the answer without waiting; PROCESS_LATE: there is none yet. opens: the answer to the request before the
// last one counts, too, for a child that was asked twice (OPEN and RESET).
enum process_answer process_child_look(struct process_child *child, bool opens);

// Waits for the answer, until clock_now() is `until`.
enum process_answer process_child_await(struct process_child *child, bool opens, double until,
                                        struct process_listener listener);

// Whether the child has ended by itself, with exit status 0.
bool process_child_ended_well(const struct process_child *child);

// The process that has opened the channel. 0: it is not known here, since it runs in a container or behind a relay.
pid_t process_child_opener(struct process_child *child);

// Asks the child to end by itself and does not wait for it, so that several children end at once. Once is enough.
void process_child_close(struct process_child *child);

// Ends the child and all processes that it has started. For `seconds` since process_child_close, which this calls
// unless `seconds` is 0, it may end by itself. If child->report.news is SUPERVISOR_ENDED afterwards, report says how it
// ended. May be called twice.
void process_child_end(struct process_child *child, double seconds, struct process_listener listener);

// Ends it and gives everything back. May be called twice.
void process_child_release(struct process_child *child);
#endif
