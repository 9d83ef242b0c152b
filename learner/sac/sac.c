// The update, in the order of sac.h's formulas. sac_init.c allocates, sac_scratch.c lays out the rows, sac_step.c
// steps parameters, sac_divergence.c explains a number that is not finite.
#include "learner/sac/sac_impl.h"

#include "common/base/random.h"
#include "common/nn/exponential.h"
#include "common/nn/mlp_pass.h"

#include <math.h>
#include <string.h>

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

// Networks with batch norm pass all rows of a batch together.
static void meet_team(void *team) { thread_team_meet(team); }

static struct mlp_crew crew_of(const struct sac *sac, unsigned member, unsigned members) {
  return (struct mlp_crew){member, members, meet_team, sac->team};
}

// The members' rows of what a network with batch norm reads or gives are not each other's.
static void meet_around(const struct sac *sac, const struct mlp *net) {
  if (net->batch) thread_team_meet(sac->team);
}

// The batch as critic k sees it: [s, a ; s', a'].
static struct mlp_pass critic_pass(const struct sac *sac, size_t k) {
  const struct sac_scratch *scratch = sac->scratch;
  return (struct mlp_pass){.rows = scratch->critics_rows,
                           .head_rows = scratch->batch.rows,
                           .x = scratch->batch.input,
                           .ldx = scratch->batch.width,
                           .cache = &scratch->critics_pass[k],
                           .y = scratch->all.output + k * scratch->stride,
                           .dy = scratch->all.d_output + k * scratch->stride};
}

// The batch as the policy sees it in its own step: s, or [s ; s'].
static struct mlp_pass policy_pass(const struct sac *sac) {
  const struct sac_scratch *scratch = sac->scratch;
  return (struct mlp_pass){.rows = scratch->policy_rows,
                           .head_rows = scratch->batch.rows,
                           .x = scratch->batch.input,
                           .ldx = scratch->batch.width,
                           .cache = &scratch->policy_pass,
                           .y = scratch->all.head,
                           .dy = scratch->all.d_head};
}

// a = tanh(mean + sigma noise), written behind s in input (rows x width), and log pi(a|s), by the policy's output
static void sample_action(const struct sac *sac, struct sac_rows *own, real *input, const real *noise) {
  const size_t width = sac->scratch->batch.width, act_dim = sac->act_dim;
  squashed_gaussian_sample(&sac->log_std, own->count, act_dim, own->head, noise, own->action, own->log_pi);
  for (size_t i = 0; i < own->count; i++) {
    for (size_t j = 0; j < act_dim; j++) input[i * width + sac->obs_dim + j] = own->action[i * act_dim + j];
  }
}

// The member's rows of input for critics_minimum; output: those of the first critic.
static struct critics_rows critics_rows(const struct sac *sac, const struct sac_rows *own, const real *input,
                                        real *output) {
  return (struct critics_rows){.count = own->count,
                               .input = input,
                               .cache = own->cache,
                               .output = output,
                               .stride = sac->scratch->stride,
                               .q = own->q,
                               .argmin = own->argmin,
                               .value = own->value,
                               .packed = own->packed,
                               .index = own->index};
}

// For the backward passes: every member transposes its critics.
static void transpose_critics(const struct sac *sac, struct critics_nets nets, size_t first,
                              const struct critics_transposed *transposed, unsigned member, unsigned members) {
  for (size_t k = member; k < sac->critics.count; k += members)
    mlp_transpose(nets.net, nets.parameters + k * nets.net->parameters, first,
                  transposed->weights + k * transposed->stride);
}

// The critics as they train, and as the policy sees them.
static struct critics_nets trained_critics(const struct sac *sac) {
  return (struct critics_nets){&sac->critics.net, sac->critics.parameters};
}
static struct critics_nets folded_critics(const struct sac *sac) {
  return (struct critics_nets){&sac->critics.folded_net, sac->critics.folded};
}

// min_{k in subset} Qtarget_k(s', a') of the member's rows. With batch norm the target critics see [s, a ; s', a'].
static void target_value(const struct sac *sac, struct critics_rows *rows, unsigned member, unsigned members) {
  const struct sac_scratch *scratch = sac->scratch;
  const struct critics *critics = &sac->critics;
  const struct mlp *net = &critics->net;
  const uint32_t *subset = scratch->batch.subset, count = sac->target_subset;
  if (!net->batch) {
    critics_minimum(critics, (struct critics_nets){net, critics->targets}, subset, count, rows);
    return;
  }
  const struct mlp_crew crew = crew_of(sac, member, members);
  for (uint32_t j = 0; j < count; j++) {
    struct mlp_pass pass = critic_pass(sac, j);
    pass.head_begin = scratch->batch.rows; // those of s'
    mlp_pass_forward(net, critics->targets + subset[j] * net->parameters,
                     critics->target_statistics + subset[j] * net->statistics, &pass, &crew);
  }
  thread_team_meet(sac->team);
  rows->output += scratch->batch.rows * critics->head.outputs; // the rows of s'
  critics_smallest(critics, count, rows);
}

