#include "launch/policy/mlp_f64.h"

#include "common/base/memory.h"
#include <math.h>
#include <string.h>

static const double NORM_EPS = 1e-5; // as mlp.h has it

enum status mlp_f64_init(struct mlp_f64 *net, const struct mlp *dense, const float *parameters, struct error *error) {
  *net = (struct mlp_f64){.shape = *dense};
  size_t widest = dense->input, sum = 0;
  for (uint32_t l = 0; l < dense->layers; l++) {
    if (dense->layer[l].out > widest) widest = dense->layer[l].out;
    sum += dense->layer[l].out;
  }
  net->parameters = memory_alloc(dense->parameters, sizeof(double), "a network", error);
  net->memory = memory_alloc(2 * sum + 2 * widest, sizeof(double), "a network's layers", error);
  if (!net->parameters || !net->memory) {
    mlp_f64_release(net);
    return STATUS_MEMORY;
  }
  for (size_t i = 0; i < dense->parameters; i++) net->parameters[i] = (double)parameters[i];
  double *at = net->memory;
  for (uint32_t l = 0; l < dense->layers; l++) {
    net->cache[l] = (struct mlp_f64_cache){.h = at, .normal = at + dense->layer[l].out};
    at += 2 * (size_t)dense->layer[l].out;
  }
  net->gradient[0] = at;
  net->gradient[1] = at + widest;
  return STATUS_OK;
}

void mlp_f64_release(struct mlp_f64 *net) {
  memory_free(net->parameters);
  memory_free(net->memory);
  *net = (struct mlp_f64){0};
}

// n = (z - mean z) / sqrt(var z + eps),  z <- scale n + shift
static void normalize(const struct mlp_layer *layer, const double *parameters, struct mlp_f64_cache *cache) {
  double mean = 0, square = 0;
  for (uint32_t o = 0; o < layer->out; o++) mean += cache->h[o] / layer->out;
  for (uint32_t o = 0; o < layer->out; o++) square += (cache->h[o] - mean) * (cache->h[o] - mean) / layer->out;
  cache->inverse = 1 / sqrt(square + NORM_EPS);
  for (uint32_t o = 0; o < layer->out; o++) {
    cache->normal[o] = (cache->h[o] - mean) * cache->inverse;
    cache->h[o] = parameters[layer->norm_scale + o] * cache->normal[o] + parameters[layer->norm_shift + o];
  }
}

void mlp_f64_forward(struct mlp_f64 *net, const double *x, double *y) {
  for (uint32_t l = 0; l < net->shape.layers; l++) {
    const struct mlp_layer *layer = &net->shape.layer[l];
    struct mlp_f64_cache *cache = &net->cache[l];
    for (uint32_t o = 0; o < layer->out; o++) {
      const double *w = net->parameters + layer->weight + (size_t)o * layer->in;
      cache->h[o] = net->parameters[layer->bias + o];
      for (uint32_t i = 0; i < layer->in; i++) cache->h[o] += w[i] * x[i];
    }
    if (layer->norm) normalize(layer, net->parameters, cache);
    for (uint32_t o = 0; o < layer->out && l + 1 < net->shape.layers; o++)
      if (cache->h[o] <= 0) cache->h[o] = 0;
    x = cache->h;
  }
  memcpy(y, x, net->shape.output * sizeof *y);
}

// dz = inverse (dn - mean dn - n mean(dn n)) with dn = scale dh, in place
static void normalize_backward(const struct mlp_layer *layer, const double *parameters,
                               const struct mlp_f64_cache *cache, double *d) {
  double mean = 0, along = 0;
  for (uint32_t o = 0; o < layer->out; o++) {
    d[o] *= parameters[layer->norm_scale + o];
    mean += d[o] / layer->out;
    along += d[o] * cache->normal[o] / layer->out;
  }
  for (uint32_t o = 0; o < layer->out; o++) d[o] = cache->inverse * (d[o] - mean - cache->normal[o] * along);
}

void mlp_f64_backward(struct mlp_f64 *net, const double *dy, double *dx) {
  double *d = net->gradient[0], *below = net->gradient[1];
  memcpy(d, dy, net->shape.output * sizeof *d);
  for (uint32_t l = net->shape.layers; l-- > 0;) {
    const struct mlp_layer *layer = &net->shape.layer[l];
    const struct mlp_f64_cache *cache = &net->cache[l];
    for (uint32_t o = 0; o < layer->out && l + 1 < net->shape.layers; o++)
      if (cache->h[o] <= 0) d[o] = 0;
    if (layer->norm) normalize_backward(layer, net->parameters, cache, d);
    memset(below, 0, layer->in * sizeof *below);
    for (uint32_t o = 0; o < layer->out; o++) {
      const double *w = net->parameters + layer->weight + (size_t)o * layer->in;
      for (uint32_t i = 0; i < layer->in; i++) below[i] += w[i] * d[o];
    }
    double *swap = d;
    d = below;
    below = swap;
  }
  memcpy(dx, d, net->shape.input * sizeof *dx);
}
