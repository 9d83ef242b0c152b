#include "common/nn/tiles.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Arrays have exactly the size they need, so that the address sanitizer sees an access outside. The gaps between rows
// are compared too.

struct shape {
  size_t rows, in, out;
};

static float *take(size_t count) {
  float *x = malloc((count + !count) * sizeof *x);
  CU_ASSERT_PTR_NOT_NULL_FATAL(x);
  return x;
}

static float *draw(struct numbers *numbers, size_t count) {
  float *x = take(count);
  for (size_t i = 0; i < count; i++) {
    x[i] = (float)numbers_uniform(numbers);
    if (numbers_word(numbers) % 16 == 0) x[i] = copysignf(0, x[i]);
  }
  return x;
}

static float *copy(const float *from, size_t count) { return memcpy(take(count), from, count * sizeof *from); }

// The same bits, or both NaN.
static bool same(const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
  }
  return true;
}

// Floats that rows of `width` every `ld` take.
static size_t extent(size_t rows, size_t width, size_t ld) { return (rows - 1) * ld + width; }

#define FORWARD(tiles, ...)         (tiles)->forward(&(struct tiles_product){__VA_ARGS__})
#define WEIGHT_GRADIENT(tiles, ...) (tiles)->weight_gradient(&(struct tiles_gradient){__VA_ARGS__})

// --- the chains as they are promised ---

// Of a product whose panels hold w (out x in).
static void expected_forward(const struct tiles_product *p, const float *w) {
  for (size_t r = 0; r < p->rows; r++) {
    for (size_t o = 0; o < p->out; o++) {
      float sum = p->b ? p->b[o] : 0;
      for (size_t i = 0; i < p->in; i++) sum = fmaf(p->x[r * p->ldx + i], w[o * p->in + i], sum);
      if (p->epilogue == TILES_RELU && sum <= 0) sum = 0;
      if (p->epilogue == TILES_MASK && p->mask[r * p->ldy + o] <= 0) sum = 0;
      p->y[r * p->ldy + o] = sum;
    }
  }
}

// Of a gradient whose dw is dense (out x in), all of it.
static void expected_weight_gradient(const struct tiles_gradient *g) {
  for (size_t o = 0; o < g->out; o++) {
    float bias = g->add ? g->db[o] : 0;
    for (size_t r = 0; r < g->rows; r++) bias += g->dy[r * g->ldy + o];
    g->db[o] = bias;
    for (size_t i = 0; i < g->in; i++) {
      float sum = g->add ? g->dw[o * g->in + i] : 0;
      for (size_t r = 0; r < g->rows; r++) sum = fmaf(g->x[r * g->ldx + i], g->dy[r * g->ldy + o], sum);
      g->dw[o * g->in + i] = sum;
    }
  }
}

// --- one shape, at every level ---

// The forward of the rows in two parts, the second of which starts at row `split`.
static void forward_in_two(const struct tiles *tiles, const struct tiles_product *whole, size_t split) {
  struct tiles_product first = *whole, second = *whole;
  first.rows = split;
  second.rows -= split;
  second.x += split * whole->ldx;
  second.y += split * whole->ldy;
  if (whole->mask) second.mask += split * whole->ldy;
  tiles->forward(&first);
  tiles->forward(&second);
}