// y = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
static void td_target(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct sac_scratch *scratch = sac->scratch;
  const struct critic_head *head = &sac->critics.head;
  struct sac_rows *own = &scratch->own[member];
  struct critics_rows rows = critics_rows(sac, own, own->next_input, own->output);
  const real *r = own->reward, *discount = own->discount, *log_pi = own->log_pi;
  const real alpha = (real)scratch->alpha, scale = (real)sac->reward_scale;

  mlp_forward(&sac->acting_net, sac->acting, own->count, own->next_input, scratch->batch.width, &own->policy_cache,
              own->head);
  sample_action(sac, own, own->next_input, own->noise_next);
  target_value(sac, &rows, member, members);
  for (size_t i = 0; i < own->count; i++) {
    const real *output = rows.output + own->argmin[i] * rows.stride + i * head->outputs;
    head->target(head, output, scale * r[i], discount[i], alpha * log_pi[i], own->y + i * head->outputs);
  }

  // For the backward passes to come.
  if (sac->transposed) return;
  transpose_critics(sac, trained_critics(sac), sac_first_column(sac, &sac->critics.net), &scratch->critics_transposed,
                    member, members);
}

// Forward of critic k, of the member's rows or with batch norm of the batch
static void critic_forward(const struct sac *sac, size_t k, struct sac_rows *own, const struct mlp_crew *crew) {
  const struct critics *critics = &sac->critics;
  const struct mlp *net = &critics->net;
  const real *parameters = critics->parameters + k * net->parameters;
  const struct mlp_pass pass = critic_pass(sac, k);
  if (net->batch)
    mlp_pass_forward(net, parameters, critics->statistics + k * net->statistics, &pass, crew);
  else
    mlp_forward(net, parameters, own->count, own->input, sac->scratch->batch.width, &own->cache[k],
                own->output + k * sac->scratch->stride);
}

// Its backward, by d_output
static void critic_backward(const struct sac *sac, size_t k, struct sac_rows *own, const struct mlp_crew *crew) {
  const struct sac_scratch *scratch = sac->scratch;
  const struct critics_transposed *transposed = &scratch->critics_transposed;
  const struct mlp *net = &sac->critics.net;
  const struct mlp_weights weights = {sac->critics.parameters + k * net->parameters,
                                      transposed->weights + k * transposed->stride, sac_first_column(sac, net)};
  const struct mlp_pass pass = critic_pass(sac, k);
  if (net->batch)
    mlp_pass_backward(net, &weights, &pass, scratch->critics_gradient + k * net->parameters, crew);
  else
    mlp_backward(net, &weights, own->count, &own->cache[k], own->d_output + k * scratch->stride, NULL);
}

// J_Q = mean (Q_k(s, a) - y)^2, or as the critics' head has it, for each k: forward, loss and back through the critic.
// The rows of s' have no loss; with batch norm they still have a gradient.
static void critics_gradient(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct critic_head *head = &critics->head;
  const struct sac_scratch *scratch = sac->scratch;
  struct sac_rows *own = &scratch->own[member];
  const size_t rows = scratch->batch.rows;
  const struct mlp_crew crew = crew_of(sac, member, members);
  for (size_t k = 0; k < critics->count; k++) {
    const real *output = own->output + k * scratch->stride;
    critic_forward(sac, k, own, &crew);
    meet_around(sac, &critics->net);
    head->value(head, own->count, output, own->q + k * rows);
    head->loss(head, own->count, rows, output, own->y, own->loss + k * rows, own->d_output + k * scratch->stride);
    meet_around(sac, &critics->net);
    critic_backward(sac, k, own, &crew);
  }
}

// The critics step, and targets <- (1 - tau) targets + tau critics. Nothing in the rest of the update reads the
// targets.
static void critics_step(void *argument, unsigned member, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  const struct sac_step step = {.net = &sac->critics.net,
                                .count = sac->critics.count,
                                .rows = scratch->critics_rows,
                                .cache = scratch->critics_pass,
                                .dy = scratch->all.d_output,
                                .stride = scratch->stride,
                                .adam = &sac->critics_adam,
                                .gradient = scratch->critics_gradient,
                                .parameters = sac->critics.parameters,
                                .targets = true};
  scratch->finite[member] = sac_step(sac, &step, member, members);
}

