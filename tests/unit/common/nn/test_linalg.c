#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double EPSILON = sizeof(real) == 8 ? 0x1p-52 : 0x1p-23;

static const struct shape {
  size_t rows, in, out;
} SHAPES[] = {{1, 1, 1},
              {1, 3, 2},
              {3, 1, 4},
              {2, 5, 1},
              {17, 9, 1},
              {1, 64, 64},
              {8, 3, 64},
              {7, 33, 21},
              {65, 129, 33},
              {100, 64, 64},
              {64, 256, 256},
              {256, 23, 1},
              // around the width of a panel (16) and of narrow weights (8 outputs); narrow weights of several panels
              {5, 40, 8},
              {33, 100, 3},
              {9, 50, 9},
              {4, 17, 16},
              {6, 16, 17},
              {3, 90, 1}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static real *draw(struct numbers *numbers, size_t count) {
  real *x = malloc(count * sizeof *x);
  CU_ASSERT_PTR_NOT_NULL_FATAL(x);
  for (size_t i = 0; i < count; i++) x[i] = (real)numbers_uniform(numbers);
  return x;
}

// A sum of `terms` products below 1, in whatever order, is off by less than terms^2 eps / 2.
static bool near(real found, double expected, size_t terms) {
  return fabs((double)found - expected) <= 0.5 * (double)((terms + 1) * (terms + 1)) * EPSILON;
}

static const struct tiles *on; // what the cases run on

#define WEIGHT(s)       (&(struct linalg_shape){on, (s).in, (s).out})
#define ROWS(n, at, ld) (&(struct linalg_rows){(n), (at), (ld)})

static real *unset(size_t count) { // NaN: none may be left, nor be taken up
  real *y = malloc((count + 1) * sizeof *y);
  CU_ASSERT_PTR_NOT_NULL_FATAL(y);
  memset(y, 0xff, (count + 1) * sizeof *y);
  return y;
}

// A weight as the backend has it.
static real *packed(struct shape s, const real *dense) {
  real *w = unset(linalg_weight_size(WEIGHT(s)));
  linalg_pack(WEIGHT(s), dense, w);
  return w;
}

// x has a row every in + 3 reals; its first row has NaN in it where `relu`.
static void check_forward(struct shape s, bool relu) {
  struct numbers numbers = {s.rows + s.in};
  const size_t ldx = s.in + 3;
  real *x = draw(&numbers, s.rows * ldx), *dense = draw(&numbers, s.out * s.in), *b = draw(&numbers, s.out);
  real *w = packed(s, dense), *y = unset(s.rows * s.out);
  if (relu) x[0] = (real)NAN;
  (relu ? linalg_forward_relu : linalg_forward)(WEIGHT(s), ROWS(s.rows, x, ldx), w, b, y);
  bool right = true;
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t o = 0; o < s.out; o++) {
      double sum = b[o];
      for (size_t i = 0; i < s.in; i++) sum += (double)x[r * ldx + i] * (double)dense[o * s.in + i];
      const real found = y[r * s.out + o];
      right =
          right && (isnan(sum) ? isnan(found) : near(found, relu && sum < 0 ? 0 : sum, s.in) && !(relu && found < 0));
    }
  }
  CU_ASSERT_TRUE(right);
  free(x), free(dense), free(w), free(b), free(y);
}

// The columns from `first` on, and nothing beside them; masked: 0 where mask <= 0.
static void check_input_gradient(struct shape s, size_t first, bool masked) {
  struct numbers numbers = {s.rows + s.out};
  const size_t width = s.in - first, transposed_size = linalg_transposed_size(WEIGHT(s), first);
  real *dy = draw(&numbers, s.rows * s.out), *dense = draw(&numbers, s.out * s.in), *w = packed(s, dense);
  real *mask = draw(&numbers, s.rows * width + 1), *dx = unset(s.rows * width), *transposed = unset(transposed_size);
  linalg_transpose(WEIGHT(s), first, w, transposed);
  linalg_input_gradient(WEIGHT(s), first, ROWS(s.rows, dy, s.out), w, transposed, masked ? mask : NULL, dx);
  bool right = isnan(dx[s.rows * width]) && isnan(transposed[transposed_size]);
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t i = 0; i < width; i++) {
      double sum = 0;
      for (size_t o = 0; o < s.out; o++) sum += (double)dy[r * s.out + o] * (double)dense[o * s.in + first + i];
      const bool shut = masked && mask[r * width + i] <= 0;
      right = right && (shut ? dx[r * width + i] == 0 : near(dx[r * width + i], sum, s.out));
    }
  }
  CU_ASSERT_TRUE(right);
  free(dy), free(dense), free(w), free(mask), free(dx), free(transposed);
}

