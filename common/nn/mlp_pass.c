#include "common/nn/mlp_pass.h"
#include "common/base/vectorize.h"
#include "common/nn/layer_norm.h"
#include "common/nn/rms_norm.h"
#include <assert.h>
#include <math.h>
#include <string.h>

// Hidden layers are divided by columns: a member computes all rows of its columns, so a batch norm needs no other
// member. A product, its norm and its ReLU follow each other on a block of columns, which stays in the second cache.
// The members meet before a product, which reads all columns. The output layer is divided by rows.

const struct mlp_crew mlp_alone = {.members = 1};

static void meet(const struct mlp_crew *crew) {
  if (crew->members > 1) crew->meet(crew->team);
}

// A member's rows of the output.
struct share {
  size_t begin, end;
};
static struct share share_of(size_t count, const struct mlp_crew *crew) {
  return (struct share){count * crew->member / crew->members, count * (crew->member + 1) / crew->members};
}
static struct share head_share(const struct mlp_pass *pass, const struct mlp_crew *crew) {
  const struct share share = share_of(pass->head_rows, crew);
  return (struct share){pass->head_begin + share.begin, pass->head_begin + share.end};
}

// Columns are divided by whole GRAINs. The last member also takes the columns that are left over. So only a layer that
// is narrow as a whole (tiles.h) has a narrow share.
enum { GRAIN = 64 };

static size_t grains_of(size_t width) { return width / GRAIN > 0 ? width / GRAIN : 1; }

// `width` columns are divided into `groups`, each of whole grains but the last; returns number `number`.
static struct linalg_columns columns_of(size_t width, size_t number, size_t groups) {
  const size_t grains = grains_of(width);
  const size_t begin = grains * number / groups, end = grains * (number + 1) / groups;
  return (struct linalg_columns){begin * GRAIN, end == grains ? width : end * GRAIN};
}

static struct linalg_columns own_columns(size_t width, const struct mlp_crew *crew) {
  return columns_of(width, crew->member, crew->members);
}

// What one member works with.
struct passing {
  const struct mlp *mlp;
  const real *parameters;
  const struct mlp_pass *pass;
  const struct mlp_cache *cache;
  const struct mlp_crew *crew;
};

// --- batch norm ---

struct batch_norm_kind mlp_batch_norm_kind(const struct mlp *mlp) {
  return mlp->residual ? (struct batch_norm_kind){1e-5, true} : (struct batch_norm_kind){1e-3, false};
}

static struct batch_norm norm_of(const struct passing *p, uint32_t l) {
  const struct mlp_layer *layer = &p->mlp->layer[l];
  return (struct batch_norm){.kind = mlp_batch_norm_kind(p->mlp),
                             .width = layer->out,
                             .ld = layer->ld,
                             .scale = p->parameters + layer->norm_scale,
                             .shift = p->parameters + layer->norm_shift,
                             .mean = p->cache->mean[l],
                             .inverse = p->cache->inverse[l],
                             .relu = layer->relu};
}

static struct batch_norm input_norm_of(const struct passing *p) {
  return (struct batch_norm){.kind = mlp_batch_norm_kind(p->mlp),
                             .width = p->mlp->input,
                             .ld = p->mlp->input,
                             .scale = p->parameters + p->mlp->input_scale,
                             .shift = p->parameters + p->mlp->input_shift,
                             .mean = p->cache->input_mean,
                             .inverse = p->cache->input_inverse};
}

static struct linalg_rows input_of(const struct passing *p) {
  return (struct linalg_rows){p->pass->rows, p->pass->x, p->pass->ldx};
}

// With batch norms a member takes a grain of its columns at once.
static size_t blocks_of(const struct mlp *mlp, const struct linalg_columns *own) {
  return mlp->batch ? grains_of(own->end - own->begin) : 1;
}

static struct linalg_columns block_of(const struct linalg_columns *own, size_t number, size_t blocks) {
  const struct linalg_columns block = columns_of(own->end - own->begin, number, blocks);
  return (struct linalg_columns){own->begin + block.begin, own->begin + block.end};
}

// --- element-wise ---

// sum = left + right, columns of matrices with a row every ld reals
VECTORIZE static void add(const struct linalg_columns *columns, size_t rows, size_t ld, const real *left,
                          const real *right, real *sum) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = columns->begin; j < columns->end; j++) sum[r * ld + j] = left[r * ld + j] + right[r * ld + j];
  }
}

static void copy_columns(const struct linalg_columns *columns, size_t rows, size_t ld, const real *from, real *to) {
  for (size_t r = 0; r < rows; r++)
    memcpy(to + r * ld + columns->begin, from + r * ld + columns->begin, (columns->end - columns->begin) * sizeof *to);
}

// The gradient through a ReLU, by its output. NaN passes.
VECTORIZE static void mask(size_t count, const real *restrict output, const real *restrict dy, real *restrict dx) {
  for (size_t i = 0; i < count; i++) dx[i] = output[i] <= 0 ? 0 : dy[i];
}

// --- forward ---

