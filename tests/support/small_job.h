// A job of a few kilobytes whose every number is set to something that no default has: for the tests of what is saved
// and read back.
#ifndef CORSAC_TESTS_SUPPORT_SMALL_JOB_H
#define CORSAC_TESTS_SUPPORT_SMALL_JOB_H

#include "learner/job/job.h"

enum { SMALL_OBS = 3, SMALL_ACT = 2, SMALL_ENVS = 3, SMALL_CAPACITY = 20 };

// What networks are made of: each kind has its own arrays in files.
enum small_kind { SMALL_PLAIN, SMALL_DENSE_BATCH, SMALL_RESIDUAL_BATCH, SMALL_RESIDUAL, SMALL_KINDS };
struct config small_config_of(enum small_kind kind);

// SMALL_PLAIN: small networks, an n-step window of 2, SMALL_ENVS environments, sync.
struct config small_config(void);
struct message_hello small_hello(uint32_t obs_dim, uint32_t act_dim); // bounds are allocated
// The same of SMALL_ENVS environments with so many agents each.
struct message_hello small_hello_of_agents(uint32_t agents);
// job_init; leaves the program on failure.
void small_job_init(struct job *job, const struct config *config);
// Gives every field that a checkpoint holds a value of its own; `rows` rows go through the replay, and through the
// normalizer.
void small_job_fill(struct job *job, uint64_t seed, uint32_t rows);
// The weight from input `in` to output `out` of one of the policy's layers.
float small_policy_weight(const struct job *job, uint32_t layer, size_t out, size_t in);
#endif
