// What an update works with: the batch, and what is computed on the way. Everything is there once, for all rows; each
// member of the team has a view of its own rows. For learner/sac/sac.c only.
#ifndef CORSAC_LEARNER_SAC_SAC_SCRATCH_H
#define CORSAC_LEARNER_SAC_SAC_SCRATCH_H

#include "common/base/memory.h"
#include "learner/sac/sac.h"

// Arrays of rows: those of the batch, or from a member's first row on. Critic k's part of q and dq, (batch rows), is
// batch->rows k behind.
struct sac_rows {
  size_t begin, count;
  real *input, *next_input;              // (rows x width)
  real *reward, *discount;               // (rows)
  real *noise, *noise_next;              // (rows x act_dim)
  real *head, *d_head;                   // (rows x 2 act_dim) the policy's output
  real *action, *dq_da, *d_action;       // (rows x act_dim)
  real *log_probability, *y, *value;     // (rows)
  real *q, *dq;                          // (critics x rows)
  real *packed;                          // (rows x (act_dim + 1)) scratch of critics_minimum_gradient
  uint32_t *argmin, *index;              // (rows)
  struct mlp_cache policy_cache, *cache; // cache: of each critic
};

struct sac_scratch {
  struct sac_batch batch;
  uint32_t *every; // (critics) 0, 1, ...
  double alpha;    // of this update
  struct sac_rows all;
  unsigned members;
  struct sac_rows *own; // (members)
  bool *finite;         // (members) the gradients that the member computed
  real *policy_gradient, *critics_gradient;
  real *policy_transposed, *critics_transposed; // mlp_transpose of the policy; of each critic, for its actions
  size_t transposed_stride;                     // from critic to critic
  struct arena arena;                           // holds all of the above
};

enum status sac_scratch_create(struct sac *sac, struct error *error);
void sac_scratch_destroy(struct sac_scratch *scratch);
#endif
