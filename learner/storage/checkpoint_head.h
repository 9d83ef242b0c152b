// The parts of a checkpoint that a policy without its job has too: the head, the environment's bounds, the normalizer.
// Each walk is the layout of one part, for writing and for reading.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_HEAD_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_HEAD_H

#include "common/nn/normalizer.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/h5.h"

void checkpoint_walk_head(struct h5 *h5, struct checkpoint_info *info);
// Reading: the head, and what else can be told without reading data.
void checkpoint_walk_info(struct h5 *h5, struct checkpoint_info *info);
void checkpoint_walk_bounds(struct h5 *h5, uint32_t act_dim, double *low, double *high);
void checkpoint_walk_normalizer(struct h5 *h5, struct normalizer *normalizer);
#endif