// One part's gradient is written where the part says, whole, and nowhere else.
static bool part_alone(struct shape s, const struct linalg_part *part, const real *dy, const real *x, size_t ldx,
                       real *whole_dw, real *whole_db) {
  const size_t size = linalg_weight_size(WEIGHT(s));
  real *dw = unset(size), *db = unset(s.out);
  const real *const soon[LINALG_SOON] = {dw, NULL, dw, NULL}; // makes no difference to the result
  linalg_weight_gradient(WEIGHT(s), ROWS(s.rows, dy, s.out), ROWS(s.rows, x, ldx), part, dw, db,
                         part->begin % 4 == 0 ? soon : NULL);
  bool right = true;
  for (size_t i = 0; i <= size; i++)
    right = right && !isnan(dw[i]) == (i >= part->weight_begin && i < part->weight_end);
  for (size_t o = 0; o <= s.out; o++)
    right = right && !isnan(db[o]) == (o >= part->vector_begin && o < part->vector_end);
  for (size_t i = part->weight_begin; i < part->weight_end && i < size; i++) {
    right = right && isnan(whole_dw[i]); // no other part has written it
    whole_dw[i] = dw[i];
  }
  for (size_t o = part->vector_begin; o < part->vector_end && o < s.out; o++) {
    right = right && isnan(whole_db[o]);
    whole_db[o] = db[o];
  }
  free(dw), free(db);
  return right;
}

static bool is_gradient(struct shape s, const real *dy, const real *x, size_t ldx, const real *dw, const real *db) {
  real *dense = unset(s.in * s.out);
  bool right = true;
  linalg_unpack(WEIGHT(s), dw, dense);
  for (size_t o = 0; o < s.out; o++) {
    double sum = 0;
    for (size_t r = 0; r < s.rows; r++) sum += (double)dy[r * s.out + o];
    right = right && near(db[o], sum, s.rows);
    for (size_t i = 0; i < s.in; i++) {
      sum = 0;
      for (size_t r = 0; r < s.rows; r++) sum += (double)dy[r * s.out + o] * (double)x[r * ldx + i];
      right = right && near(dense[o * s.in + i], sum, s.rows);
    }
  }
  real *padded = packed(s, dense); // whose padding is 0
  right = right && memcmp(padded, dw, linalg_weight_size(WEIGHT(s)) * sizeof *dw) == 0;
  free(dense), free(padded);
  return right;
}

// Together the parts of a team are the gradient, whatever the team; on tiles with the same bits.
static void check_weight_gradient(struct shape s) {
  struct numbers numbers = {s.in + s.out};
  const size_t ldx = s.in + 1, size = linalg_weight_size(WEIGHT(s));
  real *dy = draw(&numbers, s.rows * s.out), *x = draw(&numbers, s.rows * ldx), *first = unset(size);
  for (size_t m = 0; m < 4; m++) {
    const size_t members = (const size_t[]){1, 2, 3, 7}[m], parts = linalg_parts(WEIGHT(s), members);
    real *dw = unset(size), *db = unset(s.out);
    bool right = parts > 0;
    for (size_t p = parts; p-- > 0;) { // in any order
      const struct linalg_part part = linalg_part(WEIGHT(s), p, parts);
      right = part_alone(s, &part, dy, x, ldx, dw, db) && right;
    }
    CU_ASSERT_TRUE_FATAL(right);
    CU_ASSERT_TRUE(is_gradient(s, dy, x, ldx, dw, db)); // no NaN is left: each real has its part
    if (members == 1) memcpy(first, dw, size * sizeof *dw);
    if (on) CU_ASSERT_EQUAL(memcmp(dw, first, size * sizeof *dw), 0);
    free(dw), free(db);
  }
  free(dy), free(x), free(first);
}

static bool same(const real *a, const real *b, size_t count, size_t terms) {
  bool right = true;
  for (size_t i = 0; i < count; i++) right = right && (on ? a[i] == b[i] : near(a[i], (double)b[i], 2 * terms));
  return right;
}

