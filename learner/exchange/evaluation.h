// One evaluation: a policy version, kept with its normalizer, whose episodes the actors run while training goes on;
// results by episode number, so the mean does not depend on who ran what. Pair: actor/evaluator.h.
#ifndef CORSAC_LEARNER_EXCHANGE_EVALUATION_H
#define CORSAC_LEARNER_EXCHANGE_EVALUATION_H

#include "learner/job/job.h"
#include "learner/exchange/actor_table.h"

struct evaluation {
  bool running, said_waiting;
  double began;               // clock_now()
  uint64_t number, env_steps; // which one of this process; the steps at which its policy was taken
  uint32_t episodes, arrived, stride;
  double *episode_return; // (episodes), by number; NaN: it failed, or was not begun
  uint32_t failed, cut,
      late;         // episodes in which the environment failed; that are cut, or not begun; of these by the clock
  uint32_t *length; // (episodes)
  bool *have;       // (episodes)
  struct policy_weights weights; // the policy it evaluates
  struct normalizer normalizer;  // the statistics of the same moment
};
enum status evaluation_init(struct evaluation *evaluation, const struct job *job, struct error *error);
void evaluation_release(struct evaluation *evaluation);
// Copies the job's policy and gives every living actor its share of the episodes.
enum status evaluation_begin(struct evaluation *evaluation, const struct job *job, struct actor_table *table,
                             struct error *error);
// An EPISODE message; one of an evaluation before is ignored, one that its sender was not asked for is STATUS_PEER.
// *done: all episodes are there.
enum status evaluation_take(struct evaluation *evaluation, const struct actor_table *table, const struct frame *frame,
                            bool *done, struct error *error);
void evaluation_end(struct evaluation *evaluation); // done with, or given up because an actor died
struct evaluation_result {
  uint32_t episodes; // that have a return; 0: the rest says nothing
  double mean, std, low, high, length_mean;
};
struct evaluation_result evaluation_result(const struct evaluation *evaluation);
#endif