static bool check_forward(struct shape s) {
  struct numbers numbers = {s.rows + 100 * s.in + 10000 * s.out};
  const size_t ldx = s.in + s.rows % 3, ldy = s.out + s.in % 4, size = extent(s.rows, s.out, ldy);
  float *x = draw(&numbers, extent(s.rows, s.in, ldx)), *w = draw(&numbers, s.in * s.out);
  float *b = draw(&numbers, s.out), *before = draw(&numbers, size), *panels = take(tiles_size(s.in, s.out));
  if (s.in > 7 && s.rows > 7) x[ldx * (s.rows / 2) + 3] = NAN, before[size / 2] = NAN, b[s.out / 2] = INFINITY;
  tiles_pack(s.in, s.out, w, panels);
  bool right = true;
  for (enum tiles_epilogue epilogue = TILES_PLAIN; epilogue <= TILES_MASK; epilogue++) {
    const float *bias = epilogue == TILES_MASK || s.rows % 5 == 0 ? NULL : b;
    float *expected = copy(before, size);
    struct tiles_product product = {s.rows, s.in, s.out, x, ldx, panels, bias, expected, ldy, epilogue, before};
    expected_forward(&product, w);
    for (int level = 0; level < TILES_LEVELS; level++) {
      const struct tiles *tiles = tiles_at((enum tiles_level)level);
      if (!tiles) continue;
      float *y = copy(before, size), *in_place = copy(before, size);
      product.y = y, product.mask = before;
      tiles->forward(&product);
      product.y = in_place, product.mask = in_place;
      forward_in_two(tiles, &product, numbers_word(&numbers) % (s.rows + 1));
      right = right && same(y, expected, size) && same(in_place, expected, size);
      free(y), free(in_place);
    }
    free(expected);
  }
  free(x), free(w), free(b), free(before), free(panels);
  return right;
}

// dx = dy w of the columns begin .. end - 1
static bool check_input_gradient(struct shape s, size_t begin, size_t end) {
  struct numbers numbers = {s.rows + 100 * s.in + 10000 * s.out};
  const size_t count = end - begin;
  float *dy = draw(&numbers, s.rows * s.out), *w = draw(&numbers, s.in * s.out),
        *panels = take(tiles_size(s.in, s.out));
  float *turned = take(s.out * count), *expected = take(s.rows * count),
        *expected_panels = take(tiles_size(s.out, count));
  for (size_t o = 0; o < s.out; o++) {
    for (size_t i = 0; i < count; i++) turned[i * s.out + o] = w[o * s.in + begin + i];
  }
  struct tiles_product back = {
      .rows = s.rows, .in = s.out, .out = count, .x = dy, .ldx = s.out, .y = expected, .ldy = count};
  expected_forward(&back, turned);
  tiles_pack(s.in, s.out, w, panels);
  tiles_pack(s.out, count, turned, expected_panels);
  bool right = true;
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (!tiles) continue;
    float *transposed = take(tiles_size(s.out, count)), *dx = take(s.rows * count);
    memset(transposed, 0xff, tiles_size(s.out, count) * sizeof *transposed);
    tiles->transpose(s.in, s.out, panels, begin, end, transposed);
    back.panels = transposed, back.y = dx;
    tiles->forward(&back);
    right = right && memcmp(transposed, expected_panels, tiles_size(s.out, count) * sizeof *transposed) == 0;
    right = right && same(dx, expected, s.rows * count);
    free(transposed), free(dx);
  }
  free(dy), free(w), free(panels), free(turned), free(expected), free(expected_panels);
  return right;
}

