// A cluster in one process: hosts, processes, a clock that jumps from event to event. The real roles (launch/train) run
// in it, each in a fibre; seams.c gives them this clock, network.c this network, disk.c this disk.
//
// An event is the waking of a fibre, or a fault. Events have an order: by time, and at one time as they were made. No
// event depends on real time or on addresses, so the same plan gives the same events on every machine.
#ifndef CORSAC_TESTS_SIMULATION_WORLD_H
#define CORSAC_TESTS_SIMULATION_WORLD_H

#include "launch/train/setup.h"
#include "learner/learner.h"
#include "tests/simulation/fibre.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/queue.h"

#include <signal.h>

#define RUN_DIRECTORY "run"

struct network;
struct disk;
struct checks;
struct world;
struct process;

// A fibre of a process: its main thread, or one that it has started.
struct task {
  struct process *process;
  struct fibre *fibre;
  double wake;         // s: when it goes on; INFINITY: somebody has to wake it
  uint64_t generation; // of the event that wakes it: older ones are void
  bool ready;          // its event came while the process was stopped
  bool heeds_messages; // it polls, so the next message wakes it
  double idle_since;   // of such polling; 0: it did something
  const void *waits;   // for the signal of this condition variable, or NULL
  bool signalled;
  void *(*main)(void *); // of a thread
  void *argument;
  struct task *next; // of the same process
};

enum process_state { PROCESS_RUNS, PROCESS_STOPPED, PROCESS_ENDED };

// A rank of one start of the job.
struct process {
  struct world *world;
  uint32_t pid, start;
  int rank;
  uint32_t host;
  enum process_state state;
  struct task *tasks;          // the first is the main thread
  volatile sig_atomic_t stop;  // as its signal handler sets it
  struct transport *transport; // its end of the network; NULL once it has ended
  double ended, stopped;       // s: when; INFINITY: never, or not now
  double longest_stop;         // s: of this rank alone
  double disturbed;            // s: when it last went on after a stop, or its link healed
  bool has_left;               // its actor has got STOP
  double gave_up;              // s: when its actor returned an error
  double heard;                // s: when a message last came, and
  double excused;              // s: of stops since then, less what counts as silence of each
  double listened;             // s: for how long in vain, when its actor returned an error
  double reached;              // s: when the learner last took a message of it, and
  double unheard;              // s: of the learner's stops since then, less what counts as silence of each
  double presumed;             // s: since when the learner presumes it dead; INFINITY: it does not
  bool in_step;                // its environment makes a step
  bool has_stepped;            // one that trains has made one in this turn
  bool killed;                 // it did not end by itself
  int exit_code;
};

struct host {
  bool cut;      // from the others
  uint32_t boot; // counted
};

struct world {
  struct plan plan;
  bool traced;         // every event is printed
  double now;          // s
  uint64_t count;      // of events
  struct queue events; // item: the task to be woken, number: its generation; NULL: number / 2 is a fault, odd: it ends
  struct host host[PLAN_HOSTS];
  bool hung; // an environment has

  // the start of the job that is under way
  uint32_t start;
  struct process *process; // (actors + 1)
  uint32_t actors;
  double started;
  struct setup setup;      // of the learner
  bool is_configured;      // the actors have got the configuration
  bool is_ending;          // mpirun was told to end the job
  int exit_code;           // of the learner, -1: it has none yet
  double kill_at;          // s: mpirun's patience, INFINITY: none
  struct learner *learner; // NULL: not yet, or no more

  struct process *current; // whose code runs; NULL: the scheduler's
  struct task *task;
  struct network *network;
  struct disk *disk;
  struct checks *checks;
  char violation[1024]; // the first invariant that was broken; "": none
  uint64_t fingerprint; // of all events so far
};

// The only one, since the seams have no argument for it.
extern struct world *world;

// Plays the plan to its end. Returns whether every invariant held; world.violation says which did not. directory: an
// empty one for the disk, absolute; it is the working directory, so that no message has its name.
bool world_play(struct world *w, const struct plan *plan, const char *directory, bool traced, struct checks *checks);
void world_release(struct world *w);

// --- for the code of processes ---

// The running task sleeps so long.
void world_sleep(double seconds);

// The running task polls for something to do: it sleeps until a message comes, for an eighth of the time that it has
// waited so far, or until a signal.
void world_poll(void);
void world_poll_over(void); // it did something

// The running task waits until somebody calls world_signal, or until the time. Returns whether it was signalled.
bool world_wait(const void *condition, double until);
void world_signal(const void *condition);

// A thread of the running process.
struct task *world_thread(void *(*main)(void *), void *argument);

// Message for `process` arrives then.
void world_announce(struct process *process, double when);

// --- for all ---

struct process *world_process(int rank); // of this start; NULL: it has ended
struct process *world_by_pid(uint32_t pid);
bool world_has_ended(uint32_t pid);

// Notes that an invariant is broken; the world ends.
void world_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
