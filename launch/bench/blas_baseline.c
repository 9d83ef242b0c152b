#include "launch/bench/blas_baseline.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include <cblas.h>

// One matrix of each kind serves every layer, since only shapes matter. The critics' first layers stand side by side,
// so x w1 is (rows x critics H).
struct blas_baseline {
  struct blas_baseline_shape shape;
  size_t layers;                   // hidden ones
  size_t width[CONFIG_MAX_HIDDEN]; // theirs
  double operations;
  float *x, *first, *between, *last; // (2 batch x in); the weights of the first, a further and the last layer
  float *h[2];                       // (2 batch x critics H) a layer's input and output, in turn
  float *out, *gradient;
};

static float *matrix(size_t count, struct error *error) {
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  float *values = memory_alloc(count, sizeof *values, "the products alone", error);
  for (size_t i = 0; values && i < count; i++) values[i] = (float)(random_uniform(&random) - 0.5);
  return values;
}

struct blas_baseline *blas_baseline_create(const struct blas_baseline_shape *shape, struct error *error) {
  struct blas_baseline *baseline = memory_alloc(1, sizeof *baseline, "the products alone", error);
  if (!baseline) return NULL;
  baseline->shape = *shape;
  baseline->layers = shape->hidden.count;
  size_t widest = 0;
  for (size_t l = 0; l < baseline->layers; l++) {
    baseline->width[l] = shape->hidden.width[l];
    if (baseline->width[l] > widest) widest = baseline->width[l];
  }
  const size_t in = shape->obs_dim + shape->act_dim, rows = 2 * shape->batch_size, critics = shape->critics;
  const size_t side = critics < 2 ? 2 : critics; // the policy's 2 x batch rows take as much as two critics
  baseline->x = matrix(rows * in, error);
  baseline->first = matrix(in * side * widest, error);
  baseline->between = matrix(side * widest * widest, error);
  baseline->last = matrix(2 * widest * (shape->act_dim + 1), error);
  baseline->h[0] = matrix(rows * side * widest, error);
  baseline->h[1] = matrix(rows * side * widest, error);
  baseline->out = matrix(rows * 2 * (shape->act_dim + 1), error);
  baseline->gradient = matrix(side * widest * (widest + in + 2 * shape->act_dim), error);
  if (baseline->x && baseline->first && baseline->between && baseline->last && baseline->h[0] && baseline->h[1] &&
      baseline->out && baseline->gradient)
    return baseline;
  blas_baseline_destroy(baseline);
  return NULL;
}

void blas_baseline_destroy(struct blas_baseline *baseline) {
  if (!baseline) return;
  float *const all[] = {baseline->x,    baseline->first, baseline->between, baseline->last,
                        baseline->h[0], baseline->h[1],  baseline->out,     baseline->gradient};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) memory_free(all[i]);
  memory_free(baseline);
}

enum kind { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT };

// Rows of numbers, `stride` floats apart.
struct matrix {
  float *at;
  size_t stride;
};

// c (m x n) = a b over k:   a b, a b^T or a^T b
struct extent {
  size_t m, n, k;
};
static void product(struct blas_baseline *baseline, enum kind kind, struct extent of, struct matrix a, struct matrix b,
                    struct matrix c) {
  baseline->operations += 2.0 * (double)of.m * (double)of.n * (double)of.k;
  cblas_sgemm(CblasRowMajor, kind == WEIGHT_GRADIENT ? CblasTrans : CblasNoTrans,
              kind == INPUT_GRADIENT ? CblasTrans : CblasNoTrans, (blasint)of.m, (blasint)of.n, (blasint)of.k, 1, a.at,
              (blasint)a.stride, b.at, (blasint)b.stride, 0, c.at, (blasint)c.stride);
}

static void policy_forward(struct blas_baseline *baseline) {
  const size_t in = baseline->shape.obs_dim, head = 2 * baseline->shape.act_dim, rows = 2 * baseline->shape.batch_size;
  const size_t *width = baseline->width, end = baseline->layers - 1;
  product(baseline, FORWARD, (struct extent){rows, width[0], in}, (struct matrix){baseline->x, in},
          (struct matrix){baseline->first, width[0]}, (struct matrix){baseline->h[0], width[0]});
  for (size_t l = 0; l < end; l++)
    product(baseline, FORWARD, (struct extent){rows, width[l + 1], width[l]},
            (struct matrix){baseline->h[l % 2], width[l]}, (struct matrix){baseline->between, width[l + 1]},
            (struct matrix){baseline->h[(l + 1) % 2], width[l + 1]});
  product(baseline, FORWARD, (struct extent){rows, head, width[end]}, (struct matrix){baseline->h[end % 2], width[end]},
          (struct matrix){baseline->last, head}, (struct matrix){baseline->out, head});
}