// Where layer l's product goes, before its norm.
static real *product_of(const struct mlp *mlp, uint32_t l, const struct mlp_cache *cache) {
  const struct mlp_layer *layer = &mlp->layer[l];
  return layer->norm == MLP_NORM_BATCH ? cache->normal[l] : layer->block_end ? cache->r[l] : cache->h[l];
}

// The columns of layer l's output.
static void hidden_columns(const struct passing *p, uint32_t l, const struct linalg_columns *columns,
                           real *statistics) {
  const struct mlp_layer *layer = &p->mlp->layer[l];
  const struct mlp_cache *cache = p->cache;
  const struct linalg_shape shape = mlp_shape(p->mlp, l);
  const struct linalg_rows all = input_of(p), x = mlp_layer_input(p->mlp, l, &all, cache);
  const size_t rows = p->pass->rows, width = layer->out, ld = layer->ld;
  real *z = product_of(p->mlp, l, cache), *r = layer->block_end ? cache->r[l] : cache->h[l];
  linalg_forward_columns(&shape, columns, &x, p->parameters + layer->weight, p->parameters + layer->bias, z, ld);

  if (layer->norm == MLP_NORM_BATCH) {
    const struct batch_norm norm = norm_of(p, l);
    const struct linalg_rows product = {rows, z, ld};
    batch_norm_measure(&norm, columns, &product, statistics ? statistics + layer->mean : NULL,
                       statistics ? statistics + layer->variance : NULL);
    batch_norm_apply(&norm, columns, &product, r);
  } else if (layer->norm == MLP_NORM_LAYER) {
    for (size_t i = 0; i < rows; i++)
      cache->inverse[l][i] = layer_norm_row(width, p->parameters + layer->norm_scale, p->parameters + layer->norm_shift,
                                            cache->normal[l] + i * width, r + i * width);
    layer_norm_relu(rows * width, r);
  } else if (layer->relu) {
    layer_norm_relu(rows * width, r);
  }
  if (layer->block_end) add(columns, rows, ld, cache->h[l - 2], r, cache->h[l]);
}

void mlp_pass_forward(const struct mlp *mlp, const real *parameters, real *statistics, const struct mlp_pass *pass,
                      const struct mlp_crew *crew) {
  const struct mlp_cache *cache = pass->cache;
  const struct passing p = {mlp, parameters, pass, cache, crew};
  const struct linalg_rows x = input_of(&p);
  const uint32_t last = mlp->layers - 1;
  assert(last > 0 && (mlp->batch || crew->members == 1));
  meet(crew); // x may be others'
  if (mlp->batch) {
    const struct batch_norm norm = input_norm_of(&p);
    const struct linalg_columns own = own_columns(mlp->input, crew);
    batch_norm_measure(&norm, &own, &x, statistics ? statistics + mlp->input_mean : NULL,
                       statistics ? statistics + mlp->input_variance : NULL);
    batch_norm_apply(&norm, &own, &x, cache->input);
  }
  for (uint32_t l = 0; l < last; l++) {
    const struct linalg_columns own = own_columns(mlp->layer[l].out, crew);
    const size_t blocks = blocks_of(mlp, &own);
    meet(crew);
    for (size_t b = 0; b < blocks; b++) {
      const struct linalg_columns columns = block_of(&own, b, blocks);
      hidden_columns(&p, l, &columns, statistics);
    }
  }

  meet(crew);
  const struct mlp_layer *layer = &mlp->layer[last];
  const struct share head = head_share(pass, crew);
  for (size_t i = head.begin; mlp->rms && i < head.end; i++)
    cache->last_inverse[i] =
        rms_norm_row(layer->in, parameters + mlp->gain, cache->h[last - 1] + i * mlp->layer[last - 1].ld,
                     cache->last + i * layer->in);
  const struct linalg_shape shape = mlp_shape(mlp, last);
  const struct linalg_rows all = mlp_layer_input(mlp, last, &x, cache),
                           in = {head.end - head.begin, all.at + head.begin * all.ld, all.ld};
  linalg_forward(&shape, &in, parameters + layer->weight, parameters + layer->bias, pass->y + head.begin * layer->out);
}

// --- backward ---

// The columns of cache->dz[l], from those of cache->dh[l].
static void hidden_backward(const struct passing *p, uint32_t l, const struct linalg_columns *columns, real *gradient) {
  const struct mlp_layer *layer = &p->mlp->layer[l];
  const struct mlp_cache *cache = p->cache;
  const size_t rows = p->pass->rows, width = layer->out, ld = layer->ld, count = rows * ld;
  const real *r = layer->block_end ? cache->r[l] : cache->h[l];
  real *dh = cache->dh[l], *dz = cache->dz[l];
  if (layer->norm == MLP_NORM_BATCH) {
    const struct batch_norm norm = norm_of(p, l);
    if (dz != dh) copy_columns(columns, rows, ld, dh, dz);
    batch_norm_backward(&norm, columns, &(struct linalg_rows){rows, cache->normal[l], ld}, gradient + layer->norm_scale,
                        gradient + layer->norm_shift, dz);
  } else if (layer->norm == MLP_NORM_LAYER) {
    mask(count, r, dh, cache->dn[l]);
    for (size_t i = 0; i < rows; i++)
      layer_norm_row_backward(width, p->parameters + layer->norm_scale, cache->normal[l] + i * width,
                              cache->inverse[l][i], cache->dn[l] + i * width, dz + i * width);
  } else if (layer->relu) {
    mask(count, r, dh, dz);
  } else {
    copy_columns(columns, rows, ld, dh, dz);
  }
}

