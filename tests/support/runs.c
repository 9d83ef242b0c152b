#include "tests/support/runs.h"

#include "common/config/options.h"
#include "learner/job/metrics.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT = 16384 };

char *runs_make(const char *directory, const char *name, const char *yaml, size_t rows, double first) {
  char *run = unit_path(directory, name), *config = unit_path(run, "config.yaml"), *csv = unit_path(run, "metrics.csv");
  char *text = malloc(TEXT + rows * 256);
  struct config now;
  options_defaults(&now);
  snprintf(now.env, sizeof now.env, "Pendulum-v1");
  CU_ASSERT_EQUAL_FATAL(options_parse_yaml(yaml, strlen(yaml), "test", &now, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(mkdir(run, 0700), 0);
  unit_write_file(config, text, options_format_yaml(&now, text, TEXT));
  size_t used = (size_t)snprintf(text, TEXT, "%s\n", metrics_header());
  for (size_t r = 0; r < rows; r++) {
    const double value = first + 10.0 * (double)r;
    used += (size_t)sprintf(text + used, "%zu,%zu,%zu,%zu,%g,%g,%g,200,1.5,2.5,0.5,0.1,-3,1,7.5,9,0.1,0.2,500,500,1,",
                            r + 1, 100 * (r + 1), 100 * r, r, value, value - 5, value + 5);
    if (r % 2) used += (size_t)sprintf(text + used, "%g", value + 1);
    used += (size_t)sprintf(text + used, ",7,8,0.01,0.02,0.03,%d,,,%zu,1,\n", r == 1 ? 2 : 0, 100 * (r + 1));
  }
  unit_write_file(csv, text, used);
  free(text), free(config), free(csv);
  return run;
}
