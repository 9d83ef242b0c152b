// The rows of metrics.csv once more, as TensorBoard's event file in the run directory, with the configuration as
// hyper-parameters and as text. Training does not depend on it: a failure is reported once, and training goes on.
#ifndef CORSAC_LEARNER_RUN_TENSORBOARD_H
#define CORSAC_LEARNER_RUN_TENSORBOARD_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>
#include <stdint.h>

struct tensorboard;

// header: of metrics.csv. last_steps: env_steps of the newest row that is kept; later rows in files of the run's
// earlier processes count no more. The file is made with the first row. NULL: no memory.
struct tensorboard *tensorboard_create(const char *directory, const struct config *config, const char *header,
                                       uint64_t last_steps, struct error *error);
void tensorboard_destroy(struct tensorboard *tensorboard);

// Takes a row as it stands in metrics.csv: every cell that has a number becomes a scalar at step env_steps. A NULL
// tensorboard does nothing.
void tensorboard_row(struct tensorboard *tensorboard, const char *line);

// The job is over. A job that was stopped goes on later, so it has no end here.
void tensorboard_end(struct tensorboard *tensorboard, int exit_code);

// Makes the tag of a column: its group and its name, as "update/alpha".
enum { TENSORBOARD_TAG = 128 };
void tensorboard_tag(const char *column, char tag[TENSORBOARD_TAG]);
#endif
