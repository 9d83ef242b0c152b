// The ONNX file, unpacked again by protobuf-c and computed node by node, acts as the policy does.
#include "launch/policy/export.h"
#include "common/base/random.h"
#include "common/nn/frozen_policy.h"
#include "common/nn/policy_layers.h"
#include "launch/policy/onnx.pb-c.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBS = 4, ACT = 2, WIDEST = 16 };
static const double low[ACT] = {-2, 0.1}, high[ACT] = {3, 0.2};
static float inside_low[ACT] = {-2, 0.10000001f}, inside_high[ACT] = {3, 0.2f};

static void make(struct export *export, bool normalize) {
  struct trained_policy *policy = &export->policy;
  struct error error = {0};
  *export = (struct export){.name = "policy", .action_low = inside_low, .action_high = inside_high};
  policy->obs_dim = OBS;
  policy->act_dim = ACT;
  policy->env_steps = 1234;
  policy->hidden = (struct config_widths){2, {WIDEST, 5}};
  snprintf(policy->environment, sizeof policy->environment, "Made-v0");
  UNIT_STATUS_FATAL(trained_policy_alloc(policy, &error), STATUS_OK, &error);
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (size_t i = 0; i < policy->weights.parameters; i++)
    policy->weights.values[i] = (float)(0.5 * random_normal(&random));
  policy->weights.normalize = normalize;
  for (int i = 0; i < OBS && normalize; i++) {
    policy->weights.shift[i] = (float)random_normal(&random);
    policy->weights.scale[i] = 5;
  }
  memcpy(policy->action_low, low, sizeof low);
  memcpy(policy->action_high, high, sizeof high);
}

// The values of a graph's tensor by name.
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
  CU_FAIL_FATAL("no such tensor");
  return NULL;
}

// x (size) <- node(x): the operators of a policy, straight from their definition.
static size_t apply(const Onnx__GraphProto *graph, const Onnx__NodeProto *node, float *x, size_t size) {
  size_t count = 0, bias_count = 0;
  const float *b = node->n_input > 1 ? tensor(graph, node->input[1], &count) : NULL,
              *c = node->n_input > 2 ? tensor(graph, node->input[2], &bias_count) : NULL;
  const char *op = node->op_type;
  if (strcmp(op, "Gemm") == 0) {
    float y[WIDEST];
    CU_ASSERT_EQUAL_FATAL(count, bias_count * size);
    CU_ASSERT_EQUAL(node->n_attribute, 1);
    CU_ASSERT_STRING_EQUAL_FATAL(node->attribute[0]->name, "transB");
    CU_ASSERT_EQUAL(node->attribute[0]->i, 1);
    for (size_t o = 0; o < bias_count; o++) {
      y[o] = c[o];
      for (size_t i = 0; i < size; i++) y[o] += b[o * size + i] * x[i];
    }
    memcpy(x, y, sizeof y);
    return bias_count;
  }
  for (size_t i = 0; i < size; i++) {
    const float v = b ? b[count == 1 ? 0 : i] : 0;
    x[i] = strcmp(op, "Sub") == 0    ? x[i] - v
           : strcmp(op, "Mul") == 0  ? x[i] * v
           : strcmp(op, "Add") == 0  ? x[i] + v
           : strcmp(op, "Max") == 0  ? fmaxf(x[i], v)
           : strcmp(op, "Min") == 0  ? fminf(x[i], v)
           : strcmp(op, "Relu") == 0 ? fmaxf(x[i], 0)
           : strcmp(op, "Tanh") == 0 ? tanhf(x[i])
           : strcmp(op, "Clip") == 0 ? fminf(fmaxf(x[i], v), c[0])
                                     : NAN;
  }
  return size;
}

static void check_graph(const struct export *export, const Onnx__GraphProto *graph) {
  struct error error = {0};
  const struct trained_policy *policy = &export->policy;
  struct frozen_policy *frozen = frozen_policy_create(ACT, &policy->hidden, &policy->weights, low, high, &error);
  float *scratch = malloc(frozen_policy_scratch(frozen) * sizeof *scratch), worst = 0;
  for (int row = 0; row < 100; row++) {
    float x[WIDEST], action[ACT];
    random_normals_at(random_stream(7, RANDOM_NOISE, 0, (uint64_t)row), 1, OBS, x, OBS);
    frozen_policy_act(frozen, x, NULL, action, scratch);
    const char *now = "observation";
    size_t size = OBS;
    for (size_t n = 0; n < graph->n_node; n++) {
      CU_ASSERT_STRING_EQUAL(graph->node[n]->input[0], now);
      size = apply(graph, graph->node[n], x, size);
      now = graph->node[n]->output[0];
    }
    CU_ASSERT_STRING_EQUAL(now, "action");
    CU_ASSERT_EQUAL(size, ACT);
    for (int i = 0; i < ACT; i++) worst = fmaxf(worst, fabsf(x[i] - action[i]));
  }
  CU_ASSERT(worst < 1e-5f);
  free(scratch);
  frozen_policy_destroy(frozen);
}

static void check_model(bool normalize) {
  struct export export;
  struct buffer file = {0};
  struct error error = {0};
  make(&export, normalize);
  UNIT_STATUS_FATAL(export_onnx(&export, &file, &error), STATUS_OK, &error);
  Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, file.size, file.data);
  CU_ASSERT_PTR_NOT_NULL_FATAL(model);
  CU_ASSERT_EQUAL(model->ir_version, 7);
  CU_ASSERT_EQUAL(model->n_opset_import, 1);
  CU_ASSERT_EQUAL(model->opset_import[0]->version, 13);
  CU_ASSERT_STRING_EQUAL(model->metadata_props[0]->value, "Made-v0");
  CU_ASSERT_STRING_EQUAL(model->metadata_props[1]->value, "1234");
  const Onnx__GraphProto *graph = model->graph;
  CU_ASSERT_EQUAL(graph->n_input, 1);
  CU_ASSERT_EQUAL(graph->n_output, 1);
  CU_ASSERT_STRING_EQUAL(graph->input[0]->name, "observation");
  CU_ASSERT_EQUAL(graph->input[0]->type->tensor_type->shape->dim[1]->dim_value, OBS);
  CU_ASSERT_STRING_EQUAL(graph->output[0]->name, "action");
  CU_ASSERT_EQUAL(graph->output[0]->type->tensor_type->shape->dim[1]->dim_value, ACT);
  check_graph(&export, graph);
  onnx__model_proto__free_unpacked(model, NULL);
  buffer_release(&file);
  trained_policy_release(&export.policy);
}

static void test_raw(void) { check_model(false); }
static void test_normalised(void) { check_model(true); }

int main(void) {
  static const struct unit_case cases[] = {
      {"the graph of a policy on raw observations acts as the policy", test_raw},
      {"the graph of a policy on normalised observations acts as the policy", test_normalised},
  };
  return unit_run("export_onnx", cases, sizeof cases / sizeof *cases);
}
