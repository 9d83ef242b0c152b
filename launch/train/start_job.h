// The job as it is when training begins: new, with the replay or the policy of another run, or from a checkpoint.
#ifndef CORSAC_LAUNCH_TRAIN_START_JOB_H
#define CORSAC_LAUNCH_TRAIN_START_JOB_H

#include "common/wire/message.h"
#include "launch/train/setup.h"
#include "learner/job/job.h"

// hello: what the actors said of their environments; the job takes it over. job_release also after a failure.
enum status start_job(const struct setup *setup, struct job *job, struct message_hello *hello, struct error *error);

#endif
