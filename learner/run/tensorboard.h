// The rows of metrics.csv once more, as TensorBoard's event file in the run directory, with the configuration as
// hyper-parameters and as text. A side matter: whatever fails is said once, and training goes on.
#ifndef CORSAC_LEARNER_RUN_TENSORBOARD_H
#define CORSAC_LEARNER_RUN_TENSORBOARD_H

#include "common/config/config.h"
#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

struct tensorboard;
// header: of metrics.csv. The file is made with the first row. last_steps: of the newest row that is kept: in files of
// earlier processes of the run, whatever came after it counts no more. NULL where there is no memory.
struct tensorboard *tensorboard_create(const char *directory, const struct config *config, const char *header,
                                       uint64_t last_steps, struct error *error);
void tensorboard_destroy(struct tensorboard *tensorboard);
// A row as it stands in metrics.csv: every cell that has a number becomes a scalar at step env_steps. NULL does
// nothing.
void tensorboard_row(struct tensorboard *tensorboard, const char *line);
// The job is over: it ended well, or not. One that was stopped goes on later, and has no end.
void tensorboard_end(struct tensorboard *tensorboard, int exit_code);
// The tag of a column: its group and its name, as "update/alpha".
enum { TENSORBOARD_TAG = 128 };
void tensorboard_tag(const char *column, char tag[TENSORBOARD_TAG]);
#endif
