// The update, in the order of sac.h's formulas. sac_init.c allocates, sac_scratch.c lays out the rows, sac_divergence.c
// explains a number that is not finite.
#include "learner/sac/sac_impl.h"

#include "common/base/random.h"
#include "common/nn/exponential.h"
#include "common/nn/squashed_gaussian.h"

#include <math.h>

struct sac_batch *sac_batch(struct sac *sac) {
  return &sac->scratch->batch;
}
const real *sac_policy_gradient(const struct sac *sac) { return sac->scratch->policy_gradient; }
const real *sac_critics_gradient(const struct sac *sac) { return sac->scratch->critics_gradient; }

// --- the update's random numbers ---

static void draw_normals(struct random *random, size_t count, real *values) {
  double chunk[256];
  for (size_t done = 0; done < count;) {
    const size_t size = count - done < 256 ? count - done : 256;
    random_normals(random, size, chunk);
    for (size_t i = 0; i < size; i++) values[done++] = (real)chunk[i];
  }
}

void sac_draw(struct sac *sac, uint64_t seed) {
  struct sac_batch *batch = sac_batch(sac);
  const size_t count = batch->rows * sac->act_dim;
  struct random random = random_stream(seed, RANDOM_NOISE, 0, sac->updates);
  draw_normals(&random, count, batch->noise);
  random = random_stream(seed, RANDOM_NOISE_NEXT, 0, sac->updates);
  draw_normals(&random, count, batch->noise_next);

  // Fisher-Yates, as far as the subset goes.
  const uint32_t critics = sac->critics.count;
  for (uint32_t k = 0; k < critics; k++) batch->subset[k] = k;
  if (sac->target_subset == critics) return;
  random = random_stream(seed, RANDOM_SUBSET, 0, sac->updates);
  for (uint32_t k = 0; k < sac->target_subset; k++) {
    const uint32_t other = k + random_bounded(&random, critics - k), drawn = batch->subset[other];
    batch->subset[other] = batch->subset[k];
    batch->subset[k] = drawn;
  }
}

// --- the steps of the update: each function is what one member of the team does, on its own rows or its own parts ---

// a = tanh(mean + sigma noise) ~ pi(.|s), written behind s in input (rows x width), and log pi(a|s)
static void sample_policy(const struct sac *sac, struct sac_rows *own, real *input, const real *noise) {
  const size_t width = sac->scratch->batch.width, act_dim = sac->act_dim;
  mlp_forward(&sac->policy_net, sac->policy, own->count, input, width, &own->policy_cache, own->head);
  squashed_gaussian_sample(own->count, act_dim, own->head, noise, own->action, own->log_pi);
  for (size_t i = 0; i < own->count; i++) {
    for (size_t j = 0; j < act_dim; j++) input[i * width + sac->obs_dim + j] = own->action[i * act_dim + j];
  }
}

// The member's rows of input for critics_minimum. argmin: NULL, or own->argmin for the gradient to come.
static struct critics_rows critics_rows(const struct sac_rows *own, const real *input, uint32_t *argmin) {
  return (struct critics_rows){.count = own->count,
                               .input = input,
                               .cache = own->cache,
                               .q = own->q,
                               .argmin = argmin,
                               .value = own->value,
                               .packed = own->packed,
                               .index = own->index};
}

// For the backward passes: every member transposes its critics.
static void transpose_critics(const struct sac *sac, unsigned member, unsigned members) {
  const struct critics *critics = &sac->critics;
  const struct critics_transposed *transposed = &sac->scratch->critics_transposed;
  for (size_t k = member; k < critics->count; k += members)
    mlp_transpose(&critics->net, critics->parameters + k * critics->net.parameters, sac->obs_dim,
                  transposed->weights + k * transposed->stride);
}

// y = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
static void td_target(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct sac_scratch *scratch = sac->scratch;
  const struct critics *critics = &sac->critics;
  struct sac_rows *own = &scratch->own[member];
  const struct critics_rows rows = critics_rows(own, own->next_input, NULL);
  const real *r = own->reward, *discount = own->discount, *q = own->q, *log_pi = own->log_pi;
  const real alpha = (real)scratch->alpha, scale = (real)sac->reward_scale;

  sample_policy(sac, own, own->next_input, own->noise_next);
  critics_minimum(critics, critics->targets, scratch->batch.subset, sac->target_subset, &rows);
  for (size_t i = 0; i < own->count; i++) own->y[i] = scale * r[i] + discount[i] * (q[i] - alpha * log_pi[i]);

  // For the backward passes to come.
  if (!sac->transposed) transpose_critics(sac, member, members);
  if (member == members - 1) mlp_transpose(&sac->policy_net, sac->policy, sac->obs_dim, scratch->policy_transposed);
}

