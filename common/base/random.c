#include "common/base/random.h"
#include "common/base/logarithm.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <math.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

struct random random_stream(uint64_t seed, enum random_purpose purpose, uint32_t environment, uint64_t index) {
  assert(environment <= RANDOM_MAX_ENVIRONMENT);
  return (struct random){
      .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
      .counter = {0, (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)purpose << 24 | environment},
  };
}

static void random_refill(struct random *random) {
  philox4x32_ctr_t counter;
  philox4x32_key_t key;
  for (int i = 0; i < 4; i++) counter.v[i] = random->counter[i];
  for (int i = 0; i < 2; i++) key.v[i] = random->key[i];
  philox4x32_ctr_t block = philox4x32(counter, key);
  for (int i = 0; i < 4; i++) random->block[i] = block.v[i];
  random->counter[0]++;
  random->left = 4;
}

uint32_t random_u32(struct random *random) {
  if (random->left == 0) random_refill(random);
  return random->block[4 - random->left--];
}

uint64_t random_u64(struct random *random) {
  uint64_t low = random_u32(random);
  return low | (uint64_t)random_u32(random) << 32;
}

double random_uniform(struct random *random) { return (double)(random_u64(random) >> 11) * 0x1p-53; }

// --- normals ---

// Logarithm, sine and cosine are our own, of products and sums alone. A library's differ from processor to processor,
// and these become vectors.

struct pair {
  double first, second;
};

// cos and sin of 2 pi v for 0 <= v < 1:   v = q/4 + r, |r| <= 1/8, the Taylor series of x = 2 pi r up to x^16 and x^15
static inline struct pair cos_sin_turn(double v) {
  const double round = 0x1.8p52, q = (4 * v + round) - round, x = 2 * M_PI * (v - q / 4), s = x * x;
  double c = 1.0 / 20922789888000, d = -1.0 / 1307674368000;
  c = c * s - 1.0 / 87178291200;
  c = c * s + 1.0 / 479001600;
  c = c * s - 1.0 / 3628800;
  c = c * s + 1.0 / 40320;
  c = c * s - 1.0 / 720;
  c = c * s + 1.0 / 24;
  c = 1 - s / 2 + s * s * c;
  d = d * s + 1.0 / 6227020800;
  d = d * s - 1.0 / 39916800;
  d = d * s + 1.0 / 362880;
  d = d * s - 1.0 / 5040;
  d = d * s + 1.0 / 120;
  d = d * s - 1.0 / 6;
  d = x + x * s * d;
  const double is_odd = q == 1 || q == 3 ? 1 : 0;
  const double cosine = is_odd != 0 ? d : c, sine = is_odd != 0 ? c : d;
  return (struct pair){q == 1 || q == 2 ? -cosine : cosine, q == 2 || q == 3 ? -sine : sine};
}

// Box-Muller: r = sqrt(-2 log u), u in (0, 1]; the pair is r cos(2 pi v), r sin(2 pi v).
static inline struct pair box_muller(double u, double v) {
  const double radius = sqrt(-2 * logarithm(u));
  const struct pair turn = cos_sin_turn(v);
  return (struct pair){radius * turn.first, radius * turn.second};
}

double random_normal(struct random *random) {
  if (random->spare) {
    random->spare = 0;
    return random->normal;
  }
  const double u = 1 - random_uniform(random), v = random_uniform(random);
  const struct pair pair = box_muller(u, v);
  random->normal = pair.second;
  random->spare = 1;
  return pair.first;
}

// A block gives a pair.
void random_skip_normals(struct random *random, uint64_t count) {
  random->counter[0] = (uint32_t)(count / 2);
  if (count % 2 > 0) random_normal(random);
}

enum { BLOCKS = RANDOM_PAIRS }; // blocks of random words that are computed together; each gives a pair

