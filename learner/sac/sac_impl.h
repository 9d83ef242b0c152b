// Inside of the update: what it works with. Every array is there once, for all rows of the batch; each member of the
// team has a view of its own rows. Shared by sac.c (the update), sac_init.c, sac_scratch.c and sac_divergence.c.
#ifndef CORSAC_LEARNER_SAC_SAC_IMPL_H
#define CORSAC_LEARNER_SAC_SAC_IMPL_H

#include "common/base/memory.h"
#include "learner/sac/sac.h"

// Arrays of rows: of the batch, or from a member's first row on.
struct sac_rows {
  size_t begin, count;
  real *input, *next_input;      // (rows x width) those of sac_batch, as the four that follow
  real *reward, *discount;       // (rows)
  real *noise, *noise_next;      // (rows x act_dim)
  real *head, *d_head;           // (rows x 2 act_dim) the policy's output [mean | log_std], dJ_pi/dhead
  real *action, *log_pi;         // (rows x act_dim), (rows) the sample and log pi of it
  real *dq_da, *d_action;        // (rows x act_dim) d min_k Q_k/da, dJ_pi/da
  real *y;                       // (rows) the target
  real *q, *dq;                  // (critics x rows) Q_k, dJ_Q/dQ_k: critic k's are k * batch rows on
  real *value;                   // (rows) scratch of critics_minimum
  real *packed;                  // (rows x (act_dim + 1)) scratch of critics_minimum_gradient
  uint32_t *argmin, *index;      // (rows) the critic of the minimum; scratch of critics_minimum_gradient
  struct mlp_cache policy_cache; // the policy's forward
  struct mlp_cache *cache;       // (critics) each critic's forward
};

struct sac_scratch {
  struct sac_batch batch;
  uint32_t *every; // (critics) 0, 1, ...
  double alpha;    // of this update
  struct sac_rows all;
  unsigned members;
  struct sac_rows *own;                         // (members)
  bool *finite;                                 // (members) the gradients that the member computed are finite
  real *policy_gradient;                        // (policy_net.parameters)
  real *critics_gradient;                       // (critics.size)
  real *policy_transposed;                      // mlp_transpose of the policy
  struct critics_transposed critics_transposed; // of each critic, for its actions
  struct arena arena;                           // holds all of the above
};

// --- sac_scratch.c ---

enum status sac_scratch_create(struct sac *sac, struct error *error);
void sac_scratch_destroy(struct sac_scratch *scratch);

// --- sac_divergence.c ---

// Fails the update because `what` is not finite; value: how it is printed, or "".
enum status sac_diverged(const struct sac *sac, const char *what, const char *value, struct error *error);

// STATUS_FAILED where the loss is not finite.
enum status sac_check_loss(const struct sac *sac, const char *what, double loss, struct error *error);

// STATUS_FAILED where Adam's second moments are not finite after a step: they tell of the gradient (values, of `size`),
// and of a finite gradient too large to be squared. `gradient` and `moment` name the two.
enum status sac_check_step(const struct sac *sac, const char *gradient, const char *moment, const real *values,
                           size_t size, struct error *error);
#endif