// J_Q = mean (Q_k(s, a) - y)^2 for each k: forward, and back through the critic with dJ/dQ_k = 2/rows (Q_k - y)
static void critics_gradient(void *argument, unsigned member, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_scratch *scratch = sac->scratch;
  const struct sac_rows *own = &scratch->own[member];
  const struct critics_transposed *transposed = &scratch->critics_transposed;
  const size_t rows = scratch->batch.rows;
  const real mean = (real)(2.0 / (double)rows);
  for (size_t k = 0; k < critics->count; k++) {
    const real *parameters = critics->parameters + k * critics->net.parameters;
    real *q = own->q + k * rows, *dq = own->dq + k * rows;
    mlp_forward(&critics->net, parameters, own->count, own->input, scratch->batch.width, &own->cache[k], q);
    for (size_t i = 0; i < own->count; i++) dq[i] = mean * (q[i] - own->y[i]);
    const struct mlp_weights weights = {parameters, transposed->weights + k * transposed->stride, sac->obs_dim};
    mlp_backward(&critics->net, &weights, own->count, &own->cache[k], dq, NULL);
  }
}

// A network whose parameters step: the policy, or one critic.
struct stepping {
  const struct mlp *net;
  const struct mlp_cache *cache; // its forward and backward of all rows
  const real *dy;                // (rows x output) dJ/dy
  const struct adam *adam;
  size_t offset;    // of the network in Adam's moments and in what follows
  real *gradient;   // (adam->size)
  real *parameters; // (adam->size)
  real *targets;    // (adam->size) move towards the parameters; NULL: there are none
};

// The gradient of one part of a network over the whole batch, and Adam's step on it at once, while it is in the cache.
// Returns whether the gradient and Adam's moments are finite.
static bool step_part(const struct sac *sac, unsigned members, size_t part, const struct stepping *step) {
  const struct sac_batch *batch = &sac->scratch->batch;
  const struct adam *adam = step->adam;
  const size_t offset = step->offset;
  const real *soon[LINALG_SOON] = {step->parameters + offset, adam->m + offset, adam->v + offset,
                                   step->targets ? step->targets + offset : NULL};
  bool finite = true;
  const struct mlp_ranges ranges = mlp_gradient_part(step->net, (struct mlp_part){part, members},
                                                     &(struct linalg_rows){batch->rows, batch->input, batch->width},
                                                     step->cache, step->dy, step->gradient + offset, soon);
  for (int i = 0; i < MLP_PART_RANGES; i++) {
    const size_t begin = offset + ranges.range[i].begin, end = offset + ranges.range[i].end;
    if (begin == end) continue;
    finite &= adam_apply(adam, begin, end, step->gradient, step->parameters);
    if (step->targets) critics_track(&sac->critics, sac->tau, begin, end);
  }
  return finite;
}

// The critics step, and targets <- (1 - tau) targets + tau critics: part after part, each by one member. Nothing in the
// rest of the update reads the targets.
static void critics_step(void *argument, unsigned member, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  struct critics *critics = &sac->critics;
  const size_t parts = mlp_parts(&critics->net, members), rows = scratch->batch.rows;
  bool finite = true;
  for (size_t p = member; p < critics->count * parts; p += members) {
    const size_t k = p / parts;
    const struct stepping step = {.net = &critics->net,
                                  .cache = &scratch->all.cache[k],
                                  .dy = scratch->all.dq + k * rows,
                                  .adam = &sac->critics_adam,
                                  .offset = k * critics->net.parameters,
                                  .gradient = scratch->critics_gradient,
                                  .parameters = critics->parameters,
                                  .targets = critics->targets};
    finite &= step_part(sac, members, p % parts, &step);
  }
  scratch->finite[member] = finite;
}

// min_k Q_k(s, a) and log pi(a|s), a ~ pi(.|s), through the updated critics
static void policy_value(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  struct sac_rows *own = &sac->scratch->own[member];
  const struct critics_rows rows = critics_rows(own, own->input, own->argmin);
  sample_policy(sac, own, own->input, own->noise);
  critics_minimum(critics, critics->parameters, sac->scratch->every, critics->count, &rows);
  transpose_critics(sac, member, members);
}