// The policy's forward, and the critics folded, each by one member.
static void policy_forward(const struct sac *sac, struct sac_rows *own, unsigned member, unsigned members) {
  const struct mlp_crew crew = crew_of(sac, member, members);
  const struct mlp_pass pass = policy_pass(sac);
  if (sac->policy_net.batch)
    mlp_pass_forward(&sac->policy_net, sac->policy, sac->policy_statistics, &pass, &crew);
  else
    mlp_forward(&sac->policy_net, sac->policy, own->count, own->input, pass.ldx, &own->policy_cache, own->head);
  for (size_t k = member; k < sac->critics.count; k += members) critics_fold(&sac->critics, k);
  meet_around(sac, &sac->policy_net);
  meet_around(sac, &sac->critics.net);
}

// min_k Q_k(s, a) and log pi(a|s), a ~ pi(.|s), through the critics of the moment
static void policy_value(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct sac_scratch *scratch = sac->scratch;
  const size_t width = scratch->batch.width;
  struct sac_rows *own = &scratch->own[member];
  const struct critics_rows rows = critics_rows(sac, own, own->policy_input, own->output);
  policy_forward(sac, own, member, members);
  for (size_t i = 0; i < own->count; i++)
    memcpy(own->policy_input + i * width, own->input + i * width, sac->obs_dim * sizeof(real));
  sample_action(sac, own, own->policy_input, own->noise);
  critics_minimum(&sac->critics, folded_critics(sac), scratch->every, sac->critics.count, &rows);

  // For the backward passes to come.
  transpose_critics(sac, folded_critics(sac), sac->obs_dim, &scratch->folded_transposed, member, members);
  if (member == members - 1)
    mlp_transpose(&sac->policy_net, sac->policy, sac_first_column(sac, &sac->policy_net), scratch->policy_transposed);
}

// J_pi = mean (alpha log pi - min_k Q_k), back through the smallest critics and the sample to the policy:
//   dJ/da = -(1/rows) dQ/da with log pi held,  dJ/dlogpi = alpha/rows
static void policy_gradient(void *argument, unsigned member, unsigned members) {
  const struct sac *sac = argument;
  const struct sac_scratch *scratch = sac->scratch;
  const struct sac_rows *own = &scratch->own[member];
  const struct critics_rows rows = critics_rows(sac, own, own->policy_input, own->output);
  const real mean = (real)(1.0 / (double)scratch->batch.rows);
  critics_minimum_gradient(&sac->critics, folded_critics(sac), &scratch->folded_transposed, &rows, sac->obs_dim,
                           own->dq_da);
  for (size_t i = 0; i < own->count * sac->act_dim; i++) own->d_action[i] = -mean * own->dq_da[i];
  squashed_gaussian_backward(
      &sac->log_std, own->count, sac->act_dim, own->head, own->noise,
      &(struct squashed_gaussian_gradient){(real)scratch->alpha * mean, own->d_action, own->d_head});
  const struct mlp *net = &sac->policy_net;
  const struct mlp_weights weights = {sac->policy, scratch->policy_transposed, sac_first_column(sac, net)};
  const struct mlp_pass pass = policy_pass(sac);
  const struct mlp_crew crew = crew_of(sac, member, members);
  meet_around(sac, net);
  if (net->batch)
    mlp_pass_backward(net, &weights, &pass, scratch->policy_gradient, &crew);
  else
    mlp_backward(net, &weights, own->count, &own->policy_cache, own->d_head, NULL);
}

// The policy steps.
static void policy_step(void *argument, unsigned member, unsigned members) {
  struct sac *sac = argument;
  struct sac_scratch *scratch = sac->scratch;
  const struct sac_step step = {.net = &sac->policy_net,
                                .count = 1,
                                .rows = scratch->policy_rows,
                                .cache = &scratch->policy_pass,
                                .dy = scratch->all.d_head,
                                .adam = &sac->policy_adam,
                                .gradient = scratch->policy_gradient,
                                .parameters = sac->policy};
  scratch->finite[member] = sac_step(sac, &step, member, members);
}

