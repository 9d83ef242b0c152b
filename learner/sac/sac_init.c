// What the update's networks, optimizers and scratch take in memory, and the parameters of a new run.
#include "learner/sac/sac_impl.h"

#include "common/base/logarithm.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "common/base/random.h"
#include "common/nn/backend.h"
#include "common/nn/mlp_fold.h"
#include "learner/sac/network_init.h"

#include <math.h>
#include <string.h>

// Linux promises more memory than there is. So the size of the networks is compared with what is available before any
// of it is touched.
static enum status check_memory(const struct sac *sac, const struct config *config, struct error *error) {
  struct mlp critic;
  const struct mlp_spec spec = critic_spec(config, sac->policy_net.tiles, sac->obs_dim, sac->act_dim);
  mlp_init_spec(&critic, &spec);
  // Parameters, two moments and a gradient of the policy; the critics have targets as well.
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
  const double target = config_target_entropy(config, act_dim);
  if (!config->alpha.is_auto || target < most) return STATUS_OK;
  return error_set(
      error, STATUS_USAGE,
      "target_entropy: %g is more than any policy of %u action%s in [-1, 1] has, which is less than %.4g (n "
      "log 2): alpha would grow without end; give less, auto is %d",
      target, act_dim, plural(act_dim), most, -(int)act_dim);
}

// Of a fixed alpha, which may be 0, log_alpha is only saved, and a checkpoint takes none below -700.
static double first_log_alpha(const struct config *config) {
  if (!config->alpha.is_auto) return fmax(-700, logarithm(config->alpha.value));
  return config->alpha_start > 0 ? logarithm(config->alpha_start) : 0;
}

static enum status take_policy(struct sac *sac, struct error *error) {
  const struct mlp *net = &sac->policy_net;
  sac->policy = memory_alloc(net->parameters, sizeof(real), "the policy's parameters", error);
  sac->policy_statistics = memory_alloc(net->statistics, sizeof(real), "the policy's statistics", error);
  sac->fold_scratch = memory_alloc(mlp_fold_scratch(net), sizeof(real), "the folded policy", error);
  sac->acting =
      net->batch ? memory_alloc(sac->acting_net.parameters, sizeof(real), "the folded policy", error) : sac->policy;
  const bool good = sac->policy && sac->policy_statistics && sac->fold_scratch && sac->acting;
  return good ? STATUS_OK : STATUS_MEMORY;
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
      .target_entropy = config_target_entropy(config, act_dim),
      .policy_delay = config->policy_delay > 0 ? config->policy_delay : 1,
      .policy_first = config->policy_first,
      .policy_joint = config->policy_joint,
      .gradient_clip = config->gradient_clip,
      .unit_weights = config->unit_weights,
      .orthogonal = strcmp(config->init, "orthogonal") == 0,
      .schedule = learning_rate_schedule_of(config),
      .log_std = log_std_form_of(config),
      .auto_alpha = config->alpha.is_auto,
      .fixed_alpha = config->alpha.value,
      .log_alpha = first_log_alpha(config),
      .alpha_adam.learning_rate = config->lr_alpha,
      .team = team,
  };
  enum status status = check_target(config, act_dim, error);
  if (status != STATUS_OK) return status;
  const struct tiles *tiles = backend_tiles(config);
  const struct mlp_spec spec = policy_spec(config, tiles, obs_dim, act_dim);
  mlp_init_spec(&sac->policy_net, &spec);
  sac->acting_net = mlp_folded(&sac->policy_net);
  if (check_memory(sac, config, error) != STATUS_OK) return STATUS_MEMORY;
  if (linalg_reserve(tiles, thread_team_size(team), error) != STATUS_OK) return STATUS_MEMORY;
  status = take_policy(sac, error);
  if (status == STATUS_OK) status = critics_init(&sac->critics, tiles, config, obs_dim, act_dim, error);
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
  if (sac->policy_net.batch) memory_free(sac->acting);
  memory_free(sac->fold_scratch);
  memory_free(sac->policy_statistics);
  memory_free(sac->policy);
  *sac = (struct sac){0};
}

enum status sac_init_parameters(struct sac *sac, uint64_t seed, struct error *error) {
  struct random random = random_stream(seed, RANDOM_INIT, 0, 0);
  enum status status =
      network_init_parameters(&sac->policy_net, sac->orthogonal, sac->unit_weights, sac->policy, &random, error);
  if (status == STATUS_OK) status = critics_init_parameters(&sac->critics, seed, error);
  mlp_init_statistics(&sac->policy_net, sac->policy_statistics);
  sac_refresh(sac);
  return status;
}

void sac_refresh(struct sac *sac) {
  sac->transposed = false;
  sac_fold_policy(sac);
}

void sac_fold_policy(struct sac *sac) {
  if (sac->policy_net.batch)
    mlp_fold(&sac->policy_net, sac->policy, sac->policy_statistics, sac->fold_scratch, sac->acting);
}
