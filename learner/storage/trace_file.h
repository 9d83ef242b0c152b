// What a policy did, step by step, as a table that grows: and as an HDF5 file. Its columns obs, action, reward,
// next_obs and terminated are what --init-replay takes.
#ifndef CORSAC_LEARNER_STORAGE_TRACE_FILE_H
#define CORSAC_LEARNER_STORAGE_TRACE_FILE_H

#include "common/base/memory.h"
#include <stdint.h>

enum trace_column {
  TRACE_EPISODE,         // (rows) uint32
  TRACE_STEP,            // (rows) uint32, of the episode
  TRACE_OBS,             // (rows x obs_dim) float
  TRACE_ACTION,          // (rows x act_dim) float, in the environment's units
  TRACE_REWARD,          // (rows) double
  TRACE_NEXT_OBS,        // (rows x obs_dim) float
  TRACE_TERMINATED,      // (rows) uint8
  TRACE_TRUNCATED,       // (rows) uint8
  TRACE_LOG_PROBABILITY, // (rows) double, of the action in [-1,1]
  TRACE_Q,               // (rows x critics) double; no column where there are no critics
  TRACE_COLUMNS
};
struct trace_table {
  uint64_t rows;
  uint32_t width[TRACE_COLUMNS]; // 0: there is no such column
  struct buffer column[TRACE_COLUMNS];
};
void trace_table_init(struct trace_table *table, uint32_t obs_dim, uint32_t act_dim, uint32_t critics);
void trace_table_release(struct trace_table *table);
// One row: a pointer to the numbers of each column.
enum status trace_table_add(struct trace_table *table, const void *const row[TRACE_COLUMNS], struct error *error);
void trace_table_cut(struct trace_table *table, uint64_t rows); // back to the first so many
const char *trace_column_name(enum trace_column column);        // "log_probability"
// A dataset for each column; attributes of the root: env, checkpoint.
enum status trace_table_write(const struct trace_table *table, const char *path, const char *env,
                              const char *checkpoint, struct error *error);
#endif