// The output layer, RMS norm before it, and zeros for the rows without an output.
static void output_backward(const struct passing *p, const struct mlp_weights *weights) {
  const struct mlp_cache *cache = p->cache;
  const struct mlp_pass *pass = p->pass;
  const uint32_t last = p->mlp->layers - 1;
  const struct mlp_layer *layer = &p->mlp->layer[last];
  const struct share head = head_share(pass, p->crew), rows = share_of(pass->rows, p->crew);
  const size_t width = layer->in, ld = p->mlp->layer[last - 1].ld, to_ld = p->mlp->rms ? width : ld;
  const struct linalg_columns all = {0, width};
  real *dx = cache->dh[last - 1], *to = p->mlp->rms ? cache->d_last : dx;
  const struct linalg_shape shape = mlp_shape(p->mlp, last);
  const struct linalg_rows dy = {head.end - head.begin, pass->dy + head.begin * layer->out, layer->out};
  linalg_input_gradient_columns(&shape, &all, &dy, p->parameters + layer->weight, weights->transposed,
                                to + head.begin * to_ld, to_ld);
  for (size_t i = head.begin; p->mlp->rms && i < head.end; i++)
    rms_norm_row_backward(width, p->parameters + p->mlp->gain, cache->h[last - 1] + i * ld, cache->last_inverse[i],
                          to + i * width, dx + i * ld);
  for (size_t i = rows.begin; pass->head_rows < pass->rows && i < rows.end; i++)
    if (i < pass->head_begin || i >= pass->head_begin + pass->head_rows) memset(dx + i * ld, 0, width * sizeof *dx);
}

// Columns of the gradient of hidden layer l's output, through the product of the layer behind it.
static void product_backward(const struct passing *p, uint32_t l, const struct linalg_columns *columns,
                             const real *transposed) {
  const struct mlp_cache *cache = p->cache;
  const struct linalg_shape shape = mlp_shape(p->mlp, l + 1);
  const struct linalg_rows dy = {p->pass->rows, cache->dz[l + 1], p->mlp->layer[l + 1].ld};
  const size_t ld = p->mlp->layer[l].ld;
  linalg_input_gradient_columns(&shape, columns, &dy, p->parameters + p->mlp->layer[l + 1].weight, transposed,
                                cache->dh[l], ld);
  // A block's input also goes around the block.
  if (l + 3 < p->mlp->layers && p->mlp->layer[l + 2].block_end)
    add(columns, p->pass->rows, ld, cache->dh[l + 2], cache->dh[l], cache->dh[l]);
}

// The gradient of x, or of the input's batch norm.
static void input_backward(const struct passing *p, const struct mlp_weights *weights, const real *transposed,
                           real *gradient) {
  const struct mlp *mlp = p->mlp;
  const struct linalg_shape shape = mlp_shape(mlp, 0);
  const struct linalg_rows dy = {p->pass->rows, p->cache->dz[0], mlp->layer[0].ld}, x = input_of(p);
  const real *w = p->parameters + mlp->layer[0].weight;
  if (!mlp->batch) {
    if (p->pass->dx) linalg_input_gradient(&shape, weights->first, &dy, w, transposed, NULL, p->pass->dx);
    return;
  }
  const struct linalg_columns own = own_columns(mlp->input, p->crew);
  const struct batch_norm norm = input_norm_of(p);
  linalg_input_gradient_columns(&shape, &own, &dy, w, transposed, p->cache->d_input, mlp->input);
  batch_norm_backward(&norm, &own, &x, gradient + mlp->input_scale, gradient + mlp->input_shift, p->cache->d_input);
}

void mlp_pass_backward(const struct mlp *mlp, const struct mlp_weights *weights, const struct mlp_pass *pass,
                       real *gradient, const struct mlp_crew *crew) {
  assert(!mlp->batch || (weights->first == 0 && gradient && !pass->dx));
  const struct passing p = {mlp, weights->parameters, pass, pass->cache, crew};
  const real *transposed = weights->transposed;
  output_backward(&p, weights);
  for (uint32_t l = mlp->layers - 1; l-- > 0;) {
    const struct linalg_shape behind = mlp_shape(mlp, l + 1);
    const struct linalg_columns own = own_columns(mlp->layer[l].out, crew);
    const size_t blocks = blocks_of(mlp, &own);
    meet(crew);
    for (size_t b = 0; b < blocks; b++) {
      const struct linalg_columns columns = block_of(&own, b, blocks);
      if (l + 2 < mlp->layers) product_backward(&p, l, &columns, transposed);
      hidden_backward(&p, l, &columns, gradient);
    }
    transposed += linalg_transposed_size(&behind, 0);
  }
  meet(crew);
  input_backward(&p, weights, transposed, gradient);
}
