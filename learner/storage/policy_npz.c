#include "learner/storage/policy_npz.h"

#include "common/nn/policy_layers.h"
#include "learner/storage/npz.h"

#include <stdio.h>
#include <string.h>

static enum status check_format(const struct npz *npz, struct error *error) {
  uint64_t format = 0;
  if (!npz_has(npz, "corsac_policy"))
    return error_set(
        error, STATUS_FORMAT,
        "%s: is an .npz, but no policy of corsac (`corsac export --format npz` and corsac_from_sb3.py write "
        "one)",
        npz->path);
  const enum status status = npz_read(npz, "corsac_policy", NPZ_U64, 1, 0, &format, error);
  if (status != STATUS_OK || format == POLICY_NPZ_FORMAT) return status;
  return error_set(error, STATUS_MISMATCH, "%s: written by format %llu, this program reads %d", npz->path,
                   (unsigned long long)format, POLICY_NPZ_FORMAT);
}

// Finds gaps between the layers, so that a file that has lost an array is not taken for a smaller policy.
static enum status check_layers(const struct npz *npz, struct error *error) {
  uint32_t count = 0;
  char name[32];
  do snprintf(name, sizeof name, "layer%u.weight", (unsigned)count);
  while (npz_has(npz, name) && ++count <= CONFIG_MAX_HIDDEN);
  for (uint32_t l = count; l <= CONFIG_MAX_HIDDEN; l++) {
    snprintf(name, sizeof name, "layer%u.bias", (unsigned)l);
    bool left = npz_has(npz, name);
    snprintf(name, sizeof name, "layer%u.weight", (unsigned)l);
    left |= npz_has(npz, name);
    if (left)
      return error_set(error, STATUS_FORMAT, "%s: has arrays of layer%u, but not layer%u.weight", npz->path,
                       (unsigned)l, (unsigned)count);
  }
  return STATUS_OK;
}

// Takes dimensions and widths from the shapes of the weights.
static enum status read_shapes(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  enum { WIDEST = 1 << 20 };
  uint64_t dim[2], in = 0;
  char name[32];
  for (uint32_t l = 0;; l++) {
    snprintf(name, sizeof name, "layer%u.weight", (unsigned)l);
    const bool last = !npz_has(npz, name);
    const enum status status = npz_shape(npz, last ? "mean.weight" : name, dim, error);
    if (status != STATUS_OK) return status;
    if (dim[0] == 0 || dim[1] == 0 || dim[0] > WIDEST || dim[1] > WIDEST || (l > 0 && dim[1] != in) ||
        (!last && l == CONFIG_MAX_HIDDEN))
      return error_set(error, STATUS_FORMAT, "%s: array %s (%llu x %llu) does not go on from the layer before it",
                       npz->path, last ? "mean.weight" : name, (unsigned long long)dim[0], (unsigned long long)dim[1]);
    if (l == 0) policy->obs_dim = (uint32_t)dim[1];
    if (last) break;
    policy->hidden.width[policy->hidden.count++] = (uint32_t)dim[0];
    in = dim[0];
  }
  policy->act_dim = (uint32_t)dim[0];
  if (policy->hidden.count > 0) return STATUS_OK;
  return error_set(error, STATUS_FORMAT, "%s: has no layer0.weight: a policy has a hidden layer at least", npz->path);
}

static enum status read_layers(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t count = policy_layers(policy->obs_dim, policy->act_dim, &policy->hidden, layer);
  enum status status = STATUS_OK;
  for (uint32_t l = 0; l < count && status == STATUS_OK; l++) {
    float *values = policy->weights.values;
    char name[32];
    snprintf(name, sizeof name, "%.15s.weight", layer[l].name);
    status = npz_read(npz, name, NPZ_FLOAT, layer[l].out, layer[l].in, values + layer[l].weight, error);
    snprintf(name, sizeof name, "%.15s.bias", layer[l].name);
    if (status == STATUS_OK) status = npz_read(npz, name, NPZ_FLOAT, layer[l].out, 0, values + layer[l].bias, error);
  }
  return status;
}

