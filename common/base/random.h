// Counter-based random numbers without hidden state: Philox4x32-10 (Salmon et al. 2011, Random123).
//   key = seed, counter = {block, low32(index), high32(index), purpose << 24 | environment}
// A number depends on its purpose and on nothing that happened before. So the results of a job depend neither on how it
// is spread over ranks nor on a restart.
#ifndef CORSAC_COMMON_BASE_RANDOM_H
#define CORSAC_COMMON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum random_purpose {    // index is:
  RANDOM_INIT = 0,       //   0; environment = network (0 policy, 1 + k critic k)
  RANDOM_WARMUP = 1,     //   the environment's step
  RANDOM_ACTOR = 2,      //   the environment's step
  RANDOM_NOISE = 3,      //   the update (noise at s)
  RANDOM_NOISE_NEXT = 4, //   the update (noise at s')
  RANDOM_REPLAY = 5,     //   the update
  RANDOM_RESET = 6,      //   the environment's episode
  RANDOM_EVALUATION = 7, //   the evaluation episode
  RANDOM_SUBSET = 8,     //   the update
  RANDOM_HOLD = 9,       //   the environment's step (how long its noise is held)
  RANDOM_SAMPLED = 10,   //   episode << 32 | step, of an evaluation with sampled actions
  RANDOM_CASE = 11,      //   the environment's episode (which case it plays)
  RANDOM_PURPOSES
};
enum { RANDOM_MAX_ENVIRONMENT = (1 << 24) - 1 };

// A stream: a plain value, copied freely. 2^32 blocks of four 32-bit words.
struct random {
  uint32_t key[2], counter[4], block[4];
  uint32_t left;  // words of block not yet used
  uint32_t spare; // 1: normal holds the second of a pair
  double normal;
};

struct random random_stream(uint64_t seed, enum random_purpose purpose, uint32_t environment, uint64_t index);
uint32_t random_u32(struct random *random);
uint64_t random_u64(struct random *random);

// Uniform on [0, 1), with 53 bits.
double random_uniform(struct random *random);

// N(0,1), by Box-Muller on 53-bit uniforms.
double random_normal(struct random *random);

// Makes the next result of random_normal the one behind `count` others, of a new stream.
void random_skip_normals(struct random *random, uint64_t count);

// The next `count` results of random_normal, bit for bit, several at a time.
void random_normals(struct random *random, size_t count, double *values);

// The first `count` results of random_normal, rounded to float, of a new stream `first` and of those at the indices
// behind its own: values (indices x count), a row every `stride`. RANDOM_PAIRS pairs cost little more than one.
enum { RANDOM_PAIRS = 64 };
void random_normals_at(struct random first, size_t indices, size_t count, float *values, size_t stride);

// Uniform on 0 .. n - 1 without bias (Lemire 2019); n > 0.
uint32_t random_bounded(struct random *random, uint32_t n);

#endif
