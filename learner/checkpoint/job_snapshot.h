// A copy of the job at one moment, from which a checkpoint is written while training goes on. The replay's rows are not
// copied: the snapshot has a view of them. Taking one copies memory and, once its buffers have grown, allocates
// nothing.
#ifndef CORSAC_LEARNER_CHECKPOINT_JOB_SNAPSHOT_H
#define CORSAC_LEARNER_CHECKPOINT_JOB_SNAPSHOT_H

#include "learner/job/job.h"

// Allocates a snapshot for a job of this shape. The job outlives it: they share what never changes (the texts of the
// configuration, the environment's name and bounds).
enum status job_snapshot_init(struct job *snapshot, const struct job *job, struct error *error);
void job_snapshot_release(struct job *snapshot);
// Copies the job. with_replay: takes the view too (replay_view_take), so that the rows stay until the view releases
// them.
enum status job_snapshot_take(struct job *snapshot, const struct job *job, bool with_replay, struct error *error);
#endif
