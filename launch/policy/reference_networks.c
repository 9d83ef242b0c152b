#include "launch/policy/reference_networks.h"

#include "common/base/memory.h"
#include <math.h>
#include <string.h>

static enum status read_critics(struct reference_networks *networks, const char *file,
                                const struct checkpoint_info *info, const struct config *config, struct error *error) {
  struct checkpoint_critics critics;
  enum status status = checkpoint_read_critics(file, info, config, &critics, error);
  if (status != STATUS_OK) return status;
  networks->alpha = critics.alpha;
  if (critics.count > 0 &&
      !(networks->critic = memory_alloc(critics.count, sizeof *networks->critic, "critics", error)))
    status = STATUS_MEMORY;
  for (uint32_t k = 0; k < critics.count && status == STATUS_OK; k++) {
    status = mlp_f64_init(&networks->critic[k], &critics.net, critics.parameters + k * critics.net.parameters, error);
    networks->critics += status == STATUS_OK;
  }
  checkpoint_critics_release(&critics);
  return status;
}

enum status reference_networks_read(struct reference_networks *networks, const char *file,
                                    const struct checkpoint_info *info, const struct config *config,
                                    const struct policy_weights *weights, struct error *error) {
  struct mlp net;
  const uint32_t obs_dim = info->obs_dim, act_dim = info->act_dim;
  *networks = (struct reference_networks){.obs_dim = obs_dim, .act_dim = act_dim, .normalize = weights->normalize};
  policy_network(&net, NULL, obs_dim, act_dim, &config->hidden);
  const struct mlp dense = mlp_dense(&net);
  enum status status = mlp_f64_init(&networks->policy, &dense, weights->values, error);
  networks->shift = memory_alloc(obs_dim, sizeof(double), "the normalizer", error);
  networks->scale = memory_alloc(obs_dim, sizeof(double), "the normalizer", error);
  networks->input = memory_alloc(obs_dim + act_dim, sizeof(double), "the networks' input", error);
  networks->gradient = memory_alloc(obs_dim + act_dim, sizeof(double), "the networks' input", error);
  if (!networks->shift || !networks->scale || !networks->input || !networks->gradient) status = STATUS_MEMORY;
  for (uint32_t i = 0; i < obs_dim && status == STATUS_OK; i++) {
    networks->shift[i] = (double)weights->shift[i];
    networks->scale[i] = (double)weights->scale[i];
  }
  if (status == STATUS_OK) status = read_critics(networks, file, info, config, error);
  if (status != STATUS_OK) reference_networks_release(networks);
  return status;
}

void reference_networks_release(struct reference_networks *networks) {
  for (uint32_t k = 0; k < networks->critics; k++) mlp_f64_release(&networks->critic[k]);
  memory_free(networks->critic);
  mlp_f64_release(&networks->policy);
  memory_free(networks->shift);
  memory_free(networks->scale);
  memory_free(networks->input);
  memory_free(networks->gradient);
  *networks = (struct reference_networks){0};
}

void reference_networks_observe(struct reference_networks *networks, const float *obs) {
  for (uint32_t i = 0; i < networks->obs_dim; i++) {
    double x = (double)obs[i];
    if (networks->normalize)
      x = fmin(fmax((x - networks->shift[i]) * networks->scale[i], -NORMALIZER_CLIP), NORMALIZER_CLIP);
    networks->input[i] = x;
  }
}

void reference_networks_head(struct reference_networks *networks, double *head) {
  mlp_f64_forward(&networks->policy, networks->input, head);
}

double reference_networks_q(struct reference_networks *networks, uint32_t critic, const double *action) {
  double q;
  memcpy(networks->input + networks->obs_dim, action, networks->act_dim * sizeof *action);
  mlp_f64_forward(&networks->critic[critic], networks->input, &q);
  return q;
}

double reference_networks_minimum(struct reference_networks *networks, const double *action, double *gradient) {
  uint32_t smallest = 0;
  double least = reference_networks_q(networks, 0, action);
  for (uint32_t k = 1; k < networks->critics; k++) {
    const double q = reference_networks_q(networks, k, action);
    if (!(q < least)) continue;
    least = q;
    smallest = k;
  }
  if (!gradient) return least;
  const double one = 1;
  mlp_f64_backward(&networks->critic[smallest], &one, networks->gradient); // of its last forward, at this action
  memcpy(gradient, networks->gradient + networks->obs_dim, networks->act_dim * sizeof *gradient);
  return least;
}
