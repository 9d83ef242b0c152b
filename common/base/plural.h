// Nouns after numbers in messages.
#ifndef CORSAC_COMMON_BASE_PLURAL_H
#define CORSAC_COMMON_BASE_PLURAL_H

#include <stdint.h>

// The end of a regular noun: "1 step", "2 steps", "0 steps".
static inline const char *plural(uint64_t number) { return number == 1 ? "" : "s"; }

#endif
