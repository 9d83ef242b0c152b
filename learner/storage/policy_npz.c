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
  if (status != STATUS_OK || (format >= POLICY_NPZ_PLAIN && format <= POLICY_NPZ_FORMAT)) return status;
  return error_set(error, STATUS_MISMATCH, "%s: written by format %llu, this program reads up to %d", npz->path,
                   (unsigned long long)format, POLICY_NPZ_FORMAT);
}

// Finds gaps between the layers, so that a file that has lost an array is not taken for a smaller policy. Sets how many
// there are.
static enum status count_layers(const struct npz *npz, uint32_t *layers, struct error *error) {
  uint32_t count = 0;
  char name[32];
  do snprintf(name, sizeof name, "layer%u.weight", (unsigned)count);
  while (npz_has(npz, name) && ++count <= MLP_MAX_LAYERS);
  *layers = count;
  for (uint32_t l = count; l <= MLP_MAX_LAYERS; l++) {
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

enum { WIDEST = 1 << 20, MOST_FRAMES = 1000000 };

// The shape of a weight; none of its sides is 0 or too large.
static enum status read_shape(const struct npz *npz, const char *name, uint64_t dim[2], struct error *error) {
  const enum status status = npz_shape(npz, name, dim, error);
  if (status != STATUS_OK) return status;
  if (dim[0] > 0 && dim[1] > 0 && dim[0] <= WIDEST && dim[1] <= WIDEST) return STATUS_OK;
  return error_set(error, STATUS_FORMAT, "%s: array %s (%llu x %llu) is no layer", npz->path, name,
                   (unsigned long long)dim[0], (unsigned long long)dim[1]);
}

// The widths of `layers` hidden layers, or of the residual blocks that they are.
static enum status read_widths(const struct npz *npz, uint32_t layers, struct mlp_spec *spec, uint32_t *width,
                               struct error *error) {
  const uint32_t blocks = (layers - 1) / 2, count = spec->residual ? blocks : layers;
  uint64_t dim[2];
  char name[32];
  if (count == 0 || count > MLP_MAX_HIDDEN || (spec->residual && layers != 1 + 2 * blocks))
    return error_set(error, STATUS_FORMAT, "%s: a policy does not have %u hidden layers", npz->path, (unsigned)layers);
  for (uint32_t l = 0; l < count; l++) {
    snprintf(name, sizeof name, "layer%u.weight", (unsigned)(spec->residual ? 0 : l));
    const enum status status = read_shape(npz, name, dim, error);
    if (status != STATUS_OK) return status;
    if (l == 0) spec->input = (uint32_t)dim[1];
    width[l] = (uint32_t)dim[0];
  }
  spec->hidden = width;
  spec->hidden_count = count;
  if (!spec->residual) return STATUS_OK;
  const enum status status = read_shape(npz, "layer1.weight", dim, error);
  if (status != STATUS_OK) return status;
  spec->expansion = (uint32_t)(dim[0] / width[0]);
  spec->bias = npz_has(npz, "layer0.bias");
  return STATUS_OK;
}

static enum status read_kind(const struct npz *npz, struct trained_policy *policy, struct mlp_spec *spec,
                             struct error *error) {
  char network[32] = "dense", form[32] = "clamp";
  enum status status = STATUS_OK;
  if (npz_has(npz, "network")) status = npz_read_text(npz, "network", network, sizeof network, error);
  if (status == STATUS_OK && npz_has(npz, "log_std_form"))
    status = npz_read_text(npz, "log_std_form", form, sizeof form, error);
  policy->form = log_std_plain;
  policy->form.smooth = strcmp(form, "tanh") == 0;
  if (status == STATUS_OK && npz_has(npz, "log_std_min"))
    status = npz_read(npz, "log_std_min", NPZ_DOUBLE, 1, 0, &policy->form.low, error);
  if (status == STATUS_OK && npz_has(npz, "log_std_max"))
    status = npz_read(npz, "log_std_max", NPZ_DOUBLE, 1, 0, &policy->form.high, error);
  if (status != STATUS_OK) return status;
  spec->residual = strcmp(network, "residual") == 0;
  spec->rms = npz_has(npz, "rms.gain");
  if (!spec->residual && strcmp(network, "dense") != 0)
    return error_set(error, STATUS_FORMAT, "%s: network is \"%s\", not dense or residual", npz->path, network);
  if (!policy->form.smooth && strcmp(form, "clamp") != 0)
    return error_set(error, STATUS_FORMAT, "%s: log_std_form is \"%s\", not clamp or tanh", npz->path, form);
  if (policy->form.low < policy->form.high && policy->form.low >= -700 && policy->form.high <= 700) return STATUS_OK;
  return error_set(error, STATUS_FORMAT, "%s: log_std_min %g and log_std_max %g are no bounds", npz->path,
                   policy->form.low, policy->form.high);
}

// Every array has the shape that the layers before it ask for.
static enum status check_shapes(const struct npz *npz, const struct mlp *net, struct error *error) {
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t count = policy_layers(net, layer);
  for (uint32_t l = 0; l < count; l++) {
    uint64_t dim[2];
    char name[32];
    snprintf(name, sizeof name, "%.15s.weight", layer[l].name);
    const enum status status = read_shape(npz, name, dim, error);
    if (status != STATUS_OK) return status;
    if (dim[0] != layer[l].out || dim[1] != layer[l].in)
      return error_set(error, STATUS_FORMAT, "%s: array %s (%llu x %llu) does not go on from the layer before it",
                       npz->path, name, (unsigned long long)dim[0], (unsigned long long)dim[1]);
    snprintf(name, sizeof name, "%.15s.bias", layer[l].name);
    if (!layer[l].biased && npz_has(npz, name))
      return error_set(error, STATUS_FORMAT, "%s: has %s, but not layer0.bias", npz->path, name);
  }
  return STATUS_OK;
}

// Takes the history that makes an input of this width.
static enum status read_history(const struct npz *npz, uint32_t width, struct trained_policy *policy,
                                struct error *error) {
  uint64_t length = 1, actions = 0, obs_dim = width;
  enum status status = STATUS_OK;
  if (npz_has(npz, "history")) {
    status = npz_read(npz, "history", NPZ_U64, 1, 0, &length, error);
    if (status == STATUS_OK) status = npz_read(npz, "history_actions", NPZ_U64, 1, 0, &actions, error);
    if (status == STATUS_OK) status = npz_read(npz, "obs_dim", NPZ_U64, 1, 0, &obs_dim, error);
  }
  if (status != STATUS_OK) return status;
  if (length >= 1 && length <= width && obs_dim >= 1 && obs_dim <= width && actions <= 1) {
    policy->history = (struct history){(uint32_t)length, (uint32_t)obs_dim, policy->act_dim, actions == 1};
    policy->obs_dim = (uint32_t)obs_dim;
    if (history_width(&policy->history) == width) return STATUS_OK;
  }
  return error_set(error, STATUS_FORMAT,
                   "%s: history %llu, history_actions %llu and obs_dim %llu do not make the %u inputs of layer0.weight",
                   npz->path, (unsigned long long)length, (unsigned long long)actions, (unsigned long long)obs_dim,
                   (unsigned)width);
}

// Takes dimensions and the network from the shapes of the weights.
static enum status read_network(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  struct mlp_spec spec = {0};
  uint32_t width[MLP_MAX_LAYERS + 1], layers;
  uint64_t dim[2];
  struct mlp net;
  enum status status = count_layers(npz, &layers, error);
  if (status != STATUS_OK) return status;
  if (layers == 0)
    return error_set(error, STATUS_FORMAT, "%s: has no layer0.weight: a policy has a hidden layer at least", npz->path);
  status = read_kind(npz, policy, &spec, error);
  if (status == STATUS_OK) status = read_widths(npz, layers, &spec, width, error);
  if (status == STATUS_OK) status = read_shape(npz, "mean.weight", dim, error);
  if (status != STATUS_OK) return status;
  if (spec.residual && spec.expansion == 0)
    return error_set(error, STATUS_FORMAT, "%s: layer1.weight is narrower than its block", npz->path);
  policy->act_dim = (uint32_t)dim[0];
  status = read_history(npz, spec.input, policy, error);
  if (status != STATUS_OK) return status;
  spec.output = 2 * policy->act_dim;
  mlp_init_spec(&net, &spec);
  policy->net = mlp_dense(&net);
  return check_shapes(npz, &policy->net, error);
}

// Files of older versions do not say it.
static enum status read_frame_skip(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  uint64_t frames = 1;
  enum status status = STATUS_OK;
  if (npz_has(npz, "frame_skip")) status = npz_read(npz, "frame_skip", NPZ_U64, 1, 0, &frames, error);
  if (status != STATUS_OK) return status;
  if (frames < 1 || frames > MOST_FRAMES)
    return error_set(error, STATUS_FORMAT, "%s: frame_skip is %llu, not 1 to %d", npz->path, (unsigned long long)frames,
                     MOST_FRAMES);
  policy->frame_skip = (uint32_t)frames;
  return STATUS_OK;
}

static enum status read_layers(const struct npz *npz, struct trained_policy *policy, struct error *error) {
  struct mlp_head heads[MLP_MAX_HEADS];
  struct mlp_array array[MLP_MAX_ARRAYS];
  policy_heads(&policy->net, heads);
  const uint32_t count = mlp_arrays(&policy->net, heads, MLP_MAX_HEADS, array);
  enum status status = STATUS_OK;
  for (uint32_t a = 0; a < count && status == STATUS_OK; a++) {
    char name[32];
    snprintf(name, sizeof name, "%.15s.%.10s", array[a].layer, array[a].name);
    status = npz_read(npz, name, NPZ_FLOAT, array[a].rows, array[a].columns, policy->weights.values + array[a].offset,
                      error);
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
  if (status == STATUS_OK) trained_policy_normalize(policy);
  return status;
}

enum status policy_npz_read(const char *path, struct trained_policy *policy, struct error *error) {
  struct npz npz;
  enum status status = npz_open(&npz, path, error);
  if (status == STATUS_OK) status = check_format(&npz, error);
  if (status == STATUS_OK) status = read_network(&npz, policy, error);
  if (status == STATUS_OK) status = read_frame_skip(&npz, policy, error);
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
  struct mlp_head heads[MLP_MAX_HEADS];
  struct mlp_array array[MLP_MAX_ARRAYS];
  policy_heads(&policy->net, heads);
  const uint32_t count = mlp_arrays(&policy->net, heads, MLP_MAX_HEADS, array);
  for (uint32_t a = 0; a < count; a++) {
    char name[32];
    snprintf(name, sizeof name, "%.15s.%.10s", array[a].layer, array[a].name);
    add(w, name, NPZ_FLOAT, array[a].rows, array[a].columns, policy->weights.values + array[a].offset);
  }
}

static void add_history(struct writing *w, const struct trained_policy *policy) {
  const struct history *history = &policy->history;
  const uint64_t length = history->length, actions = history->actions, obs_dim = history->obs_dim;
  if (length == 1) return;
  add(w, "history", NPZ_U64, 0, 0, &length);
  add(w, "history_actions", NPZ_U64, 0, 0, &actions);
  add(w, "obs_dim", NPZ_U64, 0, 0, &obs_dim);
}

static void add_kind(struct writing *w, const struct trained_policy *policy) {
  const struct log_std_form *form = &policy->form;
  if (policy->net.residual) add(w, "network", NPZ_TEXT, 0, 0, "residual");
  if (form->smooth) add(w, "log_std_form", NPZ_TEXT, 0, 0, "tanh");
  if (form->low == log_std_plain.low && form->high == log_std_plain.high) return;
  add(w, "log_std_min", NPZ_DOUBLE, 0, 0, &form->low);
  add(w, "log_std_max", NPZ_DOUBLE, 0, 0, &form->high);
}

static void add_frame_skip(struct writing *w, const struct trained_policy *policy) {
  const uint64_t frames = policy->frame_skip;
  if (frames > 1) add(w, "frame_skip", NPZ_U64, 0, 0, &frames);
}

enum status policy_npz_format(const struct trained_policy *policy, struct buffer *file, struct error *error) {
  struct writing w = {.error = error};
  const bool plain = !policy->net.residual && !policy->net.rms && !policy->form.smooth;
  const uint64_t format = policy->history.length > 1 ? POLICY_NPZ_HISTORY
                          : plain                    ? POLICY_NPZ_PLAIN
                                                     : POLICY_NPZ_NETWORK;
  const float clip = (float)NORMALIZER_CLIP;
  npz_begin(&w.npz);
  add(&w, "corsac_policy", NPZ_U64, 0, 0, &format);
  add(&w, "env", NPZ_TEXT, 0, 0, policy->environment);
  add(&w, "env_steps", NPZ_U64, 0, 0, &policy->env_steps);
  add_frame_skip(&w, policy);
  add_history(&w, policy);
  add_kind(&w, policy);
  add_layers(&w, policy);
  if (policy->weights.normalize) {
    add(&w, "obs_mean", NPZ_DOUBLE, policy->obs_dim, 0, policy->normalizer.mean);
    add(&w, "obs_m2", NPZ_DOUBLE, policy->obs_dim, 0, policy->normalizer.m2);
    add(&w, "obs_count", NPZ_U64, 0, 0, &policy->normalizer.count);
    add(&w, "obs_shift", NPZ_FLOAT, policy->net.input, 0, policy->weights.shift);
    add(&w, "obs_scale", NPZ_FLOAT, policy->net.input, 0, policy->weights.scale);
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
