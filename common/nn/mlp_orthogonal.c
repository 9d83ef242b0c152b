#include "common/nn/mlp_orthogonal.h"
#include "common/base/memory.h"
#include <math.h>
#include <string.h>

static double dot(size_t count, const double *a, const double *b) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

// The `count` vectors of v (count x size), count <= size, one after another orthogonal to those before and of length 1
// (modified Gram-Schmidt, twice, so that the second time removes what rounding has left).
static void orthonormalize(size_t count, size_t size, double *v) {
  for (size_t k = 0; k < count; k++) {
    double *own = v + k * size;
    for (int pass = 0; pass < 2; pass++) {
      for (size_t j = 0; j < k; j++) {
        const double along = dot(size, own, v + j * size);
        for (size_t i = 0; i < size; i++) own[i] -= along * v[j * size + i];
      }
    }
    const double length = sqrt(dot(size, own, own));
    for (size_t i = 0; i < size; i++) own[i] /= length;
  }
}

static void draw_layer(const struct mlp *mlp, uint32_t l, double gain, real *weight, double *v, struct random *random) {
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const size_t in = shape.in, out = shape.out;
  const bool rows = out <= in; // rows are orthonormal, else columns
  const size_t count = rows ? out : in, size = rows ? in : out;
  random_normals(random, count * size, v);
  orthonormalize(count, size, v);
  for (size_t o = 0; o < out; o++) {
    for (size_t i = 0; i < in; i++)
      weight[linalg_weight_index(&shape, o, i)] = (real)(gain * (rows ? v[o * size + i] : v[i * size + o]));
  }
}

enum status mlp_init_orthogonal(const struct mlp *mlp, double gain, real *parameters, struct random *random,
                                struct error *error) {
  size_t most = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const size_t size = (size_t)mlp->layer[l].in * mlp->layer[l].out;
    most = size > most ? size : most;
  }
  double *v = memory_alloc(most, sizeof *v, "an orthogonal weight", error);
  if (!v) return STATUS_MEMORY;
  mlp_init_parameters(mlp, parameters, &(struct random){0}); // norms; the weights are drawn again
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    draw_layer(mlp, l, l + 1 < mlp->layers ? gain : 1, parameters + layer->weight, v, random);
    memset(parameters + layer->bias, 0, layer->out * sizeof *parameters);
  }
  memory_free(v);
  return STATUS_OK;
}
