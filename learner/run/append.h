// Appending to a file that others may read at the same time.
#ifndef CORSAC_LEARNER_RUN_APPEND_H
#define CORSAC_LEARNER_RUN_APPEND_H

#include "common/base/held_file.h"
#include "common/base/status.h"
#include <sys/uio.h>

// Appends `count` parts by one write. On failure (a full disk) nothing of them stays. path: the file's, for messages;
// what: what is appended, "row".
enum status append_whole(struct held_file *file, const char *path, const struct iovec *parts, int count,
                         const char *what, struct error *error);
#endif
