// Inside of environments in child processes: their data, shared by what starts and asks them (process.c), the start of
// a child (process_start.c) and the begin of episodes (process_reset.c).
//
// The phases of an instance
//
//   IDLE       its child is open and waits; or a step, a save or a load is under way and is waited for
//              process_reset_begin: it is RESETTING, or ENDING where the child is to be started anew
//   RESETTING  RESET was asked of a child that is open
//              answered: IDLE. The child has ended with status 0 after an episode: a new one is STARTING
//   ENDING     the child was told to end, since restart_each_episode wants a new one
//              it has ended with status 0: a new one is STARTING
//   STARTING   a new child was started, and RESET was asked at once
//              it has opened, with the spec of the first one: RESETTING
//
//   In every phase a failure makes the instance `broken`: the child is ended, and every later request fails.
//
// From process_reset_begin to process_reset_end an instance is in the list process->resets. While one instance is
// waited for, every other one of the list goes on (process_advance), so that minutes of one child are the minutes of
// all of them.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_IMPL_H
#define CORSAC_ACTOR_ENVS_PROCESS_IMPL_H

#include "actor/envs/process.h"
#include "actor/envs/process_state.h"
#include "actor/envs/scratch.h"

enum { PROCESS_ARGUMENTS = 32, PROCESS_WHY = 704 };

struct process {
  const struct config *config; // not owned, or NULL
  size_t count;
  char *argv[PROCESS_ARGUMENTS + 3]; // with room for index, evaluation and NULL
  char *scratch, *scratch_from;      // absolute paths, or NULL
  struct process_place place;
  struct instance *resets; // those whose reset is under way, linked by `next`
  struct instance *begun;  // those whose child is started, before process_create asks for them; linked by `next`
};

enum process_phase { PROCESS_IDLE, PROCESS_RESETTING, PROCESS_ENDING, PROCESS_STARTING };

struct instance {
  struct process *process;                 // not owned
  struct instance *next;                   // in process->resets or process->begun
  struct process_listener listener, outer; // listener also lets other resets go on, and calls outer
  uint64_t index;
  bool evaluation;
  uint64_t seed, episode, env_steps; // of the reset under way, or the last one
  char case_text[CHANNEL_CASE];      // likewise, as process_set_case got it
  enum process_phase phase;
  struct process_child child;
  uint64_t started_for; // the episode that the child was told when it was started
  bool has_played;      // the child has had a reset
  struct scratch scratch;
  struct process_state state;
  size_t kept;           // bytes of `state` that the last request saved, and the caller had no room for; 0: none
  enum config_call call; // under way
  double timeout, until; // s: of the request under way; when it is late
  bool broken;           // a request failed: the child is ended, and every later request fails
  bool is_refused;       // the host refused what the child sent
  char why[PROCESS_WHY];
  struct channel_spec spec;                 // a checked copy
  double *bounds;                           // (2 x act_dim)
  uint32_t agents;                          // of the spec, at least 1
  uint8_t *agent_flags;                     // (agents) of the last step or reset; NULL where there is one agent
  double info[CHANNEL_MAX_INFO];            // of the last step
  const char *info_names[CHANNEL_MAX_INFO]; // they point into spec
};

// --- process.c ---

// What the child wrote may change at any time. So it is copied first; the copy is checked, and used.
void process_copy(void *to, const void *from, size_t size);

// Breaks the instance: ends its child, whose last lines go into the message. Returns -1.
int process_fail(struct instance *instance, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same for a child that has ended, or is late.
int process_fail_ended(struct instance *instance);
int process_fail_late(struct instance *instance);

// Sets how long the call that begins now may take.
void process_limit(struct instance *instance, enum config_call call);

// Takes the observations, and of several agents their flags, of an answer that has come.
void process_take_obs(struct instance *instance, float *obs);

// Reads the answer to the last request, which has come. 0, or -1: the child reported a failure.
int process_take_answer(struct instance *instance, struct channel_answer *answer);

// --- process_start.c ---

// Finds the directories that the options scratch and scratch_from name. STATUS_USAGE: they do not fit.
enum status process_find_scratch(struct process *process, struct error *error);

// Starts a child, with a scratch directory of its own where the options want one. false: `error` says why.
bool process_spawn(struct instance *instance, char *error, size_t size);

// Ends what process_spawn made; seconds: for the child to end by itself. Keeps or removes the scratch directory.
void process_end(struct instance *instance, double seconds);

// --- process_reset.c ---

void process_progress(void *self, uint64_t episode, uint64_t env_steps);
int process_set_case(void *self, const char *args);
int process_reset_begin(void *self, uint64_t seed);
int process_reset_end(void *self, float *obs);

// Lets every reset that is under way, but not that of `except`, go on as far as it can without waiting.
void process_advance(struct process *process, const struct instance *except);

// Takes the instance out of the list of resets, if it is there.
void process_forget_reset(struct instance *instance);
#endif
