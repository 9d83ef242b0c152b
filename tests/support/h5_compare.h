// Compares two HDF5 files object by object: every dataset's type, shape and bytes, every attribute.
#ifndef CORSAC_TESTS_SUPPORT_H5_COMPARE_H
#define CORSAC_TESTS_SUPPORT_H5_COMPARE_H

#include <stddef.h>

// The number of differences between the files, apart from objects and attributes named in `ignored` (NULL-terminated:
// "/config", "/learner/seconds", and attributes as "@created"); -1 where a file cannot be read. Prints each difference
// on stderr.
int h5_compare(const char *left, const char *right, const char *const *ignored);
#endif
