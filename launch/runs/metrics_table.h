// The metrics.csv of a run directory, read as numbers: what plot and report draw.
#ifndef CORSAC_LAUNCH_RUNS_METRICS_TABLE_H
#define CORSAC_LAUNCH_RUNS_METRICS_TABLE_H

#include "common/base/status.h"
#include <stddef.h>

enum { METRICS_TABLE_COLUMNS = 96, METRICS_TABLE_NAME = 64 };

struct metrics_table { // zero-initialised is empty
  size_t rows, columns, row_capacity;
  char name[METRICS_TABLE_COLUMNS][METRICS_TABLE_NAME];
  double *cell[METRICS_TABLE_COLUMNS]; // (rows) each; NaN: an empty cell, or one that is no finite number
};
// Rows of metrics.csv.1, .2, ... (set aside when a run went on with other columns) come first, as far as metrics.csv
// does not go over them. A last line without its end is passed by. No file, or no row, is an empty table: the run has
// only begun. STATUS_FORMAT where a file is no such table.
enum status metrics_table_read(const char *directory, struct metrics_table *table, struct error *error);
void metrics_table_release(struct metrics_table *table);
// (rows), or NULL where there is no such column.
const double *metrics_table_find(const struct metrics_table *table, const char *column);
#endif
