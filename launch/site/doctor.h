// corsac doctor: looks at what a job will run on, and prints a line for each finding.
#ifndef CORSAC_LAUNCH_SITE_DOCTOR_H
#define CORSAC_LAUNCH_SITE_DOCTOR_H

#include "common/base/status.h"
#include <stdint.h>

// FINDING_BAD: a job will not run, or may lose what it saves.
enum finding { FINDING_OK, FINDING_WARN, FINDING_BAD };
struct doctor {
  uint32_t warnings, faults;
};

// Prints one line on stdout. Only rank 0 calls it.
void doctor_say(struct doctor *doctor, enum finding finding, const char *topic, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Looks at this machine: cores, BLAS, kernels, shared memory.
void doctor_machine(struct doctor *doctor);

// Looks at the run directory's file system: speed, locks, space.
void doctor_disk(struct doctor *doctor, const char *directory);

// Collective over the ranks that mpirun started: finds which rank is where, and how each node reaches the learner. Rank
// 0 prints. Every wait is bounded.
void doctor_network(struct doctor *doctor, int rank, int size);

#endif
