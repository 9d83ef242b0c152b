// The tiles beside OpenBLAS on one thread, for the products of an update: GFLOP/s, medians over rounds that take turns,
// and the median ratio of the tiles to OpenBLAS's bare product and to the same with what the tiles do besides: bias and
// ReLU in a forward, the mask in an input gradient, db with a weight gradient. OPENBLAS_CORETYPE=Haswell compares with
// the AVX2 kernels of both.
#include "common/base/clock.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "common/base/vectorize.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FORWARD, INPUT, WEIGHT };

static const struct product {
  enum kind kind;
  int rows, in, out; // of the layer; INPUT: for the first `columns` inputs
  int columns;
} PRODUCTS[] = {
    {FORWARD, 256, 256, 256, 0}, {INPUT, 256, 256, 256, 256},  {WEIGHT, 256, 256, 256, 0}, // hidden layer
    {FORWARD, 512, 17, 256, 0},  {WEIGHT, 256, 17, 256, 0},                                // policy, first layer
    {FORWARD, 256, 23, 512, 0},  {INPUT, 256, 23, 512, 6},     {WEIGHT, 256, 23, 512, 0}, // critics, first layer; dQ/da
    {FORWARD, 512, 256, 12, 0},  {INPUT, 256, 256, 12, 256},   {WEIGHT, 256, 256, 12, 0}, // policy's head
    {FORWARD, 512, 256, 16, 0},                                                           //
    {FORWARD, 256, 256, 1, 0},   {INPUT, 256, 256, 1, 256},    {WEIGHT, 256, 256, 1, 0},  // critic's head
    {FORWARD, 256, 365, 256, 0}, {INPUT, 256, 365, 256, 17},   {WEIGHT, 256, 365, 256, 0}, // Humanoid
    {FORWARD, 512, 256, 34, 0},  {INPUT, 256, 256, 34, 256},   {WEIGHT, 256, 256, 34, 0},  //
    {FORWARD, 100, 64, 64, 0},   {INPUT, 100, 64, 64, 64},     {WEIGHT, 100, 64, 64, 0},   // small
    {FORWARD, 200, 3, 64, 0},    {FORWARD, 100, 4, 64, 0},     {WEIGHT, 100, 4, 64, 0},    //
    {FORWARD, 200, 64, 2, 0},    {INPUT, 100, 64, 2, 64},      {WEIGHT, 100, 64, 2, 0},    //
    {FORWARD, 100, 64, 1, 0},    {FORWARD, 1024, 512, 512, 0}, {INPUT, 1024, 512, 512, 512},
    {WEIGHT, 1024, 512, 512, 0}, {FORWARD, 1, 256, 256, 0},    {FORWARD, 8, 256, 256, 0}, // acting
    {FORWARD, 1, 256, 12, 0},    {FORWARD, 8, 256, 2, 0},
};
enum { PRODUCT_COUNT = sizeof PRODUCTS / sizeof *PRODUCTS, ROUNDS = 31, LARGEST = 1024 * 1024 };

static float *x, *y, *z, *w, *panels, *transposed, *bias;

static void run_tiles(const struct tiles *tiles, const struct product *p) {
  const size_t rows = (size_t)p->rows, in = (size_t)p->in, out = (size_t)p->out, columns = (size_t)p->columns;
  switch (p->kind) {
  case FORWARD:
    tiles->forward(&(struct tiles_product){rows, in, out, x, in, panels, bias, y, out, TILES_RELU, NULL});
    break;
  case INPUT:
    tiles->forward(&(struct tiles_product){rows, out, columns, x, out, transposed, NULL, y, columns, TILES_MASK, y});
    break;
  case WEIGHT:
    tiles->weight_gradient(
        &(struct tiles_gradient){rows, in, out, x, in, z, out, panels, bias, false, 0, tiles_panels(in, out), NULL});
  }
}

// Operands as they suit it.
static void run_openblas(const struct product *p) {
  const int m = p->rows, k = p->in, n = p->out, c = p->columns;
  switch (p->kind) {
  case FORWARD:
    if (n == 1) {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, x, k, w, 1, 0, y, 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, x, k, w, n, 0, y, n);
    }
    break;
  case INPUT: cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, c, n, 1, x, n, w, c, 0, y, c); break;
  case WEIGHT:
    if (n == 1) {
      cblas_sgemv(CblasRowMajor, CblasTrans, m, k, 1, x, k, z, 1, 0, w, 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, n, m, 1, x, k, z, n, 0, w, n);
    }
  }
}

VECTORIZE static void bias_relu(size_t rows, size_t width, const float *restrict b, float *restrict to) {
  for (size_t r = 0; r < rows; r++, to += width) {
    for (size_t j = 0; j < width; j++) to[j] = to[j] + b[j] <= 0 ? 0 : to[j] + b[j];
  }
}

