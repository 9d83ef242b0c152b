#include "common/nn/mlp_pass.h"
#include "common/base/vectorize.h"
#include "common/nn/layer_norm.h"
#include "common/nn/rms_norm.h"
#include <assert.h>
#include <math.h>
#include <string.h>

const struct mlp_crew mlp_alone = {.members = 1};

static void meet(const struct mlp_crew *crew) {
  if (crew->members > 1) crew->meet(crew->team);
}

// A member's share of rows, or of columns in groups of GRAIN.
enum { GRAIN = 64 };
struct share {
  size_t begin, end;
};
static struct share share_of(size_t count, size_t grain, const struct mlp_crew *crew) {
  const size_t grains = (count + grain - 1) / grain;
  const size_t begin = grains * crew->member / crew->members * grain;
  const size_t end = grains * (crew->member + 1) / crew->members * grain;
  return (struct share){begin < count ? begin : count, end < count ? end : count};
}

// --- batch norm ---

struct batch_norm_kind mlp_batch_norm_kind(const struct mlp *mlp) {
  return mlp->residual ? (struct batch_norm_kind){1e-5, true} : (struct batch_norm_kind){1e-3, false};
}

static struct batch_norm norm_of(const struct mlp *mlp, const real *parameters, uint32_t l,
                                 const struct mlp_cache *cache) {
  const struct mlp_layer *layer = &mlp->layer[l];
  return (struct batch_norm){
      layer->out, parameters + layer->norm_scale, parameters + layer->norm_shift, cache->mean[l], cache->inverse[l],
      layer->relu};
}

static struct linalg_rows some_rows(const struct linalg_rows *all, struct share rows) {
  return (struct linalg_rows){rows.end - rows.begin, all->at + rows.begin * all->ld, all->ld};
}

static struct batch_norm input_norm_of(const struct mlp *mlp, const real *parameters, const struct mlp_cache *cache) {
  return (struct batch_norm){mlp->input,        parameters + mlp->input_scale, parameters + mlp->input_shift,
                             cache->input_mean, cache->input_inverse,          false};
}

// x (rows x width, a row every ldx reals) -> y (rows x width). The statistics are of all rows: everybody's x must be
// there, and everybody's columns before the first row.
static void normalize(const struct mlp *mlp, const struct batch_norm *norm, const struct linalg_rows *x,
                      real *running_mean, real *running_variance, real *y, const struct mlp_crew *crew) {
  const struct share columns = share_of(norm->width, GRAIN, crew), rows = share_of(x->count, 1, crew);
  meet(crew);
  batch_norm_measure(norm, mlp_batch_norm_kind(mlp), (struct batch_norm_columns){columns.begin, columns.end}, x->count,
                     x->at, x->ld, running_mean, running_variance);
  meet(crew);
  batch_norm_apply(norm, rows.end - rows.begin, x->at + rows.begin * x->ld, x->ld, y + rows.begin * norm->width);
}

// dy (rows x width) -> dx (rows x width, NULL: not wanted), and the gradients of scale and shift.
static void normalize_backward(const struct batch_norm *norm, const struct linalg_rows *x, const real *dy, real *dscale,
                               real *dshift, real *dx, const struct mlp_crew *crew) {
  const struct share columns = share_of(norm->width, GRAIN, crew), rows = share_of(x->count, 1, crew);
  meet(crew);
  batch_norm_gradient(norm, (struct batch_norm_columns){columns.begin, columns.end}, x->count, x->at, x->ld, dy, dscale,
                      dshift);
  meet(crew);
  if (!dx) return;
  const struct batch_norm_sums sums = {x->count, dscale, dshift};
  batch_norm_backward(norm, sums, rows.end - rows.begin, x->at + rows.begin * x->ld, x->ld,
                      dy + rows.begin * norm->width, dx + rows.begin * norm->width);
}

// --- element-wise ---

VECTORIZE static void add(size_t count, const real *restrict left, const real *restrict right, real *restrict sum) {
  for (size_t i = 0; i < count; i++) sum[i] = left[i] + right[i];
}

VECTORIZE static void add_to(size_t count, const real *restrict more, real *restrict sum) {
  for (size_t i = 0; i < count; i++) sum[i] += more[i];
}

// The gradient through a ReLU, by its output. NaN passes.
VECTORIZE static void mask(size_t count, const real *restrict output, const real *restrict dy, real *restrict dx) {
  for (size_t i = 0; i < count; i++) dx[i] = output[i] <= 0 ? 0 : dy[i];
}

// --- forward ---

// The rows of a member of layer l's output before its norm.
static real *product_of(const struct mlp *mlp, uint32_t l, const struct mlp_cache *cache) {
  const struct mlp_layer *layer = &mlp->layer[l];
  return layer->norm == MLP_NORM_BATCH ? cache->normal[l] : layer->block_end ? cache->r[l] : cache->h[l];
}

