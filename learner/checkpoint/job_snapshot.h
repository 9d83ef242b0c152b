// The job as it stands at a moment, in memory of its own but for the replay's rows, which it views: what a checkpoint
// is written from while training goes on. Taking one copies memory and, once its buffers have grown, allocates nothing.
#ifndef CORSAC_LEARNER_CHECKPOINT_JOB_SNAPSHOT_H
#define CORSAC_LEARNER_CHECKPOINT_JOB_SNAPSHOT_H

#include "learner/job/job.h"

// Allocates a snapshot of jobs of this shape; replay: job->replay, or a view of it. The job outlives it: what never
// changes (configuration's and environment's texts and bounds) is shared.
enum status job_snapshot_init(struct job *snapshot, const struct job *job, struct error *error);
void job_snapshot_release(struct job *snapshot);
// with_replay: takes the view too (replay_view_take), so that the job's replay holds these rows until the view lets go.
enum status job_snapshot_take(struct job *snapshot, const struct job *job, bool with_replay, struct error *error);
#endif
