#include "launch/policy/export.h"

#include "common/base/plural.h"
#include "common/base/printable.h"
#include "common/base/version.h"
#include "common/nn/policy_layers.h"
#include "common/nn/rms_norm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The C file: constants, a function for a layer, one for the policy, and a test of it. %s is the export's name.
static const char USE[] =
    "/* Use:   void %s_act(const float *observation, float *action);\n"
    " *        void %s_act_many(int rows, const float *observation, float *action);   each row, such as an agent\n";

// A policy with a history has no function %s_act, so that no program takes it for one without.
static const char USE_STEP[] =
    "/* Use:   void %s_reset(float *state);                                        an episode begins\n"
    " *        void %s_step(float *state, const float *observation, float *action);  it acts, once for each "
    "observation\n"
    " *        void %s_applied(float *state, const float *action);                   the action was not the step's\n"
    " *        state (%u) is the caller's, one for each agent; it may be copied. The policy sees the newest %u\n"
    " *        observations of the episode%s, which it keeps.\n";

static const char HEAD[] =
    " *        observation (%u) as the environment gives it, action (%u) in the environment's own bounds.\n"
    " * C99 and libm (tanhf, fabsf%s), nothing else: no allocation, %s, any number of threads; stack: about %zu "
    "bytes.\n"
    " *        gcc -std=c99 -Wall -Wextra -Werror -O2 -c %s.c             (-ffreestanding, too)\n"
    " * Test:  gcc -std=c99 -O2 -DPOLICY_TEST %s.c -lm -o test && ./test  (what corsac computes, to 1e-5) */\n"
    "#include <math.h>\n"
    "\n";

static const char PROTOTYPES[] = "void %s_act(const float *observation, float *action);\n"
                                 "void %s_act_many(int rows, const float *observation, float *action);\n";
static const char STEP_PROTOTYPES[] = "void %s_reset(float *state);\n"
                                      "void %s_step(float *state, const float *observation, float *action);\n"
                                      "void %s_applied(float *state, const float *action);\n";

static const char SIZES[] = "\n"
                            "enum { OBS_DIM = %u, ACT_DIM = %u, WIDEST = %u };\n";

// INPUT: floats of an input. STRIDE: from an observation in it to the next.
static const char HISTORY_SIZES[] = "enum { INPUT = %u, STRIDE = %u, STATE = 1 + ACT_DIM + INPUT };\n";

// A state is [begun | the last action in [-1, 1] | input], as that of frozen_policy.h.
static const char STEP[] =
    "\n"
    "/* state: [1 after the first step | the last action in [-1, 1] | input, the oldest observation first] */\n"
    "void %s_reset(float *state) {\n"
    "  int i;\n"
    "  for (i = 0; i < STATE; i++) state[i] = 0;\n"
    "}\n"
    "\n"
    "void %s_step(float *state, const float *observation, float *action) {\n"
    "  float *last = state + 1, *input = last + ACT_DIM;\n"
    "  int i, o;\n"
    "  if (state[0] == 0) { /* the first observation stands for those before it */\n"
    "    for (o = 0; o < INPUT; o += STRIDE)\n"
    "      for (i = 0; i < OBS_DIM; i++) input[o + i] = observation[i];\n"
    "  } else {\n"
    "    for (i = 0; i < INPUT - STRIDE; i++) input[i] = input[i + STRIDE];\n"
    "%s"
    "    for (i = 0; i < OBS_DIM; i++) input[INPUT - OBS_DIM + i] = observation[i];\n"
    "  }\n"
    "  state[0] = 1;\n"
    "  act(input, last, action);\n"
    "}\n"
    "\n"
    "void %s_applied(float *state, const float *action) {\n"
    "  int i;\n"
    "  for (i = 0; i < ACT_DIM; i++) {\n"
    "    const float a = (action[i] - action_center[i]) / action_half[i];\n"
    "    state[1 + i] = a < -1 ? -1 : a > 1 ? 1 : a;\n"
    "  }\n"
    "}\n";

static const char PUSH_ACTION[] = "    for (i = 0; i < ACT_DIM; i++) input[INPUT - STRIDE + i] = last[i];\n";

static const char ACT_MANY[] =
    "\n"
    "void %s_act_many(int rows, const float *observation, float *action) {\n"
    "  for (; rows > 0; rows--, observation += OBS_DIM, action += ACT_DIM) %s_act(observation, action);\n"
    "}\n";