static bool check_weight_gradient(struct shape s, bool add) {
  struct numbers numbers = {s.rows + 100 * s.in + 10000 * s.out};
  const size_t ldx = s.in + s.rows % 3, ldy = s.out + s.in % 4, size = tiles_size(s.in, s.out);
  float *x = draw(&numbers, extent(s.rows, s.in, ldx)), *dy = draw(&numbers, extent(s.rows, s.out, ldy));
  float *dw = draw(&numbers, s.in * s.out), *db = draw(&numbers, s.out);
  float *panels = take(size), *expected = take(size), *expected_bias = copy(db, s.out);
  tiles_pack(s.in, s.out, dw, panels);
  struct tiles_gradient whole = {.rows = s.rows, .in = s.in, .out = s.out, .x = x, .ldx = ldx, .dy = dy, .ldy = ldy};
  whole.dw = dw, whole.db = expected_bias, whole.add = add;
  expected_weight_gradient(&whole);
  tiles_pack(s.in, s.out, dw, expected);
  bool right = true;
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (!tiles) continue;
    const size_t count = tiles_panels(s.in, s.out), split[4] = {0, numbers_word(&numbers) % (count + 1), count, count};
    const float *soon[TILES_SOON] = {panels, NULL, panels, NULL}; // only fetched: no difference
    for (int part = 1; part <= 2; part++) {                       // in one part, in two
      float *gradient = copy(panels, size), *bias = copy(db, s.out);
      for (int p = 0; p < part; p++) {
        struct tiles_gradient some = whole;
        some.dw = gradient, some.db = bias, some.soon = part == 1 ? NULL : soon;
        some.begin = split[part == 1 ? 0 : p], some.end = split[part == 1 ? 2 : p + 1];
        tiles->weight_gradient(&some);
      }
      right = right && memcmp(gradient, expected, size * sizeof *gradient) == 0 && same(bias, expected_bias, s.out);
      free(gradient), free(bias);
    }
  }
  free(x), free(dy), free(dw), free(db), free(panels), free(expected), free(expected_bias);
  return right;
}

// --- cases ---

enum { MOST = 70 };

static const struct shape LARGE[] = {{256, 23, 256}, {256, 256, 256}, {100, 64, 64},  {200, 3, 64},  {300, 256, 1},
                                     {256, 256, 2},  {256, 256, 12},  {129, 365, 40}, {512, 17, 31}, {1, 256, 256}};
enum { LARGE_COUNT = sizeof LARGE / sizeof *LARGE };

// Every number of rows and every width of the output, in many pairs, and with these every width of the input.
static size_t width_of(size_t rows, size_t out) { return 1 + (7 * rows + 11 * (out / 2)) % MOST; }

static void test_forward(void) {
  size_t wrong = 0;
  for (size_t rows = 1; rows <= MOST; rows++) {
    for (size_t out = 1 + rows % 2; out <= MOST; out += 2)
      wrong += !check_forward((struct shape){rows, width_of(rows, out), out});
  }
  for (int i = 0; i < LARGE_COUNT; i++) wrong += !check_forward(LARGE[i]);
  CU_ASSERT_EQUAL(wrong, 0);
}

static void test_input_gradient(void) {
  size_t wrong = 0;
  for (size_t in = 1; in <= MOST; in++) {
    for (size_t out = 1 + in % 2; out <= MOST; out += 2) {
      const struct shape s = {1 + (in + out) % 16, in, out};
      const size_t begin = in * 3 % out % in, end = in - (in - begin) * (out % 4) / 5;
      wrong += !check_input_gradient(s, 0, in);
      wrong += !check_input_gradient(s, begin, end);
    }
  }
  for (int i = 0; i < LARGE_COUNT; i++) wrong += !check_input_gradient(LARGE[i], 0, LARGE[i].in);
  wrong += !check_input_gradient((struct shape){256, 23, 256}, 17, 23);
  wrong += !check_input_gradient((struct shape){64, 365, 256}, 348, 365);
  CU_ASSERT_EQUAL(wrong, 0);
}

static void test_weight_gradient(void) {
  size_t wrong = 0;
  for (size_t in = 1; in <= MOST; in++) {
    for (size_t out = 1 + in % 2; out <= MOST; out += 2) {
      wrong += !check_weight_gradient((struct shape){width_of(in, out), in, out}, (in + out) % 2);
    }
  }
  for (int i = 0; i < 2 * LARGE_COUNT; i++) wrong += !check_weight_gradient(LARGE[i / 2], i % 2);
  CU_ASSERT_EQUAL(wrong, 0);
}

