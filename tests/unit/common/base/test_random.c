// Known answers: Random123's kat_vectors, philox4x32 with 10 rounds.
#include "common/base/random.h"
#include "tests/support/unit.h"
#include <math.h>

static void test_known_answers(void) {
  static const struct {
    uint32_t counter[4], key[2], answer[4];
  } vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (int i = 0; i < 3; i++) {
    struct random random = {0};
    for (int k = 0; k < 2; k++) random.key[k] = vectors[i].key[k];
    for (int k = 0; k < 4; k++) random.counter[k] = vectors[i].counter[k];
    for (int k = 0; k < 4; k++) CU_ASSERT_EQUAL(random_u32(&random), vectors[i].answer[k]);
  }
}

static void test_layout(void) {
  struct random random = random_stream(0x1122334455667788, RANDOM_RESET, 0xabcdef, 0x99aabbccddeeff00);
  CU_ASSERT_EQUAL(random.key[0], 0x55667788);
  CU_ASSERT_EQUAL(random.key[1], 0x11223344);
  CU_ASSERT_EQUAL(random.counter[0], 0);
  CU_ASSERT_EQUAL(random.counter[1], 0xddeeff00);
  CU_ASSERT_EQUAL(random.counter[2], 0x99aabbcc);
  CU_ASSERT_EQUAL(random.counter[3], 0x06abcdef);
  // Block by block: the fifth word is the first of block 1. A 64-bit number takes its low word first.
  struct random words = random, block1 = random;
  for (int i = 0; i < 4; i++) random_u32(&words);
  block1.counter[0] = 1;
  CU_ASSERT_EQUAL(random_u32(&words), random_u32(&block1));
  struct random pair = random;
  uint64_t low = random_u32(&random), high = random_u32(&random);
  CU_ASSERT_EQUAL(random_u64(&pair), low | high << 32);
}

static void test_streams_differ(void) {
  enum { STREAMS = 6 };
  struct random streams[STREAMS] = {
      random_stream(1, RANDOM_ACTOR, 0, 0), random_stream(2, RANDOM_ACTOR, 0, 0),
      random_stream(1, RANDOM_NOISE, 0, 0), random_stream(1, RANDOM_ACTOR, 1, 0),
      random_stream(1, RANDOM_ACTOR, 0, 1), random_stream(1, RANDOM_ACTOR, 0, 1ULL << 32),
  };
  uint64_t first[STREAMS];
  for (int i = 0; i < STREAMS; i++) {
    first[i] = random_u64(&streams[i]);
    for (int k = 0; k < i; k++) CU_ASSERT_NOT_EQUAL(first[i], first[k]);
  }
  struct random again = random_stream(1, RANDOM_ACTOR, 0, 0);
  CU_ASSERT_EQUAL(random_u64(&again), first[0]);
}

