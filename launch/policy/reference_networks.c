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
  if (status == STATUS_OK && !(reference->logits = memory_alloc(critics.net.output, sizeof(double), "critics", error)))
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
  const struct history history = history_of(config, info->obs_dim, info->act_dim);
  const uint32_t input_dim = (uint32_t)history_width(&history), act_dim = info->act_dim;
  *reference = (struct reference_networks){.input_dim = input_dim,
                                           .act_dim = act_dim,
                                           .normalize = weights->normalize,
                                           .form = log_std_form_of(config),
                                           .value_min = config->value_min,
                                           .value_max = config->value_max};
  policy_network(&net, NULL, input_dim, act_dim, config);
  const struct mlp dense = mlp_dense(&net);
  enum status status = mlp_f64_init(&reference->policy, &dense, weights->values, error);
  reference->shift = memory_alloc(input_dim, sizeof(double), "the normalizer", error);
  reference->scale = memory_alloc(input_dim, sizeof(double), "the normalizer", error);
  reference->input = memory_alloc(input_dim + act_dim, sizeof(double), "the networks' input", error);
  reference->gradient = memory_alloc(input_dim + act_dim, sizeof(double), "the networks' input", error);
  if (!reference->shift || !reference->scale || !reference->input || !reference->gradient) status = STATUS_MEMORY;
  for (uint32_t i = 0; i < input_dim && status == STATUS_OK; i++) {
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
  memory_free(reference->logits);
  mlp_f64_release(&reference->policy);
  memory_free(reference->shift);
  memory_free(reference->scale);
  memory_free(reference->input);
  memory_free(reference->gradient);
  *reference = (struct reference_networks){0};
}

void reference_networks_observe(struct reference_networks *reference, const float *input) {
  for (uint32_t i = 0; i < reference->input_dim; i++) {
    double x = (double)input[i];
    if (reference->normalize)
      x = fmin(fmax((x - reference->shift[i]) * reference->scale[i], -NORMALIZER_CLIP), NORMALIZER_CLIP);
    reference->input[i] = x;
  }
}

void reference_networks_head(struct reference_networks *reference, double *head) {
  mlp_f64_forward(&reference->policy, reference->input, head);
}

void reference_networks_slope(struct reference_networks *reference, double *head, double *slope) {
  const uint32_t dim = reference->act_dim;
  memset(head, 0, 2 * dim * sizeof *head);
  memset(slope, 0, reference->input_dim * sizeof *slope);
  for (uint32_t i = 0; i < dim; i++) {
    head[i] = 1;
    mlp_f64_backward(&reference->policy, head, reference->gradient);
    head[i] = 0;
    for (uint32_t j = 0; j < reference->input_dim; j++) slope[j] += reference->gradient[j] * reference->gradient[j];
  }
  for (uint32_t j = 0; j < reference->input_dim; j++) slope[j] = sqrt(slope[j]);
}

// Q = sum_j z_j p_j of a critic's logits, p = softmax(logits); the logits become dQ/dlogit_j = p_j (z_j - Q). Where
// there is one output it is Q itself.
static double value_of(const struct reference_networks *reference, uint32_t outputs, double *logits) {
  double most = logits[0], sum = 0, q = 0;
  if (outputs == 1) {
    const double value = logits[0];
    logits[0] = 1;
    return value;
  }
  const double step = (reference->value_max - reference->value_min) / (outputs - 1);
  for (uint32_t j = 1; j < outputs; j++) most = fmax(most, logits[j]);
  for (uint32_t j = 0; j < outputs; j++) sum += logits[j] = exp(logits[j] - most);
  for (uint32_t j = 0; j < outputs; j++) q += (reference->value_min + step * j) * (logits[j] /= sum);
  for (uint32_t j = 0; j < outputs; j++) logits[j] *= reference->value_min + step * j - q;
  return q;
}

double reference_networks_q(struct reference_networks *reference, uint32_t critic, const double *action) {
  struct mlp_f64 *net = &reference->critic[critic];
  memcpy(reference->input + reference->input_dim, action, reference->act_dim * sizeof *action);
  mlp_f64_forward(net, reference->input, reference->logits);
  return value_of(reference, net->shape.output, reference->logits);
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
  reference_networks_q(reference, smallest, action);
  mlp_f64_backward(&reference->critic[smallest], reference->logits, reference->gradient);
  memcpy(gradient, reference->gradient + reference->input_dim, reference->act_dim * sizeof *gradient);
  return least;
}
