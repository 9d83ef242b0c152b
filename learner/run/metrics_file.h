// metrics.csv: a header line, then a row for each line of measures, each flushed at once.
#ifndef CORSAC_LEARNER_RUN_METRICS_FILE_H
#define CORSAC_LEARNER_RUN_METRICS_FILE_H

#include "common/base/status.h"
#include <stdint.h>

struct metrics_file;

// Opens the file for appending, and writes the header into a new one. keep_rows: how many rows stay; a resumed run
// drops those past its checkpoint, and the file is replaced as a whole. A file of other columns is renamed to
// metrics.csv.N, and a new one begins.
struct metrics_file *metrics_file_open(const char *directory, const char *header, uint64_t keep_rows,
                                       struct error *error);

// Returns how many rows the file kept when it was opened.
uint64_t metrics_file_rows(const struct metrics_file *file);

// Appends a row. On failure (a full disk) nothing of it stays.
enum status metrics_file_append(struct metrics_file *file, const char *line, struct error *error);
void metrics_file_close(struct metrics_file *file);
#endif
