// Scales the policy's action in [-1,1] to the environment's [low, high], and back: one formula for training, evaluation
// and exported policies.
#ifndef CORSAC_COMMON_NN_ACTION_RANGE_H
#define CORSAC_COMMON_NN_ACTION_RANGE_H

#include <math.h>

// scaled = low + (a + 1)/2 (high - low), in double. A nearest float just outside the range is pulled inside. NaN
// passes.
static inline float action_scaled(float a, double low, double high) {
  float scaled = (float)(low + ((double)a + 1) / 2 * (high - low));
  if ((double)scaled > high) scaled = nextafterf((float)high, -INFINITY);
  if ((double)scaled < low) scaled = nextafterf((float)low, INFINITY);
  return scaled;
}

// The action in [-1, 1] that action_scaled makes `scaled` of. What is outside the range is taken for its end.
static inline float action_unscaled(float scaled, double low, double high) {
  const double a = 2 * (((double)scaled - low) / (high - low)) - 1;
  return (float)(a < -1 ? -1 : a > 1 ? 1 : a);
}

#endif
