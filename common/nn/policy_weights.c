#include "common/nn/policy_weights.h"
#include "common/base/memory.h"

#include <string.h>

enum status policy_weights_init(struct policy_weights *weights, uint32_t obs_dim, size_t parameters,
                                struct error *error) {
  *weights = (struct policy_weights){.obs_dim = obs_dim, .parameters = parameters};
  weights->shift = memory_alloc(obs_dim, sizeof *weights->shift, "a policy's normalizer", error);
  weights->scale = memory_alloc(obs_dim, sizeof *weights->scale, "a policy's normalizer", error);
  weights->values = memory_alloc(parameters, sizeof *weights->values, "a policy's weights", error);
  if (!weights->shift || !weights->scale || !weights->values) {
    policy_weights_release(weights);
    return STATUS_MEMORY;
  }
  for (uint32_t i = 0; i < obs_dim; i++) weights->scale[i] = 1;
  return STATUS_OK;
}

void policy_weights_release(struct policy_weights *weights) {
  memory_free(weights->shift);
  memory_free(weights->scale);
  memory_free(weights->values);
  *weights = (struct policy_weights){0};
}

void policy_weights_copy(struct policy_weights *to, const struct policy_weights *from) {
  to->version = from->version;
  to->normalize = from->normalize;
  memcpy(to->shift, from->shift, from->obs_dim * sizeof *to->shift);
  memcpy(to->scale, from->scale, from->obs_dim * sizeof *to->scale);
  memcpy(to->values, from->values, from->parameters * sizeof *to->values);
}
