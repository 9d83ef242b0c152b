#include "learner/storage/trained_policy.h"

#include "common/base/action_bounds.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/nn/policy_layers.h"
#include "learner/storage/policy_checkpoint.h"
#include "learner/storage/policy_npz.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum status trained_policy_alloc(struct trained_policy *policy, struct error *error) {
  const size_t size = policy_layers_size(policy->obs_dim, policy->act_dim, &policy->hidden);
  enum status status = policy_weights_init(&policy->weights, policy->obs_dim, size, error);
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

// The first bytes of a zip file, as an .npz is one.
static enum status is_zip(const char *path, bool *zip, struct error *error) {
  FILE *file = file_read_plain(path, error);
  char magic[4] = "";
  if (!file) return STATUS_IO;
  *zip = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "PK\3\4", sizeof magic) == 0;
  fclose(file);
  return STATUS_OK;
}

static enum status read_file(const char *path, struct trained_policy *policy, struct error *error) {
  bool zip = false;
  const enum status status = is_zip(path, &zip, error);
  if (status != STATUS_OK) return status;
  snprintf(policy->file, sizeof policy->file, "%s", path);
  return zip ? policy_npz_read(path, policy, error) : checkpoint_read_trained(path, policy, error);
}

// What acts must be numbers; a file can be whole and yet hold NaN.
static enum status check(const struct trained_policy *policy, struct error *error) {
  const struct policy_weights *weights = &policy->weights;
  for (size_t i = 0; i < weights->parameters; i++)
    if (!isfinite(weights->values[i]))
      return error_set(error, STATUS_FORMAT, "%s: a weight of the policy is %g", policy->file,
                       (double)weights->values[i]);
  for (uint32_t i = 0; i < policy->obs_dim; i++)
    if (!isfinite(weights->shift[i]) || !isfinite(weights->scale[i]) || !(policy->normalizer.m2[i] >= 0) ||
        !isfinite(policy->normalizer.m2[i]))
      return error_set(error, STATUS_FORMAT,
                       "%s: the normalizer's component %u is not finite, or its variance negative", policy->file, i);
  for (uint32_t i = 0; i < policy->act_dim; i++) {
    const double low = policy->action_low[i], high = policy->action_high[i];
    if (!action_bounds_are_good(low, high))
      return error_set(error, STATUS_FORMAT, "%s: the bounds of action %u are [%g, %g]; " ACTION_BOUNDS_RULE,
                       policy->file, i, low, high);
  }
  return STATUS_OK;
}

enum status trained_policy_read(const char *path, struct trained_policy *policy, struct error *error) {
  *policy = (struct trained_policy){0};
  struct stat info;
  char file[FILE_PATH];
  enum status status = STATUS_OK;
  if (file_stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    status = checkpoint_newest_policy(path, file, error);
  else if ((size_t)snprintf(file, sizeof file, "%s", path) >= sizeof file)
    status = error_set(error, STATUS_IO, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
  if (status == STATUS_OK) status = read_file(file, policy, error);
  if (status == STATUS_OK) status = check(policy, error);
  if (status != STATUS_OK) trained_policy_release(policy);
  return status;
}
