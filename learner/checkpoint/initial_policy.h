// --init-policy: a new job begins with a policy that was trained elsewhere.
#ifndef CORSAC_LEARNER_CHECKPOINT_INITIAL_POLICY_H
#define CORSAC_LEARNER_CHECKPOINT_INITIAL_POLICY_H

#include "learner/job/job.h"
#include "learner/storage/trained_policy.h"

// Into a new job: the network and, where both normalise, the statistics. Acting begins with it at once, in the place of
// random actions. STATUS_MISMATCH: dimensions, widths or normalisation are not the job's; STATUS_USAGE where an option
// mends that.
enum status initial_policy_take(const struct trained_policy *policy, struct job *job, struct error *error);
#endif
