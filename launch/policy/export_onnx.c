#include "launch/policy/export.h"

#include "common/base/version.h"
#include "common/nn/policy_layers.h"
#include "common/nn/rms_norm.h"
#include "launch/policy/onnx.pb-c.h"

#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian, as the numbers here are");

enum {
  IR_VERSION = 7,
  OPERATORS = 13,
  MAX_NODES = 3 * MLP_MAX_LAYERS + 20,
  MAX_TENSORS = 2 * MLP_MAX_LAYERS + 16,
  MAX_INPUTS = 3,
  NAME = 32
};

// A node of the graph: its operator, its inputs and its output.
struct node {
  Onnx__NodeProto proto;
  char output[NAME], *inputs[MAX_INPUTS], *outputs[1];
  Onnx__AttributeProto *attributes[1];
};

struct tensor {
  Onnx__TensorProto proto;
  char name[NAME];
  int64_t dims[2];
};

// Facts beside the graph, as texts; frame_skip only where it is not 1, what follows only where there is a history.
enum { ENV, ENV_STEPS, FRAME_SKIP, HISTORY, HISTORY_ACTIONS, OBS_DIM, FACTS };

// The input or the output of the graph: (N x dim).
struct value {
  Onnx__ValueInfoProto proto;
  Onnx__TypeProto type;
  Onnx__TypeProto__Tensor tensor;
  Onnx__TensorShapeProto shape;
  Onnx__TensorShapeProto__Dimension dimension[2], *dimensions[2];
};

struct graph {
  struct node node[MAX_NODES];
  struct tensor tensor[MAX_TENSORS];
  Onnx__NodeProto *nodes[MAX_NODES];
  Onnx__TensorProto *tensors[MAX_TENSORS];
  size_t node_count, tensor_count;
  Onnx__AttributeProto transposed, axes; // Gemm's: w is (out x in); ReduceMean's: of a row
  int64_t axis;
  struct value input, action;
  char *now;             // the output of the last node
  float *scalar, *range; // clip, its negative, RMS norm's epsilon; center, half (act_dim each)
};

// protobuf-c takes no const texts, but does not write to them.
static char *text(const char *constant) { return (char *)(uintptr_t)constant; }

// Adds a matrix (rows x columns), a vector where columns is 0, or a scalar where rows is 0 too. Returns its name.
static char *add_tensor(struct graph *graph, const char *name, size_t rows, size_t columns, const float *values) {
  struct tensor *tensor = &graph->tensor[graph->tensor_count];
  graph->tensors[graph->tensor_count++] = &tensor->proto;
  *tensor = (struct tensor){.proto = ONNX__TENSOR_PROTO__INIT, .dims = {(int64_t)rows, (int64_t)columns}};
  snprintf(tensor->name, sizeof tensor->name, "%.31s", name);
  tensor->proto.name = tensor->name;
  tensor->proto.n_dims = columns ? 2 : rows ? 1 : 0;
  tensor->proto.dims = tensor->dims;
  tensor->proto.has_data_type = tensor->proto.has_raw_data = 1;
  tensor->proto.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  tensor->proto.raw_data.len = (rows ? rows : 1) * (columns ? columns : 1) * sizeof *values;
  tensor->proto.raw_data.data = (uint8_t *)(uintptr_t)values;
  return tensor->name;
}

// Adds output = operator(now, b, c); b and c may be NULL.
static struct node *add_node(struct graph *graph, const char *operator, const char * output, char *b, char *c) {
  struct node *node = &graph->node[graph->node_count];
  graph->nodes[graph->node_count++] = &node->proto;
  *node = (struct node){.proto = ONNX__NODE_PROTO__INIT, .inputs = {graph->now, b, c}};
  snprintf(node->output, sizeof node->output, "%.31s", output);
  node->outputs[0] = graph->now = node->output;
  node->proto.op_type = text(operator);
  node->proto.name = node->output;
  node->proto.n_input = b ? c ? 3 : 2 : 1;
  node->proto.input = node->inputs;
  node->proto.n_output = 1;
  node->proto.output = node->outputs;
  return node;
}

static void add_attribute(struct node *node, Onnx__AttributeProto *attribute) {
  node->attributes[0] = attribute;
  node->proto.attribute = node->attributes;
  node->proto.n_attribute = 1;
}

