#include "learner/sac.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/policy.h"
#include "common/nn/squashed_gaussian.h"
#include "common/base/vectorize.h"
#include <math.h>
#include <string.h>

// What one member of the team works with: its rows of the batch, its own gradient, its own sums.
struct member {
  size_t begin, rows;                 // rows [begin, begin + rows) of the batch; every array below is of these rows
  real *head;                         // (rows x 2 act_dim) the policy's output
  real *action;                       // (rows x act_dim)
  real *log_probability;              // (rows)
  real *x;                            // (rows x (obs_dim + act_dim)) critics' input [s | a]
  real *dq_da;                        // (rows x act_dim) dQ/da
  real *q, *y, *value, *dq;           // (rows)
  real *d_action;                     // (rows x act_dim)
  real *d_head;                       // (rows x 2 act_dim)
  uint32_t *argmin, *index;           // (rows)
  real *scratch;                      // of critics_minimum_gradient
  real *policy_cache, *critics_cache; // one, and one for each critic
  size_t critic_stride;               // from cache to cache
  real *policy_gradient, *critics_gradient; // of the member's rows alone
  double critic_loss, q_sum, policy_loss, log_probability_sum;
  bool finite; // the gradient in the member's range of parameters
};

struct sac_scratch {
  struct sac_batch batch;
  uint32_t *all; // (critics) 0, 1, ...
  double alpha;  // of this update
  unsigned members;
  struct member *member; // (members)
  struct arena arena;    // holds all of the above
};

// --- memory ---

// Hands out arrays of an arena or, where there is none yet, adds up what it must hold: one list of arrays serves both.
struct layout {
  struct arena *arena; // NULL: count only
  size_t size;
};

static void *layout_take(struct layout *layout, size_t count, size_t size) {
  const size_t need = arena_need(count, size);
  layout->size = need > SIZE_MAX / 2 - layout->size ? SIZE_MAX / 2 : layout->size + need;
  return layout->arena ? arena_alloc(layout->arena, count, size) : NULL;
}

static void layout_batch(struct layout *layout, const struct sac *sac, struct sac_batch *batch) {
  const size_t rows = sac->batch_size;
  batch->rows = rows;
  batch->obs = layout_take(layout, rows * sac->obs_dim, sizeof(real));
  batch->action = layout_take(layout, rows * sac->act_dim, sizeof(real));
  batch->reward = layout_take(layout, rows, sizeof(real));
  batch->next_obs = layout_take(layout, rows * sac->obs_dim, sizeof(real));
  batch->discount = layout_take(layout, rows, sizeof(real));
  batch->noise = layout_take(layout, rows * sac->act_dim, sizeof(real));
  batch->noise_next = layout_take(layout, rows * sac->act_dim, sizeof(real));
  // All critics, since they are shuffled to draw a subset.
  batch->subset = layout_take(layout, sac->critics.count, sizeof(uint32_t));
}

static void layout_member(struct layout *layout, const struct sac *sac, struct member *member) {
  const size_t rows = member->rows, obs = sac->obs_dim, act = sac->act_dim;
  member->head = layout_take(layout, rows * 2 * act, sizeof(real));
  member->action = layout_take(layout, rows * act, sizeof(real));
  member->log_probability = layout_take(layout, rows, sizeof(real));
  member->x = layout_take(layout, rows * (obs + act), sizeof(real));
  member->dq_da = layout_take(layout, rows * act, sizeof(real));
  member->q = layout_take(layout, rows, sizeof(real));
  member->y = layout_take(layout, rows, sizeof(real));
  member->value = layout_take(layout, rows, sizeof(real));
  member->dq = layout_take(layout, rows, sizeof(real));
  member->d_action = layout_take(layout, rows * act, sizeof(real));
  member->d_head = layout_take(layout, rows * 2 * act, sizeof(real));
  member->argmin = layout_take(layout, rows, sizeof(uint32_t));
  member->index = layout_take(layout, rows, sizeof(uint32_t));
  member->scratch = layout_take(layout, rows * (act + 1), sizeof(real));
  member->policy_cache = layout_take(layout, mlp_cache_size(&sac->policy_net, rows), sizeof(real));
  member->critic_stride = arena_need(mlp_cache_size(&sac->critics.net, rows), sizeof(real)) / sizeof(real);
  member->critics_cache = layout_take(layout, sac->critics.count * member->critic_stride, sizeof(real));
  member->policy_gradient = layout_take(layout, sac->policy_net.parameters, sizeof(real));
  member->critics_gradient = layout_take(layout, sac->critics.size, sizeof(real));
}

