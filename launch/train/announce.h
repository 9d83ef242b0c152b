// The lines that a job logs when training begins and when it has ended.
#ifndef CORSAC_LAUNCH_TRAIN_ANNOUNCE_H
#define CORSAC_LAUNCH_TRAIN_ANNOUNCE_H

#include "launch/train/setup.h"
#include "learner/job/job.h"
#include "learner/learner.h"

// Logs what is trained on what, and warns of settings that have no effect. actors: those that have environments.
void announce_start(const struct setup *setup, const struct job *job, uint32_t actors);

// Logs what was learned, and the commands that look at it and go on, as they can be typed here. ranks: of mpirun, 0 in
// one process.
void announce_end(const struct job *job, const struct learner_outcome *outcome, int ranks);

#endif
