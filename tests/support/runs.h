// Run directories as training leaves them, for the tests of what looks at them.
#ifndef CORSAC_TESTS_SUPPORT_RUNS_H
#define CORSAC_TESTS_SUPPORT_RUNS_H

#include <stddef.h>

// directory/name with the configuration `yaml` (over Pendulum-v1) and metrics.csv of `rows` rows: returns rise from
// `first` by 10 a row, an evaluation every second row; steps go up by 100, time by 1 s. Returns its path, to be freed.
char *runs_make(const char *directory, const char *name, const char *yaml, size_t rows, double first);
#endif