static void test_pack(void) {
  for (size_t in = 1; in <= 40; in++) {
    for (size_t out = 1; out <= 40; out++) {
      struct numbers numbers = {in + 100 * out};
      float *w = draw(&numbers, in * out), *panels = take(tiles_size(in, out)), *back = take(in * out);
      memset(panels, 0xff, tiles_size(in, out) * sizeof *panels);
      tiles_pack(in, out, w, panels);
      double sum = 0, expected = 0; // nothing but w and zeros
      for (size_t i = 0; i < tiles_size(in, out); i++) sum += fabs((double)panels[i]);
      for (size_t i = 0; i < in * out; i++) expected += fabs((double)w[i]);
      tiles_unpack(in, out, panels, back);
      CU_ASSERT_DOUBLE_EQUAL(sum, expected, 1e-9);
      CU_ASSERT_TRUE(memcmp(w, back, in * out * sizeof *w) == 0);
      CU_ASSERT_EQUAL(tiles_size(in, out), tiles_panels(in, out) * TILES_PANEL * (out <= 8 ? out : in));
      free(w), free(panels), free(back);
    }
  }
  // w[1][2] of (20 x 3) and w[1][17] of (2 x 20)
  CU_ASSERT_EQUAL(tiles_index(3, 20, 1, 2), 33);
  CU_ASSERT_EQUAL(tiles_index(3, 20, 17, 2), 48 + 33);
  CU_ASSERT_EQUAL(tiles_index(20, 2, 1, 17), 32 + 17);
}

static void test_no_rows(void) {
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    for (size_t out = 1; tiles && out <= 20; out++) {
      float none = 7, dw[320], db[20];
      for (int i = 0; i < 320; i++) dw[i] = db[i % 20] = 3;
      FORWARD(tiles, 0, 5, out, &none, 5, dw, db, &none, out, TILES_MASK, &none);
      WEIGHT_GRADIENT(tiles, 0, 5, out, &none, 5, &none, out, dw, db, true, 0, tiles_panels(5, out), NULL);
      CU_ASSERT_EQUAL(none, 7);
      CU_ASSERT_EQUAL(dw[0], 3);
      CU_ASSERT_EQUAL(dw[5 * out - 1], 3);
      CU_ASSERT_EQUAL(db[0], 3);
      WEIGHT_GRADIENT(tiles, 0, 5, out, &none, 5, &none, out, dw, db, false, 0, tiles_panels(5, out), NULL);
      CU_ASSERT_EQUAL(dw[0], 0);
      CU_ASSERT_EQUAL_FATAL(dw[tiles_size(5, out) - 1], 0);
      CU_ASSERT_EQUAL(db[out - 1], 0);
      CU_ASSERT_TRUE(tiles_size(5, out) == 320 || dw[tiles_size(5, out)] == 3);
    }
  }
}

static void test_levels(void) {
  const struct tiles *best = NULL;
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (!tiles) continue;
    CU_ASSERT_PTR_NOT_EQUAL(tiles, best);
    best = tiles;
    CU_ASSERT_PTR_NOT_NULL(strstr("baseline NEON AVX2 AVX-512", tiles->name));
  }
  CU_ASSERT_PTR_NOT_NULL(tiles_at(TILES_BASELINE));
  CU_ASSERT_PTR_EQUAL(tiles_best(), best);
  CU_ASSERT_TRUE(tiles_are_fast() || strcmp(best->name, "baseline") == 0);
  CU_ASSERT_PTR_NULL(tiles_at(TILES_LEVELS));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"pack and unpack: every weight at its index, zeros elsewhere", test_pack},
      {"levels: the baseline everywhere, the best is the last of those there are", test_levels},
      {"forward: the chain from the bias, bit for bit, whole and in two parts of the rows", test_forward},
      {"input gradient: the forward of the transposed, of all or some columns", test_input_gradient},
      {"weight gradient: the chain over the rows, bit for bit, whole and in two parts of the panels",
       test_weight_gradient},
      {"no rows: nothing is touched, or the gradient is 0", test_no_rows},
  };
  return unit_run("tiles", cases, sizeof cases / sizeof *cases);
}
