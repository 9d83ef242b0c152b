// metrics.csv: a header line, then rows that are flushed one by one.
#ifndef CORSAC_LEARNER_RUN_METRICS_FILE_H
#define CORSAC_LEARNER_RUN_METRICS_FILE_H

#include "common/base/status.h"
#include <stdint.h>

struct metrics_file;
// Appends; keep_rows: the data rows to keep (a resumed run drops those past its checkpoint: new file, rename); writes
// the header to a new one. A file of other columns is renamed to metrics.csv.N, and a new one begins.
struct metrics_file *metrics_file_open(const char *directory, const char *header, uint64_t keep_rows,
                                       struct error *error);
uint64_t metrics_file_rows(const struct metrics_file *file); // kept, when it was opened
// On failure (a full disk) nothing of the row stays.
enum status metrics_file_append(struct metrics_file *file, const char *line, struct error *error);
void metrics_file_close(struct metrics_file *file);
#endif
