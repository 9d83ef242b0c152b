// The job as it is when training begins: new, with the replay or the policy of another run, or from a checkpoint.
#ifndef CORSAC_LAUNCH_TRAIN_START_JOB_H
#define CORSAC_LAUNCH_TRAIN_START_JOB_H

#include "common/wire/message.h"
#include "launch/train/setup.h"
#include "learner/job/job.h"

// hello: what the actors said of their environments; the job takes it over. job_release also after a failure.
enum status start_job(const struct setup *setup, struct job *job, struct message_hello *hello, struct error *error);

// The return of the policy in the run's best.h5, which a better one replaces. -inf: there is no such file, it is
// damaged, or a new run begins. Where an older version wrote it, or it cannot be read now: the best return of the job.
double start_best(const struct setup *setup, const struct job *job);

#endif
