// The ONNX file, unpacked again by protobuf-c and computed node by node, acts as the policy does.
#include "launch/policy/export.h"
#include "common/base/random.h"
#include "common/nn/frozen_policy.h"
#include "launch/policy/onnx.pb-c.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBS = 4, ACT = 2, WIDEST = 16, HISTORY = 3 };
static const double low[ACT] = {-2, 0.1}, high[ACT] = {3, 0.2};
static float inside_low[ACT] = {-2, 0.10000001f}, inside_high[ACT] = {3, 0.2f};

// A spec whose input is wider than an observation is that of a history.
static void make(struct export *export, const struct mlp_spec *spec, bool normalize) {
  struct trained_policy *policy = &export->policy;
  struct error error = {0};
  *export = (struct export){.name = "policy", .action_low = inside_low, .action_high = inside_high};
  policy->obs_dim = OBS;
  policy->act_dim = ACT;
  policy->history = (struct history){spec->input > OBS ? HISTORY : 1, OBS, ACT, true};
  policy->env_steps = 1234;
  struct mlp net;
  mlp_init_spec(&net, spec);
  policy->net = mlp_dense(&net);
  policy->form = log_std_plain;
  snprintf(policy->environment, sizeof policy->environment, "Made-v0");
  UNIT_STATUS_FATAL(trained_policy_alloc(policy, &error), STATUS_OK, &error);
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < policy->weights.parameters; i++)
    policy->weights.values[i] = (float)(0.5 * random_normal(&random));
  policy->weights.normalize = normalize;
  for (uint32_t i = 0; i < spec->input && normalize; i++) {
    policy->weights.shift[i] = (float)random_normal(&random);
    policy->weights.scale[i] = 5;
  }
  memcpy(policy->action_low, low, sizeof low);
  memcpy(policy->action_high, high, sizeof high);
}

// The values of a graph's tensor by name; NULL where there is none.
static const float *tensor(const Onnx__GraphProto *graph, const char *name, size_t *count) {
  for (size_t i = 0; i < graph->n_initializer; i++)
    if (strcmp(graph->initializer[i]->name, name) == 0) {
      *count = graph->initializer[i]->raw_data.len / sizeof(float);
      size_t elements = 1;
      for (size_t d = 0; d < graph->initializer[i]->n_dims; d++) elements *= (size_t)graph->initializer[i]->dims[d];
      CU_ASSERT_EQUAL(elements, *count);
      CU_ASSERT_EQUAL(graph->initializer[i]->data_type, 1);
      return (const float *)(const void *)graph->initializer[i]->raw_data.data;
    }
  return NULL;
}

// What nodes have given so far, by name.
struct values {
  size_t count;
  struct value {
    const char *name;
    size_t size;
    float x[WIDEST];
  } value[64];
};

// An input of a node: a tensor, or what a node before it has given.
static const float *input(const Onnx__GraphProto *graph, const struct values *values, const char *name, size_t *size) {
  const float *found = tensor(graph, name, size);
  for (size_t v = 0; !found && v < values->count; v++) {
    if (strcmp(values->value[v].name, name) != 0) continue;
    *size = values->value[v].size;
    found = values->value[v].x;
  }
  CU_ASSERT_PTR_NOT_NULL_FATAL(found);
  return found;
}

static void gemm(const Onnx__NodeProto *node, struct value *y, const float *x, size_t size, const float *w,
                 size_t count, const float *b) {
  CU_ASSERT_EQUAL(node->n_attribute, 1);
  CU_ASSERT_STRING_EQUAL_FATAL(node->attribute[0]->name, "transB");
  CU_ASSERT_EQUAL(node->attribute[0]->i, 1);
  y->size = count / size;
  CU_ASSERT_EQUAL_FATAL(count, y->size * size);
  for (size_t o = 0; o < y->size; o++) {
    y->x[o] = b ? b[o] : 0;
    for (size_t i = 0; i < size; i++) y->x[o] += w[o * size + i] * x[i];
  }
}

