#include "launch/bench/blas_baseline.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include <cblas.h>

// One matrix of each kind serves every layer: only shapes matter. Critics stand side by side: x w1 is (rows x critics
// H).
struct blas_baseline {
  struct blas_baseline_shape shape;
  size_t layers;                   // hidden ones
  size_t width[CONFIG_MAX_HIDDEN]; // theirs
  double operations;
  float *x, *first, *between, *last; // (2 batch x in), weights of the first, a further, the last layer
  float *h[2];                       // (2 batch x critics H) what goes into a product and what comes out
  float *out, *gradient;
};

static float *matrix(size_t count, struct error *error) {
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  float *values = memory_alloc(count, sizeof *values, "the products alone", error);
  for (size_t i = 0; values && i < count; i++) values[i] = (float)(random_uniform(&random) - 0.5);
  return values;
}

struct blas_baseline *blas_baseline_create(const struct blas_baseline_shape *shape, struct error *error) {
  struct blas_baseline *limit = memory_alloc(1, sizeof *limit, "the products alone", error);
  if (!limit) return NULL;
  limit->shape = *shape;
  limit->layers = shape->hidden.count;
  size_t widest = 0;
  for (size_t l = 0; l < limit->layers; l++) {
    limit->width[l] = shape->hidden.width[l];
    if (limit->width[l] > widest) widest = limit->width[l];
  }
  const size_t in = shape->obs_dim + shape->act_dim, rows = 2 * shape->batch_size, critics = shape->critics;
  const size_t side = critics < 2 ? 2 : critics; // the policy's 2 x batch rows take as much as two critics
  limit->x = matrix(rows * in, error);
  limit->first = matrix(in * side * widest, error);
  limit->between = matrix(side * widest * widest, error);
  limit->last = matrix(2 * widest * (shape->act_dim + 1), error);
  limit->h[0] = matrix(rows * side * widest, error);
  limit->h[1] = matrix(rows * side * widest, error);
  limit->out = matrix(rows * 2 * (shape->act_dim + 1), error);
  limit->gradient = matrix(side * widest * (widest + in + 2 * shape->act_dim), error);
  if (limit->x && limit->first && limit->between && limit->last && limit->h[0] && limit->h[1] && limit->out &&
      limit->gradient)
    return limit;
  blas_baseline_destroy(limit);
  return NULL;
}

void blas_baseline_destroy(struct blas_baseline *limit) {
  if (!limit) return;
  float *const all[] = {limit->x,    limit->first, limit->between, limit->last,
                        limit->h[0], limit->h[1],  limit->out,     limit->gradient};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) memory_free(all[i]);
  memory_free(limit);
}

enum kind { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT };

// c (m x n) = a b over k:   a b, a b^T or a^T b
static void product(struct blas_baseline *limit, enum kind kind, size_t m, size_t n, size_t k, const float *a,
                    size_t stride_a, const float *b, size_t stride_b, float *c, size_t stride_c) {
  limit->operations += 2.0 * (double)m * (double)n * (double)k;
  cblas_sgemm(CblasRowMajor, kind == WEIGHT_GRADIENT ? CblasTrans : CblasNoTrans,
              kind == INPUT_GRADIENT ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1, a,
              (blasint)stride_a, b, (blasint)stride_b, 0, c, (blasint)stride_c);
}

static void policy_forward(struct blas_baseline *limit) {
  const size_t in = limit->shape.obs_dim, head = 2 * limit->shape.act_dim, rows = 2 * limit->shape.batch_size;
  const size_t *width = limit->width, end = limit->layers - 1;
  product(limit, FORWARD, rows, width[0], in, limit->x, in, limit->first, width[0], limit->h[0], width[0]);
  for (size_t l = 0; l < end; l++)
    product(limit, FORWARD, rows, width[l + 1], width[l], limit->h[l % 2], width[l], limit->between, width[l + 1],
            limit->h[(l + 1) % 2], width[l + 1]);
  product(limit, FORWARD, rows, head, width[end], limit->h[end % 2], width[end], limit->last, head, limit->out, head);
}

