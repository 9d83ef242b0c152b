#include "learner/sac/sac.h"
#include "common/base/logarithm.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/backend.h"
#include "common/nn/exponential.h"
#include "common/nn/policy.h"
#include "common/nn/squashed_gaussian.h"
#include "learner/sac/sac_scratch.h"
#include <math.h>
#include <stdio.h>

// --- memory ---

// Linux promises more memory than there is, so what the networks take is compared with it before any of it is touched.
static enum status check_memory(const struct sac *sac, const struct config *config, struct error *error) {
  struct mlp critic;
  mlp_init(&critic, sac->policy_net.tiles, sac->obs_dim + sac->act_dim, config->hidden.width, config->hidden.count, 1,
           config->critic_layer_norm);
  // Parameters, two moments and a gradient of the policy; of the critics targets as well.
  const double reals = 4 * (double)sac->policy_net.parameters + 5 * (double)config->critics * (double)critic.parameters;
  const double need = reals * sizeof(real) / 0x1p30, have = (double)memory_available() / 0x1p30;
  if (need <= have) return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "the networks and their optimizers need %.1f GiB, %.1f GiB are available: a new run "
                   "may lower hidden or critics, a resumed one needs the memory",
                   need, have);
}

// Of all densities on [-1, 1]^n the uniform one has the largest entropy: n log 2, which no squashed Gaussian reaches.
static enum status check_target(const struct config *config, uint32_t act_dim, struct error *error) {
  const double most = act_dim * 0.69314718055994531;
  if (!config->alpha.is_auto || config->target_entropy.is_auto || config->target_entropy.value < most) return STATUS_OK;
  return error_set(
      error, STATUS_USAGE,
      "target_entropy: %g is more than any policy of %u action%s in [-1, 1] has, which is less than %.4g (n "
      "log 2): alpha would grow without end; give less, auto is %d",
      config->target_entropy.value, act_dim, act_dim == 1 ? "" : "s", most, -(int)act_dim);
}

enum status sac_init(struct sac *sac, const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                     struct thread_team *team, struct error *error) {
  *sac = (struct sac){
      .obs_dim = obs_dim,
      .act_dim = act_dim,
      .batch_size = (uint32_t)config->batch_size,
      .target_subset = (uint32_t)(config->target_subset > 0 ? config->target_subset : config->critics),
      .tau = config->tau,
      .reward_scale = config->reward_scale,
      .target_entropy = config->target_entropy.is_auto ? -(double)act_dim : config->target_entropy.value,
      .auto_alpha = config->alpha.is_auto,
      .fixed_alpha = config->alpha.value,
      .log_alpha = config->alpha.is_auto ? 0 : logarithm(config->alpha.value),
      .alpha_adam.learning_rate = config->lr_alpha,
      .team = team,
  };
  enum status status = check_target(config, act_dim, error);
  if (status != STATUS_OK) return status;
  const struct tiles *tiles = backend_tiles(config);
  policy_network(&sac->policy_net, tiles, obs_dim, act_dim, &config->hidden);
  if (check_memory(sac, config, error) != STATUS_OK) return STATUS_MEMORY;
  if (linalg_reserve(tiles, thread_team_size(team), error) != STATUS_OK) return STATUS_MEMORY;
  sac->policy = memory_alloc(sac->policy_net.parameters, sizeof(real), "the policy's parameters", error);
  status = sac->policy ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK)
    status = critics_init(&sac->critics, tiles, obs_dim, act_dim, &config->hidden, (uint32_t)config->critics,
                          config->critic_layer_norm, error);
  if (status == STATUS_OK) status = adam_init(&sac->policy_adam, sac->policy_net.parameters, config->lr_actor, error);
  if (status == STATUS_OK) status = adam_init(&sac->critics_adam, sac->critics.size, config->lr_critic, error);
  if (status == STATUS_OK) status = sac_scratch_create(sac, error);
  if (status != STATUS_OK) sac_release(sac);
  return status;
}

void sac_release(struct sac *sac) {
  sac_scratch_destroy(sac->scratch);
  adam_release(&sac->critics_adam);
  adam_release(&sac->policy_adam);
  critics_release(&sac->critics);
  memory_free(sac->policy);
  *sac = (struct sac){0};
}

void sac_init_parameters(struct sac *sac, uint64_t seed) {
  struct random random = random_stream(seed, RANDOM_INIT, 0, 0);
  mlp_init_parameters(&sac->policy_net, sac->policy, &random);
  critics_init_parameters(&sac->critics, seed);
  sac->transposed = false;
}

