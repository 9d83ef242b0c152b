// The sums that a row of metrics.csv is made of, in a checkpoint's /learner. With them a resumed run writes the rows
// that the run writes that never stopped.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_SUMS_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_SUMS_H

#include <stdint.h>

struct h5;

// Every sum once, in the order in which the file gets them: its type, its name in /learner, and the member under which
// its owner keeps it. A SUM must be there; files of earlier versions lack a LATER_SUM, which is then left as it is.
#define CHECKPOINT_SUMS(SUM, LATER_SUM)                                                                                \
  SUM(uint64_t, rows, rows)                                                                                            \
  SUM(uint64_t, last_steps, last_steps)                                                                                \
  SUM(uint64_t, last_updates, last_updates)                                                                            \
  SUM(double, last_seconds, last_seconds)                                                                              \
  SUM(uint64_t, episodes, episodes)                                                                                    \
  SUM(uint64_t, length_sum, length_sum)                                                                                \
  SUM(double, return_sum, return_sum)                                                                                  \
  SUM(double, return_low, return_low)                                                                                  \
  SUM(double, return_high, return_high)                                                                                \
  SUM(uint64_t, updates, updates)                                                                                      \
  SUM(double, critic_loss_sum, critic_loss_sum)                                                                        \
  SUM(double, policy_loss_sum, policy_loss_sum)                                                                        \
  SUM(double, alpha_sum, alpha_sum)                                                                                    \
  SUM(double, entropy_sum, entropy_sum)                                                                                \
  SUM(double, q_mean_sum, q_mean_sum)                                                                                  \
  LATER_SUM(uint64_t, env_failures, env_failures)                                                                      \
  SUM(uint64_t, lag_count, lag.count)                                                                                  \
  SUM(uint64_t, lag_sum, lag.sum)                                                                                      \
  SUM(uint64_t, lag_low, lag.low)                                                                                      \
  SUM(uint64_t, lag_high, lag.high)                                                                                    \
  SUM(uint64_t, age_count, age_count)                                                                                  \
  SUM(uint64_t, age_sum, age_sum)                                                                                      \
  SUM(double, learner_wait, learner_wait)                                                                              \
  SUM(double, actor_wait, actor_wait)                                                                                  \
  SUM(uint64_t, evaluated, evaluated)                                                                                  \
  SUM(double, eval_return, eval_return)                                                                                \
  LATER_SUM(uint64_t, eval_cut, eval_cut)                                                                              \
  LATER_SUM(uint64_t, eval_steps, eval_steps)                                                                          \
  LATER_SUM(uint64_t, last_transitions, last_transitions)                                                              \
  LATER_SUM(double, agents_return_sum, agents_return_sum)                                                              \
  LATER_SUM(double, policy_weight_sum, policy_weight_sum)

// Where the numbers are in memory; all NULL where a file is only verified.
struct checkpoint_sums {
#define CHECKPOINT_SUM(type, name, member) type *name;
  CHECKPOINT_SUMS(CHECKPOINT_SUM, CHECKPOINT_SUM)
#undef CHECKPOINT_SUM
  uint32_t info_dim;                                              // of the environment's named values
  uint64_t *info_count;                                           // (info_dim)
  double *info_sum;                                               // (info_dim)
  uint32_t cases;                                                 // of the configuration
  uint64_t *case_episodes, *case_length_sum, *case_eval_episodes; // (cases)
  double *case_return_sum, *case_eval_sum;                        // (cases)
};

// Writes, reads or verifies them. Reading leaves the sums of the named values, and those of the cases, alone where the
// file has those of another number: they only begin the next row.
void checkpoint_walk_sums(struct h5 *h5, const struct checkpoint_sums *sums);
#endif