// Rows in calls of `step`, and x with gaps or without, are the rows of one call; on tiles with the same bits.
static void check_rows(struct shape s, size_t step) {
  struct numbers numbers = {s.rows + s.in};
  const size_t ldx = s.in + 2, width = s.in - s.in / 3;
  real *x = draw(&numbers, s.rows * ldx), *dense = draw(&numbers, s.out * s.in), *b = draw(&numbers, s.out);
  real *dy = draw(&numbers, s.rows * s.out), *mask = draw(&numbers, s.rows * width), *w = packed(s, dense);
  real *tight = unset(s.rows * s.in), *transposed = unset(linalg_transposed_size(WEIGHT(s), s.in / 3));
  real *y = unset(s.rows * s.out), *relu = unset(s.rows * s.out), *dx = unset(s.rows * width);
  real *part_y = unset(s.rows * s.out), *part_relu = unset(s.rows * s.out), *part_dx = unset(s.rows * width);
  for (size_t r = 0; r < s.rows; r++) memcpy(tight + r * s.in, x + r * ldx, s.in * sizeof *x);
  linalg_transpose(WEIGHT(s), s.in / 3, w, transposed);
  linalg_forward(WEIGHT(s), ROWS(s.rows, x, ldx), w, b, y);
  linalg_forward_relu(WEIGHT(s), ROWS(s.rows, x, ldx), w, b, relu);
  linalg_input_gradient(WEIGHT(s), s.in / 3, ROWS(s.rows, dy, s.out), w, transposed, mask, dx);
  for (size_t r = 0; r < s.rows; r += step) {
    const size_t n = r + step < s.rows ? step : s.rows - r;
    const struct linalg_rows some_x = {n, tight + r * s.in, s.in}, some_dy = {n, dy + r * s.out, s.out};
    linalg_forward(WEIGHT(s), &some_x, w, b, part_y + r * s.out);
    linalg_forward_relu(WEIGHT(s), &some_x, w, b, part_relu + r * s.out);
    linalg_input_gradient(WEIGHT(s), s.in / 3, &some_dy, w, transposed, mask + r * width, part_dx + r * width);
  }
  CU_ASSERT_TRUE(same(part_y, y, s.rows * s.out, s.in));
  CU_ASSERT_TRUE(same(part_relu, relu, s.rows * s.out, s.in));
  CU_ASSERT_TRUE(same(part_dx, dx, s.rows * width, s.out));
  real *all[] = {x, dense, b, dy, mask, w, tight, transposed, y, relu, dx, part_y, part_relu, part_dx};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void test_forward(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_forward(SHAPES[i], false);
}

static void test_forward_relu(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_forward(SHAPES[i], true);
}

static void test_input_gradient(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    for (int masked = 0; masked < 2; masked++) {
      check_input_gradient(SHAPES[i], 0, masked);
      check_input_gradient(SHAPES[i], SHAPES[i].in / 3, masked);
      check_input_gradient(SHAPES[i], SHAPES[i].in, masked);
    }
  }
}

static void test_weight_gradient(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_weight_gradient(SHAPES[i]);
}

static void test_rows(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) {
    for (size_t step = 1; step <= 9; step += 2 + step / 3) check_rows(SHAPES[i], step);
  }
}

static void test_layout(void) {
  for (int n = 0; n < SHAPE_COUNT; n++) {
    const struct shape s = SHAPES[n];
    struct numbers numbers = {s.in};
    real *dense = draw(&numbers, s.in * s.out), *w = packed(s, dense), *back = unset(s.in * s.out);
    const size_t size = linalg_weight_size(WEIGHT(s));
    bool right = size >= s.in * s.out && linalg_vector_size(WEIGHT(s)) >= s.out;
    size_t zeros = 0;
    for (size_t i = 0; i < size; i++) zeros += w[i] == 0;
    for (size_t o = 0; o < s.out; o++) {
      for (size_t i = 0; i < s.in; i++) right = right && w[linalg_weight_index(WEIGHT(s), o, i)] == dense[o * s.in + i];
    }
    linalg_unpack(WEIGHT(s), w, back);
    CU_ASSERT_TRUE_FATAL(right);
    CU_ASSERT_EQUAL(zeros, size - s.in * s.out);
    CU_ASSERT_EQUAL(memcmp(back, dense, s.in * s.out * sizeof *back), 0);
    CU_ASSERT_TRUE(isnan(back[s.in * s.out]));
    free(dense), free(w), free(back);
  }
}

