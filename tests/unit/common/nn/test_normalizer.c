#include "common/nn/normalizer.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 4, ROWS = 5000 };

static struct normalizer make(size_t dim) {
  struct normalizer normalizer;
  CU_ASSERT_EQUAL_FATAL(normalizer_init(&normalizer, dim, NULL), STATUS_OK);
  return normalizer;
}

// A plain one, one far from 0 with little spread (where sum(x^2) - sum(x)^2 has no digit left), a constant one, and a
// tiny one.
static void draw(struct numbers *numbers, float *obs) {
  obs[0] = (float)(3 * numbers_uniform(numbers) - 1);
  obs[1] = (float)(100000 + numbers_uniform(numbers));
  obs[2] = -7.25f;
  obs[3] = (float)(1e-12 * numbers_uniform(numbers));
}

static void test_statistics(void) {
  struct normalizer normalizer = make(DIM);
  static float obs[ROWS][DIM];
  struct numbers numbers = {1};
  for (int r = 0; r < ROWS; r++) {
    draw(&numbers, obs[r]);
    normalizer_update(&normalizer, obs[r]);
  }
  float shift[DIM], scale[DIM];
  normalizer_export(&normalizer, shift, scale);
  CU_ASSERT_EQUAL(normalizer.count, ROWS);
  for (int i = 0; i < DIM; i++) {
    long double mean = 0, m2 = 0;
    for (int r = 0; r < ROWS; r++) mean += obs[r][i];
    mean /= ROWS;
    for (int r = 0; r < ROWS; r++) m2 += (obs[r][i] - mean) * (obs[r][i] - mean);
    CU_ASSERT_DOUBLE_EQUAL(normalizer.mean[i], (double)mean, 1e-12 * fabs((double)mean) + 1e-20);
    CU_ASSERT_DOUBLE_EQUAL(normalizer.m2[i], (double)m2, 1e-9 * (double)m2);
    double expected = 1 / sqrt((double)m2 / ROWS + 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(scale[i], expected, 1e-7 * expected);
    CU_ASSERT_EQUAL(shift[i], (float)normalizer.mean[i]);
  }
  CU_ASSERT_DOUBLE_EQUAL(scale[2], 1e4, 1e-2); // never divided by 0
  normalizer_release(&normalizer);
  CU_ASSERT_PTR_NULL(normalizer.mean);
}

static void test_few(void) {
  struct normalizer normalizer = make(2);
  float shift[2] = {9, 9}, scale[2] = {9, 9};
  const float first[2] = {4, 5}, second[2] = {6, 5};
  for (int count = 0; count < 2; count++) {
    normalizer_export(&normalizer, shift, scale);
    for (int i = 0; i < 2; i++) {
      CU_ASSERT_EQUAL(shift[i], 0);
      CU_ASSERT_EQUAL(scale[i], 1);
    }
    normalizer_update(&normalizer, count == 0 ? first : second);
  }
  normalizer_export(&normalizer, shift, scale);
  CU_ASSERT_EQUAL(shift[0], 5);
  CU_ASSERT_DOUBLE_EQUAL(scale[0], 1, 1e-7); // variance 1
  normalizer_release(&normalizer);
}

static void test_many(void) {
  struct normalizer normalizer = make(1);
  normalizer.count = UINT64_C(1) << 40; // as after a resume
  normalizer.mean[0] = 2;
  normalizer.m2[0] = 9 * 0x1p40;
  const float obs = 2;
  normalizer_update(&normalizer, &obs);
  CU_ASSERT_EQUAL(normalizer.count, (UINT64_C(1) << 40) + 1);
  float shift, scale;
  normalizer_export(&normalizer, &shift, &scale);
  CU_ASSERT_EQUAL(shift, 2);
  CU_ASSERT_DOUBLE_EQUAL(scale, 1.0 / 3, 1e-7);
  normalizer_release(&normalizer);
}

static void test_apply(void) {
  enum { WIDTH = 37, COUNT = 5 };
  struct numbers numbers = {3};
  float shift[WIDTH], scale[WIDTH], obs[COUNT * WIDTH];
  real out[COUNT * WIDTH + 1];
  for (int i = 0; i < WIDTH; i++) {
    shift[i] = (float)numbers_uniform(&numbers);
    scale[i] = (float)(8 + 7 * numbers_uniform(&numbers));
  }
  for (int i = 0; i < COUNT * WIDTH; i++) obs[i] = (float)(2 * numbers_uniform(&numbers));
  out[COUNT * WIDTH] = 77;
  normalizer_apply(COUNT, WIDTH, shift, scale, obs, out);
  int clipped = 0;
  for (int i = 0; i < COUNT * WIDTH; i++) {
    double exact = ((double)obs[i] - shift[i % WIDTH]) * scale[i % WIDTH];
    double expected = fmin(fmax(exact, -NORMALIZER_CLIP), NORMALIZER_CLIP);
    CU_ASSERT_DOUBLE_EQUAL(out[i], expected, sizeof(real) == 8 ? 1e-13 : 1e-5);
    clipped += expected != exact;
  }
  CU_ASSERT_TRUE(clipped > 10);
  CU_ASSERT_TRUE(clipped < COUNT * WIDTH / 2);
  CU_ASSERT_EQUAL(out[COUNT * WIDTH], 77);
}

static void test_not_finite(void) {
  enum { WIDTH = 19 };
  float shift[WIDTH] = {0}, scale[WIDTH], obs[WIDTH] = {0};
  real out[WIDTH];
  for (int i = 0; i < WIDTH; i++) scale[i] = 1;
  obs[3] = obs[WIDTH - 1] = NAN;
  obs[4] = INFINITY;
  obs[5] = -INFINITY;
  shift[6] = NAN;
  scale[7] = NAN;
  normalizer_apply(1, WIDTH, shift, scale, obs, out);
  CU_ASSERT_TRUE_FATAL(isnan(out[3]));
  CU_ASSERT_TRUE_FATAL(isnan(out[WIDTH - 1]));
  CU_ASSERT_TRUE_FATAL(isnan(out[6]));
  CU_ASSERT_TRUE(isnan(out[7]));
  CU_ASSERT_EQUAL(out[4], (real)NORMALIZER_CLIP);
  CU_ASSERT_EQUAL(out[5], (real)-NORMALIZER_CLIP);
  CU_ASSERT_EQUAL(out[2], 0);
}

static void test_no_memory(void) {
  struct normalizer normalizer;
  struct error error = {0};
  UNIT_STATUS(normalizer_init(&normalizer, SIZE_MAX / 4, &error), STATUS_MEMORY, &error);
  CU_ASSERT_TRUE(error_says(&error, "normalizer"));
  normalizer_release(&normalizer);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"mean and variance are those of two passes, far from 0 and without spread too", test_statistics},
      {"0 and 1 are shipped while there are fewer than two observations", test_few},
      {"the count has 64 bits", test_many},
      {"applied: (obs - shift) scale, clipped to +-10", test_apply},
      {"NaN is not clipped away, infinity is", test_not_finite},
      {"a dimension beyond memory is refused", test_no_memory},
  };
  return unit_run("normalizer", cases, sizeof cases / sizeof *cases);
}