static const char LAYER[] =
    "\n"
    "/* y = w x + b, and where `relu` no less than 0:   w (out x in), x (in), y (out) */\n"
    "static void layer(int in, int out, const float *w, const float *b, const float *x, float *y, int relu) {\n"
    "  int i, o;\n"
    "  for (o = 0; o < out; o++, w += in) {\n"
    "    float sum = %s;\n"
    "    for (i = 0; i < in; i++) sum += w[i] * x[i];\n"
    "    y[o] = relu && sum <= 0 ? 0 : sum;\n"
    "  }\n"
    "}\n"
    "\n";

static const char BLOCK[] = "/* y += x (n): the input of a block goes around it */\n"
                            "static void add(int n, const float *x, float *y) {\n"
                            "  int i;\n"
                            "  for (i = 0; i < n; i++) y[i] += x[i];\n"
                            "}\n"
                            "\n";

static const char RMS[] = "/* y = gain x / sqrt(mean x^2 + %.0e)   x, y (n) */\n"
                          "static void rms_norm(int n, const float *gain, const float *x, float *y) {\n"
                          "  int i;\n"
                          "  float square = 0, inverse;\n"
                          "  for (i = 0; i < n; i++) square += x[i] * x[i];\n"
                          "  inverse = 1 / sqrtf(square / (float)n + %.0ef);\n"
                          "  for (i = 0; i < n; i++) y[i] = gain[i] * (x[i] * inverse);\n"
                          "}\n"
                          "\n";

static const char NORMALISE[] = "  for (i = 0; i < %s; i++) { /* normalise, as in training */\n"
                                "    const float z = (observation[i] - obs_shift[i]) * obs_scale[i];\n"
                                "    x[i] = z < -OBS_CLIP ? -OBS_CLIP : z > OBS_CLIP ? OBS_CLIP : z;\n"
                                "  }\n";

static const char SCALE[] =
    "  for (i = 0; i < ACT_DIM; i++) { /* from [-1, 1] to the bounds */\n"
    "    const float a = action_center[i] + action_half[i] * tanhf(%s[i]);\n"
    "    action[i] = a < action_low[i] ? action_low[i] : a > action_high[i] ? action_high[i] : a;\n"
    "  }\n"
    "}\n";

// The same, and the action in [-1, 1], which the state keeps.
static const char SCALE_STEP[] =
    "  for (i = 0; i < ACT_DIM; i++) { /* from [-1, 1] to the bounds */\n"
    "    const float u = tanhf(%s[i]), a = action_center[i] + action_half[i] * u;\n"
    "    unit[i] = u;\n"
    "    action[i] = a < action_low[i] ? action_low[i] : a > action_high[i] ? action_high[i] : a;\n"
    "  }\n"
    "}\n";

static const char TEST_ROWS[] = "  %s_act_many(VECTORS, test_observation, action);\n";
static const char TEST_STEPS[] =
    "  float state[STATE];\n"
    "  %s_reset(state);\n"
    "  for (v = 0; v < VECTORS; v++) %s_step(state, test_observation + v * OBS_DIM, action + v * ACT_DIM);\n";

static const char TEST_BEGIN[] = "\n"
                                 "#ifdef POLICY_TEST\n"
                                 "#include <stdio.h>\n"
                                 "\n"
                                 "int main(void) {\n"
                                 "  int v, i, failed = 0;\n"
                                 "  float worst = 0;\n"
                                 "  static float action[VECTORS * ACT_DIM];\n";

static const char TEST_END[] =
    "  for (v = 0; v < VECTORS; v++) {\n"
    "    for (i = 0; i < ACT_DIM; i++) { /* of the half range of the action */\n"
    "      const float difference = fabsf(action[v * ACT_DIM + i] - test_action[v * ACT_DIM + i]) / action_half[i];\n"
    "      if (!(difference <= 1e-5f)) failed++;\n"
    "      if (difference > worst) worst = difference;\n"
    "    }\n"
    "  }\n"
    "  printf(\"%s: %%d observations, largest difference %%.1e of the action's range: %%s\\n\", (int)VECTORS, "
    "(double)worst,\n"
    "         failed ? \"WRONG\" : \"good\");\n"
    "  return failed != 0;\n"
    "}\n"
    "#endif\n";