static void hidden_layer(const struct mlp *mlp, const real *parameters, real *statistics, uint32_t l,
                         const struct mlp_pass *pass, const struct mlp_crew *crew) {
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct mlp_cache *cache = pass->cache;
  const struct share rows = share_of(pass->rows, 1, crew);
  const size_t first = rows.begin * layer->out, count = (rows.end - rows.begin) * layer->out;
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const struct linalg_rows all = mlp_layer_input(mlp, l, &(struct linalg_rows){pass->rows, pass->x, pass->ldx}, cache);
  const struct linalg_rows x = some_rows(&all, rows);
  const real *weight = parameters + layer->weight, *bias = parameters + layer->bias;
  real *z = product_of(mlp, l, cache), *r = layer->block_end ? cache->r[l] : cache->h[l];

  if (layer->norm == MLP_NORM_NONE && layer->relu)
    linalg_forward_relu(&shape, &x, weight, bias, z + first);
  else
    linalg_forward(&shape, &x, weight, bias, z + first);

  if (layer->norm == MLP_NORM_BATCH) {
    const struct batch_norm norm = norm_of(mlp, parameters, l, cache);
    normalize(mlp, &norm, &(struct linalg_rows){pass->rows, z, layer->out},
              statistics ? statistics + layer->mean : NULL, statistics ? statistics + layer->variance : NULL, r, crew);
  } else if (layer->norm == MLP_NORM_LAYER) {
    for (size_t i = rows.begin; i < rows.end; i++)
      cache->inverse[l][i] = layer_norm_row(layer->out, parameters + layer->norm_scale, parameters + layer->norm_shift,
                                            cache->normal[l] + i * layer->out, r + i * layer->out);
    layer_norm_relu(count, r + first);
  }
  if (layer->block_end) add(count, cache->h[l - 2] + first, r + first, cache->h[l] + first);
}

// The member's rows of the output.
static struct share head_share(const struct mlp_pass *pass, const struct mlp_crew *crew) {
  const struct share share = share_of(pass->head_rows, 1, crew);
  return (struct share){pass->head_begin + share.begin, pass->head_begin + share.end};
}

void mlp_pass_forward(const struct mlp *mlp, const real *parameters, real *statistics, const struct mlp_pass *pass,
                      const struct mlp_crew *crew) {
  const struct mlp_cache *cache = pass->cache;
  const struct linalg_rows x = {pass->rows, pass->x, pass->ldx};
  if (mlp->batch) {
    const struct batch_norm norm = input_norm_of(mlp, parameters, cache);
    normalize(mlp, &norm, &x, statistics ? statistics + mlp->input_mean : NULL,
              statistics ? statistics + mlp->input_variance : NULL, cache->input, crew);
  }
  const uint32_t last = mlp->layers - 1;
  for (uint32_t l = 0; l < last; l++) hidden_layer(mlp, parameters, statistics, l, pass, crew);

  const struct mlp_layer *layer = &mlp->layer[last];
  const struct share head = head_share(pass, crew);
  if (pass->head_rows < pass->rows) meet(crew); // its rows are others' in the hidden layers
  for (size_t i = head.begin; mlp->rms && i < head.end; i++)
    cache->last_inverse[i] = rms_norm_row(layer->in, parameters + mlp->gain, cache->h[last - 1] + i * layer->in,
                                          cache->last + i * layer->in);
  const struct linalg_shape shape = mlp_shape(mlp, last);
  const struct linalg_rows all = mlp_layer_input(mlp, last, &x, cache), in = some_rows(&all, head);
  linalg_forward(&shape, &in, parameters + layer->weight, parameters + layer->bias, pass->y + head.begin * layer->out);
}

// --- backward ---

// From cache->dh[l] to cache->dz[l].
static void hidden_backward(const struct mlp *mlp, const real *parameters, uint32_t l, const struct mlp_pass *pass,
                            real *gradient, const struct mlp_crew *crew) {
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct mlp_cache *cache = pass->cache;
  const struct share rows = share_of(pass->rows, 1, crew);
  const size_t first = rows.begin * layer->out, count = (rows.end - rows.begin) * layer->out;
  const real *r = layer->block_end ? cache->r[l] : cache->h[l];
  real *dh = cache->dh[l], *dz = cache->dz[l];

  if (layer->norm == MLP_NORM_BATCH) {
    const struct batch_norm norm = norm_of(mlp, parameters, l, cache);
    normalize_backward(&norm, &(struct linalg_rows){pass->rows, cache->normal[l], layer->out}, dh,
                       gradient + layer->norm_scale, gradient + layer->norm_shift, dz, crew);
  } else if (layer->norm == MLP_NORM_LAYER) {
    mask(count, r + first, dh + first, cache->dn[l] + first);
    for (size_t i = rows.begin; i < rows.end; i++)
      layer_norm_row_backward(layer->out, parameters + layer->norm_scale, cache->normal[l] + i * layer->out,
                              cache->inverse[l][i], cache->dn[l] + i * layer->out, dz + i * layer->out);
  } else if (layer->relu) {
    mask(count, r + first, dh + first, dz + first);
  } else {
    memcpy(dz + first, dh + first, count * sizeof *dz);
  }
}

