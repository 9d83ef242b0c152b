#include "learner/storage/checkpoint_head.h"

#include "common/base/action_bounds.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "learner/storage/h5.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POLICY_MEMBERS = 4 }; // objects in the root of best.h5: config, env, normalizer, policy
static const uint64_t COUNT_MAX = (1ull << 60) - 1;

void checkpoint_info_release(struct checkpoint_info *info) {
  memory_free(info->config);
  *info = (struct checkpoint_info){0};
}

static void walk_u32_attribute(struct h5 *h5, const char *object, const char *name, uint32_t *value, uint32_t limit) {
  uint64_t wide = *value;
  h5_attribute(h5, object, name, &wide, limit);
  *value = (uint32_t)wide;
}

static void walk_format(struct h5 *h5, struct checkpoint_info *info) {
  if (!h5->writing && !h5_has_attribute(h5, "/", "format_version"))
    h5_fail(h5, STATUS_FORMAT, "is an HDF5 file, but no checkpoint of corsac (it has no format_version)");
  walk_u32_attribute(h5, "/", "format_version", &info->format_version, UINT32_MAX);
  if (info->format_version != CHECKPOINT_FORMAT)
    h5_fail(h5, STATUS_MISMATCH, "written by format %" PRIu32 ", this program reads %d", info->format_version,
            CHECKPOINT_FORMAT);
}

static void walk_eval_return(struct h5 *h5, struct checkpoint_info *info) {
  if (!h5->writing) info->eval_return = NAN;
  if (h5->writing ? !isnan(info->eval_return) : h5_has_attribute(h5, "/", "eval_return"))
    h5_attribute_double(h5, "/", "eval_return", &info->eval_return);
}

void checkpoint_walk_head(struct h5 *h5, struct checkpoint_info *info) {
  uint64_t exact = info->exact;
  walk_format(h5, info);
  h5_attribute_text(h5, "/", "program_version", info->program_version, sizeof info->program_version);
  h5_attribute_text(h5, "/", "created", info->created, sizeof info->created);
  h5_attribute(h5, "/", "env_steps", &info->env_steps, COUNT_MAX);
  h5_attribute(h5, "/", "updates", &info->updates, COUNT_MAX);
  h5_attribute(h5, "/", "episodes", &info->episodes, COUNT_MAX);
  h5_attribute(h5, "/", "policy_version", &info->policy_version, COUNT_MAX);
  h5_attribute(h5, "/", "exact", &exact, 1);
  walk_eval_return(h5, info);
  h5_attribute_text(h5, "/", "blas_core", info->blas_core, sizeof info->blas_core);
  walk_u32_attribute(h5, "/", "learner_threads", &info->learner_threads, UINT32_MAX);
  h5_text(h5, "config", &info->config);
  h5_group(h5, "env");
  h5_attribute_text(h5, "env", "id", info->environment, sizeof info->environment);
  walk_u32_attribute(h5, "env", "obs_dim", &info->obs_dim, WIRE_MAX_DIM);
  walk_u32_attribute(h5, "env", "act_dim", &info->act_dim, WIRE_MAX_DIM);
  if (info->obs_dim == 0 || info->act_dim == 0) h5_fail(h5, STATUS_FORMAT, "/env has no dimensions");
  info->exact = exact;
}

// Running statistics are not learned. `mean` is also the name of a group, a head of the policy.
static bool is_parameter(const char *dataset) {
  const char *slash = strrchr(dataset, '/'), *name = slash ? slash + 1 : dataset;
  return strcmp(name, "mean") != 0 && strcmp(name, "variance") != 0;
}

void checkpoint_walk_info(struct h5 *h5, struct checkpoint_info *info) {
  checkpoint_walk_head(h5, info);
  info->resumable = h5_members(h5) > POLICY_MEMBERS; // also where a damaged file has lost a part of its job
  // /policy is what acts. Where it is a folded network, the one that is trained stands beside it.
  info->parameters = h5_reals(h5, h5_has(h5, "training/policy") ? "training/policy" : "policy", is_parameter);
  if (h5_has(h5, "critics")) info->parameters += h5_reals(h5, "critics", is_parameter);
  if (!h5_has(h5, "replay")) return;
  h5_u64(h5, "replay/size", &info->replay_size);
  h5_u64(h5, "replay/capacity", &info->replay_capacity);
  info->replay_linked = h5_has(h5, "replay/back");
}

enum status checkpoint_parse_config(const char *path, const struct checkpoint_info *info, struct config *config,
                                    struct error *error) {
  char name[FILE_PATH + 16];
  struct error problem = {0};
  const bool ours = strcmp(info->program_version, CORSAC_VERSION) == 0;
  snprintf(name, sizeof name, "%s:/config", path);
  options_defaults(config);
  enum status status = options_parse_yaml(info->config, strlen(info->config), name, config, &problem);
  if (status == STATUS_OK && (status = options_check_networks(config, &problem)) != STATUS_OK)
    error_prefix(&problem, "%s", name);
  if (status == STATUS_OK) return STATUS_OK;
  if (ours) return error_set(error, STATUS_FORMAT, "%s", problem.text);
  return error_set(error, STATUS_MISMATCH, "%s (written by corsac %s, this is %s)", problem.text, info->program_version,
                   CORSAC_VERSION);
}

static void move_bounds(struct h5 *h5, uint32_t act_dim, double *low, double *high) {
  h5_values(h5, "env/action_low", H5_KIND_DOUBLE, act_dim, 0, low);
  h5_values(h5, "env/action_high", H5_KIND_DOUBLE, act_dim, 0, high);
  for (uint32_t i = 0; low && i < act_dim && h5->status == STATUS_OK; i++)
    if (!action_bounds_are_good(low[i], high[i]))
      h5_fail(h5, STATUS_FORMAT, "/env: the bounds of action %" PRIu32 " are [%g, %g]; " ACTION_BOUNDS_RULE, i, low[i],
              high[i]);
}

void checkpoint_walk_bounds(struct h5 *h5, uint32_t act_dim, double *low, double *high) {
  double *unkept = NULL;
  if (h5->verifying && !low && h5->status == STATUS_OK) {
    unkept = memory_alloc(2 * (size_t)act_dim, sizeof *unkept, "action bounds", h5->error);
    if (!unkept) h5->status = STATUS_MEMORY;
    low = unkept;
    high = unkept ? unkept + act_dim : NULL;
  }
  move_bounds(h5, act_dim, low, high);
  memory_free(unkept);
}

void checkpoint_walk_normalizer(struct h5 *h5, struct normalizer *normalizer) {
  h5_count(h5, "normalizer/count", &normalizer->count);
  h5->range = (struct h5_range){-FLT_MAX, FLT_MAX}; // the mean of floats is one
  h5_values(h5, "normalizer/mean", H5_KIND_DOUBLE, normalizer->dim, 0, normalizer->mean);
  h5->range = H5_NOT_NEGATIVE;
  h5_values(h5, "normalizer/m2", H5_KIND_DOUBLE, normalizer->dim, 0, normalizer->m2);
  h5->range = H5_ANYTHING;
}

enum status checkpoint_read_info(const char *path, struct checkpoint_info *info, struct error *error) {
  struct h5 h5;
  *info = (struct checkpoint_info){0};
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, info);
  if (h5.status != STATUS_OK) checkpoint_info_release(info);
  return h5_close(&h5);
}

void checkpoint_library(char *version, size_t size) {
  unsigned major = 0, minor = 0, release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0)
    snprintf(version, size, "unknown");
  else
    snprintf(version, size, "%u.%u.%u", major, minor, release);
}
