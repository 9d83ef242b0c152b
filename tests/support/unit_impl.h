// What unit.c and unit_mpi.c share; tests include unit.h.
#ifndef CORSAC_TESTS_SUPPORT_UNIT_IMPL_H
#define CORSAC_TESTS_SUPPORT_UNIT_IMPL_H

#include "tests/support/unit.h"

// Starts CUnit's registry with one suite. 0, or 1 with CUnit's error set.
int unit_register(const char *suite, const struct unit_case *cases, size_t count);

#endif
