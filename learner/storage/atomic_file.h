// Files that are whole or absent, whenever the process or the machine dies: written under a temporary name, fsynced,
// renamed, and the directory fsynced.
#ifndef CORSAC_LEARNER_STORAGE_ATOMIC_FILE_H
#define CORSAC_LEARNER_STORAGE_ATOMIC_FILE_H

#include "common/base/status.h"

enum { ATOMIC_FILE_PATH = 4096 + 8 };
#define ATOMIC_FILE_SUFFIX ".tmp" // what a killed writer leaves behind ends with it

// What is renamed to `path` takes its place, also that of a device: STATUS_IO where it is there and no file.
enum status atomic_file_check(const char *path, struct error *error);
// atomic_file_check, and the name under which `path` is written. temporary: ATOMIC_FILE_PATH bytes.
enum status atomic_file_begin(const char *path, char *temporary, struct error *error);
// The temporary file is complete and closed: it becomes `path`. On failure it is removed and what stood at `path`
// stays.
enum status atomic_file_commit(const char *temporary, const char *path, struct error *error);
// The same without waiting for the disk: whole or absent whenever the process dies, but not the machine.
enum status atomic_file_replace(const char *temporary, const char *path, struct error *error);
#endif