// Nine digits read back to the same float.
static void print_array(FILE *out, const char *name, size_t count, const float *values) {
  enum { LINE = 6 };
  fprintf(out, "static const float %s[%zu] = {", name, count);
  for (size_t i = 0; i < count; i++)
    fprintf(out, "%s%.8ef%s", i % LINE == 0 ? "\n    " : " ", (double)values[i], i + 1 < count ? "," : "");
  fprintf(out, "};\n");
}

// Prints a name so that it cannot end the comment that it stands in.
static void print_comment(FILE *out, const char *text) {
  char shown[PRINTABLE_CHARACTER];
  for (size_t length; (length = printable_next(&text, shown)) > 0;)
    fwrite(*shown == '*' || (*shown == '/' && *text == '*') ? "?" : shown, 1, length, out);
}

static void print_head(FILE *out, const struct export *export, uint32_t widest) {
  const struct trained_policy *policy = &export->policy;
  fprintf(out, "/* A policy trained by corsac: ");
  print_comment(out, policy->environment[0] ? policy->environment : "an environment without a name");
  fprintf(out, ", %llu step%s. Written by `corsac export` %s from ", (unsigned long long)policy->env_steps,
          plural(policy->env_steps), CORSAC_VERSION);
  print_comment(out, policy->file);
  fprintf(out, ". */\n");
  if (policy->frame_skip > 1)
    fprintf(out, "/* It acts once in %u steps of the environment, which hold its action (--frame-skip). */\n",
            policy->frame_skip);
  const char *name = export->name;
  const struct history *history = &policy->history;
  const size_t stack = (policy->net.residual ? 3 : 2) * widest * sizeof(float) + 128;
  const bool steps = history->length > 1;
  if (steps)
    fprintf(out, USE_STEP, name, name, name, 1 + policy->act_dim + policy->net.input, history->length,
            history->actions ? " and the actions between them" : "");
  else
    fprintf(out, USE, name, name);
  fprintf(out, HEAD, policy->obs_dim, policy->act_dim, policy->net.rms ? ", sqrtf" : "",
          steps ? "no other state" : "no state", stack, name, name);
  if (steps)
    fprintf(out, STEP_PROTOTYPES, name, name, name);
  else
    fprintf(out, PROTOTYPES, name, name);
  fprintf(out, SIZES, policy->obs_dim, policy->act_dim, widest);
  if (steps) fprintf(out, HISTORY_SIZES, policy->net.input, history_offset(history, 1));
}

static enum status print_range(FILE *out, const struct export *export, struct error *error) {
  const struct trained_policy *policy = &export->policy;
  const uint32_t count = policy->act_dim;
  float *values = memory_alloc(2 * (size_t)count, sizeof *values, "action bounds", error);
  if (!values) return STATUS_MEMORY;
  for (uint32_t i = 0; i < count; i++) {
    const double low = policy->action_low[i], high = policy->action_high[i];
    values[i] = (float)(low / 2 + high / 2);
    values[count + i] = (float)(high / 2 - low / 2);
  }
  print_array(out, "action_center", count, values);
  print_array(out, "action_half", count, values + count);
  print_array(out, "action_low", count, export->action_low);
  print_array(out, "action_high", count, export->action_high);
  memory_free(values);
  return STATUS_OK;
}

static void print_numbers(FILE *out, const struct trained_policy *policy, const struct policy_layer *layer,
                          uint32_t layers) {
  if (policy->weights.normalize) {
    fprintf(out, "static const float OBS_CLIP = %.8ef;\n", NORMALIZER_CLIP);
    print_array(out, "obs_shift", policy->net.input, policy->weights.shift);
    print_array(out, "obs_scale", policy->net.input, policy->weights.scale);
  }
  for (uint32_t l = 0; l < layers; l++) {
    char name[32];
    snprintf(name, sizeof name, "%.15s_weight", layer[l].name);
    print_array(out, name, (size_t)layer[l].out * layer[l].in, policy->weights.values + layer[l].weight);
    snprintf(name, sizeof name, "%.15s_bias", layer[l].name);
    if (layer[l].biased) print_array(out, name, layer[l].out, policy->weights.values + layer[l].bias);
  }
  if (policy->net.rms) print_array(out, "rms_gain", layer[layers - 1].in, policy->weights.values + policy->net.gain);
}

// The arrays that a layer's input, output and block's input lie in, by turns.
static const char *other_row(const char *one, const char *two) {
  static const char *const row[3] = {"y", "x", "v"};
  int i = 0;
  while (row[i] == one || row[i] == two) i++;
  return row[i];
}