// Where the gradient of layer l's input goes; NULL: nobody wants it.
static real *gradient_of_input(const struct mlp *mlp, uint32_t l, const struct mlp_pass *pass) {
  if (mlp->rms && l + 1 == mlp->layers) return pass->cache->d_last;
  return l > 0 ? pass->cache->dh[l - 1] : mlp->batch ? pass->cache->d_input : pass->dx;
}

// From dz, the gradient of layer l's product, to that of its input, for some rows. Returns what follows its transposed
// weights, or NULL where nobody wants the gradient.
static const real *product_backward(const struct mlp *mlp, const struct mlp_weights *weights, uint32_t l,
                                    const struct mlp_pass *pass, const real *transposed, struct share rows) {
  const struct mlp_layer *layer = &mlp->layer[l];
  const size_t first = l == 0 ? weights->first : 0;
  const real *dz = l + 1 == mlp->layers ? pass->dy : pass->cache->dz[l];
  real *dx = gradient_of_input(mlp, l, pass);
  if (!dx) return NULL;
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const struct linalg_rows out = some_rows(&(struct linalg_rows){pass->rows, dz, layer->out}, rows);
  linalg_input_gradient(&shape, first, &out, weights->parameters + layer->weight, transposed, NULL,
                        dx + rows.begin * (layer->in - first));
  return transposed + linalg_transposed_size(&shape, first);
}

// The output layer, RMS norm before it, and zeros for the rows without an output.
static const real *output_backward(const struct mlp *mlp, const struct mlp_weights *weights,
                                   const struct mlp_pass *pass, const struct mlp_crew *crew) {
  const struct mlp_cache *cache = pass->cache;
  const uint32_t last = mlp->layers - 1;
  const struct share head = head_share(pass, crew), rows = share_of(pass->rows, 1, crew);
  const size_t width = mlp->layer[last].in - (last == 0 ? weights->first : 0);
  const real *transposed = product_backward(mlp, weights, last, pass, weights->transposed, head);
  real *dx = mlp->rms ? cache->dh[last - 1] : gradient_of_input(mlp, last, pass);
  for (size_t i = head.begin; mlp->rms && i < head.end; i++)
    rms_norm_row_backward(width, weights->parameters + mlp->gain, cache->h[last - 1] + i * width,
                          cache->last_inverse[i], cache->d_last + i * width, dx + i * width);
  if (pass->head_rows == pass->rows) return transposed;
  for (size_t i = rows.begin; dx && i < rows.end; i++)
    if (i < pass->head_begin || i >= pass->head_begin + pass->head_rows) memset(dx + i * width, 0, width * sizeof *dx);
  meet(crew); // the head's rows are others' in the hidden layers
  return transposed;
}

void mlp_pass_backward(const struct mlp *mlp, const struct mlp_weights *weights, const struct mlp_pass *pass,
                       real *gradient, const struct mlp_crew *crew) {
  assert(!mlp->batch || (weights->first == 0 && gradient && !pass->dx));
  const struct mlp_cache *cache = pass->cache;
  const struct share rows = share_of(pass->rows, 1, crew);
  const uint32_t last = mlp->layers - 1;
  const real *transposed = output_backward(mlp, weights, pass, crew);
  for (uint32_t l = last; l-- > 0;) {
    hidden_backward(mlp, weights->parameters, l, pass, gradient, crew);
    transposed = product_backward(mlp, weights, l, pass, transposed, rows);
    // A block's input also goes around the block.
    const size_t width = mlp->layer[l].in;
    if (l > 0 && l + 1 < last && mlp->layer[l + 1].block_end)
      add_to((rows.end - rows.begin) * width, cache->dh[l + 1] + rows.begin * width,
             cache->dh[l - 1] + rows.begin * width);
  }
  if (!mlp->batch) return;
  const struct batch_norm norm = input_norm_of(mlp, weights->parameters, cache);
  normalize_backward(&norm, &(struct linalg_rows){pass->rows, pass->x, pass->ldx}, cache->d_input,
                     gradient + mlp->input_scale, gradient + mlp->input_shift, NULL, crew);
}
