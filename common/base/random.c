#include "common/base/random.h"
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

// Box-Muller: r = sqrt(-2 log u), u in (0, 1]; the pair is r cos(2 pi v), r sin(2 pi v).
double random_normal(struct random *random) {
  if (random->spare) {
    random->spare = 0;
    return random->normal;
  }
  double radius = sqrt(-2 * log(1 - random_uniform(random)));
  double angle = 2 * M_PI * random_uniform(random);
  random->normal = radius * sin(angle);
  random->spare = 1;
  return radius * cos(angle);
}

// The high word of u * n is uniform once those low words are refused that some results would get one too many of: below
// 2^32 mod n.
uint32_t random_bounded(struct random *random, uint32_t n) {
  assert(n > 0);
  uint64_t product = (uint64_t)random_u32(random) * n;
  if ((uint32_t)product < n) {
    uint32_t refused = (uint32_t)-n % n;
    while ((uint32_t)product < refused) product = (uint64_t)random_u32(random) * n;
  }
  return (uint32_t)(product >> 32);
}