// J_pi = mean (alpha log pi - min_k Q_k), back through the smallest critics and the sample to the policy:
//   dJ/da = -(1/rows) dQ/da with log pi held,  dJ/dlogpi = alpha/rows
static void policy_gradient(void *argument, unsigned member, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_scratch *scratch = sac->scratch;
  const struct sac_rows *own = &scratch->own[member];
  const struct critics_rows rows = critics_rows(own, own->input, own->argmin);
  const real mean = (real)(1.0 / (double)scratch->batch.rows);
  critics_minimum_gradient(critics, critics->parameters, &scratch->critics_transposed, &rows, sac->obs_dim, own->dq_da);
  for (size_t i = 0; i < own->count * sac->act_dim; i++) own->d_action[i] = -mean * own->dq_da[i];
  squashed_gaussian_backward(own->count, sac->act_dim, own->head, own->noise, (real)scratch->alpha * mean,
                             own->d_action, own->d_head);
  const struct mlp_weights weights = {sac->policy, scratch->policy_transposed, sac->obs_dim};
  mlp_backward(&sac->policy_net, &weights, own->count, &own->policy_cache, own->d_head, NULL);
}

// The policy steps.
static void policy_step(void *argument, unsigned member, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  const size_t parts = mlp_parts(&sac->policy_net, members);
  const struct stepping step = {.net = &sac->policy_net,
                                .cache = &scratch->all.policy_cache,
                                .dy = scratch->all.d_head,
                                .adam = &sac->policy_adam,
                                .gradient = scratch->policy_gradient,
                                .parameters = sac->policy};
  bool finite = true;
  for (size_t p = member; p < parts; p += members) finite &= step_part(sac, members, p, &step);
  scratch->finite[member] = finite;
}

// J_alpha = -log_alpha mean(log pi + target_entropy), log pi constant; one step of Adam on log_alpha. Returns J_alpha
// before it.
static double alpha_step(struct sac *sac, double mean_log_pi) {
  if (!sac->auto_alpha) return 0;
  const double gradient = -(mean_log_pi + sac->target_entropy), loss = sac->log_alpha * gradient;
  adam_scalar_apply(&sac->alpha_adam, gradient, &sac->log_alpha);
  return loss;
}

// --- the update as a whole. The main thread sums over rows in their order, whichever member computed them. ---

// The critics' half: losses->critic_loss, q_mean
static enum status update_critics(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  thread_team_run(sac->team, td_target, sac);
  thread_team_run(sac->team, critics_gradient, sac);

  // J_Q and the mean of Q
  double loss = 0, q_sum = 0;
  for (size_t k = 0; k < sac->critics.count; k++) {
    const real *q = all->q + k * all->count;
    for (size_t i = 0; i < all->count; i++) {
      const double difference = (double)q[i] - (double)all->y[i];
      loss += difference * difference;
      q_sum += (double)q[i];
    }
  }
  const double count = (double)all->count * (double)sac->critics.count;
  losses->critic_loss = loss / count;
  losses->q_mean = q_sum / count;
  const enum status status = sac_check_loss(sac, "critic loss", loss, error);
  if (status != STATUS_OK) return status;

  adam_begin(&sac->critics_adam);
  sac->transposed = false;
  thread_team_run(sac->team, critics_step, sac);
  return sac_check_step(sac, "the critics' gradient", "Adam's second moment of the critics",
                        sac->scratch->critics_gradient, sac->critics.size, error);
}

// The policy's half: losses->policy_loss, entropy
static enum status update_policy(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  thread_team_run(sac->team, policy_value, sac);
  sac->transposed = true;

  // J_pi and the entropy
  double loss = 0, log_pi_sum = 0;
  for (size_t i = 0; i < all->count; i++) {
    loss += sac->scratch->alpha * (double)all->log_pi[i] - (double)all->q[i];
    log_pi_sum += (double)all->log_pi[i];
  }
  losses->policy_loss = loss / (double)all->count;
  losses->entropy = -log_pi_sum / (double)all->count;
  const enum status status = sac_check_loss(sac, "policy loss", loss, error);
  if (status != STATUS_OK) return status;

  thread_team_run(sac->team, policy_gradient, sac);
  adam_begin(&sac->policy_adam);
  thread_team_run(sac->team, policy_step, sac);
  return sac_check_step(sac, "the policy's gradient", "Adam's second moment of the policy",
                        sac->scratch->policy_gradient, sac->policy_net.parameters, error);
}

enum status sac_update(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const double most = 700; // of a logarithm; beyond it the losses are not finite, and say so
  struct sac_scratch *scratch = sac->scratch;
  scratch->alpha = sac->log_alpha > most ? INFINITY : exponential(sac->log_alpha).value;
  if (!sac->auto_alpha) scratch->alpha = sac->fixed_alpha;

  enum status status = update_critics(sac, losses, error);
  if (status == STATUS_OK) status = update_policy(sac, losses, error);
  if (status != STATUS_OK) return status;

  losses->alpha = scratch->alpha;
  losses->alpha_loss = alpha_step(sac, -losses->entropy);
  if (!isfinite(sac->log_alpha)) return sac_diverged(sac, "log alpha", "", error);
  sac->updates++;
  return STATUS_OK;
}
