// log(x) by arithmetic alone. So the bits are the same on every processor and vector unit, while the C library's depend
// on the processor.
#ifndef CORSAC_COMMON_BASE_LOGARITHM_H
#define CORSAC_COMMON_BASE_LOGARITHM_H

#include <stdint.h>
#include <string.h>

// For normal x > 0, to 2e-16 of the larger of 1 and its magnitude:   x = 2^k m, sqrt(1/2) <= m < sqrt(2),
// log x = k log 2 + 2 atanh z,  z = (m - 1) / (m + 1), its series up to z^21
static inline double logarithm(double x) {
  const uint64_t half_root = 0x3fe6a09e667f3bcd, bias = 1023; // bits of sqrt(1/2)
  const double log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint64_t exponent = (bits - half_root + (bias << 52)) >> 52; // k + bias
  bits -= (exponent - bias) << 52;
  double m, k;
  memcpy(&m, &bits, sizeof m);
  const uint64_t integer = exponent | 0x4330000000000000; // 2^52 + k + bias
  memcpy(&k, &integer, sizeof k);
  k -= 0x1p52 + 1023;
  const double z = (m - 1) / (m + 1), s = z * z;
  double p = 2.0 / 21;
  p = p * s + 2.0 / 19;
  p = p * s + 2.0 / 17;
  p = p * s + 2.0 / 15;
  p = p * s + 2.0 / 13;
  p = p * s + 2.0 / 11;
  p = p * s + 2.0 / 9;
  p = p * s + 2.0 / 7;
  p = p * s + 2.0 / 5;
  p = p * s + 2.0 / 3;
  return k * log2_high + (2 * z + (z * s * p + k * log2_low));
}

#endif