static void test_no_rows(void) {
  const struct shape s = {0, 3, 2};
  const real dense[6] = {1, 2, 3, 4, 5, 6}, b[2] = {1, 2};
  real none = 7, *w = packed(s, dense), *dw = unset(linalg_weight_size(WEIGHT(s))), db[2] = {8, 9};
  const struct linalg_rows no_x = {0, &none, 3}, no_dy = {0, &none, 2};
  linalg_forward(WEIGHT(s), &no_x, w, b, &none);
  linalg_forward_relu(WEIGHT(s), &no_x, w, b, &none);
  linalg_input_gradient(WEIGHT(s), 0, &no_dy, w, w, NULL, &none);
  CU_ASSERT_EQUAL(none, 7);
  for (size_t p = 0; p < linalg_parts(WEIGHT(s), 2); p++) {
    const struct linalg_part part = linalg_part(WEIGHT(s), p, linalg_parts(WEIGHT(s), 2));
    linalg_weight_gradient(WEIGHT(s), &no_dy, &no_x, &part, dw, db, NULL);
  }
  for (size_t i = 0; i < linalg_weight_size(WEIGHT(s)); i++) CU_ASSERT_EQUAL(dw[i], 0);
  CU_ASSERT_EQUAL(db[0], 0);
  CU_ASSERT_EQUAL(db[1], 0);
  free(w), free(dw);
}

// Also where a weight of 0 meets it, and for one output, which takes another way.
static void test_nan(void) {
  for (size_t out = 1; out <= 3; out++) {
    const struct shape s = {2, 4, out};
    real x[8] = {1, 2, 3, 4, 5, (real)NAN, 7, 8}, zeros[12] = {0}, b[3] = {0}, y[6], dx[8], db[3] = {0};
    real *w = packed(s, zeros), *dw = unset(linalg_weight_size(WEIGHT(s))), dense[12];
    real *transposed = unset(linalg_transposed_size(WEIGHT(s), 0));
    linalg_forward(WEIGHT(s), ROWS(2, x, 4), w, b, y);
    for (size_t o = 0; o < out; o++) {
      CU_ASSERT_EQUAL(y[o], 0);
      CU_ASSERT_TRUE(isnan(y[out + o]));
    }
    linalg_transpose(WEIGHT(s), 0, w, transposed);
    linalg_input_gradient(WEIGHT(s), 0, ROWS(2, y, out), w, transposed, NULL, dx);
    CU_ASSERT_EQUAL(dx[3], 0);
    CU_ASSERT_TRUE(isnan(dx[4]));
    const struct linalg_part part = linalg_part(WEIGHT(s), 0, 1);
    linalg_weight_gradient(WEIGHT(s), ROWS(2, y, out), ROWS(2, x, 4), &part, dw, db, NULL);
    linalg_unpack(WEIGHT(s), dw, dense);
    CU_ASSERT_TRUE_FATAL(isnan(dense[0]));
    CU_ASSERT_TRUE_FATAL(isnan(dense[4 * out - 1]));
    CU_ASSERT_TRUE(isnan(db[out - 1]));
    free(w), free(dw), free(transposed);
  }
}

static void test_init(void) {
  CU_ASSERT_EQUAL(openblas_get_num_threads(), 1); // before: where it starts threads, it did when it was loaded
  linalg_init();
  CU_ASSERT_EQUAL(openblas_get_num_threads(), 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(linalg_core_name());
  CU_ASSERT_TRUE(strlen(linalg_core_name()) > 0);
}

static void test_reserve(void) {
  struct error error = {0};
  UNIT_STATUS(linalg_reserve(NULL, 1, &error), STATUS_OK, &error);
  UNIT_STATUS(linalg_reserve(NULL, 1 << 24, &error), STATUS_MEMORY, &error); // more than there are addresses
  CU_ASSERT_TRUE(error_says(&error, "--backend tiles"));
  if (on) CU_ASSERT_EQUAL(linalg_reserve(on, 1 << 24, NULL), STATUS_OK);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"OpenBLAS begins with one thread and init leaves it; the core has a name", test_init},
      {"a team that OpenBLAS has no room for is refused at the start", test_reserve},
      {"a weight turns from dense to the backend's layout and back, its padding is 0", test_layout},
      {"forward: y = x w^T + b, whatever y held", test_forward},
      {"forward with ReLU: the same, cut off at 0, NaN passing", test_forward_relu},
      {"input gradient: dx = dy w, from any column on, masked or not, whatever dx held", test_input_gradient},
      {"weight gradient: dw = dy^T x, db = column sums, in parts for a team", test_weight_gradient},
      {"rows of several calls are those of one, on tiles bit for bit", test_rows},
      {"no rows: nothing is touched, gradients are 0", test_no_rows},
      {"NaN comes through, to its row only", test_nan},
  };
  int failed = unit_run("linalg", cases, sizeof cases / sizeof *cases);
#ifndef CORSAC_REAL_DOUBLE
  for (int level = 0; level < TILES_LEVELS && !failed; level++) {
    on = tiles_at((enum tiles_level)level);
    if (on) failed = unit_run(on->name, cases, sizeof cases / sizeof *cases);
  }
#endif
  return failed;
}