static void add_linear(struct graph *graph, const struct policy_layer *layer, const float *values) {
  char name[NAME], *bias = NULL;
  snprintf(name, sizeof name, "%.15s.weight", layer->name);
  char *weight = add_tensor(graph, name, layer->out, layer->in, values + layer->weight);
  snprintf(name, sizeof name, "%.15s.bias", layer->name);
  if (layer->biased) bias = add_tensor(graph, name, layer->out, 0, values + layer->bias);
  add_attribute(add_node(graph, "Gemm", layer->name, weight, bias), &graph->transposed);
}

// Adds gain x / sqrt(mean x^2 + eps).
static void add_rms_norm(struct graph *graph, uint32_t width, const float *gain) {
  char *x = graph->now;
  graph->scalar[2] = (float)RMS_NORM_EPSILON;
  graph->axis = -1;
  graph->axes = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
  graph->axes.name = text("axes");
  graph->axes.n_ints = 1;
  graph->axes.ints = &graph->axis;
  graph->axes.has_type = 1;
  graph->axes.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
  add_node(graph, "Mul", "rms_square", x, NULL);
  add_attribute(add_node(graph, "ReduceMean", "rms_mean", NULL, NULL), &graph->axes);
  add_node(graph, "Add", "rms_sum", add_tensor(graph, "rms_epsilon", 0, 0, graph->scalar + 2), NULL);
  char *root = add_node(graph, "Sqrt", "rms_root", NULL, NULL)->output;
  graph->now = x;
  add_node(graph, "Div", "rms_normal", root, NULL);
  add_node(graph, "Mul", "rms", add_tensor(graph, "rms.gain", width, 0, gain), NULL);
}

// Adds clip((observation - shift) * scale).
static void add_normalizer(struct graph *graph, const struct policy_weights *weights) {
  graph->scalar[0] = -(float)NORMALIZER_CLIP;
  graph->scalar[1] = (float)NORMALIZER_CLIP;
  add_node(graph, "Sub", "centered", add_tensor(graph, "obs_shift", weights->obs_dim, 0, weights->shift), NULL);
  add_node(graph, "Mul", "scaled", add_tensor(graph, "obs_scale", weights->obs_dim, 0, weights->scale), NULL);
  char *low = add_tensor(graph, "obs_clip_low", 0, 0, graph->scalar);
  add_node(graph, "Clip", "normalized", low, add_tensor(graph, "obs_clip_high", 0, 0, graph->scalar + 1));
}

// Adds low + (tanh + 1)/2 (high - low), clipped so that rounding cannot leave the bounds.
static void add_range(struct graph *graph, const struct export *export) {
  const struct trained_policy *policy = &export->policy;
  const uint32_t dim = policy->act_dim;
  for (uint32_t i = 0; i < dim; i++) {
    graph->range[i] = (float)(policy->action_low[i] / 2 + policy->action_high[i] / 2);
    graph->range[dim + i] = (float)(policy->action_high[i] / 2 - policy->action_low[i] / 2);
  }
  add_node(graph, "Tanh", "unit", NULL, NULL);
  add_node(graph, "Mul", "stretched", add_tensor(graph, "action_half", dim, 0, graph->range + dim), NULL);
  add_node(graph, "Add", "moved", add_tensor(graph, "action_center", dim, 0, graph->range), NULL);
  add_node(graph, "Max", "above", add_tensor(graph, "action_low", dim, 0, export->action_low), NULL);
  add_node(graph, "Min", "action", add_tensor(graph, "action_high", dim, 0, export->action_high), NULL);
}

