// The metrics' sums in a checkpoint's /learner: a resumed run writes the rows that the one that never stopped writes.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_METRICS_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_METRICS_H

#include "learner/storage/h5.h"
#include "learner/job/metrics.h"

// Writes or reads. info_dim: the environment's named values; sums of other ones than it has now are dropped, they only
// begin the next row.
void checkpoint_walk_metrics(struct h5 *h5, struct metrics *metrics, uint32_t info_dim);

#endif
