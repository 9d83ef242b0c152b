// corsac export: a trained policy as one C file, as ONNX, or as .npz.
#include "launch/policy/export.h"

#include "common/base/printable.h"
#include "common/base/random.h"
#include "common/nn/action_range.h"
#include "common/nn/frozen_policy.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "learner/storage/policy_file.h"
#include "learner/storage/policy_npz.h"
#include "learner/storage/atomic_file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static enum status export_npz(const struct export *export, struct buffer *file, struct error *error) {
  return policy_npz_format(&export->policy, file, error);
}

static const struct format {
  const char *name;
  enum status (*format)(const struct export *export, struct buffer *file, struct error *error);
} formats[] = {{"c", export_c}, {"onnx", export_onnx}, {"npz", export_npz}};
enum { FORMATS = sizeof formats / sizeof *formats };

struct request {
  const char *path, *format, *output, *name;
};

static const struct format *find_format(const char *name) {
  for (size_t i = 0; i < FORMATS; i++)
    if (strcmp(name, formats[i].name) == 0) return &formats[i];
  return NULL;
}

static bool is_identifier(const char *name) {
  for (size_t i = 0; name[i]; i++)
    if (!(isalpha((unsigned char)name[i]) || name[i] == '_' || (i > 0 && isdigit((unsigned char)name[i]))))
      return false;
  return name[0] && strlen(name) < 64;
}

static enum status parse_request(int argc, char **argv, struct request *request, struct error *error) {
  const struct argument known[] = {{"format", NULL, &request->format},
                                   {"output", NULL, &request->output},
                                   {"o", NULL, &request->output},
                                   {"name", NULL, &request->name}};
  *request = (struct request){.name = "policy"};
  enum status status =
      arguments_parse(argc, argv, "export", known, sizeof known / sizeof *known, &request->path, error);
  if (status != STATUS_OK) return status;
  if (!request->path || !request->path[0])
    return error_set(error, STATUS_USAGE,
                     "export: say which policy: corsac export RUN --format c (a run directory), or a file");
  if (!request->format) return error_set(error, STATUS_USAGE, "export: --format is c, onnx or npz; say which");
  if (!find_format(request->format)) {
    const char *names[FORMATS];
    for (size_t i = 0; i < FORMATS; i++) names[i] = formats[i].name;
    const char *suggestion = arguments_suggest(request->format, names, FORMATS);
    return error_set(error, STATUS_USAGE, "export: --format is c, onnx or npz, not %.100s%s%s%s", request->format,
                     suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
  }
  if (!is_identifier(request->name))
    return error_set(error, STATUS_USAGE, "export: --name %.100s: is no identifier of C (letters, digits, _)",
                     request->name);
  return STATUS_OK;
}

// Fills the test vector: observations drawn from N(0, 1), or as they occur where the policy normalises, and the actions
// of an episode that has them.
static enum status make_vectors(struct export *export, struct error *error) {
  const struct trained_policy *policy = &export->policy;
  const uint32_t obs_dim = policy->obs_dim, act_dim = policy->act_dim;
  struct frozen_policy *frozen = frozen_policy_create(&policy->net, &policy->weights, &policy->form, &policy->history,
                                                      policy->action_low, policy->action_high, error);
  const size_t state_size = frozen ? frozen_policy_state(frozen) : 0;
  float *state =
      frozen ? memory_alloc(state_size + frozen_policy_scratch(frozen), sizeof *state, "a policy", error) : NULL;
  const uint32_t newest = history_offset(&policy->history, policy->history.length - 1);
  const float *shift = policy->weights.shift + newest, *scale = policy->weights.scale + newest;
  if (state) frozen_policy_reset(frozen, state);
  for (uint32_t v = 0; state && v < EXPORT_VECTORS; v++) {
    float *obs = export->observation + (size_t)v * obs_dim;
    random_normals_at(random_stream(0, RANDOM_NOISE, 0, v), 1, obs_dim, obs, obs_dim);
    for (uint32_t i = 0; i < obs_dim; i++) obs[i] = shift[i] + obs[i] / scale[i];
    frozen_policy_step(frozen, state, obs, NULL, export->action + (size_t)v * act_dim, state + state_size);
  }
  frozen_policy_destroy(frozen);
  if (!state) return error->status;
  memory_free(state);
  return STATUS_OK;
}

static enum status prepare(struct export *export, const struct request *request, struct error *error) {
  const char *what = "an export's test vector";
  export->name = request->name;
  const enum status status = policy_file_read(request->path, &export->policy, error);
  if (status != STATUS_OK) return status;
  const uint32_t obs_dim = export->policy.obs_dim, act_dim = export->policy.act_dim;
  if (!(export->observation = memory_alloc((size_t)EXPORT_VECTORS * obs_dim, sizeof(float), what, error)) ||
      !(export->action = memory_alloc((size_t)EXPORT_VECTORS * act_dim, sizeof(float), what, error)) ||
      !(export->action_low = memory_alloc(act_dim, sizeof(float), what, error)) ||
      !(export->action_high = memory_alloc(act_dim, sizeof(float), what, error)))
    return STATUS_MEMORY;
  for (uint32_t i = 0; i < act_dim; i++) {
    const double low = export->policy.action_low[i], high = export->policy.action_high[i];
    export->action_low[i] = action_scaled(-1, low, high);
    export->action_high[i] = action_scaled(1, low, high);
  }
  return make_vectors(export, error);
}

static void release(struct export *export) {
  memory_free(export->observation);
  memory_free(export->action);
  memory_free(export->action_low);
  memory_free(export->action_high);
  trained_policy_release(&export->policy);
}

// Writes the file. output "-": standard output; NULL: NAME.FORMAT in the working directory.
static enum status put(const struct request *request, const struct export *export, const struct buffer *file,
                       struct error *error) {
  char path[128];
  const char *output = request->output;
  if (output && strcmp(output, "-") == 0)
    return fwrite(file->data, 1, file->size, stdout) == file->size
               ? STATUS_OK
               : error_set(error, STATUS_IO, "standard output: cannot be written: %s", strerror(errno));
  snprintf(path, sizeof path, "%s.%s", request->name, request->format);
  if (!output) output = path;
  const enum status status = atomic_file_write(output, file->data, file->size, true, error);
  char history[64];
  history_format(&export->policy.history, history, sizeof history);
  if (status == STATUS_OK)
    printable_print(stderr, "%s: the policy of %s (%s: obs_dim %u, act_dim %u%s%s), %zu bytes", output,
                    export->policy.file,
                    export->policy.environment[0] ? export->policy.environment : "no environment named",
                    export->policy.obs_dim, export->policy.act_dim, export->policy.history.length > 1 ? ", " : "",
                    export->policy.history.length > 1 ? history : "", file->size);
  return status;
}

int command_export(int argc, char **argv) {
  struct error error = {0};
  struct request request;
  struct export export = {0};
  struct buffer file = {0};
  enum status status = parse_request(argc, argv, &request, &error);
  if (status == STATUS_OK) status = prepare(&export, &request, &error);
  if (status == STATUS_OK) status = find_format(request.format)->format(&export, &file, &error);
  if (status == STATUS_OK) status = put(&request, &export, &file, &error);
  buffer_release(&file);
  release(&export);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
