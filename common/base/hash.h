// FNV-1a (Fowler, Noll, Vo), a hash of 64 bits that is not cryptographic.
#ifndef CORSAC_COMMON_BASE_HASH_H
#define CORSAC_COMMON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 14695981039346656037u

// Adds bytes to a hash. `hash` is the result for the bytes before these, or HASH_START.
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 1099511628211u;
  return hash;
}

#endif