struct sac_batch *sac_batch(struct sac *sac) {
  return &sac->scratch->batch;
}
const real *sac_policy_gradient(const struct sac *sac) { return sac->scratch->policy_gradient; }
const real *sac_critics_gradient(const struct sac *sac) { return sac->scratch->critics_gradient; }

static void draw_normals(struct random *random, size_t count, real *values) {
  double piece[256];
  for (size_t done = 0; done < count;) {
    const size_t size = count - done < 256 ? count - done : 256;
    random_normals(random, size, piece);
    for (size_t i = 0; i < size; i++) values[done++] = (real)piece[i];
  }
}

void sac_draw(struct sac *sac, uint64_t seed) {
  struct sac_batch *batch = sac_batch(sac);
  const size_t count = batch->rows * sac->act_dim;
  struct random random = random_stream(seed, RANDOM_NOISE, 0, sac->updates);
  draw_normals(&random, count, batch->noise);
  random = random_stream(seed, RANDOM_NOISE_NEXT, 0, sac->updates);
  draw_normals(&random, count, batch->noise_next);

  const uint32_t critics = sac->critics.count;
  for (uint32_t k = 0; k < critics; k++) batch->subset[k] = k;
  if (sac->target_subset == critics) return;
  random = random_stream(seed, RANDOM_SUBSET, 0, sac->updates);
  for (uint32_t k = 0; k < sac->target_subset; k++) { // Fisher-Yates, as far as it is needed
    const uint32_t other = k + random_bounded(&random, critics - k), drawn = batch->subset[other];
    batch->subset[other] = batch->subset[k];
    batch->subset[k] = drawn;
  }
}

// --- the update: each function is what one member of the team does ---

static void transpose_critics(const struct sac *sac, unsigned number, unsigned members) {
  const struct critics *critics = &sac->critics;
  struct sac_scratch *scratch = sac->scratch;
  for (size_t k = number; k < critics->count; k += members)
    mlp_transpose(&critics->net, critics->parameters + k * critics->net.parameters, sac->obs_dim,
                  scratch->critics_transposed + k * scratch->transposed_stride);
}

// a = tanh(mean + sigma noise) ~ pi(.|s), behind s in input (rows x width), and log pi(a|s)
static void sample_policy(const struct sac *sac, struct sac_rows *own, real *input, const real *noise) {
  const size_t width = sac->scratch->batch.width, act_dim = sac->act_dim;
  mlp_forward(&sac->policy_net, sac->policy, own->count, input, width, &own->policy_cache, own->head);
  squashed_gaussian_sample(own->count, act_dim, own->head, noise, own->action, own->log_probability);
  for (size_t i = 0; i < own->count; i++) {
    for (size_t j = 0; j < act_dim; j++) input[i * width + sac->obs_dim + j] = own->action[i * act_dim + j];
  }
}

// y = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
static void td_target(void *argument, unsigned number, unsigned members) {
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  struct sac_rows *own = &sac->scratch->own[number];
  const real alpha = (real)sac->scratch->alpha, scale = (real)sac->reward_scale;
  sample_policy(sac, own, own->next_input, own->noise_next);
  critics_minimum(critics, critics->targets, sac->scratch->batch.subset, sac->target_subset, own->count,
                  own->next_input, own->cache, own->value, own->q, NULL);
  for (size_t i = 0; i < own->count; i++)
    own->y[i] = scale * own->reward[i] + own->discount[i] * (own->q[i] - alpha * own->log_probability[i]);

  // For the backward passes to come.
  if (!sac->transposed) transpose_critics(sac, number, members);
  if (number == members - 1)
    mlp_transpose(&sac->policy_net, sac->policy, sac->obs_dim, sac->scratch->policy_transposed);
}

// J_Q = mean (Q_k(s, a) - y)^2 for each k, back through the critics
static void critics_gradient(void *argument, unsigned number, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_scratch *scratch = sac->scratch;
  const struct sac_rows *own = &scratch->own[number];
  const size_t rows = scratch->batch.rows;
  const real mean = (real)(2.0 / (double)rows); // of the derivative of the mean square
  for (size_t k = 0; k < critics->count; k++) {
    const real *parameters = critics->parameters + k * critics->net.parameters;
    real *q = own->q + k * rows, *dq = own->dq + k * rows;
    mlp_forward(&critics->net, parameters, own->count, own->input, scratch->batch.width, &own->cache[k], q);
    for (size_t i = 0; i < own->count; i++) dq[i] = mean * (q[i] - own->y[i]);
    const struct mlp_weights weights = {parameters, scratch->critics_transposed + k * scratch->transposed_stride,
                                        sac->obs_dim};
    mlp_backward(&critics->net, &weights, own->count, &own->cache[k], dq, NULL);
  }
}

