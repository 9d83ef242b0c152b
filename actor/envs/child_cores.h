// Which cores a child process gets for itself (option child_cores).
#ifndef CORSAC_ACTOR_ENVS_CHILD_CORES_H
#define CORSAC_ACTOR_ENVS_CHILD_CORES_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

// Where the instances of this actor stand among all children that share its cores: those of this actor, or of all
// actors of the node where none of them is bound. Each instance has a slot: first those that train, then those that
// evaluate.
struct process_place {
  uint32_t first_index;     // the environment of this actor's first training instance
  uint32_t first_slot;      // its slot
  uint32_t evaluation_slot; // of the instance that evaluates
  uint32_t slots;           // of all of them; 0: unknown
};

uint32_t child_cores_slot(const struct process_place *place, uint64_t index, bool evaluation);

// Writes `each` of the allowed cores, those of this slot, into `chosen`. Behind the last core comes the first one
// again. At least one core is allowed.
void child_cores_choose(const cpu_set_t *allowed, uint32_t slot, uint64_t each, cpu_set_t *chosen);
#endif
