// Files that this program holds open for long: the log, metrics.csv, a checkpoint being written. An environment in the
// same process may close their descriptors, and the next file that is opened, by whomever, then has their numbers: rows
// of metrics would land in it. So they are held at high numbers, which a loop over the usual ones does not reach, and
// each use first looks whether the descriptor is still this file's.
#ifndef CORSAC_COMMON_BASE_HELD_FILE_H
#define CORSAC_COMMON_BASE_HELD_FILE_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

struct held_file; // from a table of this module; any thread may use it

// As file_open_plain. NULL: failed.
struct held_file *held_file_open(const char *path, int flags, struct error *error);
// Takes over a descriptor that has no path to be opened again by: a pipe, a socket, standard error. what: for messages,
// a literal. NULL: no room; the descriptor stays the caller's.
struct held_file *held_file_take(int descriptor, const char *what);

// Its descriptor now. One that vanished or is another file's by now is opened again by path: a file of O_APPEND as
// whatever stands there, any other only as the same file. -1 with EBADF: it is lost.
int held_file_descriptor(struct held_file *file);
// false: it was lost, or the system reports an error of an earlier write. NULL: does nothing.
bool held_file_close(struct held_file *file);

// Looks at all of them. mended: the names of those that had to be opened again are added to the text, lost: of those
// that cannot be. Both have `size` bytes, with a comma between names.
void held_files_look(char *mended, char *lost, size_t size);
struct held_file *held_file_of(int descriptor); // whose it is; NULL: none of theirs, or lost
#endif
