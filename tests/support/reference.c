#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 32, HEAD = NAME + 8 };

struct reference reference_open(const char *path) {
  struct reference reference;
  reference.data = unit_read_file(path, &reference.size);
  if (!reference.data) {
    fprintf(stderr, "cannot read %s; tests run from the root of the repository\n", path);
    exit(1);
  }
  return reference;
}

// HEAD and every record are multiples of 8 bytes, so that values stand aligned.
const double *reference_get(const struct reference *reference, const char *name, size_t count) {
  for (size_t at = 0; at + HEAD <= reference->size;) {
    uint64_t found;
    memcpy(&found, reference->data + at + NAME, sizeof found);
    if (found > (reference->size - at - HEAD) / sizeof(double)) break;
    if (strncmp(reference->data + at, name, NAME) == 0 && found == count)
      return (const double *)(const void *)(reference->data + at + HEAD);
    at += HEAD + found * sizeof(double);
  }
  fprintf(stderr, "no %s of %zu numbers in the reference data\n", name, count);
  exit(1);
}

void reference_release(struct reference *reference) {
  free(reference->data);
  *reference = (struct reference){0};
}

uint64_t numbers_word(struct numbers *numbers) {
  uint64_t z = numbers->state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double numbers_uniform(struct numbers *numbers) { return (double)(numbers_word(numbers) >> 11) * 0x1p-52 - 1; }