static void layout_scratch(struct layout *layout, const struct sac *sac, struct sac_scratch *scratch) {
  layout_batch(layout, sac, &scratch->batch);
  scratch->all = layout_take(layout, sac->critics.count, sizeof(uint32_t));
  for (unsigned m = 0; m < scratch->members; m++) layout_member(layout, sac, &scratch->member[m]);
}

static enum status scratch_init(struct sac *sac, struct error *error) {
  struct sac_scratch *scratch = sac->scratch = memory_alloc(1, sizeof *scratch, "the update's scratch", error);
  if (!scratch) return STATUS_MEMORY;
  scratch->members = team_size(sac->team);
  scratch->member = memory_alloc(scratch->members, sizeof *scratch->member, "the update's scratch", error);
  if (!scratch->member) return STATUS_MEMORY;
  for (unsigned m = 0; m < scratch->members; m++) {
    size_t begin, end;
    team_share(sac->batch_size, 1, m, scratch->members, &begin, &end);
    scratch->member[m].begin = begin;
    scratch->member[m].rows = end - begin;
  }
  struct layout layout = {0};
  layout_scratch(&layout, sac, scratch);
  if (arena_init(&scratch->arena, layout.size, "the update's scratch", error) != STATUS_OK) return STATUS_MEMORY;
  layout.arena = &scratch->arena;
  layout_scratch(&layout, sac, scratch);
  for (uint32_t k = 0; k < sac->critics.count; k++) scratch->batch.subset[k] = scratch->all[k] = k;
  return STATUS_OK;
}

// Linux promises more memory than there is, so what the networks take is compared with it before any of it is touched.
static enum status check_memory(const struct sac *sac, const struct config *config, struct error *error) {
  struct mlp critic;
  mlp_init(&critic, sac->obs_dim + sac->act_dim, config->hidden.width, config->hidden.count, 1,
           config->critic_layer_norm);
  const double gradients = team_size(sac->team); // one of each member
  // Parameters, two moments and gradients of the policy; of the critics targets as well.
  const double reals = (double)sac->policy_net.parameters * (3 + gradients) +
                       (double)config->critics * (double)critic.parameters * (4 + gradients);
  const double need = reals * sizeof(real) / 0x1p30, have = (double)memory_available() / 0x1p30;
  if (need <= have) return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "the networks and their optimizers need %.1f GiB, %.1f GiB are available: lower hidden or critics",
                   need, have);
}

enum status sac_init(struct sac *sac, const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                     struct team *team, struct error *error) {
  *sac = (struct sac){
      .obs_dim = obs_dim,
      .act_dim = act_dim,
      .batch_size = (uint32_t)config->batch_size,
      .target_subset = (uint32_t)(config->target_subset > 0 ? config->target_subset : config->critics),
      .tau = config->tau,
      .reward_scale = config->reward_scale,
      .target_entropy = config->target_entropy.is_auto ? -(double)act_dim : config->target_entropy.value,
      .auto_alpha = config->alpha.is_auto,
      .log_alpha = config->alpha.is_auto ? 0 : log(config->alpha.value), // alpha 0: exp(-inf)
      .alpha_adam.learning_rate = config->lr_alpha,
      .team = team,
  };
  policy_network(&sac->policy_net, obs_dim, act_dim, &config->hidden);
  if (check_memory(sac, config, error) != STATUS_OK) return STATUS_MEMORY;
  sac->policy = memory_alloc(sac->policy_net.parameters, sizeof(real), "the policy's parameters", error);
  enum status status = sac->policy ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK)
    status = critics_init(&sac->critics, obs_dim, act_dim, &config->hidden, (uint32_t)config->critics,
                          config->critic_layer_norm, error);
  if (status == STATUS_OK) status = adam_init(&sac->policy_adam, sac->policy_net.parameters, config->lr_actor, error);
  if (status == STATUS_OK) status = adam_init(&sac->critics_adam, sac->critics.size, config->lr_critic, error);
  if (status == STATUS_OK) status = scratch_init(sac, error);
  if (status != STATUS_OK) sac_release(sac);
  return status;
}

