// exp(x) and exp(x) - 1, both to a relative 1e-15, by arithmetic alone. So the bits are the same on every processor and
// vector unit, while the C library's depend on the processor.
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
  const double round = 0x1.8p52; // adding it rounds to an integer and leaves that in the lowest bits
  const double log2_e = 0x1.71547652b82fep0, log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;
  x = x < -708 ? -708 : x;
  double k = x * log2_e + round;
  uint64_t bits;
  memcpy(&bits, &k, sizeof bits);
  k -= round;
  double r = (x - k * log2_high) - k * log2_low;
  // c2 + c3 r + ... + c13 r^11 in pairs and pairs of pairs: short chains, since each step waits for the one before.
  const double r2 = r * r, r4 = r2 * r2;
  const double low = (1.0 / 2 + 1.0 / 6 * r) + (1.0 / 24 + 1.0 / 120 * r) * r2;
  const double middle = (1.0 / 720 + 1.0 / 5040 * r) + (1.0 / 40320 + 1.0 / 362880 * r) * r2;
  const double high = (1.0 / 3628800 + 1.0 / 39916800 * r) + (1.0 / 479001600 + 1.0 / 6227020800 * r) * r2;
  const double p = r + r2 * ((low + middle * r4) + high * (r4 * r4));
  bits = (bits + 1023) << 52; // 2^k
  double power;
  memcpy(&power, &bits, sizeof power);
  return (struct exponential){power + power * p, (power - 1) + power * p};
}

#endif
