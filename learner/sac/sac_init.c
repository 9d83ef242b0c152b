// What the update's networks, optimizers and scratch take in memory, and the parameters of a new run.
#include "learner/sac/sac_impl.h"

#include "common/base/logarithm.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/backend.h"
#include "common/nn/policy.h"

// Linux promises more memory than there is. So the size of the networks is compared with what is available before any
// of it is touched.
static enum status check_memory(const struct sac *sac, const struct config *config, struct error *error) {
  struct mlp critic;
  mlp_init(&critic, sac->policy_net.tiles, sac->obs_dim + sac->act_dim, config->hidden.width, config->hidden.count, 1,
           config->critic_layer_norm);
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
      target, act_dim, act_dim == 1 ? "" : "s", most, -(int)act_dim);
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
  memory_free(sac->policy);
  *sac = (struct sac){0};
}

void sac_init_parameters(struct sac *sac, uint64_t seed) {
  struct random random = random_stream(seed, RANDOM_INIT, 0, 0);
  mlp_init_parameters(&sac->policy_net, sac->policy, &random);
  critics_init_parameters(&sac->critics, seed);
  sac->transposed = false;
}
