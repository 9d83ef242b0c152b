// What bounds of an action are good for, wherever they come from: an environment, a simulator, a file.
#ifndef CORSAC_COMMON_BASE_ACTION_BOUNDS_H
#define CORSAC_COMMON_BASE_ACTION_BOUNDS_H

#include <math.h>
#include <stdbool.h>

// Finite, low < high, and so is their difference: actions are stretched by it.
static inline bool action_bounds_are_good(double low, double high) {
  return isfinite(low) && isfinite(high) && low < high && isfinite(high - low);
}
#define ACTION_BOUNDS_RULE "they have to be finite, low < high, with a finite difference"

#endif
