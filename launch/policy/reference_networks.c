#include "launch/policy/reference_networks.h"

#include "common/base/memory.h"
#include <math.h>
#include <string.h>

static enum status read_critics(struct reference_networks *reference, const char *file,
                                const struct checkpoint_info *info, const struct config *config, struct error *error) {
  struct checkpoint_critics critics;
  enum status status = checkpoint_read_critics(file, info, config, &critics, error);
  if (status != STATUS_OK) return status;
  reference->alpha = critics.alpha;
  if (critics.count > 0 &&
      !(reference->critic = memory_alloc(critics.count, sizeof *reference->critic, "critics", error)))
    status = STATUS_MEMORY;
  for (uint32_t k = 0; k < critics.count && status == STATUS_OK; k++) {
    status = mlp_f64_init(&reference->critic[k], &critics.net, critics.parameters + k * critics.net.parameters, error);
    reference->critics += status == STATUS_OK;
  }
  checkpoint_critics_release(&critics);
  return status;
}

enum status reference_networks_read(struct reference_networks *reference, const char *file,
                                    const struct checkpoint_info *info, const struct config *config,
                                    const struct policy_weights *weights, struct error *error) {
  struct mlp net;
  const uint32_t obs_dim = info->obs_dim, act_dim = info->act_dim;
  *reference = (struct reference_networks){.obs_dim = obs_dim, .act_dim = act_dim, .normalize = weights->normalize};
  policy_network(&net, NULL, obs_dim, act_dim, config);
  const struct mlp dense = mlp_dense(&net);
  enum status status = mlp_f64_init(&reference->policy, &dense, weights->values, error);
  reference->shift = memory_alloc(obs_dim, sizeof(double), "the normalizer", error);
  reference->scale = memory_alloc(obs_dim, sizeof(double), "the normalizer", error);
  reference->input = memory_alloc(obs_dim + act_dim, sizeof(double), "the networks' input", error);
  reference->gradient = memory_alloc(obs_dim + act_dim, sizeof(double), "the networks' input", error);
  if (!reference->shift || !reference->scale || !reference->input || !reference->gradient) status = STATUS_MEMORY;
  for (uint32_t i = 0; i < obs_dim && status == STATUS_OK; i++) {
    reference->shift[i] = (double)weights->shift[i];
    reference->scale[i] = (double)weights->scale[i];
  }
  if (status == STATUS_OK) status = read_critics(reference, file, info, config, error);
  if (status != STATUS_OK) reference_networks_release(reference);
  return status;
}

void reference_networks_release(struct reference_networks *reference) {
  for (uint32_t k = 0; k < reference->critics; k++) mlp_f64_release(&reference->critic[k]);
  memory_free(reference->critic);
  mlp_f64_release(&reference->policy);
  memory_free(reference->shift);
  memory_free(reference->scale);
  memory_free(reference->input);
  memory_free(reference->gradient);
  *reference = (struct reference_networks){0};
}

void reference_networks_observe(struct reference_networks *reference, const float *obs) {
  for (uint32_t i = 0; i < reference->obs_dim; i++) {
    double x = (double)obs[i];
    if (reference->normalize)
      x = fmin(fmax((x - reference->shift[i]) * reference->scale[i], -NORMALIZER_CLIP), NORMALIZER_CLIP);
    reference->input[i] = x;
  }
}

void reference_networks_head(struct reference_networks *reference, double *head) {
  mlp_f64_forward(&reference->policy, reference->input, head);
}

double reference_networks_q(struct reference_networks *reference, uint32_t critic, const double *action) {
  double q;
  memcpy(reference->input + reference->obs_dim, action, reference->act_dim * sizeof *action);
  mlp_f64_forward(&reference->critic[critic], reference->input, &q);
  return q;
}

double reference_networks_minimum(struct reference_networks *reference, const double *action, double *gradient) {
  uint32_t smallest = 0;
  double least = reference_networks_q(reference, 0, action);
  for (uint32_t k = 1; k < reference->critics; k++) {
    const double q = reference_networks_q(reference, k, action);
    if (!(q < least)) continue;
    least = q;
    smallest = k;
  }
  if (!gradient) return least;
  const double one = 1;
  mlp_f64_backward(&reference->critic[smallest], &one, reference->gradient); // after its forward at this action
  memcpy(gradient, reference->gradient + reference->obs_dim, reference->act_dim * sizeof *gradient);
  return least;
}
