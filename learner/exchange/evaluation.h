// One evaluation of one policy version. The learner keeps a copy of the policy and its normalizer; the actors run the
// episodes, in async while training goes on. Results are kept by episode number, so that the mean does not depend on
// which actor ran which episode. Pair: actor/evaluator.h.
#ifndef CORSAC_LEARNER_EXCHANGE_EVALUATION_H
#define CORSAC_LEARNER_EXCHANGE_EVALUATION_H

#include "learner/exchange/actor_table.h"
#include "learner/job/job.h"

struct evaluation {
  bool running, said_waiting;
  double began;                  // clock_now()
  uint64_t number;               // counts the evaluations of this process
  uint64_t env_steps, updates;   // of the job when the policy was taken
  uint64_t training_episodes;    // likewise
  uint32_t episodes, arrived;    // asked for, ended
  uint32_t stride;               // from one episode of an actor to its next
  double *episode_return;        // (episodes) by number; NaN: the environment failed, or it was not begun
  uint32_t *length;              // (episodes)
  bool *have;                    // (episodes)
  uint32_t failed;               // episodes in which the environment failed
  uint32_t cut;                  // episodes that are cut, or were not begun
  uint32_t late;                 // of these, by the clock
  uint64_t env_failures;         // sync: failures that are not yet in the job's metrics
  struct policy_weights weights; // the policy
  struct normalizer normalizer;  // its statistics
};
enum status evaluation_init(struct evaluation *evaluation, const struct job *job, struct error *error);
void evaluation_release(struct evaluation *evaluation);

// Copies the job's policy and gives every living actor its share of the episodes.
enum status evaluation_begin(struct evaluation *evaluation, const struct job *job, struct actor_table *table,
                             struct error *error);

// Takes an EPISODE message. One of an earlier evaluation is ignored. STATUS_PEER: its sender was not asked for it.
// *done: all episodes have arrived.
enum status evaluation_take(struct evaluation *evaluation, const struct actor_table *table, const struct frame *frame,
                            bool *done, struct error *error);

// Ends the evaluation: its result was read, or it is given up.
void evaluation_end(struct evaluation *evaluation);

struct evaluation_result {
  uint32_t episodes; // that have a return; 0: the rest means nothing
  double mean, std, low, high, length_mean;
};
struct evaluation_result evaluation_result(const struct evaluation *evaluation);

// The same of the episodes first, first + stride, ...: those of one case, of which there are `stride`.
struct evaluation_result evaluation_result_of(const struct evaluation *evaluation, uint32_t first, uint32_t stride);
#endif