static enum status read_normalizer(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  const uint32_t dim = policy->obs_dim;
  struct normalizer *normalizer = &policy->normalizer;
  if (!npz_has(npz, "obs_mean") && !npz_has(npz, "obs_m2") && !npz_has(npz, "obs_count")) return STATUS_OK;
  enum status status = npz_read(npz, "obs_mean", NPZ_DOUBLE, dim, 0, normalizer->mean, error);
  if (status == STATUS_OK) status = npz_read(npz, "obs_m2", NPZ_DOUBLE, dim, 0, normalizer->m2, error);
  if (status == STATUS_OK) status = npz_read(npz, "obs_count", NPZ_U64, 1, 0, &normalizer->count, error);
  policy->weights.normalize = true;
  if (status == STATUS_OK) normalizer_export(normalizer, policy->weights.shift, policy->weights.scale);
  return status;
}

enum status policy_npz_read(const char *path, struct trained_policy *policy, struct error *error) {
  struct npz npz;
  enum status status = npz_open(&npz, path, error);
  if (status == STATUS_OK) status = check_format(&npz, error);
  if (status == STATUS_OK) status = check_layers(&npz, error);
  if (status == STATUS_OK) status = read_shapes(&npz, policy, error);
  if (status == STATUS_OK) status = trained_policy_alloc(policy, error);
  if (status == STATUS_OK) status = read_layers(&npz, policy, error);
  if (status == STATUS_OK) status = read_normalizer(&npz, policy, error);
  if (status == STATUS_OK)
    status = npz_read(&npz, "action_low", NPZ_DOUBLE, policy->act_dim, 0, policy->action_low, error);
  if (status == STATUS_OK)
    status = npz_read(&npz, "action_high", NPZ_DOUBLE, policy->act_dim, 0, policy->action_high, error);
  if (status == STATUS_OK && npz_has(&npz, "env"))
    status = npz_read_text(&npz, "env", policy->environment, sizeof policy->environment, error);
  if (status == STATUS_OK && npz_has(&npz, "env_steps"))
    status = npz_read(&npz, "env_steps", NPZ_U64, 1, 0, &policy->env_steps, error);
  npz_release(&npz);
  return status;
}

struct writing {
  struct npz npz;
  enum status status; // the first failure; later calls do nothing
  struct error *error;
};

static void add(struct writing *w, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                const void *data) {
  if (w->status == STATUS_OK) w->status = npz_add(&w->npz, name, type, rows, columns, data, w->error);
}

static void add_layers(struct writing *w, const struct trained_policy *policy) {
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t count = policy_layers(policy->obs_dim, policy->act_dim, &policy->hidden, layer);
  for (uint32_t l = 0; l < count; l++) {
    const float *values = policy->weights.values;
    char name[32];
    snprintf(name, sizeof name, "%.15s.weight", layer[l].name);
    add(w, name, NPZ_FLOAT, layer[l].out, layer[l].in, values + layer[l].weight);
    snprintf(name, sizeof name, "%.15s.bias", layer[l].name);
    add(w, name, NPZ_FLOAT, layer[l].out, 0, values + layer[l].bias);
  }
}

enum status policy_npz_format(const struct trained_policy *policy, struct buffer *file, struct error *error) {
  struct writing w = {.error = error};
  const uint64_t format = POLICY_NPZ_FORMAT;
  const float clip = (float)NORMALIZER_CLIP;
  npz_begin(&w.npz);
  add(&w, "corsac_policy", NPZ_U64, 0, 0, &format);
  add(&w, "env", NPZ_TEXT, 0, 0, policy->environment);
  add(&w, "env_steps", NPZ_U64, 0, 0, &policy->env_steps);
  add_layers(&w, policy);
  if (policy->weights.normalize) {
    add(&w, "obs_mean", NPZ_DOUBLE, policy->obs_dim, 0, policy->normalizer.mean);
    add(&w, "obs_m2", NPZ_DOUBLE, policy->obs_dim, 0, policy->normalizer.m2);
    add(&w, "obs_count", NPZ_U64, 0, 0, &policy->normalizer.count);
    add(&w, "obs_shift", NPZ_FLOAT, policy->obs_dim, 0, policy->weights.shift);
    add(&w, "obs_scale", NPZ_FLOAT, policy->obs_dim, 0, policy->weights.scale);
    add(&w, "obs_clip", NPZ_FLOAT, 0, 0, &clip);
  }
  add(&w, "action_low", NPZ_DOUBLE, policy->act_dim, 0, policy->action_low);
  add(&w, "action_high", NPZ_DOUBLE, policy->act_dim, 0, policy->action_high);
  if (w.status == STATUS_OK) w.status = npz_end(&w.npz, error);
  if (w.status == STATUS_OK) {
    *file = w.npz.file;
    w.npz.file = (struct buffer){0};
  }
  npz_release(&w.npz);
  return w.status;
}
