#include "common/nn/mlp_sphere.h"
#include <math.h>

// values (count) <- values length/|values|; the second array, if there is one, with the first.
static void rescale(double length, size_t count, real *values, real *second) {
  double square = 0;
  for (size_t i = 0; i < count; i++) square += (double)values[i] * (double)values[i];
  for (size_t i = 0; second && i < count; i++) square += (double)second[i] * (double)second[i];
  const double factor = square > 0 ? length / sqrt(square) : 1;
  for (size_t i = 0; i < count; i++) values[i] = (real)((double)values[i] * factor);
  for (size_t i = 0; second && i < count; i++) second[i] = (real)((double)second[i] * factor);
}

static void project_norms(const struct mlp *mlp, real *parameters) {
  if (mlp->batch) rescale(sqrt(mlp->input), mlp->input, parameters + mlp->input_scale, parameters + mlp->input_shift);
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    if (layer->norm == MLP_NORM_BATCH)
      rescale(sqrt(layer->out), layer->out, parameters + layer->norm_scale, parameters + layer->norm_shift);
  }
  const uint32_t width = mlp->layer[mlp->layers - 1].in;
  if (mlp->rms) rescale(sqrt(width), width, parameters + mlp->gain, NULL);
}

void mlp_project(const struct mlp *mlp, real *parameters, unsigned member, unsigned members) {
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct linalg_shape shape = mlp_shape(mlp, l);
    const size_t groups = linalg_parts(&shape, members);
    for (size_t g = member; g < groups; g += members)
      linalg_unit_rows(&shape, g, groups, parameters + mlp->layer[l].weight);
  }
  if (member == 0 && mlp->residual) project_norms(mlp, parameters);
}
