#include "common/nn/batch_norm.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <float.h>
#include <math.h>
#include <string.h>

#ifdef CORSAC_REAL_DOUBLE
static const double ROUNDING = 1e-9;
#else
static const double ROUNDING = 2e-5;
#endif
// More columns than are summed at once, and a remainder; rows that lie apart.
enum { ROWS = 21, WIDTH = 83, LD = WIDTH + 3, LDY = WIDTH + 2 };
static const struct batch_norm_kind XQC = {1e-3, false}, FLASHSAC = {1e-5, true};

// One layer and what goes through it.
struct layer {
  real x[ROWS * LD], y[ROWS * LDY], dy[ROWS * LDY], dx[ROWS * LDY];
  real scale[WIDTH], shift[WIDTH], mean[WIDTH], inverse[WIDTH], dscale[WIDTH], dshift[WIDTH];
  real running_mean[WIDTH], running_variance[WIDTH];
  struct batch_norm norm;
};

static void draw(struct layer *layer, bool relu, uint64_t seed) {
  struct numbers numbers = {seed};
  for (size_t i = 0; i < ROWS * LD; i++) layer->x[i] = (real)(3 * numbers_uniform(&numbers) + 1);
  for (size_t i = 0; i < ROWS * LDY; i++) layer->dy[i] = (real)numbers_uniform(&numbers);
  for (size_t j = 0; j < WIDTH; j++) {
    layer->scale[j] = (real)(1 + 0.5 * numbers_uniform(&numbers));
    layer->shift[j] = (real)(0.3 * numbers_uniform(&numbers));
    layer->running_mean[j] = (real)numbers_uniform(&numbers);
    layer->running_variance[j] = (real)(2 + numbers_uniform(&numbers));
  }
  layer->norm = (struct batch_norm){XQC, WIDTH, LDY, layer->scale, layer->shift, layer->mean, layer->inverse, relu};
}

static const struct linalg_columns ALL = {0, WIDTH};

static struct linalg_rows rows_of(const struct layer *layer) { return (struct linalg_rows){ROWS, layer->x, LD}; }

static void forward_columns(struct layer *layer, const struct linalg_columns *columns) {
  const struct linalg_rows x = rows_of(layer);
  batch_norm_measure(&layer->norm, columns, &x, NULL, NULL);
  batch_norm_apply(&layer->norm, columns, &x, layer->y);
}

static void backward_columns(struct layer *layer, const struct linalg_columns *columns) {
  const struct linalg_rows x = rows_of(layer);
  for (size_t r = 0; r < ROWS; r++)
    memcpy(layer->dx + r * LDY + columns->begin, layer->dy + r * LDY + columns->begin,
           (columns->end - columns->begin) * sizeof(real));
  batch_norm_backward(&layer->norm, columns, &x, layer->dscale, layer->dshift, layer->dx);
}

static void forward(struct layer *layer) { forward_columns(layer, &ALL); }
static void backward(struct layer *layer) { backward_columns(layer, &ALL); }

static void test_forward(void) {
  static struct layer layer;
  draw(&layer, false, 1);
  forward(&layer);
  for (size_t j = 0; j < WIDTH; j++) {
    long double sum = 0, square = 0;
    for (size_t r = 0; r < ROWS; r++) sum += (long double)layer.x[r * LD + j];
    const double mean = (double)(sum / ROWS);
    for (size_t r = 0; r < ROWS; r++) square += powl((long double)layer.x[r * LD + j] - mean, 2);
    const double deviation = sqrt((double)square / ROWS + 1e-3);
    for (size_t r = 0; r < ROWS; r++) {
      const double normal = ((double)layer.x[r * LD + j] - mean) / deviation;
      CU_ASSERT_DOUBLE_EQUAL(layer.y[r * LDY + j], (double)layer.scale[j] * normal + (double)layer.shift[j], ROUNDING);
    }
  }
}

static void test_running(void) {
  static struct layer layer, before;
  const struct batch_norm_kind kinds[] = {XQC, FLASHSAC};
  for (int k = 0; k < 2; k++) {
    draw(&layer, false, 2);
    memcpy(&before, &layer, sizeof layer);
    layer.norm.kind = kinds[k];
    const struct linalg_rows x = rows_of(&layer);
    batch_norm_measure(&layer.norm, &ALL, &x, layer.running_mean, layer.running_variance);
    for (size_t j = 0; j < WIDTH; j++) {
      const double mean = (double)layer.mean[j];
      double square = 0;
      for (size_t r = 0; r < ROWS; r++) square += pow((double)layer.x[r * LD + j] - mean, 2);
      const double variance = square / (k == 0 ? ROWS : ROWS - 1);
      CU_ASSERT_DOUBLE_EQUAL(layer.running_mean[j], 0.99 * (double)before.running_mean[j] + 0.01 * mean, ROUNDING);
      CU_ASSERT_DOUBLE_EQUAL(layer.running_variance[j], 0.99 * (double)before.running_variance[j] + 0.01 * variance,
                             ROUNDING);
    }
  }
}

