#include "learner/storage/trained_policy.h"

#include "common/base/memory.h"

enum status trained_policy_alloc(struct trained_policy *policy, struct error *error) {
  enum status status = policy_weights_init(&policy->weights, policy->net.input, policy->net.parameters, error);
  if (status == STATUS_OK) status = normalizer_init(&policy->normalizer, policy->obs_dim, error);
  if (status != STATUS_OK) return status;
  policy->action_low = memory_alloc(policy->act_dim, sizeof(double), "action bounds", error);
  policy->action_high = memory_alloc(policy->act_dim, sizeof(double), "action bounds", error);
  return policy->action_low && policy->action_high ? STATUS_OK : STATUS_MEMORY;
}

void trained_policy_normalize(struct trained_policy *policy) {
  struct policy_weights *weights = &policy->weights;
  weights->normalize = true; // the places of actions keep shift 0 and scale 1
  for (uint32_t i = 0; i < policy->history.length; i++) {
    const uint32_t at = history_offset(&policy->history, i);
    normalizer_export(&policy->normalizer, weights->shift + at, weights->scale + at);
  }
}

void trained_policy_release(struct trained_policy *policy) {
  policy_weights_release(&policy->weights);
  normalizer_release(&policy->normalizer);
  memory_free(policy->action_low);
  memory_free(policy->action_high);
  *policy = (struct trained_policy){0};
}
