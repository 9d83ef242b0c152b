#include "learner/storage/trace_file.h"

#include "common/base/printable.h"
#include "learner/storage/h5.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  enum h5_kind kind;
  size_t size;
} column_of[TRACE_COLUMNS] = {
    {"episode", H5_KIND_U32, sizeof(uint32_t)}, {"step", H5_KIND_U32, sizeof(uint32_t)},
    {"agent", H5_KIND_U32, sizeof(uint32_t)},   {"obs", H5_KIND_FLOAT, sizeof(float)},
    {"action", H5_KIND_FLOAT, sizeof(float)},   {"reward", H5_KIND_DOUBLE, sizeof(double)},
    {"next_obs", H5_KIND_FLOAT, sizeof(float)}, {"terminated", H5_KIND_U8, sizeof(uint8_t)},
    {"truncated", H5_KIND_U8, sizeof(uint8_t)}, {"log_probability", H5_KIND_DOUBLE, sizeof(double)},
    {"q", H5_KIND_DOUBLE, sizeof(double)},      {"info", H5_KIND_DOUBLE, sizeof(double)}};

const char *trace_column_name(enum trace_column column) { return column_of[column].name; }

void trace_table_init(struct trace_table *table, uint32_t obs_dim, uint32_t act_dim, uint32_t critics) {
  *table = (struct trace_table){0};
  for (int c = 0; c < TRACE_COLUMNS; c++) table->width[c] = 1;
  table->width[TRACE_OBS] = table->width[TRACE_NEXT_OBS] = obs_dim;
  table->width[TRACE_ACTION] = act_dim;
  table->width[TRACE_Q] = critics;
  table->width[TRACE_INFO] = table->width[TRACE_AGENT] = 0;
}

void trace_table_release(struct trace_table *table) {
  for (int c = 0; c < TRACE_COLUMNS; c++) buffer_release(&table->column[c]);
  *table = (struct trace_table){0};
}

enum status trace_table_add(struct trace_table *table, const void *const row[TRACE_COLUMNS], struct error *error) {
  for (int c = 0; c < TRACE_COLUMNS; c++) {
    struct buffer *column = &table->column[c];
    const size_t size = table->width[c] * column_of[c].size;
    if (column->capacity < column->size + size) {
      const enum status status = buffer_reserve(column, 2 * column->capacity + 256 * size, error);
      if (status != STATUS_OK) return status;
    }
    if (size > 0) memcpy(column->data + column->size, row[c], size);
    column->size += size;
  }
  table->rows++;
  return STATUS_OK;
}

void trace_table_cut(struct trace_table *table, uint64_t rows) {
  if (rows >= table->rows) return;
  table->rows = rows;
  for (int c = 0; c < TRACE_COLUMNS; c++) table->column[c].size = rows * table->width[c] * column_of[c].size;
}

enum status trace_table_write(const struct trace_table *table, const char *path, const char *env,
                              const char *checkpoint, struct error *error) {
  struct h5 h5;
  char text[ATOMIC_FILE_PATH];
  h5_create(&h5, path, error);
  snprintf(text, sizeof text, "%s", env);
  h5_attribute_text(&h5, "/", "env", text, sizeof text);
  printable_copy(text, sizeof text, checkpoint); // HDF5's texts are UTF-8
  h5_attribute_text(&h5, "/", "checkpoint", text, sizeof text);
  for (int c = 0; c < TRACE_COLUMNS; c++) {
    if (table->width[c] == 0) continue;
    const bool flat = c != TRACE_OBS && c != TRACE_NEXT_OBS && c != TRACE_ACTION && c != TRACE_Q && c != TRACE_INFO;
    h5_values(&h5, column_of[c].name, column_of[c].kind, table->rows, flat ? 0 : table->width[c],
              table->column[c].data);
  }
  return h5_commit(&h5);
}
