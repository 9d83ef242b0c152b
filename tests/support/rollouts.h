// A rollout under test with the policy that it acts with, and comparisons of what two of them made.
#ifndef CORSAC_TESTS_SUPPORT_ROLLOUTS_H
#define CORSAC_TESTS_SUPPORT_ROLLOUTS_H

#include "actor/rollout.h"

struct rollout_run {
  struct environment_kind kind;
  struct rollout *rollout;
  struct policy *policy;
  struct transition_batch batch; // everything that the rollout made
};

// Most steps, and environments, of a run.
enum { ROLLOUT_RUN_STEPS = 450, ROLLOUT_RUN_ENVS = 6 };

// Creates environments [first, first + count) of a built-in name, or of a test plugin with arguments behind a dash
// ("flaky-nan"), and a policy of this version with small random weights.
void rollout_run_begin(struct rollout_run *run, const char *name, const struct config *config, uint32_t first,
                       uint32_t count, uint64_t version);
void rollout_run_steps(struct rollout_run *run, int steps);
void rollout_run_end(struct rollout_run *run);

// Row i of a is row j of b, bit for bit.
bool rollout_row_agrees(const struct transition_batch *a, uint32_t i, const struct transition_batch *b, uint32_t j);

// Asserts that the environment's rows in a, from row `from` on, are its rows in b. Returns their number.
uint32_t rollout_rows_agree(const struct transition_batch *a, uint32_t from, const struct transition_batch *b,
                            uint32_t environment);

// Asserts that every episode of the environment in b is in a. Returns their number.
uint32_t rollout_episodes_agree(const struct transition_batch *a, const struct transition_batch *b,
                                uint32_t environment);
#endif
