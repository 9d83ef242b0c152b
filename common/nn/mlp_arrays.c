#include "common/nn/mlp_arrays.h"
#include <assert.h>
#include <stdio.h>

// The arrays found so far, and the layer that the next ones belong to.
struct list {
  struct mlp_array *array;
  uint32_t count;
  const char *layer;
};

static struct mlp_array *add(struct list *list, const char *name, uint32_t rows, uint32_t columns, size_t offset) {
  struct mlp_array *array = &list->array[list->count++];
  assert(list->count <= MLP_MAX_ARRAYS);
  *array = (struct mlp_array){.name = name, .rows = rows, .columns = columns, .offset = offset};
  snprintf(array->layer, sizeof array->layer, "%.15s", list->layer);
  return array;
}

static void add_norm(struct list *list, uint32_t width, size_t scale, size_t shift) {
  add(list, "norm_scale", width, 0, scale);
  add(list, "norm_shift", width, 0, shift);
}

static void add_statistics(struct list *list, uint32_t width, size_t mean, size_t variance) {
  add(list, "mean", width, 0, mean)->statistic = true;
  struct mlp_array *array = add(list, "variance", width, 0, variance);
  array->statistic = array->variance = true;
}

// The last layer has the weights of all heads first, then their biases.
static void add_heads(struct list *list, const struct mlp_layer *layer, const struct mlp_head *heads, uint32_t count) {
  uint32_t row = 0;
  for (uint32_t h = 0; h < count; row += heads[h++].rows) {
    list->layer = heads[h].name;
    add(list, "weight", heads[h].rows, layer->in, layer->weight + (size_t)row * layer->in);
    add(list, "bias", heads[h].rows, 0, layer->bias + row);
  }
  assert(row == layer->out);
}

uint32_t mlp_arrays(const struct mlp *net, const struct mlp_head *heads, uint32_t head_count,
                    struct mlp_array array[MLP_MAX_ARRAYS]) {
  struct list list = {.array = array, .layer = "input"};
  char name[16];
  assert(!net->tiles && head_count <= MLP_MAX_HEADS);
  if (net->batch) {
    add_norm(&list, net->input, net->input_scale, net->input_shift);
    add_statistics(&list, net->input, net->input_mean, net->input_variance);
  }
  for (uint32_t l = 0; l + 1 < net->layers; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    snprintf(name, sizeof name, "layer%u", (unsigned)l);
    list.layer = name;
    add(&list, "weight", layer->out, layer->in, layer->weight);
    if (layer->biased) add(&list, "bias", layer->out, 0, layer->bias);
    if (layer->norm) add_norm(&list, layer->out, layer->norm_scale, layer->norm_shift);
    if (layer->norm == MLP_NORM_BATCH) add_statistics(&list, layer->out, layer->mean, layer->variance);
  }
  const struct mlp_layer *last = &net->layer[net->layers - 1];
  list.layer = "rms";
  if (net->rms) add(&list, "gain", last->in, 0, net->gain);
  add_heads(&list, last, heads, head_count);
  return list.count;
}
