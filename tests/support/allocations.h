// Counts calls of malloc, calloc, realloc, aligned_alloc and posix_memalign by any thread of a test program that links
// this, but for OpenBLAS' own: what promises "no allocation" is tested with.
#ifndef CORSAC_TESTS_SUPPORT_ALLOCATIONS_H
#define CORSAC_TESTS_SUPPORT_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

bool allocations_counted(void); // false under a sanitizer or valgrind, which bring their own allocator
size_t allocations_count(void);

#endif
