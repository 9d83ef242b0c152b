// Ranks that step an environment together (--ranks-per-env): which rank is in which group, and the communicators.
#ifndef CORSAC_LAUNCH_TRAIN_GROUPS_H
#define CORSAC_LAUNCH_TRAIN_GROUPS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stdint.h>

// Where this rank is. Communicators are Fortran handles; -1: this rank is not in it.
struct group_position {
  int front;       // the learner and the first rank of each group
  int group;       // this rank's group
  int environment; // the same ranks, for the environments' own messages
  int aside;     // every rank of the job: here a rank that is not the first of its group tells the learner its failure
  uint32_t peer; // the peer of `front` that stands for this rank's group
  bool follows;  // this rank is not the first of its group
};

// Collective: rank 0 learns, the k ranks from 1 + g k on are group g.
enum status groups_split(uint64_t k, struct group_position *position, struct error *error);

#endif
