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
  real *policy_input;            // (rows x width) [s | a_new]
  real *y;                       // (rows x outputs) the target
  real *output, *d_output;       // (critics x pass rows x outputs) of each critic, dJ_Q/doutput: stride reals apart
  real *q;                       // (critics x rows) Q_k: critic k's are k * batch rows on
  double *loss;                  // (critics x rows) of each row, likewise
  real *value;                   // (rows) scratch of critics_minimum
  real *packed;                  // (rows x act_dim) scratch of critics_minimum_gradient
  uint32_t *argmin, *index;      // (rows) the critic of the minimum; scratch of critics_minimum_gradient
  struct mlp_cache policy_cache; // forward of the folded policy, which is the policy's without batch norm
  struct mlp_cache *cache;       // (critics) each folded critic's forward, likewise
};

struct sac_scratch {
  struct sac_batch batch;
  uint32_t *every; // (critics) 0, 1, ...
  double alpha;    // of this update
  struct sac_rows all;
  unsigned members;
  struct sac_rows *own; // (members)
  bool *finite;         // (members) the gradients that the member computed are finite
  // The rows that the trained networks pass: of s, or with batch norm of [s ; s'], their caches, and of the policy the
  // output and its gradient. Without batch norm they are those of `all`.
  size_t critics_rows, policy_rows;
  size_t stride; // critics_rows x outputs
  struct mlp_cache *critics_pass, policy_pass;
  real *policy_gradient;                        // (policy_net.parameters)
  real *critics_gradient;                       // (critics.size)
  real *policy_transposed;                      // mlp_transpose of the policy
  struct critics_transposed critics_transposed; // of each critic
  struct critics_transposed folded_transposed;  // of each folded critic, for its actions; else critics_transposed
  double *square;                               // scratch of gradient_clip
  struct arena arena;                           // holds all of the above
};

// --- sac_init.c ---

// The policy that acts, after the policy or its statistics have changed.
void sac_fold_policy(struct sac *sac);

// --- sac_step.c ---

// Networks of one shape whose parameters step together: the policy, or all critics.
struct sac_step {
  const struct mlp *net;
  size_t count;                  // of networks, one after another in what follows
  size_t rows;                   // that they have passed, the first rows of the batch's input
  const struct mlp_cache *cache; // (count) forward and backward of these rows
  const real *dy;                // (rows x output) dJ/dy of the first, each `stride` reals behind the last
  size_t stride;
  const struct adam *adam;
  real *gradient;   // (adam->size)
  real *parameters; // (adam->size)
  bool targets;     // the critics' targets follow
};

// What one member does of the step. Returns whether the gradient and Adam's moments that it computed are finite.
bool sac_step(const struct sac *sac, const struct sac_step *step, unsigned member, unsigned members);

// --- sac_scratch.c ---

enum status sac_scratch_create(struct sac *sac, struct error *error);
void sac_scratch_destroy(struct sac_scratch *scratch);

// The first column of its input that a trained network's backward wants: batch norm of the input wants all of them.
static inline size_t sac_first_column(const struct sac *sac, const struct mlp *net) {
  return net->batch ? 0 : sac->obs_dim;
}

// --- sac_divergence.c ---

// Fails the update because `what` is not finite; value: how it is printed, or "".
enum status sac_diverged(const struct sac *sac, const char *what, const char *value, struct error *error);

// STATUS_FAILED where the loss is not finite.
enum status sac_check_loss(const struct sac *sac, const char *what, double loss, struct error *error);

// STATUS_FAILED where Adam's second moments are not finite after a step: they tell of the gradient (values, of `size`),
// and of a finite gradient too large to be squared. `gradient` and `moment` name the two.
enum status sac_check_step(const struct sac *sac, const char *gradient, const char *moment, const real *values,
                           size_t size, struct error *error);

// STATUS_FAILED where running statistics (size) are not finite. Losses do not tell: batch norm divides by the root of
// an infinite variance, which gives 0.
enum status sac_check_statistics(const struct sac *sac, const char *whose, const real *values, size_t size,
                                 struct error *error);
#endif