static void reduce_mean(const Onnx__NodeProto *node, struct value *y, const float *x, size_t size) {
  CU_ASSERT_EQUAL_FATAL(node->n_attribute, 1);
  CU_ASSERT_STRING_EQUAL(node->attribute[0]->name, "axes");
  CU_ASSERT_EQUAL(node->attribute[0]->type, 7);
  CU_ASSERT_EQUAL_FATAL(node->attribute[0]->n_ints, 1);
  CU_ASSERT_EQUAL(node->attribute[0]->ints[0], -1);
  y->size = 1;
  y->x[0] = 0;
  for (size_t i = 0; i < size; i++) y->x[0] += x[i] / (float)size;
}

// The operators of a policy, straight from their definition.
static void apply(const Onnx__GraphProto *graph, const Onnx__NodeProto *node, struct values *values) {
  size_t size = 0, count = 0, other = 0;
  const float *x = input(graph, values, node->input[0], &size),
              *b = node->n_input > 1 ? input(graph, values, node->input[1], &count) : NULL,
              *c = node->n_input > 2 ? input(graph, values, node->input[2], &other) : NULL;
  CU_ASSERT_FATAL(values->count < 64);
  struct value *y = &values->value[values->count++];
  const char *op = node->op_type;
  *y = (struct value){.name = node->output[0], .size = size};
  if (strcmp(op, "Gemm") == 0) {
    gemm(node, y, x, size, b, count, c);
    return;
  }
  if (strcmp(op, "ReduceMean") == 0) {
    reduce_mean(node, y, x, size);
    return;
  }
  CU_ASSERT_TRUE(count <= 1 || count == size);
  for (size_t i = 0; i < size; i++) {
    const float v = b ? b[count == 1 ? 0 : i] : 0;
    y->x[i] = strcmp(op, "Sub") == 0    ? x[i] - v
              : strcmp(op, "Mul") == 0  ? x[i] * v
              : strcmp(op, "Div") == 0  ? x[i] / v
              : strcmp(op, "Add") == 0  ? x[i] + v
              : strcmp(op, "Max") == 0  ? fmaxf(x[i], v)
              : strcmp(op, "Min") == 0  ? fminf(x[i], v)
              : strcmp(op, "Relu") == 0 ? fmaxf(x[i], 0)
              : strcmp(op, "Tanh") == 0 ? tanhf(x[i])
              : strcmp(op, "Sqrt") == 0 ? sqrtf(x[i])
              : strcmp(op, "Clip") == 0 ? fminf(fmaxf(x[i], v), c[0])
                                        : NAN;
  }
}

static void check_graph(const struct export *export, const Onnx__GraphProto *graph) {
  struct error error = {0};
  const struct trained_policy *policy = &export->policy;
  struct frozen_policy *frozen =
      frozen_policy_create(&policy->net, &policy->weights, &policy->form, &policy->history, low, high, &error);
  float *scratch = malloc(frozen_policy_scratch(frozen) * sizeof *scratch), worst = 0;
  static struct values values;
  for (int row = 0; row < 100; row++) {
    float action[ACT];
    values.count = 1;
    values.value[0] = (struct value){.name = "observation", .size = policy->net.input};
    random_normals_at(random_stream(7, RANDOM_NOISE, 0, (uint64_t)row), 1, policy->net.input, values.value[0].x,
                      policy->net.input);
    frozen_policy_act(frozen, values.value[0].x, NULL, action, scratch);
    for (size_t n = 0; n < graph->n_node; n++) apply(graph, graph->node[n], &values);
    const struct value *last = &values.value[values.count - 1];
    CU_ASSERT_STRING_EQUAL(last->name, "action");
    CU_ASSERT_EQUAL(last->size, ACT);
    for (int i = 0; i < ACT; i++) worst = fmaxf(worst, fabsf(last->x[i] - action[i]));
  }
  CU_ASSERT(worst < 1e-5f);
  free(scratch);
  frozen_policy_destroy(frozen);
}

