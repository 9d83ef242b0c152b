// Scales the policy's action in [-1,1] to the environment's [low, high]: one formula for training, evaluation and
// exported policies.
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

#endif
