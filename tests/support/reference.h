// Numbers that another implementation made (tests/data/*.py): records of name (32 bytes, padded with 0), count
// (uint64), values (count float64), little-endian. And the generator that both sides draw inputs from, so that inputs
// need not be stored.
#ifndef CORSAC_TESTS_SUPPORT_REFERENCE_H
#define CORSAC_TESTS_SUPPORT_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

struct reference {
  char *data;
  size_t size;
};
// These leave the program where the file, the name or the count is not as expected: nothing could be tested then.
struct reference reference_open(const char *path);
const double *reference_get(const struct reference *reference, const char *name, size_t count);
void reference_release(struct reference *reference);

// splitmix64 (Steele, Lea and Flood 2014)
struct numbers {
  uint64_t state; // starts as the seed
};
uint64_t numbers_word(struct numbers *numbers);
double numbers_uniform(struct numbers *numbers); // [-1, 1)

#endif
