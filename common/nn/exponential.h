// exp(x) and exp(x) - 1, both to a relative 1e-15, by arithmetic alone: the same bits on every processor and in every
// vector unit, where those of the C library depend on what the processor offers.
#ifndef CORSAC_COMMON_NN_EXPONENTIAL_H
#define CORSAC_COMMON_NN_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

struct exponential {
  double value, minus_one;
};

// For x <= 708; exp(-708) below that. NaN passes.
//   x = k log 2 + r, |r| <= log(2)/2:   exp(x) = 2^k + 2^k (exp(r) - 1), the Taylor series of exp(r) - 1 up to r^13
static inline struct exponential exponential(double x) {
  const double round = 0x1.8p52; // adding it rounds to an integer, which then stands in the lowest bits
  const double log2_e = 0x1.71547652b82fep0, log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;
  x = x < -708 ? -708 : x;
  double k = x * log2_e + round;
  uint64_t bits;
  memcpy(&bits, &k, sizeof bits);
  k -= round;
  double r = (x - k * log2_high) - k * log2_low;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 1.0 / 2;
  p = r + r * r * p;
  bits = (bits + 1023) << 52; // 2^k
  double power;
  memcpy(&power, &bits, sizeof power);
  return (struct exponential){power + power * p, (power - 1) + power * p};
}

#endif