void sac_release(struct sac *sac) {
  if (sac->scratch) {
    arena_release(&sac->scratch->arena);
    memory_free(sac->scratch->member);
  }
  memory_free(sac->scratch);
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
}

struct sac_batch *sac_batch(struct sac *sac) {
  return &sac->scratch->batch;
}
const real *sac_policy_gradient(const struct sac *sac) { return sac->scratch->member[0].policy_gradient; }
const real *sac_critics_gradient(const struct sac *sac) { return sac->scratch->member[0].critics_gradient; }

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

// --- the update ---

// a = tanh(mean + sigma noise) ~ pi(.|s), and log pi(a|s), of the member's rows
static void sample_policy(const struct sac *sac, struct member *own, const real *obs, const real *noise) {
  mlp_forward(&sac->policy_net, sac->policy, own->rows, obs, own->policy_cache, own->head);
  squashed_gaussian_sample(own->rows, sac->act_dim, own->head, noise, own->action, own->log_probability);
}

// x = [s | a]
static void join(const struct sac *sac, struct member *own, const real *obs, const real *action) {
  const size_t obs_dim = sac->obs_dim, act_dim = sac->act_dim;
  for (size_t i = 0; i < own->rows; i++) {
    real *row = own->x + i * (obs_dim + act_dim);
    memcpy(row, obs + i * obs_dim, obs_dim * sizeof *row);
    memcpy(row + obs_dim, action + i * act_dim, act_dim * sizeof *row);
  }
}

// y = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
static void critics_goal(const struct sac *sac, struct member *own) {
  const struct critics *critics = &sac->critics;
  const struct sac_batch *batch = &sac->scratch->batch;
  const real *next_obs = batch->next_obs + own->begin * sac->obs_dim;
  const real *reward = batch->reward + own->begin, *discount = batch->discount + own->begin;
  const real alpha = (real)sac->scratch->alpha, scale = (real)sac->reward_scale;

  sample_policy(sac, own, next_obs, batch->noise_next + own->begin * sac->act_dim);
  join(sac, own, next_obs, own->action);
  critics_minimum(critics, critics->targets, batch->subset, sac->target_subset, own->rows, own->x, own->critics_cache,
                  0, own->value, own->q, NULL);
  for (size_t i = 0; i < own->rows; i++)
    own->y[i] = scale * reward[i] + discount[i] * (own->q[i] - alpha * own->log_probability[i]);
}

// J_Q = mean (Q_k(s, a) - y)^2 for each k, and its gradient over the member's rows
static void critics_gradient(void *argument, unsigned number, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_batch *batch = &sac->scratch->batch;
  struct member *own = &sac->scratch->member[number];
  memset(own->critics_gradient, 0, critics->size * sizeof(real));
  own->critic_loss = own->q_sum = 0;
  if (own->rows == 0) return;

  critics_goal(sac, own);
  join(sac, own, batch->obs + own->begin * sac->obs_dim, batch->action + own->begin * sac->act_dim);
  double loss = 0, q_sum = 0;
  const real mean = (real)(2.0 / (double)batch->rows); // of the derivative of the mean square
  for (uint32_t k = 0; k < critics->count; k++) {
    const real *parameters = critics->parameters + k * critics->net.parameters;
    mlp_forward(&critics->net, parameters, own->rows, own->x, own->critics_cache, own->q);
    for (size_t i = 0; i < own->rows; i++) {
      const real difference = own->q[i] - own->y[i];
      own->dq[i] = mean * difference;
      loss += (double)difference * (double)difference;
      q_sum += (double)own->q[i];
    }
    mlp_backward(&critics->net, parameters, own->rows, own->x, own->critics_cache, own->dq,
                 own->critics_gradient + k * critics->net.parameters, NULL);
  }
  own->critic_loss = loss;
  own->q_sum = q_sum;
}

