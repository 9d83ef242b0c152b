#include "learner/storage/policy_file.h"

#include "common/base/action_bounds.h"
#include "common/base/file.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/storage/policy_checkpoint.h"
#include "learner/storage/policy_npz.h"

#include <hdf5.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// An .npz is a zip file, whose first bytes tell it.
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
  return zip ? policy_npz_read(path, policy, error) : policy_checkpoint_read(path, policy, error);
}

// A file can be whole and yet hold NaN, with which nothing can act.
static enum status check(const struct trained_policy *policy, struct error *error) {
  const struct policy_weights *weights = &policy->weights;
  for (size_t i = 0; i < weights->parameters; i++)
    if (!isfinite(weights->values[i]))
      return error_set(error, STATUS_FORMAT, "%s: a weight of the policy is %g", policy->file,
                       (double)weights->values[i]);
  const uint32_t newest = history_offset(&policy->history, policy->history.length - 1);
  for (uint32_t i = 0; i < policy->obs_dim; i++)
    if (!isfinite(weights->shift[newest + i]) || !isfinite(weights->scale[newest + i]) ||
        !(policy->normalizer.m2[i] >= 0) || !isfinite(policy->normalizer.m2[i]))
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

static enum status find_newest(const char *directory, char *file, struct error *error) {
  const enum status status = checkpoint_newest(directory, false, NULL, file, error);
  if (status == STATUS_OK) return status;
  return error_set(error, status, "%s: holds no checkpoint yet (ckpt-*.h5), so no policy", directory);
}

enum status policy_file_read(const char *path, struct trained_policy *policy, struct error *error) {
  *policy = (struct trained_policy){0};
  struct stat info;
  char file[FILE_PATH];
  enum status status = STATUS_OK;
  if (file_stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    status = find_newest(path, file, error);
  else if ((size_t)snprintf(file, sizeof file, "%s", path) >= sizeof file)
    status = error_set(error, STATUS_IO, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
  if (status == STATUS_OK) status = read_file(file, policy, error);
  if (status == STATUS_OK) status = check(policy, error);
  if (status != STATUS_OK) trained_policy_release(policy);
  return status;
}

void policy_file_share_hdf5(void) { (void)H5open(); }
