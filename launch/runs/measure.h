// What training measures, and how a chart of it is titled: the panels of a report and of a sheet.
#ifndef CORSAC_LAUNCH_RUNS_MEASURE_H
#define CORSAC_LAUNCH_RUNS_MEASURE_H

#include <stdbool.h>

struct measure {
  const char *column; // of metrics.csv
  const char *title;
  const char *percent_title; // of a share (0 to 1) that is drawn in percent; NULL: no share
  bool from_zero;            // its axis begins at 0
};

// Returns the measure of a column that stands in the table of measure.c.
const struct measure *measure_of(const char *column);
#endif