// The gradient of one part of a network over the whole batch, and Adam's step on it. What belongs to the network stands
// in adam, gradient and parameters from `offset` on; targets, unless NULL, then move towards the parameters. Returns
// whether the gradient and Adam's moments are finite.
static bool step_part(const struct sac *sac, const struct mlp *net, unsigned members, size_t part,
                      const struct mlp_cache *cache, const real *dy, const struct adam *adam, size_t offset,
                      real *gradient, real *parameters, real *targets) {
  const struct sac_batch *batch = &sac->scratch->batch;
  const real *soon[LINALG_SOON] = {parameters + offset, adam->m + offset, adam->v + offset,
                                   targets ? targets + offset : NULL};
  bool finite = true;
  const struct mlp_ranges ranges = mlp_gradient_part(net, (struct mlp_part){part, members},
                                                     (struct linalg_rows){batch->rows, batch->input, batch->width},
                                                     cache, dy, gradient + offset, soon);
  for (int i = 0; i < MLP_PART_RANGES; i++) {
    const size_t begin = offset + ranges.range[i].begin, end = offset + ranges.range[i].end;
    if (begin == end) continue;
    finite &= adam_apply(adam, begin, end, gradient, parameters);
    if (targets) critics_track(&sac->critics, sac->tau, begin, end);
  }
  return finite;
}

// The critics step, and targets <- (1 - tau) targets + tau critics: part after part, each by one member. Nothing in the
// rest of the update reads the targets.
static void critics_step(void *argument, unsigned number, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  struct critics *critics = &sac->critics;
  const size_t parts = mlp_parts(&critics->net, members), rows = scratch->batch.rows;
  bool finite = true;
  for (size_t p = number; p < critics->count * parts; p += members) {
    const size_t k = p / parts;
    finite &= step_part(sac, &critics->net, members, p % parts, &scratch->all.cache[k], scratch->all.dq + k * rows,
                        &sac->critics_adam, k * critics->net.parameters, scratch->critics_gradient, critics->parameters,
                        critics->targets);
  }
  scratch->finite[number] = finite;
}

// min_k Q_k(s, a) and log pi(a|s), a ~ pi(.|s), through the updated critics
static void policy_value(void *argument, unsigned number, unsigned members) {
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  struct sac_rows *own = &sac->scratch->own[number];
  sample_policy(sac, own, own->input, own->noise);
  critics_minimum(critics, critics->parameters, sac->scratch->every, critics->count, own->count, own->input, own->cache,
                  own->value, own->q, own->argmin);
  transpose_critics(sac, number, members);
}

// J_pi = mean (alpha log pi - min_k Q_k), back through the smaller critics and the sample to the policy:
//   dJ/da = -(1/rows) dQ/da with log pi held,  dJ/dlogpi = alpha/rows
static void policy_gradient(void *argument, unsigned number, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_scratch *scratch = sac->scratch;
  const struct sac_rows *own = &scratch->own[number];
  critics_minimum_gradient(critics, critics->parameters, scratch->critics_transposed, scratch->transposed_stride,
                           own->count, own->argmin, own->cache, sac->obs_dim, own->packed, own->index, own->dq_da);
  const real mean = (real)(1.0 / (double)scratch->batch.rows);
  for (size_t i = 0; i < own->count * sac->act_dim; i++) own->d_action[i] = -mean * own->dq_da[i];
  squashed_gaussian_backward(own->count, sac->act_dim, own->head, own->noise, (real)scratch->alpha * mean,
                             own->d_action, own->d_head);
  const struct mlp_weights weights = {sac->policy, scratch->policy_transposed, sac->obs_dim};
  mlp_backward(&sac->policy_net, &weights, own->count, &own->policy_cache, own->d_head, NULL);
}

// The policy steps.
static void policy_step(void *argument, unsigned number, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  const size_t parts = mlp_parts(&sac->policy_net, members);
  bool finite = true;
  for (size_t p = number; p < parts; p += members) {
    finite &= step_part(sac, &sac->policy_net, members, p, &scratch->all.policy_cache, scratch->all.d_head,
                        &sac->policy_adam, 0, scratch->policy_gradient, sac->policy, NULL);
  }
  scratch->finite[number] = finite;
}

// --- the update as a whole. Sums over rows are in their order, whoever computed them. ---

// J_alpha = -log_alpha mean(log pi + target_entropy), log pi constant; one step of Adam on log_alpha. Returns J_alpha
// before it.
static double alpha_step(struct sac *sac, double mean_log_probability) {
  if (!sac->auto_alpha) return 0;
  const double gradient = -(mean_log_probability + sac->target_entropy), loss = sac->log_alpha * gradient;
  adam_scalar_apply(&sac->alpha_adam, gradient, &sac->log_alpha);
  return loss;
}

