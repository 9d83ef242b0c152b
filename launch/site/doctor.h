// corsac doctor: what it finds, a line each.
#ifndef CORSAC_LAUNCH_SITE_DOCTOR_H
#define CORSAC_LAUNCH_SITE_DOCTOR_H

#include "common/base/status.h"
#include <stdint.h>

enum finding { FINDING_OK, FINDING_WARN, FINDING_BAD }; // BAD: a job will not run, or may lose what it saves
struct doctor {
  uint32_t warnings, faults;
};
// One line on stdout; rank 0's word.
void doctor_say(struct doctor *doctor, enum finding finding, const char *topic, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// What this machine has, and how the run directory's file system does.
void doctor_machine(struct doctor *doctor);
void doctor_disk(struct doctor *doctor, const char *directory);
// Collective over the ranks that mpirun started: who is where, and how each node reaches the learner. On other ranks
// than 0 nothing is said. Every wait is bounded.
void doctor_network(struct doctor *doctor, int rank, int size);
#endif
