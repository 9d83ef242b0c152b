// A table of what a policy did, step by step, that grows in memory and is written as an HDF5 file. Its columns obs,
// action, reward, next_obs and terminated are those that --init-replay reads.
#ifndef CORSAC_LEARNER_STORAGE_TRACE_FILE_H
#define CORSAC_LEARNER_STORAGE_TRACE_FILE_H

#include "common/base/memory.h"
#include <stdint.h>

enum trace_column {
  TRACE_EPISODE,         // (rows) uint32
  TRACE_STEP,            // (rows) uint32, of the episode
  TRACE_AGENT,           // (rows) uint32; no column where there is one agent
  TRACE_OBS,             // (rows x obs_dim) float
  TRACE_ACTION,          // (rows x act_dim) float, in the environment's units
  TRACE_REWARD,          // (rows) double
  TRACE_NEXT_OBS,        // (rows x obs_dim) float
  TRACE_TERMINATED,      // (rows) uint8
  TRACE_TRUNCATED,       // (rows) uint8
  TRACE_LOG_PROBABILITY, // (rows) double, of the action in [-1,1]
  TRACE_Q,               // (rows x critics) double; no column where there are no critics
  TRACE_INFO,            // (rows x info_dim) double, named values; NaN: not given; no column where there are none
  TRACE_COLUMNS
};
struct trace_table {
  uint64_t rows;
  uint32_t width[TRACE_COLUMNS]; // 0: there is no such column
  struct buffer column[TRACE_COLUMNS];
};
// Without named values and agents: whoever has some sets width[TRACE_INFO], width[TRACE_AGENT] before the first row.
void trace_table_init(struct trace_table *table, uint32_t obs_dim, uint32_t act_dim, uint32_t critics);
void trace_table_release(struct trace_table *table);
// Adds a row; `row` points to the numbers of each column.
enum status trace_table_add(struct trace_table *table, const void *const row[TRACE_COLUMNS], struct error *error);
// Keeps the first `rows` rows.
void trace_table_cut(struct trace_table *table, uint64_t rows);
// The name of a column, as "log_probability".
const char *trace_column_name(enum trace_column column);
// Writes a dataset for each column, and the attributes env and checkpoint of the root.
enum status trace_table_write(const struct trace_table *table, const char *path, const char *env,
                              const char *checkpoint, struct error *error);
#endif
