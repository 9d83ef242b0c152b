#include "launch/runs/metrics_table.h"

#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "learner/run/run_directory.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_column(const struct metrics_table *table, const char *column) {
  for (size_t c = 0; c < table->columns; c++)
    if (strcmp(table->name[c], column) == 0) return true;
  return false;
}

const double *metrics_table_find(const struct metrics_table *table, const char *column) {
  for (size_t c = 0; c < table->columns; c++)
    if (strcmp(table->name[c], column) == 0) return table->cell[c];
  return NULL;
}

void metrics_table_release(struct metrics_table *table) {
  for (size_t c = 0; c < table->columns; c++) memory_free(table->cell[c]);
  *table = (struct metrics_table){0};
}

// Makes room for one row more, in every column.
static enum status grow(struct metrics_table *table, struct error *error) {
  if (table->rows < table->row_capacity) return STATUS_OK;
  const size_t capacity = table->row_capacity ? 2 * table->row_capacity : 256;
  for (size_t c = 0; c < table->columns; c++) {
    double *cells = memory_alloc(capacity, sizeof *cells, "the rows of metrics.csv", error);
    if (!cells) return STATUS_MEMORY;
    if (table->rows > 0) memcpy(cells, table->cell[c], table->rows * sizeof *cells);
    memory_free(table->cell[c]);
    table->cell[c] = cells;
  }
  table->row_capacity = capacity;
  return STATUS_OK;
}

// Finds the index of a column, or adds the column, with NaN in the rows before.
static enum status column_index(struct metrics_table *table, const char *name, size_t length, size_t *at,
                                struct error *error) {
  for (*at = 0; *at < table->columns; (*at)++)
    if (strlen(table->name[*at]) == length && memcmp(table->name[*at], name, length) == 0) return STATUS_OK;
  if (table->columns == METRICS_TABLE_COLUMNS || length == 0 || length >= METRICS_TABLE_NAME)
    return error_set(error, STATUS_FORMAT, "'%.*s' is no name of a column", (int)(length < 60 ? length : 60), name);
  if (table->row_capacity > 0) {
    table->cell[*at] = memory_alloc(table->row_capacity, sizeof(double), "a column of metrics.csv", error);
    if (!table->cell[*at]) return STATUS_MEMORY;
    for (size_t r = 0; r < table->rows; r++) table->cell[*at][r] = NAN;
  }
  memcpy(table->name[*at], name, length);
  table->columns++;
  return STATUS_OK;
}

static const double LARGEST = 1e100; // a chart subtracts such numbers and adds a margin

// Adds a row. columns (count): which column of the table each cell belongs to.
static enum status take_row(struct metrics_table *table, char *line, const size_t *columns, size_t count,
                            struct error *error) {
  size_t given = 0;
  enum status status = grow(table, error);
  if (status != STATUS_OK) return status;
  for (size_t c = 0; c < table->columns; c++) table->cell[c][table->rows] = NAN;
  for (char *cell; (cell = strsep(&line, ",")); given++) {
    char *end;
    const double value = strtod(cell, &end);
    if (given >= count) continue;
    if (*end) return error_set(error, STATUS_FORMAT, "'%.40s' is no number", cell);
    table->cell[columns[given]][table->rows] = end > cell && fabs(value) < LARGEST ? value : NAN;
  }
  if (given != count)
    return error_set(error, STATUS_FORMAT, "%zu column%s, not the %zu of the first line", given, plural(given), count);
  table->rows++;
  return STATUS_OK;
}

// Drops the rows from `steps` on, which a later file repeats.
static void drop_from(struct metrics_table *table, double steps) {
  const double *at = metrics_table_find(table, "env_steps");
  while (at && table->rows > 0 && at[table->rows - 1] >= steps) table->rows--;
}

static enum status take_file(struct metrics_table *table, FILE *file, struct error *error) {
  char *line = NULL;
  size_t capacity = 0, columns[METRICS_TABLE_COLUMNS], count = 0;
  unsigned long number = 0;
  enum status status = STATUS_OK;
  for (ssize_t length; status == STATUS_OK && (length = getline(&line, &capacity, file)) > 0;) {
    if (line[length - 1] != '\n') break; // half-written
    line[--length] = '\0';
    if (++number == 1) {
      char *rest = line;
      for (char *name; status == STATUS_OK && (name = strsep(&rest, ",")) && count < METRICS_TABLE_COLUMNS;)
        status = column_index(table, name, strlen(name), &columns[count++], error);
      if (status == STATUS_OK && !has_column(table, "env_steps"))
        status = error_set(error, STATUS_FORMAT, "has no column env_steps");
    } else {
      if (number == 2) {
        const char *comma = strchr(line, ',');
        if (table->rows > 0 && comma) drop_from(table, strtod(comma + 1, NULL));
      }
      status = take_row(table, line, columns, count, error);
    }
    if (status != STATUS_OK) error_prefix(error, "line %lu", number);
  }
  free(line);
  return status;
}

enum status metrics_table_read(const char *directory, struct metrics_table *table, struct error *error) {
  *table = (struct metrics_table){0};
  char path[FILE_PATH], aside[FILE_PATH + 32];
  enum status status = file_join(path, directory, "metrics.csv", error);
  bool last = false;
  for (int n = 1; status == STATUS_OK && !last; n++) {
    snprintf(aside, sizeof aside, "%s.%d", path, n);
    struct error unread = {0};
    FILE *file = file_read_plain(aside, &unread);
    last = !file;
    if (!file && errno == ENOENT) {
      error_clear(&unread);
      snprintf(aside, sizeof aside, "%s", path);
      file = file_read_plain(aside, &unread);
    }
    if (!file && errno != ENOENT) return error_set(error, STATUS_IO, "%s", unread.text);
    if (!file) break;
    status = take_file(table, file, error);
    fclose(file);
    if (status != STATUS_OK) error_prefix(error, "%s", aside);
  }
  if (status != STATUS_OK) metrics_table_release(table);
  return status;
}
