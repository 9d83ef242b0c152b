// Whether a checkpoint can be used, and the newest one of a run directory that can.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_VERIFY_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_VERIFY_H

#include "common/base/status.h"
#include <stdbool.h>

// Walks the layout that loading walks, by the file's own configuration. Checks that every array is there in its shape
// and type, that its checksum agrees, that its numbers are usable, and that nothing in the file leads out of it.
// STATUS_FORMAT: the file is damaged; any other failure: it cannot be judged (h5.h).
enum status checkpoint_verify(const char *path, struct error *error);

// Whether reading failed because the file is damaged. Any other status (in use by another program, no permission, an
// error of the disk, another version) says nothing against the file.
static inline bool checkpoint_is_damage(enum status status) { return status == STATUS_FORMAT; }

// Finds the newest checkpoint of a run directory that verifies and, with `whole_job`, is more than a policy. A damaged
// one is skipped; `skipped` (unless NULL) is told why, and whether an older one is left. Where one cannot be judged its
// error is returned and no older one takes its place. STATUS_IO without a message: there is none.
// file: FILE_PATH bytes.
enum status checkpoint_newest(const char *directory, bool whole_job,
                              void (*skipped)(const struct error *why, bool another), char *file, struct error *error);
#endif
