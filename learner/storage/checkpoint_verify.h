// Whether a checkpoint can be used: checkpoint_verify (checkpoint.h) walks the layout that loading walks, and more, and
// this finds the newest one for which that holds.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_VERIFY_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_VERIFY_H

#include "common/base/status.h"
#include <stdbool.h>

// Of what reading a file ended with: the file is damaged. Anything else (in use by another program, no permission, an
// error of the disk, another version) says nothing against it.
static inline bool checkpoint_is_damage(enum status status) { return status == STATUS_FORMAT; }

// The newest checkpoint of a run's directory that verifies; whole_job: and is more than a policy. Each one that is
// damaged is passed over, and `skipped` (unless NULL) hears why, and whether there is one before it. Where one cannot
// be judged nothing older is taken in its place: its error is returned. STATUS_IO without a message: there is none.
// file: FILE_PATH bytes.
enum status checkpoint_newest(const char *directory, bool whole_job,
                              void (*skipped)(const struct error *why, bool another), char *file, struct error *error);
#endif