// layers: all but log_std, which a deterministic action does not need.
static void print_act(FILE *out, const struct export *export, const struct policy_layer *layer, uint32_t layers) {
  const struct mlp *net = &export->policy.net;
  const bool steps = export->policy.history.length > 1;
  const char *from = "observation", *block = NULL;
  fprintf(out, LAYER, layer[0].biased ? "b[o]" : "b ? b[o] : 0");
  if (net->residual) fprintf(out, BLOCK);
  if (net->rms) fprintf(out, RMS, RMS_NORM_EPSILON, RMS_NORM_EPSILON);
  if (steps)
    fprintf(out, "static void act(const float *observation, float *unit, float *action) {\n");
  else
    fprintf(out, "void %s_act(const float *observation, float *action) {\n", export->name);
  fprintf(out, "  float x[WIDEST], y[WIDEST]%s;\n  int i;\n", net->residual ? ", v[WIDEST]" : "");
  if (export->policy.weights.normalize) {
    fprintf(out, NORMALISE, steps ? "INPUT" : "OBS_DIM");
    from = "x";
  }
  for (uint32_t l = 0; l < layers; l++) {
    if (l + 1 < layers && layer[l + 1].block_end) block = from;
    const char *to = other_row(from, block);
    if (net->rms && l + 1 == layers) {
      fprintf(out, "  rms_norm(%u, rms_gain, %s, %s);\n", layer[l].in, from, to);
      from = to;
      to = other_row(from, NULL);
    }
    fprintf(out, "  layer(%u, %u, %s_weight, ", layer[l].in, layer[l].out, layer[l].name);
    fprintf(out, "%s%s", layer[l].biased ? layer[l].name : "(const float *)0", layer[l].biased ? "_bias" : "");
    fprintf(out, ", %s, %s, %d);\n", from, to, layer[l].relu);
    if (layer[l].block_end) fprintf(out, "  add(%u, %s, %s);\n", layer[l].out, block, to);
    from = to;
  }
  fprintf(out, steps ? SCALE_STEP : SCALE, from);
}

// What acts for more than one observation: of one episode in turn, or of many agents at once.
static void print_callers(FILE *out, const struct export *export) {
  const struct history *history = &export->policy.history;
  const char *name = export->name;
  if (history->length > 1)
    fprintf(out, STEP, name, name, history->actions ? PUSH_ACTION : "", name);
  else
    fprintf(out, ACT_MANY, name, name);
}

static void print_test(FILE *out, const struct export *export) {
  const struct trained_policy *policy = &export->policy;
  fprintf(out, "\n#ifdef POLICY_TEST\nenum { VECTORS = %d };\n", EXPORT_VECTORS);
  print_array(out, "test_observation", (size_t)EXPORT_VECTORS * policy->obs_dim, export->observation);
  print_array(out, "test_action", (size_t)EXPORT_VECTORS * policy->act_dim, export->action);
  fprintf(out, "#endif\n");
  fprintf(out, TEST_BEGIN);
  if (policy->history.length > 1)
    fprintf(out, TEST_STEPS, export->name, export->name);
  else
    fprintf(out, TEST_ROWS, export->name);
  fprintf(out, TEST_END, export->name);
}

static enum status print_file(FILE *out, const struct export *export, struct error *error) {
  const struct trained_policy *policy = &export->policy;
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t layers = policy_layers(&policy->net, layer) - 1;
  uint32_t widest = policy->net.input > policy->act_dim ? policy->net.input : policy->act_dim;
  for (uint32_t l = 0; l < layers; l++) widest = layer[l].out > widest ? layer[l].out : widest;
  print_head(out, export, widest);
  print_numbers(out, policy, layer, layers);
  const enum status status = print_range(out, export, error);
  if (status != STATUS_OK) return status;
  print_act(out, export, layer, layers);
  print_callers(out, export);
  print_test(out, export);
  return STATUS_OK;
}

enum status export_c(const struct export *export, struct buffer *file, struct error *error) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return error_set(error, STATUS_MEMORY, "not enough memory for the C file");
  enum status status = print_file(out, export, error);
  if (fclose(out) != 0 && status == STATUS_OK)
    status = error_set(error, STATUS_MEMORY, "not enough memory for the C file");
  if (status == STATUS_OK) status = buffer_reserve(file, size, error);
  if (status == STATUS_OK) {
    memcpy(file->data, text, size);
    file->size = size;
  }
  free(text);
  return status;
}