// philox4x32-10 of Random123 for many blocks: word[w][i] is word w of counter i and becomes word w of its block.
VECTORIZE static void philox(const uint32_t key[2], uint32_t word[4][BLOCKS]) {
  uint32_t key0 = key[0], key1 = key[1];
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < BLOCKS; i++) {
      const uint64_t a = (uint64_t)0xd2511f53 * word[0][i], b = (uint64_t)0xcd9e8d57 * word[2][i];
      word[0][i] = (uint32_t)(b >> 32) ^ word[1][i] ^ key0;
      word[1][i] = (uint32_t)b;
      word[2][i] = (uint32_t)(a >> 32) ^ word[3][i] ^ key1;
      word[3][i] = (uint32_t)a;
    }
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
}

// random_uniform of two words. It converts 31 and 22 bits separately, since only the newest processors convert vectors
// of 64-bit integers to double.
static inline double uniform_of(uint32_t low, uint32_t high) {
  return ((double)(int32_t)(high >> 1) * 0x1p22 + (double)(int32_t)((low >> 11) | (high & 1) << 21)) * 0x1p-53;
}

VECTORIZE static void normal_pairs(uint32_t word[4][BLOCKS], double first[BLOCKS], double second[BLOCKS]) {
  for (int i = 0; i < BLOCKS; i++) {
    const struct pair pair = box_muller(1 - uniform_of(word[0][i], word[1][i]), uniform_of(word[2][i], word[3][i]));
    first[i] = pair.first;
    second[i] = pair.second;
  }
}

void random_normals(struct random *random, size_t count, double *values) {
  size_t done = 0;
  if (count > 0 && random->spare) values[done++] = random_normal(random);
  if (random->left == 0) { // otherwise a pair does not begin with a block
    uint32_t word[4][BLOCKS];
    double first[BLOCKS], second[BLOCKS];
    while (count - done >= 2) {
      const size_t left = (count - done) / 2, blocks = left < BLOCKS ? left : BLOCKS;
      for (uint32_t i = 0; i < BLOCKS; i++) {
        word[0][i] = random->counter[0] + i;
        for (int w = 1; w < 4; w++) word[w][i] = random->counter[w];
      }
      philox(random->key, word);
      normal_pairs(word, first, second);
      for (size_t i = 0; i < blocks; i++, done += 2) {
        values[done] = first[i];
        values[done + 1] = second[i];
      }
      random->counter[0] += (uint32_t)blocks;
    }
  }
  while (done < count) values[done++] = random_normal(random);
}

void random_normals_at(struct random stream, size_t indices, size_t count, float *values, size_t stride) {
  const uint64_t index = (uint64_t)stream.counter[2] << 32 | stream.counter[1];
  const size_t pairs = (count + 1) / 2, total = indices * pairs; // of a stream, of all
  uint32_t word[4][BLOCKS];
  double first[BLOCKS], second[BLOCKS];
  for (size_t done = 0; done < total; done += BLOCKS) {
    const size_t blocks = total - done < BLOCKS ? total - done : BLOCKS;
    uint64_t at = index + done / pairs;
    for (size_t i = 0, pair = done % pairs; i < BLOCKS; i++) {
      word[0][i] = (uint32_t)pair;
      word[1][i] = (uint32_t)at;
      word[2][i] = (uint32_t)(at >> 32);
      word[3][i] = stream.counter[3];
      if (++pair == pairs) {
        pair = 0;
        at++;
      }
    }
    philox(stream.key, word);
    normal_pairs(word, first, second);
    for (size_t i = 0, pair = done % pairs; i < blocks; i++) {
      values[2 * pair] = (float)first[i];
      if (2 * pair + 1 < count) values[2 * pair + 1] = (float)second[i];
      if (++pair == pairs) {
        pair = 0;
        values += stride;
      }
    }
  }
}

// The high word of u * n is uniform once the low words below 2^32 mod n are refused: without that some results would
// come once too often.
uint32_t random_bounded(struct random *random, uint32_t n) {
  assert(n > 0);
  uint64_t product = (uint64_t)random_u32(random) * n;
  if ((uint32_t)product < n) {
    uint32_t refused = (uint32_t)-n % n;
    while ((uint32_t)product < refused) product = (uint64_t)random_u32(random) * n;
  }
  return (uint32_t)(product >> 32);
}
