// The check of action bounds, wherever they come from: an environment, a simulator, a file.
#ifndef CORSAC_COMMON_BASE_ACTION_BOUNDS_H
#define CORSAC_COMMON_BASE_ACTION_BOUNDS_H

#include <math.h>
#include <stdbool.h>

// Both are finite, low < high, and their difference is finite, since actions are scaled by it.
static inline bool action_bounds_are_good(double low, double high) {
  return isfinite(low) && isfinite(high) && low < high && isfinite(high - low);
}
#define ACTION_BOUNDS_RULE "they have to be finite, low < high, with a finite difference"

#endif
