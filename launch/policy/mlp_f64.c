#include "launch/policy/mlp_f64.h"

#include "common/base/memory.h"
#include "common/nn/rms_norm.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const double NORM_EPS = 1e-5; // as mlp.h has it

enum status mlp_f64_init(struct mlp_f64 *net, const struct mlp *dense, const float *parameters, struct error *error) {
  *net = (struct mlp_f64){.shape = *dense};
  const size_t last = dense->layer[dense->layers - 1].in;
  size_t sum = 0;
  assert(!dense->batch);
  for (uint32_t l = 0; l < dense->layers; l++) sum += dense->layer[l].out;
  net->parameters = memory_alloc(dense->parameters, sizeof(double), "a network", error);
  net->memory = memory_alloc(5 * sum + 2 * last, sizeof(double), "a network's layers", error);
  if (!net->parameters || !net->memory) {
    mlp_f64_release(net);
    return STATUS_MEMORY;
  }
  for (size_t i = 0; i < dense->parameters; i++) net->parameters[i] = (double)parameters[i];
  double *at = net->memory;
  for (uint32_t l = 0; l < dense->layers; l++) {
    const size_t out = dense->layer[l].out;
    net->cache[l] =
        (struct mlp_f64_cache){.h = at, .normal = at + out, .r = at + 2 * out, .d = at + 3 * out, .dz = at + 4 * out};
    at += 5 * out;
  }
  net->last = at;
  net->d_last = at + last;
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

// y = gain x inverse, inverse = 1/sqrt(mean x^2 + eps)
static void rms_normalize(struct mlp_f64 *net, uint32_t width, const double *x) {
  double square = 0;
  for (uint32_t i = 0; i < width; i++) square += x[i] * x[i] / width;
  net->last_inverse = 1 / sqrt(square + RMS_NORM_EPSILON);
  for (uint32_t i = 0; i < width; i++) net->last[i] = net->parameters[net->shape.gain + i] * x[i] * net->last_inverse;
}

void mlp_f64_forward(struct mlp_f64 *net, const double *x, double *y) {
  const struct mlp *shape = &net->shape;
  for (uint32_t l = 0; l < shape->layers; l++) {
    const struct mlp_layer *layer = &shape->layer[l];
    struct mlp_f64_cache *cache = &net->cache[l];
    if (shape->rms && l + 1 == shape->layers) {
      rms_normalize(net, layer->in, x);
      x = net->last;
    }
    for (uint32_t o = 0; o < layer->out; o++) {
      const double *w = net->parameters + layer->weight + (size_t)o * layer->in;
      cache->h[o] = layer->biased ? net->parameters[layer->bias + o] : 0;
      for (uint32_t i = 0; i < layer->in; i++) cache->h[o] += w[i] * x[i];
    }
    if (layer->norm) normalize(layer, net->parameters, cache);
    for (uint32_t o = 0; o < layer->out; o++) {
      if (layer->relu && cache->h[o] <= 0) cache->h[o] = 0;
      cache->r[o] = cache->h[o];
      if (layer->block_end) cache->h[o] += net->cache[l - 2].h[o];
    }
    x = cache->h;
  }
  memcpy(y, x, shape->output * sizeof *y);
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

// dx = inverse (d - normal mean(d normal)),  d = gain dy,  normal = x inverse
static void rms_normalize_backward(const struct mlp_f64 *net, uint32_t width, const double *x, const double *dy,
                                   double *dx) {
  const double *gain = net->parameters + net->shape.gain, inverse = net->last_inverse;
  double along = 0;
  for (uint32_t i = 0; i < width; i++) along += gain[i] * dy[i] * x[i] * inverse / width;
  for (uint32_t i = 0; i < width; i++) dx[i] = inverse * (gain[i] * dy[i] - x[i] * inverse * along);
}

void mlp_f64_backward(struct mlp_f64 *net, const double *dy, double *dx) {
  const struct mlp *shape = &net->shape;
  memcpy(net->cache[shape->layers - 1].d, dy, shape->output * sizeof *dy);
  for (uint32_t l = shape->layers; l-- > 0;) {
    const struct mlp_layer *layer = &shape->layer[l];
    const struct mlp_f64_cache *cache = &net->cache[l], *before = l > 0 ? cache - 1 : NULL;
    const bool rms = shape->rms && l + 1 == shape->layers;
    double *below = rms ? net->d_last : before ? before->d : dx, *dz = cache->dz;

    // The gradient of the layer's product. d itself also goes around the block.
    for (uint32_t o = 0; o < layer->out; o++) dz[o] = layer->relu && cache->r[o] <= 0 ? 0 : cache->d[o];
    if (layer->norm) normalize_backward(layer, net->parameters, cache, dz);
    memset(below, 0, layer->in * sizeof *below);
    for (uint32_t o = 0; o < layer->out; o++) {
      const double *w = net->parameters + layer->weight + (size_t)o * layer->in;
      for (uint32_t i = 0; i < layer->in; i++) below[i] += w[i] * dz[o];
    }
    if (rms) rms_normalize_backward(net, layer->in, before->h, below, before->d);
    if (before && l + 1 < shape->layers && shape->layer[l + 1].block_end)
      for (uint32_t i = 0; i < layer->in; i++) before->d[i] += net->cache[l + 1].d[i];
  }
}