// J_pi = mean (alpha log pi(a|s) - min_k Q_k(s, a)), a = tanh(mean + sigma noise), and its gradient over the member's
// rows
static void policy_gradient(void *argument, unsigned number, unsigned members) {
  (void)members;
  const struct sac *sac = argument;
  const struct critics *critics = &sac->critics;
  const struct sac_batch *batch = &sac->scratch->batch;
  struct member *own = &sac->scratch->member[number];
  const size_t obs_dim = sac->obs_dim, act_dim = sac->act_dim;
  memset(own->policy_gradient, 0, sac->policy_net.parameters * sizeof(real));
  own->policy_loss = own->log_probability_sum = 0;
  if (own->rows == 0) return;

  const real *obs = batch->obs + own->begin * obs_dim, *noise = batch->noise + own->begin * act_dim;
  sample_policy(sac, own, obs, noise);
  join(sac, own, obs, own->action);
  critics_minimum(critics, critics->parameters, sac->scratch->all, critics->count, own->rows, own->x,
                  own->critics_cache, own->critic_stride, own->value, own->q, own->argmin);
  double loss = 0, log_probability_sum = 0;
  for (size_t i = 0; i < own->rows; i++) {
    loss += sac->scratch->alpha * (double)own->log_probability[i] - (double)own->q[i];
    log_probability_sum += (double)own->log_probability[i];
  }
  own->policy_loss = loss;
  own->log_probability_sum = log_probability_sum;

  // dJ/da = -(1/rows) dQ/da with log pi held,  dJ/dlogpi = alpha/rows
  critics_minimum_gradient(critics, critics->parameters, own->rows, own->argmin, own->critics_cache, own->critic_stride,
                           obs_dim, own->scratch, own->index, own->dq_da);
  const real mean = (real)(1.0 / (double)batch->rows);
  for (size_t i = 0; i < own->rows * act_dim; i++) own->d_action[i] = -mean * own->dq_da[i];
  squashed_gaussian_backward(own->rows, act_dim, own->head, noise, (real)sac->scratch->alpha * mean, own->d_action,
                             own->d_head);
  mlp_backward(&sac->policy_net, sac->policy, own->rows, obs, own->policy_cache, own->d_head, own->policy_gradient,
               NULL);
}

// total[begin..end) += more[begin..end)
VECTORIZE static void add(size_t begin, size_t end, const real *restrict more, real *restrict total) {
  for (size_t i = begin; i < end; i++) total[i] += more[i];
}

VECTORIZE static bool all_finite(size_t begin, size_t end, const real *values) {
  int bad = 0;
  for (size_t i = begin; i < end; i++) bad |= values[i] - values[i] != 0;
  return !bad;
}

enum {
  RANGE = 4096,
  LINE = MEMORY_ALIGNMENT / sizeof(real)
}; // parameters that stay in the cache together; that share a cache line

// Over the member's share of the parameters: the members' gradients are summed in their order, checked, and Adam steps.
static void critics_step(void *argument, unsigned number, unsigned members) {
  struct sac *sac = argument;
  struct member *all = sac->scratch->member;
  size_t begin, end;
  team_share(sac->critics.size, LINE, number, members, &begin, &end);
  bool finite = true;
  for (size_t next; begin < end; begin = next) {
    next = end - begin > RANGE ? begin + RANGE : end;
    for (unsigned m = 1; m < members; m++) add(begin, next, all[m].critics_gradient, all[0].critics_gradient);
    finite &= all_finite(begin, next, all[0].critics_gradient);
    adam_apply(&sac->critics_adam, begin, next, all[0].critics_gradient, sac->critics.parameters);
  }
  all[number].finite = finite;
}

// The same for the policy, and targets <- (1 - tau) targets + tau critics.
static void policy_step(void *argument, unsigned number, unsigned members) {
  struct sac *sac = argument;
  struct member *all = sac->scratch->member;
  size_t begin, end;
  team_share(sac->policy_net.parameters, LINE, number, members, &begin, &end);
  bool finite = true;
  for (size_t next; begin < end; begin = next) {
    next = end - begin > RANGE ? begin + RANGE : end;
    for (unsigned m = 1; m < members; m++) add(begin, next, all[m].policy_gradient, all[0].policy_gradient);
    finite &= all_finite(begin, next, all[0].policy_gradient);
    adam_apply(&sac->policy_adam, begin, next, all[0].policy_gradient, sac->policy);
  }
  all[number].finite = finite;

  team_share(sac->critics.size, LINE, number, members, &begin, &end);
  critics_track(&sac->critics, sac->tau, begin, end);
}

