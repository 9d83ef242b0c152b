// What a checkpoint says of the rows in its replay, for --init-replay: the bounds that their actions are scaled by, and
// the gamma of their discounts. Rows of other ones are changed to the present ones, or refused.
#ifndef CORSAC_LEARNER_CHECKPOINT_TRANSITION_ORIGIN_H
#define CORSAC_LEARNER_CHECKPOINT_TRANSITION_ORIGIN_H

#include "learner/job/job.h"
#include "learner/storage/h5.h"

struct transition_origin {
  double *low, *high; // (act_dim) the job's bounds, in units of the file's actions: -1 and 1 where both have the same
  float discount;     // of a step that did not terminate, in the file
};

// Fails the walk where the environment has other dimensions; where the job's bounds do not hold the file's; and where
// gamma is another one and a row's discount does not tell its steps. Warns of another environment. Release afterwards,
// on failure too.
void transition_origin_read(struct h5 *h5, const struct job *job, struct transition_origin *origin);
void transition_origin_release(struct transition_origin *origin);
#endif