// The facts about a history are there where there is one.
static void check_history(const Onnx__ModelProto *model, bool has_history) {
  static const char *const facts[][2] = {{"history", "3"}, {"history_actions", "1"}, {"obs_dim", "4"}};
  CU_ASSERT_EQUAL_FATAL(model->n_metadata_props, has_history ? 5 : 2);
  for (size_t i = 0; i < 3 && has_history; i++) {
    CU_ASSERT_STRING_EQUAL(model->metadata_props[2 + i]->key, facts[i][0]);
    CU_ASSERT_STRING_EQUAL(model->metadata_props[2 + i]->value, facts[i][1]);
  }
}

static void check_model(const struct mlp_spec *spec, bool normalize) {
  struct export export;
  struct buffer file = {0};
  struct error error = {0};
  make(&export, spec, normalize);
  UNIT_STATUS_FATAL(export_onnx(&export, &file, &error), STATUS_OK, &error);
  Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, file.size, file.data);
  CU_ASSERT_PTR_NOT_NULL_FATAL(model);
  CU_ASSERT_EQUAL(model->ir_version, 7);
  CU_ASSERT_EQUAL(model->n_opset_import, 1);
  CU_ASSERT_EQUAL(model->opset_import[0]->version, 13);
  CU_ASSERT_STRING_EQUAL(model->metadata_props[0]->value, "Made-v0");
  CU_ASSERT_STRING_EQUAL(model->metadata_props[1]->value, "1234");
  check_history(model, spec->input > OBS);
  const Onnx__GraphProto *graph = model->graph;
  CU_ASSERT_EQUAL(graph->n_input, 1);
  CU_ASSERT_EQUAL(graph->n_output, 1);
  CU_ASSERT_STRING_EQUAL(graph->input[0]->name, "observation");
  CU_ASSERT_EQUAL(graph->input[0]->type->tensor_type->shape->dim[1]->dim_value, spec->input);
  CU_ASSERT_STRING_EQUAL(graph->output[0]->name, "action");
  CU_ASSERT_EQUAL(graph->output[0]->type->tensor_type->shape->dim[1]->dim_value, ACT);
  check_graph(&export, graph);
  onnx__model_proto__free_unpacked(model, NULL);
  buffer_release(&file);
  trained_policy_release(&export.policy);
}

static const uint32_t hidden[] = {WIDEST, 5}, blocks[] = {4, 4};
static const struct mlp_spec plain = {.input = OBS, .output = 2 * ACT, .hidden = hidden, .hidden_count = 2};

static void test_raw(void) { check_model(&plain, false); }
static void test_normalised(void) { check_model(&plain, true); }

static void test_residual(void) {
  struct mlp_spec spec = {.input = OBS,
                          .output = 2 * ACT,
                          .hidden = blocks,
                          .hidden_count = 2,
                          .residual = true,
                          .expansion = 4,
                          .rms = true,
                          .bias = true};
  check_model(&spec, true);
  spec.bias = false;
  check_model(&spec, false);
  spec.rms = false;
  check_model(&spec, false);
}

static void test_rms(void) {
  struct mlp_spec spec = plain;
  spec.rms = true;
  check_model(&spec, true);
}

static void test_history(void) {
  struct mlp_spec spec = plain;
  spec.input = HISTORY * OBS + (HISTORY - 1) * ACT;
  check_model(&spec, true);
  check_model(&spec, false);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the graph of a policy on raw observations acts as the policy", test_raw},
      {"the graph of a policy on normalised observations acts as the policy", test_normalised},
      {"so does the graph of residual blocks, with and without biases and RMS norm", test_residual},
      {"so does the graph of a dense network with RMS norm", test_rms},
      {"so does the graph of a policy with a history, whose input is its width", test_history},
  };
  return unit_run("export_onnx", cases, sizeof cases / sizeof *cases);
}