static void test_uniform(void) {
  enum { N = 400000 };
  struct random random = random_stream(5, RANDOM_WARMUP, 3, 4);
  double sum = 0, squares = 0, least = 1, most = 0, lag = 0, previous = 0.5;
  for (int i = 0; i < N; i++) {
    double x = random_uniform(&random);
    sum += x, squares += x * x;
    lag += (x - 0.5) * (previous - 0.5);
    previous = x;
    least = x < least ? x : least, most = x > most ? x : most;
  }
  // Five standard errors each.
  CU_ASSERT(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
  CU_ASSERT(fabs(squares / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
  CU_ASSERT(fabs(lag / N) < 5.0 / 12 / sqrt(N));
  CU_ASSERT_TRUE(least >= 0);
  CU_ASSERT_TRUE(least < 1e-4);
  CU_ASSERT_TRUE(most < 1);
  CU_ASSERT_TRUE(most > 1 - 1e-4);
}

static void test_normal(void) {
  enum { N = 400000 };
  struct random random = random_stream(7, RANDOM_NOISE, 0, 11);
  double moment[5] = {0}, pairs = 0, previous = 0;
  int beyond[3] = {0};
  for (int i = 0; i < N; i++) {
    double x = random_normal(&random), power = 1;
    for (int k = 1; k <= 4; k++) moment[k] += power *= x;
    for (int k = 0; k < 3; k++) beyond[k] += x > k;
    pairs += x * previous;
    previous = x;
  }
  CU_ASSERT(fabs(moment[1] / N) < 5 * sqrt(1.0 / N));
  CU_ASSERT(fabs(moment[2] / N - 1) < 5 * sqrt(2.0 / N));
  CU_ASSERT(fabs(moment[3] / N) < 5 * sqrt(15.0 / N));
  CU_ASSERT(fabs(moment[4] / N - 3) < 5 * sqrt(96.0 / N));
  CU_ASSERT(fabs(pairs / N) < 5 * sqrt(1.0 / N));
  for (int k = 0; k < 3; k++) {
    double p = 0.5 * erfc(k / sqrt(2));
    CU_ASSERT(fabs((double)beyond[k] / N - p) < 5 * sqrt(p * (1 - p) / N));
  }
}

static void test_normal_pairs(void) {
  // r cos and r sin of the same two uniforms, in that order.
  struct random random = random_stream(3, RANDOM_ACTOR, 1, 2), uniform = random;
  double radius = sqrt(-2 * log(1 - random_uniform(&uniform)));
  double angle = 2 * M_PI * random_uniform(&uniform);
  CU_ASSERT_DOUBLE_EQUAL(random_normal(&random), radius * cos(angle), 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(random_normal(&random), radius * sin(angle), 1e-12);
  CU_ASSERT_EQUAL(random_u32(&random), random_u32(&uniform));
}

// Those of several streams are what each gives alone, whatever the number of streams and of normals, across 2^32, too.
static void test_normals_at(void) {
  static const size_t indices[] = {1, 2, 64, 65, 200}, counts[] = {1, 2, 3, 6, 17, 129};
  enum { STRIDE = 131 };
  static float values[200 * STRIDE];
  for (size_t n = 0; n < sizeof indices / sizeof *indices; n++) {
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      const uint64_t first = UINT32_MAX - 1;
      int different = 0;
      for (size_t i = 0; i < sizeof values / sizeof *values; i++) values[i] = -7;
      random_normals_at(random_stream(0x123456789, RANDOM_ACTOR, 5, first), indices[n], counts[c], values, STRIDE);
      for (size_t i = 0; i < indices[n]; i++) {
        struct random alone = random_stream(0x123456789, RANDOM_ACTOR, 5, first + i);
        for (size_t j = 0; j < counts[c]; j++) different += values[i * STRIDE + j] != (float)random_normal(&alone);
        different += values[i * STRIDE + counts[c]] != -7;
      }
      CU_ASSERT_EQUAL(different, 0);
    }
  }
}

// Many at a time are the same bits as one by one, whatever came before and whatever the number.
static void test_normals(void) {
  static const size_t counts[] = {0, 1, 2, 3, 127, 128, 129, 130, 1, 300, 7, 1000};
  for (int before = 0; before < 6; before++) { // words drawn before: pairs need not begin with a block
    struct random many = random_stream(0x123456789, RANDOM_NOISE, 5, 77), single = many;
    for (int i = 0; i < before; i++) CU_ASSERT_EQUAL(random_u32(&many), random_u32(&single));
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      double values[1001];
      int different = 0;
      values[counts[c]] = -7;
      random_normals(&many, counts[c], values);
      for (size_t i = 0; i < counts[c]; i++) different += values[i] != random_normal(&single);
      CU_ASSERT_EQUAL(different, 0);
      CU_ASSERT_EQUAL(values[counts[c]], -7);
    }
    CU_ASSERT_EQUAL(random_u32(&many), random_u32(&single));
  }
}

// Against the C library, over the whole range.
static void test_normal_accuracy(void) {
  struct random random = random_stream(4, RANDOM_NOISE, 0, 0);
  double worst = 0;
  for (int i = 0; i < 200000; i++) {
    struct random uniform = random;
    const double radius = sqrt(-2 * log(1 - random_uniform(&uniform)));
    const double angle = 2 * M_PI * random_uniform(&uniform);
    worst = fmax(worst, fabs(random_normal(&random) - radius * cos(angle)));
    worst = fmax(worst, fabs(random_normal(&random) - radius * sin(angle)));
  }
  CU_ASSERT(worst < 1e-14);
}

// chi-squared with n - 1 degrees of freedom lies below its mean + 5 standard deviations (probability of a false alarm ~
// 1e-6).
static void check_bounded(uint32_t n, int draws) {
  struct random random = random_stream(13, RANDOM_REPLAY, 0, n);
  int count[64] = {0};
  for (int i = 0; i < draws; i++) {
    uint32_t x = random_bounded(&random, n);
    CU_ASSERT_FATAL(x < n);
    count[x]++;
  }
  double expected = (double)draws / n, chi = 0;
  for (uint32_t i = 0; i < n; i++) chi += (count[i] - expected) * (count[i] - expected) / expected;
  CU_ASSERT(chi < n - 1 + 5 * sqrt(2.0 * (n - 1)) + 5);
}

static void test_bounded(void) {
  static const uint32_t sizes[] = {1, 2, 3, 7, 10, 64};
  for (int i = 0; i < 6; i++) check_bounded(sizes[i], 100000);
  // n = 3/4 2^32: without refusals the results = 0 mod 3 would come up half of the time, not a third.
  enum { N = 90000 };
  struct random random = random_stream(17, RANDOM_REPLAY, 0, 0);
  int zero = 0;
  for (int i = 0; i < N; i++) {
    uint32_t x = random_bounded(&random, 0xc0000000);
    CU_ASSERT_FATAL(x < 0xc0000000);
    zero += x % 3 == 0;
  }
  CU_ASSERT(fabs(zero - N / 3.0) < 5 * sqrt(N * 2.0 / 9));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"Philox4x32-10 gives the published answers", test_known_answers},
      {"key and counter are laid out as stated", test_layout},
      {"another seed, purpose, environment or index is another stream", test_streams_differ},
      {"uniforms fill [0, 1) evenly", test_uniform},
      {"normals have the moments and tails of N(0,1)", test_normal},
      {"normals are Box-Muller pairs", test_normal_pairs},
      {"many normals at a time are those drawn one by one", test_normals},
      {"normals of several streams at once", test_normals_at},
      {"normals are right to the last digits", test_normal_accuracy},
      {"bounded numbers are even and without bias", test_bounded},
  };
  return unit_run("random", cases, sizeof cases / sizeof *cases);
}