// J_alpha = -log_alpha mean(log pi + target_entropy), log pi constant; one step of Adam on log_alpha. Returns J_alpha
// before it.
static double alpha_step(struct sac *sac, double mean_log_probability) {
  if (!sac->auto_alpha) return 0;
  const double gradient = -(mean_log_probability + sac->target_entropy), loss = sac->log_alpha * gradient;
  const double b1 = 0.9, b2 = 0.999, t = (double)++sac->alpha_adam.step;
  sac->alpha_adam.m = b1 * sac->alpha_adam.m + (1 - b1) * gradient;
  sac->alpha_adam.v = b2 * sac->alpha_adam.v + (1 - b2) * gradient * gradient;
  const double m = sac->alpha_adam.m / (1 - pow(b1, t)), v = sac->alpha_adam.v / (1 - pow(b2, t));
  sac->log_alpha -= sac->alpha_adam.learning_rate * m / (sqrt(v) + 1e-8);
  return loss;
}

static enum status check_loss(const struct sac *sac, const char *what, double loss, struct error *error) {
  if (isfinite(loss)) return STATUS_OK;
  return error_set(
      error, STATUS_FAILED,
      "%s loss of update %llu is not finite (%g): a reward or an observation of the environment may be, or the "
      "learning has diverged; lower lr_critic, lr_actor or reward_scale",
      what, (unsigned long long)sac->updates + 1, loss);
}

static enum status check_gradient(const struct sac *sac, const char *what, struct error *error) {
  bool finite = true;
  for (unsigned m = 0; m < sac->scratch->members; m++) finite &= sac->scratch->member[m].finite;
  if (finite) return STATUS_OK;
  return error_set(
      error, STATUS_FAILED,
      "%s gradient of update %llu is not finite: an observation of the environment may be huge, or the learning has "
      "diverged; set normalize_observations, or lower lr_critic, lr_actor or reward_scale",
      what, (unsigned long long)sac->updates + 1);
}

enum status sac_update(struct sac *sac, struct sac_losses *losses, struct error *error) {
  struct sac_scratch *scratch = sac->scratch;
  const double rows = (double)scratch->batch.rows, critics = (double)sac->critics.count;
  scratch->alpha = exp(sac->log_alpha);

  team_run(sac->team, critics_gradient, sac);
  double critic_loss = 0, q_sum = 0;
  for (unsigned m = 0; m < scratch->members; m++) {
    critic_loss += scratch->member[m].critic_loss;
    q_sum += scratch->member[m].q_sum;
  }
  enum status status = check_loss(sac, "critic", critic_loss, error);
  if (status != STATUS_OK) return status;

  adam_begin(&sac->critics_adam);
  team_run(sac->team, critics_step, sac);
  status = check_gradient(sac, "the critics'", error);
  if (status != STATUS_OK) return status;

  team_run(sac->team, policy_gradient, sac);
  double policy_loss = 0, log_probability_sum = 0;
  for (unsigned m = 0; m < scratch->members; m++) {
    policy_loss += scratch->member[m].policy_loss;
    log_probability_sum += scratch->member[m].log_probability_sum;
  }
  status = check_loss(sac, "policy", policy_loss, error);
  if (status != STATUS_OK) return status;

  adam_begin(&sac->policy_adam);
  team_run(sac->team, policy_step, sac);
  status = check_gradient(sac, "the policy's", error);
  if (status != STATUS_OK) return status;

  *losses = (struct sac_losses){
      .critic_loss = critic_loss / (rows * critics),
      .policy_loss = policy_loss / rows,
      .alpha_loss = alpha_step(sac, log_probability_sum / rows),
      .alpha = scratch->alpha,
      .entropy = -log_probability_sum / rows,
      .q_mean = q_sum / (rows * critics),
  };
  sac->updates++;
  return STATUS_OK;
}
