// Files that are whole or absent, whenever the process or the machine dies: written under a temporary name, fsynced,
// renamed, and the directory fsynced.
#ifndef CORSAC_LEARNER_STORAGE_ATOMIC_FILE_H
#define CORSAC_LEARNER_STORAGE_ATOMIC_FILE_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

enum { ATOMIC_FILE_PATH = 4096 + 8 };
// The ending of a temporary name. A killed writer leaves such a file behind.
#define ATOMIC_FILE_SUFFIX ".tmp"

// STATUS_IO: there is something at `path` that is not a file. A rename would replace even a device.
enum status atomic_file_check(const char *path, struct error *error);
// atomic_file_check, and the temporary name under which to write. temporary: ATOMIC_FILE_PATH bytes.
enum status atomic_file_begin(const char *path, char *temporary, struct error *error);
// Makes the temporary file, which is complete and closed, become `path`. On failure it is removed, and an older file at
// `path` stays.
enum status atomic_file_commit(const char *temporary, const char *path, struct error *error);
// The same without waiting for the disk: safe if the process dies, but not if the machine does.
enum status atomic_file_replace(const char *temporary, const char *path, struct error *error);

// Writes a whole small file: begin, write, commit if it has to be durable, else replace.
enum status atomic_file_write(const char *path, const void *data, size_t size, bool durable, struct error *error);
#endif
