// --init-policy: a new job begins with a policy that was trained before.
#ifndef CORSAC_LEARNER_CHECKPOINT_INITIAL_POLICY_H
#define CORSAC_LEARNER_CHECKPOINT_INITIAL_POLICY_H

#include "learner/job/job.h"
#include "learner/storage/trained_policy.h"

// Copies the network into a new job and, where both normalise, the statistics. Actors act with it at once instead of
// taking random actions. STATUS_MISMATCH: its dimensions are not the job's. STATUS_USAGE: its history, its network, the
// form of its log_std or its normalisation are not, which an option can change.
enum status initial_policy_take(const struct trained_policy *policy, struct job *job, struct error *error);
#endif
