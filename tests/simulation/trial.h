// One world, played in a process of its own: a crash is a verdict, too.
#ifndef CORSAC_TESTS_SIMULATION_TRIAL_H
#define CORSAC_TESTS_SIMULATION_TRIAL_H

#include "tests/simulation/place.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct wanted {
  uint64_t seed;
  uint32_t without; // bits of the faults that are left out
  uint32_t actors;  // 0: as the plan says
};

struct verdict {
  char directory[PLACE_PATH]; // of its disk
  bool is_done, holds;
  uint64_t fingerprint, events, starts;
  double seconds; // of the world
  char violation[1024];
};

// Plays it here, with a trace of its events or without.
bool trial_play(const struct wanted *wanted, bool traced, struct verdict *verdict);

// Begins to play it in a child. verdict: in memory that both share. trial_end: after the child has ended with this
// status of waitpid.
pid_t trial_begin(const struct wanted *wanted, struct verdict *verdict);
void trial_end(struct verdict *verdict, int status);

// Leaves out faults, then actors, as long as the world still fails. verdict: of the world; verdict[1] is scratch.
struct wanted trial_shrink(struct wanted wanted, struct verdict *verdict);

// Prints the command that repeats it.
void trial_print(const struct wanted *wanted);

#endif