static void test_relu(void) {
  static struct layer plain, cut;
  draw(&plain, false, 3);
  draw(&cut, true, 3);
  forward(&plain);
  forward(&cut);
  for (size_t i = 0; i < ROWS * LDY; i++) CU_ASSERT_EQUAL(cut.y[i], plain.y[i] > 0 ? plain.y[i] : 0);
}

static void test_nan(void) {
  static struct layer layer;
  draw(&layer, true, 4);
  layer.x[5 * LD + 7] = (real)NAN;
  forward(&layer);
  CU_ASSERT_TRUE(isnan(layer.y[5 * LDY + 7]));
  CU_ASSERT_TRUE(isnan(layer.y[6 * LDY + 7])); // its column's mean
  CU_ASSERT_FALSE(isnan(layer.y[5 * LDY + 8]));
}

// L = sum dy y, by central differences of one number.
static double loss(struct layer *layer) {
  double sum = 0;
  forward(layer);
  for (size_t i = 0; i < ROWS * LDY; i++) sum += (double)layer->dy[i] * (double)layer->y[i];
  return sum;
}

static void expect_gradient(struct layer *layer, real *at, double gradient) {
#ifdef CORSAC_REAL_DOUBLE
  const real kept = *at;
  const double step = 1e-6;
  *at = kept + step;
  const double above = loss(layer);
  *at = kept - step;
  const double below = loss(layer);
  *at = kept;
  CU_ASSERT_DOUBLE_EQUAL(gradient, (above - below) / (2 * step), 1e-6);
#else
  (void)loss, (void)layer, (void)at, (void)gradient;
#endif
}

static void test_gradients(void) {
  static struct layer layer;
  for (int relu = 0; relu < 2; relu++) {
    draw(&layer, relu, 5);
    forward(&layer);
    backward(&layer);
    for (size_t j = 0; j < WIDTH; j += 9) {
      expect_gradient(&layer, &layer.scale[j], (double)layer.dscale[j]);
      expect_gradient(&layer, &layer.shift[j], (double)layer.dshift[j]);
      for (size_t r = 0; r < ROWS; r += 5) expect_gradient(&layer, &layer.x[r * LD + j], (double)layer.dx[r * LDY + j]);
    }
    CU_ASSERT_TRUE(fabs((double)layer.dscale[0]) > 0);
  }
}

static void test_split(void) {
  static struct layer whole, parts;
  draw(&whole, true, 6);
  draw(&parts, true, 6);
  forward(&whole);
  backward(&whole);
  // Columns in uneven parts, as threads would take them.
  const size_t columns[] = {0, 1, 64, 70, WIDTH};
  for (int c = 0; c < 4; c++) forward_columns(&parts, &(struct linalg_columns){columns[c], columns[c + 1]});
  for (int c = 0; c < 4; c++) backward_columns(&parts, &(struct linalg_columns){columns[c], columns[c + 1]});
  CU_ASSERT_EQUAL(memcmp(whole.y, parts.y, sizeof whole.y), 0);
  CU_ASSERT_EQUAL(memcmp(whole.dx, parts.dx, sizeof whole.dx), 0);
  CU_ASSERT_EQUAL(memcmp(whole.dscale, parts.dscale, sizeof whole.dscale), 0);
}

static void test_fold(void) {
  static struct layer layer;
  static real factor[WIDTH], offset[WIDTH];
  draw(&layer, false, 7);
  layer.norm.kind = FLASHSAC;
  batch_norm_fold(&layer.norm, layer.running_mean, layer.running_variance, factor, offset);
  for (size_t j = 0; j < WIDTH; j++) {
    const double x = (double)layer.x[j], deviation = sqrt((double)layer.running_variance[j] + 1e-5);
    const double y = (double)layer.scale[j] * (x - (double)layer.running_mean[j]) / deviation + (double)layer.shift[j];
    CU_ASSERT_DOUBLE_EQUAL((double)factor[j] * x + (double)offset[j], y, ROUNDING);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"each column gets mean 0 and variance 1, then scale and shift", test_forward},
      {"running statistics move by a hundredth, variance biased or not", test_running},
      {"a ReLU that follows is applied at once", test_relu},
      {"NaN passes into its column and no other", test_nan},
      {"gradients are those of central differences, also through the ReLU", test_gradients},
      {"the bits do not depend on how columns are divided", test_split},
      {"folded with running statistics it is a factor and an offset", test_fold},
  };
  return unit_run("batch_norm", cases, sizeof cases / sizeof *cases);
}
