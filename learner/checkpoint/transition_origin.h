// What a checkpoint says of the rows in its replay, for --init-replay: the bounds that their actions are scaled by, the
// gamma of their discounts, and the statistics of their returns. Rows of other bounds or another gamma are changed to
// the present ones, or refused.
#ifndef CORSAC_LEARNER_CHECKPOINT_TRANSITION_ORIGIN_H
#define CORSAC_LEARNER_CHECKPOINT_TRANSITION_ORIGIN_H

#include "learner/job/job.h"
#include "learner/storage/h5.h"

struct transition_origin {
  double *low, *high; // (act_dim) the job's bounds, in units of the file's actions: -1 and 1 where both have the same
  float discount;     // of a step that did not terminate, in the file
  bool is_mixed;      // the rows are steps of several environments or agents in turn, and do not say whose
  // The sums of its reward statistics; count 0: it has none, or those of another gamma or other rows than the job's.
  uint64_t count;
  double mean, m2, highest;
};

// Fails the walk where the environment has other dimensions; where the job's bounds do not hold the file's; and where
// gamma is another one and a row's discount does not tell its steps. Warns of another environment. Release afterwards,
// on failure too.
void transition_origin_read(struct h5 *h5, const struct job *job, struct transition_origin *origin);

// After the rows of `path` (origin: all zeros where that is no checkpoint) went through the job's statistics of rewards
// as steps of one environment: the statistics become those of the checkpoint, if it has them. If it has not, and the
// rows are no such steps, the statistics forget them, and a warning says why.
void transition_origin_settle_rewards(const struct transition_origin *origin, const char *path, struct job *job);

void transition_origin_release(struct transition_origin *origin);
#endif
