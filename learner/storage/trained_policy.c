#include "learner/storage/trained_policy.h"

#include "common/base/memory.h"

enum status trained_policy_alloc(struct trained_policy *policy, struct error *error) {
  enum status status = policy_weights_init(&policy->weights, policy->obs_dim, policy->net.parameters, error);
  if (status == STATUS_OK) status = normalizer_init(&policy->normalizer, policy->obs_dim, error);
  if (status != STATUS_OK) return status;
  policy->action_low = memory_alloc(policy->act_dim, sizeof(double), "action bounds", error);
  policy->action_high = memory_alloc(policy->act_dim, sizeof(double), "action bounds", error);
  return policy->action_low && policy->action_high ? STATUS_OK : STATUS_MEMORY;
}

void trained_policy_release(struct trained_policy *policy) {
  policy_weights_release(&policy->weights);
  normalizer_release(&policy->normalizer);
  memory_free(policy->action_low);
  memory_free(policy->action_high);
  *policy = (struct trained_policy){0};
}