static Onnx__ValueInfoProto *make_value(struct value *value, const char *name, uint32_t dim) {
  *value = (struct value){
      .proto = ONNX__VALUE_INFO_PROTO__INIT,
      .type = ONNX__TYPE_PROTO__INIT,
      .tensor = ONNX__TYPE_PROTO__TENSOR__INIT,
      .shape = ONNX__TENSOR_SHAPE_PROTO__INIT,
      .dimension = {ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT}};
  value->dimension[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
  value->dimension[0].dim_param = text("N");
  value->dimension[1].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
  value->dimension[1].dim_value = dim;
  for (int i = 0; i < 2; i++) value->dimensions[i] = &value->dimension[i];
  value->shape.n_dim = 2;
  value->shape.dim = value->dimensions;
  value->tensor.has_elem_type = 1;
  value->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  value->tensor.shape = &value->shape;
  value->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  value->type.tensor_type = &value->tensor;
  value->proto.name = text(name);
  value->proto.type = &value->type;
  return &value->proto;
}

static void build(struct graph *graph, const struct export *export) {
  const struct trained_policy *policy = &export->policy;
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t layers = policy_layers(&policy->net, layer);
  graph->transposed = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
  graph->transposed.name = text("transB");
  graph->transposed.has_i = graph->transposed.has_type = 1;
  graph->transposed.i = 1;
  graph->transposed.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
  graph->now = text("observation");
  if (policy->weights.normalize) add_normalizer(graph, &policy->weights);
  char *block = NULL;                         // the input of the block
  for (uint32_t l = 0; l + 1 < layers; l++) { // all but log_std, which a deterministic action does not need
    char name[NAME];
    if (policy->net.rms && l + 2 == layers) add_rms_norm(graph, layer[l].in, policy->weights.values + policy->net.gain);
    if (layer[l + 1].block_end) block = graph->now;
    add_linear(graph, &layer[l], policy->weights.values);
    snprintf(name, sizeof name, "relu%u", (unsigned)l);
    if (layer[l].relu) add_node(graph, "Relu", name, NULL, NULL);
    snprintf(name, sizeof name, "block%u", (unsigned)l);
    if (layer[l].block_end) add_node(graph, "Add", name, block, NULL);
  }
  add_range(graph, export);
}

// Fills property and properties (FACTS) and returns how many there are. text_of: room for the numbers.
static size_t list_facts(const struct trained_policy *policy, Onnx__StringStringEntryProto *property,
                         Onnx__StringStringEntryProto **properties, char text_of[FACTS][NAME]) {
  static const char *const key[FACTS] = {"env", "env_steps", "frame_skip", "history", "history_actions", "obs_dim"};
  const uint64_t number[FACTS] = {[ENV_STEPS] = policy->env_steps,
                                  [FRAME_SKIP] = policy->frame_skip,
                                  [HISTORY] = policy->history.length,
                                  [HISTORY_ACTIONS] = policy->history.actions,
                                  [OBS_DIM] = policy->obs_dim};
  size_t count = 0;
  for (size_t i = 0; i < (policy->history.length > 1 ? FACTS : HISTORY); i++) {
    if (i == FRAME_SKIP && policy->frame_skip <= 1) continue;
    snprintf(text_of[i], NAME, "%llu", (unsigned long long)number[i]);
    property[i] = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    property[i].key = text(key[i]);
    property[i].value = i == ENV ? text(policy->environment) : text_of[i];
    properties[count++] = &property[i];
  }
  return count;
}

static enum status pack(struct graph *graph, const struct export *export, struct buffer *file, struct error *error) {
  const struct trained_policy *policy = &export->policy;
  Onnx__ValueInfoProto *in = make_value(&graph->input, "observation", policy->net.input),
                       *out = make_value(&graph->action, "action", policy->act_dim);
  Onnx__GraphProto proto = ONNX__GRAPH_PROTO__INIT;
  proto.name = text(export->name);
  proto.n_node = graph->node_count;
  proto.node = graph->nodes;
  proto.n_initializer = graph->tensor_count;
  proto.initializer = graph->tensors;
  proto.n_input = proto.n_output = 1;
  proto.input = &in;
  proto.output = &out;
  Onnx__OperatorSetIdProto operators = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = {&operators};
  operators.domain = text("");
  operators.has_version = 1;
  operators.version = OPERATORS;
  Onnx__StringStringEntryProto property[FACTS], *properties[FACTS];
  char number[FACTS][NAME];
  Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
  model.has_ir_version = 1;
  model.ir_version = IR_VERSION;
  model.producer_name = text("corsac");
  model.producer_version = text(CORSAC_VERSION);
  model.graph = &proto;
  model.n_opset_import = 1;
  model.opset_import = sets;
  model.n_metadata_props = list_facts(policy, property, properties, number);
  model.metadata_props = properties;
  const size_t size = onnx__model_proto__get_packed_size(&model);
  const enum status status = buffer_reserve(file, size, error);
  if (status == STATUS_OK) file->size = onnx__model_proto__pack(&model, file->data);
  return status;
}

enum status export_onnx(const struct export *export, struct buffer *file, struct error *error) {
  struct graph *graph = memory_alloc(1, sizeof *graph, "an ONNX graph", error);
  float *numbers = memory_alloc(3 + 2 * (size_t) export->policy.act_dim, sizeof *numbers, "an ONNX graph", error);
  enum status status = graph && numbers ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK) {
    graph->scalar = numbers;
    graph->range = numbers + 3;
    build(graph, export);
    status = pack(graph, export, file, error);
  }
  memory_free(numbers);
  memory_free(graph);
  return status;
}