static void critics_forward(struct blas_baseline *limit, size_t critics) {
  const size_t in = limit->shape.obs_dim + limit->shape.act_dim, rows = limit->shape.batch_size;
  const size_t *width = limit->width, end = limit->layers - 1, n = critics;
  product(limit, FORWARD, rows, n * width[0], in, limit->x, in, limit->first, n * width[0], limit->h[0], n * width[0]);
  for (size_t q = 0; q < n; q++) {
    for (size_t l = 0; l < end; l++)
      product(limit, FORWARD, rows, width[l + 1], width[l], limit->h[l % 2] + q * width[l], n * width[l],
              limit->between + q * width[l] * width[l + 1], width[l + 1], limit->h[(l + 1) % 2] + q * width[l + 1],
              n * width[l + 1]);
    limit->operations += 2.0 * (double)rows * (double)width[end];
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint)rows, (blasint)width[end], 1, limit->h[end % 2] + q * width[end],
                (blasint)(n * width[end]), limit->last, 1, 0, limit->out, 1);
  }
}

// The gradient of h[l] is taken to be in the place of h: shapes are what counts.
static void critics_backward(struct blas_baseline *limit) {
  const size_t in = limit->shape.obs_dim + limit->shape.act_dim, rows = limit->shape.batch_size;
  const size_t *width = limit->width, n = limit->shape.critics;
  for (size_t q = 0; q < n; q++)
    for (size_t l = limit->layers - 1; l > 0; l--) {
      float *below = limit->h[(l - 1) % 2] + q * width[l - 1], *dh = limit->h[l % 2] + q * width[l];
      product(limit, WEIGHT_GRADIENT, width[l - 1], width[l], rows, below, n * width[l - 1], dh, n * width[l],
              limit->gradient, width[l]);
      product(limit, INPUT_GRADIENT, rows, width[l - 1], width[l], dh, n * width[l],
              limit->between + q * width[l - 1] * width[l], width[l], below, n * width[l - 1]);
    }
  product(limit, WEIGHT_GRADIENT, in, n * width[0], rows, limit->x, in, limit->h[0], n * width[0], limit->gradient,
          n * width[0]);
}

// dQ/da: each row through one critic, so `batch` rows in all.
static void critics_action_gradient(struct blas_baseline *limit) {
  const size_t rows = limit->shape.batch_size, n = limit->shape.critics, *width = limit->width;
  for (size_t q = 0; q < n; q++) {
    const size_t part = rows * (q + 1) / n - rows * q / n;
    for (size_t l = limit->layers - 1; l > 0 && part > 0; l--)
      product(limit, INPUT_GRADIENT, part, width[l - 1], width[l], limit->h[l % 2], n * width[l], limit->between,
              width[l], limit->h[(l - 1) % 2], n * width[l - 1]);
  }
  product(limit, INPUT_GRADIENT, rows, limit->shape.act_dim, width[0], limit->h[0], n * width[0], limit->first,
          n * width[0], limit->out, limit->shape.act_dim);
}

static void policy_backward(struct blas_baseline *limit) {
  const size_t in = limit->shape.obs_dim, head = 2 * limit->shape.act_dim, rows = limit->shape.batch_size;
  const size_t *width = limit->width, end = limit->layers - 1;
  float *last = limit->h[end % 2];
  product(limit, WEIGHT_GRADIENT, width[end], head, rows, last, width[end], limit->out, head, limit->gradient, head);
  product(limit, INPUT_GRADIENT, rows, width[end], head, limit->out, head, limit->last, head, last, width[end]);
  for (size_t l = end; l > 0; l--) {
    float *below = limit->h[(l - 1) % 2], *dh = limit->h[l % 2];
    product(limit, WEIGHT_GRADIENT, width[l - 1], width[l], rows, below, width[l - 1], dh, width[l], limit->gradient,
            width[l]);
    product(limit, INPUT_GRADIENT, rows, width[l - 1], width[l], dh, width[l], limit->between, width[l], below,
            width[l - 1]);
  }
  product(limit, WEIGHT_GRADIENT, in, width[0], rows, limit->x, in, limit->h[0], width[0], limit->gradient, width[0]);
}

void blas_baseline_run(struct blas_baseline *limit) {
  limit->operations = 0;
  policy_forward(limit);                               // on s and s'
  critics_forward(limit, limit->shape.target_critics); // targets at (s', a')
  critics_forward(limit, limit->shape.critics);        // critics at (s, a)
  critics_backward(limit);
  critics_forward(limit, limit->shape.critics); // critics at (s, a_new)
  critics_action_gradient(limit);
  policy_backward(limit);
}

double blas_baseline_operations(const struct blas_baseline *limit) { return limit->operations; }