// --- what is not finite stops the update, with the likeliest reason ---

static double largest(const real *values, size_t rows, size_t width, size_t stride) {
  double most = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++) {
      const double size = fabs((double)values[i * stride + j]);
      if (!(size <= most)) most = size; // NaN, too
      if (isnan(most)) return most;
    }
  return most;
}

static enum status stop(const struct sac *sac, const char *what, const char *is, struct error *error) {
  const struct sac_batch *batch = &sac->scratch->batch;
  const double alpha = sac->scratch->alpha, reward = largest(batch->reward, batch->rows, 1, 1);
  const double obs = fmax(largest(batch->input, batch->rows, sac->obs_dim, batch->width),
                          largest(batch->next_input, batch->rows, sac->obs_dim, batch->width));
  char reason[640];
  if (!(alpha < SAC_ALPHA_HIGH) && isfinite(reward) && isfinite(obs))
    snprintf(reason, sizeof reason, "alpha is %g, beside which rewards (in its batch up to %g) are nothing: %s", alpha,
             reward,
             sac->auto_alpha
                 ? "target_entropy asks for more entropy than the policy finds; begin a run with a lower one"
                 : "begin a run with a smaller one");
  else if (!(sac->reward_scale * reward < 1e9))
    snprintf(reason, sizeof reason,
             "the largest reward in its batch is %g%s; the environment's rewards are best between -100 and 100: let it "
             "scale them, or begin a run with a smaller reward_scale",
             reward, sac->reward_scale != 1 ? ", before reward_scale" : "");
  else if (!(obs < 1e9))
    snprintf(reason, sizeof reason,
             "the largest observation in its batch is %g; let the environment scale them, or begin a run with "
             "normalize_observations",
             obs);
  else
    snprintf(reason, sizeof reason,
             "the learning has diverged (in its batch rewards are up to %g, observations up to %g, alpha is %g); lower "
             "lr_critic, lr_actor or reward_scale",
             reward, obs, alpha);
  return error_set(error, STATUS_FAILED, "%s of update %llu is not finite%s: %s", what,
                   (unsigned long long)sac->updates + 1, is, reason);
}

static enum status check_loss(const struct sac *sac, const char *what, double loss, struct error *error) {
  char is[32];
  if (isfinite(loss)) return STATUS_OK;
  snprintf(is, sizeof is, " (%g)", loss);
  return stop(sac, what, is, error);
}

// After a step: Adam's second moments tell of the gradient, and of a gradient too large to be squared.
static enum status check_step(const struct sac *sac, const char *gradient, const char *moment, const real *values,
                              size_t size, struct error *error) {
  bool finite = true;
  for (unsigned m = 0; m < sac->scratch->members; m++) finite &= sac->scratch->finite[m];
  if (finite) return STATUS_OK;
  return stop(sac, isfinite(largest(values, 1, size, 0)) ? moment : gradient, "", error);
}

// The critics' half: losses->critic_loss, q_mean
static enum status update_critics(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  thread_team_run(sac->team, td_target, sac);
  thread_team_run(sac->team, critics_gradient, sac);
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
  const enum status status = check_loss(sac, "critic loss", loss, error);
  if (status != STATUS_OK) return status;
  adam_begin(&sac->critics_adam);
  sac->transposed = false;
  thread_team_run(sac->team, critics_step, sac);
  return check_step(sac, "the critics' gradient", "Adam's second moment of the critics", sac->scratch->critics_gradient,
                    sac->critics.size, error);
}

// The policy's half: losses->policy_loss, entropy
static enum status update_policy(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  thread_team_run(sac->team, policy_value, sac);
  sac->transposed = true;
  double loss = 0, log_probability_sum = 0;
  for (size_t i = 0; i < all->count; i++) {
    loss += sac->scratch->alpha * (double)all->log_probability[i] - (double)all->q[i];
    log_probability_sum += (double)all->log_probability[i];
  }
  losses->policy_loss = loss / (double)all->count;
  losses->entropy = -log_probability_sum / (double)all->count;
  const enum status status = check_loss(sac, "policy loss", loss, error);
  if (status != STATUS_OK) return status;
  thread_team_run(sac->team, policy_gradient, sac);
  adam_begin(&sac->policy_adam);
  thread_team_run(sac->team, policy_step, sac);
  return check_step(sac, "the policy's gradient", "Adam's second moment of the policy", sac->scratch->policy_gradient,
                    sac->policy_net.parameters, error);
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
  if (!isfinite(sac->log_alpha)) return stop(sac, "log alpha", "", error);
  sac->updates++;
  return STATUS_OK;
}
