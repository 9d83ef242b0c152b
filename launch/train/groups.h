// Ranks that step environments together: who is in which group, and the communicators of it all.
#ifndef CORSAC_LAUNCH_TRAIN_GROUPS_H
#define CORSAC_LAUNCH_TRAIN_GROUPS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stdint.h>

struct group_place {
  // Fortran handles, -1: this rank is not in it
  int front;       // the learner and the first rank of each group
  int group;       // this rank's group
  int environment; // the same, for its environments
  int aside;       // every rank of the job: on it one that is no first rank speaks to the learner
  uint32_t peer;   // which peer of `front` this rank's group is
  bool follows;    // not the first of its group
};
// Collective: rank 0 learns, ranks 1 + g k to (g + 1) k are group g.
enum status groups_split(uint64_t k, struct group_place *place, struct error *error);
#endif