static void critics_forward(struct blas_baseline *baseline, size_t critics) {
  const size_t in = baseline->shape.obs_dim + baseline->shape.act_dim, rows = baseline->shape.batch_size;
  const size_t *width = baseline->width, end = baseline->layers - 1, n = critics;
  product(baseline, FORWARD, (struct extent){rows, n * width[0], in}, (struct matrix){baseline->x, in},
          (struct matrix){baseline->first, n * width[0]}, (struct matrix){baseline->h[0], n * width[0]});
  for (size_t q = 0; q < n; q++) {
    for (size_t l = 0; l < end; l++)
      product(baseline, FORWARD, (struct extent){rows, width[l + 1], width[l]},
              (struct matrix){baseline->h[l % 2] + q * width[l], n * width[l]},
              (struct matrix){baseline->between + q * width[l] * width[l + 1], width[l + 1]},
              (struct matrix){baseline->h[(l + 1) % 2] + q * width[l + 1], n * width[l + 1]});
    baseline->operations += 2.0 * (double)rows * (double)width[end];
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint)rows, (blasint)width[end], 1,
                baseline->h[end % 2] + q * width[end], (blasint)(n * width[end]), baseline->last, 1, 0, baseline->out,
                1);
  }
}

// Takes h[l] for its own gradient, since only shapes matter.
static void critics_backward(struct blas_baseline *baseline) {
  const size_t in = baseline->shape.obs_dim + baseline->shape.act_dim, rows = baseline->shape.batch_size;
  const size_t *width = baseline->width, n = baseline->shape.critics;
  for (size_t q = 0; q < n; q++)
    for (size_t l = baseline->layers - 1; l > 0; l--) {
      float *below = baseline->h[(l - 1) % 2] + q * width[l - 1], *dh = baseline->h[l % 2] + q * width[l];
      product(baseline, WEIGHT_GRADIENT, (struct extent){width[l - 1], width[l], rows},
              (struct matrix){below, n * width[l - 1]}, (struct matrix){dh, n * width[l]},
              (struct matrix){baseline->gradient, width[l]});
      product(baseline, INPUT_GRADIENT, (struct extent){rows, width[l - 1], width[l]},
              (struct matrix){dh, n * width[l]},
              (struct matrix){baseline->between + q * width[l - 1] * width[l], width[l]},
              (struct matrix){below, n * width[l - 1]});
    }
  product(baseline, WEIGHT_GRADIENT, (struct extent){in, n * width[0], rows}, (struct matrix){baseline->x, in},
          (struct matrix){baseline->h[0], n * width[0]}, (struct matrix){baseline->gradient, n * width[0]});
}

// dQ/da: each row through one critic, so `batch` rows in all.
static void critics_action_gradient(struct blas_baseline *baseline) {
  const size_t rows = baseline->shape.batch_size, n = baseline->shape.critics, *width = baseline->width;
  for (size_t q = 0; q < n; q++) {
    const size_t part = rows * (q + 1) / n - rows * q / n;
    for (size_t l = baseline->layers - 1; l > 0 && part > 0; l--)
      product(baseline, INPUT_GRADIENT, (struct extent){part, width[l - 1], width[l]},
              (struct matrix){baseline->h[l % 2], n * width[l]}, (struct matrix){baseline->between, width[l]},
              (struct matrix){baseline->h[(l - 1) % 2], n * width[l - 1]});
  }
  product(baseline, INPUT_GRADIENT, (struct extent){rows, baseline->shape.act_dim, width[0]},
          (struct matrix){baseline->h[0], n * width[0]}, (struct matrix){baseline->first, n * width[0]},
          (struct matrix){baseline->out, baseline->shape.act_dim});
}

static void policy_backward(struct blas_baseline *baseline) {
  const size_t in = baseline->shape.obs_dim, head = 2 * baseline->shape.act_dim, rows = baseline->shape.batch_size;
  const size_t *width = baseline->width, end = baseline->layers - 1;
  float *last = baseline->h[end % 2];
  product(baseline, WEIGHT_GRADIENT, (struct extent){width[end], head, rows}, (struct matrix){last, width[end]},
          (struct matrix){baseline->out, head}, (struct matrix){baseline->gradient, head});
  product(baseline, INPUT_GRADIENT, (struct extent){rows, width[end], head}, (struct matrix){baseline->out, head},
          (struct matrix){baseline->last, head}, (struct matrix){last, width[end]});
  for (size_t l = end; l > 0; l--) {
    float *below = baseline->h[(l - 1) % 2], *dh = baseline->h[l % 2];
    product(baseline, WEIGHT_GRADIENT, (struct extent){width[l - 1], width[l], rows},
            (struct matrix){below, width[l - 1]}, (struct matrix){dh, width[l]},
            (struct matrix){baseline->gradient, width[l]});
    product(baseline, INPUT_GRADIENT, (struct extent){rows, width[l - 1], width[l]}, (struct matrix){dh, width[l]},
            (struct matrix){baseline->between, width[l]}, (struct matrix){below, width[l - 1]});
  }
  product(baseline, WEIGHT_GRADIENT, (struct extent){in, width[0], rows}, (struct matrix){baseline->x, in},
          (struct matrix){baseline->h[0], width[0]}, (struct matrix){baseline->gradient, width[0]});
}

void blas_baseline_run(struct blas_baseline *baseline) {
  baseline->operations = 0;
  policy_forward(baseline);                                  // on s and s'
  critics_forward(baseline, baseline->shape.target_critics); // targets at (s', a')
  critics_forward(baseline, baseline->shape.critics);        // critics at (s, a)
  critics_backward(baseline);
  critics_forward(baseline, baseline->shape.critics); // critics at (s, a_new)
  critics_action_gradient(baseline);
  policy_backward(baseline);
}

double blas_baseline_operations(const struct blas_baseline *baseline) { return baseline->operations; }