// J_alpha = -log_alpha mean(log pi + target_entropy), log pi constant; one step of Adam on log_alpha. Returns J_alpha
// before it.
static double alpha_step(struct sac *sac, double mean_log_pi) {
  if (!sac->auto_alpha) return 0;
  const double gradient = -(mean_log_pi + sac->target_entropy), loss = sac->log_alpha * gradient;
  adam_scalar_apply(&sac->alpha_adam, gradient, &sac->log_alpha);
  return loss;
}

// --- the update as a whole. The main thread sums over rows in their order, whoever computed them. ---

static double current_alpha(const struct sac *sac) {
  const double most = 700; // of a logarithm; beyond it the losses are not finite, and say so
  if (!sac->auto_alpha) return sac->fixed_alpha;
  return sac->log_alpha > most ? INFINITY : exponential(sac->log_alpha).value;
}

// The critics' half: losses->critic_loss, q_mean
static enum status update_critics(struct sac *sac, double rate_share, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  sac->scratch->alpha = current_alpha(sac);
  thread_team_run(sac->team, td_target, sac);
  thread_team_run(sac->team, critics_gradient, sac);

  // J_Q and the mean of Q
  double loss = 0, q_sum = 0;
  for (size_t i = 0; i < sac->critics.count * all->count; i++) {
    loss += all->loss[i];
    q_sum += (double)all->q[i];
  }
  const double count = (double)all->count * (double)sac->critics.count;
  losses->critic_loss = loss / count;
  losses->q_mean = q_sum / count;
  enum status status = sac_check_loss(sac, "critic loss", loss, error);
  const size_t statistics = sac->critics.count * sac->critics.net.statistics;
  if (status == STATUS_OK)
    status = sac_check_statistics(sac, "the critics", sac->critics.statistics, statistics, error);
  if (status == STATUS_OK)
    status = sac_check_statistics(sac, "the targets", sac->critics.target_statistics, statistics, error);
  if (status != STATUS_OK) return status;

  adam_begin(&sac->critics_adam, rate_share);
  sac->transposed = false;
  thread_team_run(sac->team, critics_step, sac);
  return sac_check_step(sac, "the critics' gradient", "Adam's second moment of the critics",
                        sac->scratch->critics_gradient, sac->critics.size, error);
}

// The policy's half, and alpha: losses->policy_loss, alpha_loss, entropy
static enum status update_policy(struct sac *sac, double rate_share, struct sac_losses *losses, struct error *error) {
  const struct sac_rows *all = &sac->scratch->all;
  sac->scratch->alpha = current_alpha(sac);
  thread_team_run(sac->team, policy_value, sac);
  sac->transposed = !sac->critics.net.batch; // then they are those of the folded critics

  // J_pi and the entropy
  double loss = 0, log_pi_sum = 0;
  for (size_t i = 0; i < all->count; i++) {
    loss += sac->scratch->alpha * (double)all->log_pi[i] - (double)all->q[i];
    log_pi_sum += (double)all->log_pi[i];
  }
  losses->policy_weight = (double)sac->policy_delay;
  losses->policy_loss = loss / (double)all->count;
  losses->entropy = -log_pi_sum / (double)all->count;
  enum status status = sac_check_loss(sac, "policy loss", loss, error);
  if (status == STATUS_OK)
    status = sac_check_statistics(sac, "the policy", sac->policy_statistics, sac->policy_net.statistics, error);
  if (status != STATUS_OK) return status;

  thread_team_run(sac->team, policy_gradient, sac);
  adam_begin(&sac->policy_adam, rate_share);
  thread_team_run(sac->team, policy_step, sac);
  sac_fold_policy(sac);
  status = sac_check_step(sac, "the policy's gradient", "Adam's second moment of the policy",
                          sac->scratch->policy_gradient, sac->policy_net.parameters, error);
  if (status != STATUS_OK) return status;
  losses->alpha_loss = alpha_step(sac, -losses->entropy);
  return isfinite(sac->log_alpha) ? STATUS_OK : sac_diverged(sac, "log alpha", "", error);
}

enum status sac_update(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const double rate_share = learning_rate_share(&sac->schedule, sac->scratch->batch.progress);
  const bool policy_steps = sac->updates % sac->policy_delay == 0;
  enum status status = STATUS_OK;
  struct sac_losses found = {.alpha = current_alpha(sac)};

  if (policy_steps && sac->policy_first) status = update_policy(sac, rate_share, &found, error);
  if (status == STATUS_OK) status = update_critics(sac, rate_share, &found, error);
  if (status == STATUS_OK && policy_steps && !sac->policy_first) status = update_policy(sac, rate_share, &found, error);
  if (status != STATUS_OK) return status;
  *losses = found;
  sac->updates++;
  return STATUS_OK;
}
