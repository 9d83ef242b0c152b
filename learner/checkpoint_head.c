#include "learner/checkpoint_head.h"

#include "common/base/memory.h"

#include <inttypes.h>

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

void checkpoint_walk_head(struct h5 *h5, struct checkpoint_info *info) {
  uint64_t exact = info->exact;
  walk_format(h5, info);
  h5_attribute_text(h5, "/", "program_version", info->program_version, sizeof info->program_version);
  h5_attribute_text(h5, "/", "created", info->created, sizeof info->created);
  h5_attribute(h5, "/", "env_steps", &info->env_steps, UINT64_MAX);
  h5_attribute(h5, "/", "updates", &info->updates, UINT64_MAX);
  h5_attribute(h5, "/", "episodes", &info->episodes, UINT64_MAX);
  h5_attribute(h5, "/", "policy_version", &info->policy_version, UINT64_MAX);
  h5_attribute(h5, "/", "exact", &exact, 1);
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

void checkpoint_walk_info(struct h5 *h5, struct checkpoint_info *info) {
  checkpoint_walk_head(h5, info);
  info->resumable = h5_has(h5, "learner");
  info->parameters = h5_reals(h5, "policy");
  if (h5_has(h5, "critics")) info->parameters += h5_reals(h5, "critics");
  if (!h5_has(h5, "replay")) return;
  h5_u64(h5, "replay/size", &info->replay_size);
  h5_u64(h5, "replay/capacity", &info->replay_capacity);
}

void checkpoint_walk_bounds(struct h5 *h5, uint32_t act_dim, double *low, double *high) {
  h5_values(h5, "env/action_low", H5_KIND_DOUBLE, act_dim, 0, low);
  h5_values(h5, "env/action_high", H5_KIND_DOUBLE, act_dim, 0, high);
}

void checkpoint_walk_normalizer(struct h5 *h5, struct normalizer *normalizer) {
  h5_u64(h5, "normalizer/count", &normalizer->count);
  h5_values(h5, "normalizer/mean", H5_KIND_DOUBLE, normalizer->dim, 0, normalizer->mean);
  h5_values(h5, "normalizer/m2", H5_KIND_DOUBLE, normalizer->dim, 0, normalizer->m2);
}

enum status checkpoint_read_info(const char *path, struct checkpoint_info *info, struct error *error) {
  struct h5 h5;
  *info = (struct checkpoint_info){0};
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, info);
  if (h5.status != STATUS_OK) checkpoint_info_release(info);
  return h5_close(&h5);
}

enum status checkpoint_verify(const char *path, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info = {0};
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, &info);
  h5_verify(&h5);
  checkpoint_info_release(&info);
  return h5_close(&h5);
}