VECTORIZE static void mask(size_t count, const float *restrict by, float *restrict to) {
  for (size_t i = 0; i < count; i++) to[i] = by[i] <= 0 ? 0 : to[i];
}

VECTORIZE static void column_sums(size_t rows, size_t width, const float *restrict from, float *restrict sum) {
  memset(sum, 0, width * sizeof *sum);
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < width; j++) sum[j] += from[r * width + j];
  }
}

static void run_passes(const struct product *p) {
  const size_t rows = (size_t)p->rows, out = (size_t)p->out, columns = (size_t)p->columns;
  switch (p->kind) {
  case FORWARD: bias_relu(rows, out, bias, y); break;
  case INPUT: mask(rows * columns, z, y); break;
  case WEIGHT: column_sums(rows, out, z, bias);
  }
}

static double flop_of(const struct product *p) {
  return 2.0 * p->rows * (p->kind == INPUT ? p->columns : p->in) * p->out;
}

// GFLOP/s of `repeats` products; tiles NULL: OpenBLAS
static double rate(const struct tiles *tiles, bool passes, const struct product *p, int repeats) {
  const double start = clock_now();
  for (int i = 0; i < repeats; i++) {
    if (tiles) {
      run_tiles(tiles, p);
    } else {
      run_openblas(p);
      if (passes) run_passes(p);
    }
  }
  return repeats * flop_of(p) / (clock_now() - start) * 1e-9;
}

static int ascending(const void *a, const void *b) {
  const double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static double median(const double *values) {
  double sorted[ROUNDS];
  memcpy(sorted, values, sizeof sorted);
  qsort(sorted, ROUNDS, sizeof *sorted, ascending);
  return sorted[ROUNDS / 2];
}

static float *random_floats(void) {
  float *values = aligned_alloc(64, LARGEST * sizeof *values);
  if (!values) exit(1);
  for (int i = 0; i < LARGEST; i++) values[i] = (float)(drand48() - 0.5);
  return values;
}

static void compare(const struct product *p) {
  static const char *const names[] = {"forward", "input gradient", "weight gradient"};
  const size_t in = (size_t)p->in, out = (size_t)p->out;
  tiles_pack(in, out, w, panels);
  if (p->kind == INPUT) tiles_best()->transpose(in, out, panels, 0, (size_t)p->columns, transposed);
  enum { BARE, PASSES, TILES };
  const struct tiles *way[TILES + TILES_LEVELS] = {NULL};
  int ways = TILES;
  for (int level = TILES_LEVELS - 1; level >= 0; level--) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (tiles && strcmp(tiles->name, "baseline") != 0) way[ways++] = tiles;
  }
  double values[TILES + TILES_LEVELS][ROUNDS], bare[ROUNDS], passes[ROUNDS];
  const int repeats = 1 + (int)(1e-3 * rate(NULL, false, p, 3) * 1e9 / flop_of(p)); // about a millisecond
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < ways; i++) values[i][round] = rate(way[i], i == PASSES, p, repeats);
  }
  printf("%4d x %3d x %3d %-15s", p->rows, p->kind == INPUT ? p->out : p->in, p->kind == INPUT ? p->columns : p->out,
         names[p->kind]);
  printf("  OpenBLAS %5.0f  with passes %5.0f", median(values[BARE]), median(values[PASSES]));
  for (int i = TILES; i < ways; i++) {
    for (int round = 0; round < ROUNDS; round++) {
      bare[round] = values[i][round] / values[BARE][round];
      passes[round] = values[i][round] / values[PASSES][round];
    }
    printf("   %s %5.0f x%.2f x%.2f", way[i]->name, median(values[i]), median(bare), median(passes));
  }
  printf("\n");
}

// The repacking that each update pays once.
static void transposing(size_t in, size_t out) {
  tiles_pack(in, out, w, panels);
  for (int level = TILES_LEVELS - 1; level >= 0; level--) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (!tiles) continue;
    double times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      const double start = clock_now();
      for (int i = 0; i < 10; i++) tiles->transpose(in, out, panels, 0, in, transposed);
      times[round] = (clock_now() - start) * 1e5;
    }
    printf("transpose %zu x %zu: %s %.1f us\n", in, out, tiles->name, median(times));
  }
}

int main(void) {
  linalg_init();
  x = random_floats(), y = random_floats(), z = random_floats(), w = random_floats();
  panels = random_floats(), transposed = random_floats(), bias = random_floats();
  printf("GFLOP/s of rows x summed x columns; OpenBLAS: %s\n", linalg_core_name());
  for (int i = 0; i < PRODUCT_COUNT; i++) compare(&PRODUCTS[i]);
  transposing(256, 256);
  free(x), free(y), free(z), free(w), free(panels), free(transposed), free(bias);
  return 0;
}
