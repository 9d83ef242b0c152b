// Files that this program keeps open for long: the log, metrics.csv, a checkpoint while it is written. An environment
// in the same process may close their descriptors. The next file that anybody opens then gets the same number, and rows
// of metrics would end up in it. So these files have high numbers, which a loop over the usual ones does not reach, and
// each use first checks that the descriptor still belongs to the file.
#ifndef CORSAC_COMMON_BASE_HELD_FILE_H
#define CORSAC_COMMON_BASE_HELD_FILE_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

// An entry of this module's table. Any thread may use it.
struct held_file;

// As file_open_plain. NULL: failed.
struct held_file *held_file_open(const char *path, int flags, struct error *error);

// Takes over a descriptor that cannot be opened again by a path: a pipe, a socket, standard error. what: its name in
// messages, a literal. Returns NULL if the table is full; then the descriptor stays the caller's.
struct held_file *held_file_take(int descriptor, const char *what);

// The file's descriptor. If it was closed or belongs to another file, the file is opened again by its path: with
// O_APPEND whatever file is there, otherwise only the same file. Returns -1 with EBADF if that fails.
int held_file_descriptor(struct held_file *file);

// Returns false if the file was lost or the system reports an error of an earlier write. NULL does nothing.
bool held_file_close(struct held_file *file);

// Checks all held files. Appends the names of those that were opened again to `mended`, and of those that are lost to
// `lost`, with commas between them. Both have `size` bytes.
void held_files_check(char *mended, char *lost, size_t size);

// The file that has this descriptor; NULL: none, or it is lost.
struct held_file *held_file_of(int descriptor);
#endif
