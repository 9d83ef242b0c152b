// The metrics.csv of a run directory, read as numbers: what plot and report draw.
#ifndef CORSAC_LAUNCH_RUNS_METRICS_TABLE_H
#define CORSAC_LAUNCH_RUNS_METRICS_TABLE_H

#include "common/base/status.h"
#include <stddef.h>

enum { METRICS_TABLE_COLUMNS = 640, METRICS_TABLE_NAME = 64 };

struct metrics_table { // zero-initialised is empty
  size_t rows, columns, row_capacity;
  char name[METRICS_TABLE_COLUMNS][METRICS_TABLE_NAME];
  double *cell[METRICS_TABLE_COLUMNS]; // (rows) each; NaN: an empty cell, or no number below 1e100
};

// Reads metrics.csv.1, .2, ... (set aside when a run went on with other columns) and then metrics.csv. Rows of an
// earlier file that a later one repeats are dropped, and so is a last line that is not complete. Where there is no file
// or no row the table is empty: the run has only begun. STATUS_FORMAT where a file is no such table.
enum status metrics_table_read(const char *directory, struct metrics_table *table, struct error *error);
void metrics_table_release(struct metrics_table *table);

// Returns the column's cells (rows), or NULL where there is no such column.
const double *metrics_table_find(const struct metrics_table *table, const char *column);
#endif
