// The file of a log. A thread of its own writes it, so a caller does not wait for a file system that hangs. There is
// room for a few hundred lines that wait for the thread. More are left out, and their number is told.
#ifndef CORSAC_COMMON_BASE_LOG_FILE_H
#define CORSAC_COMMON_BASE_LOG_FILE_H

#include "common/base/status.h"
#include <stddef.h>

struct log_file;

// Opens the file to append to it. NULL: failed. The file's thread calls `tell` where lines are lost: once for a file
// that cannot be written, until it can, and with the number of lines that were left out. `tell` may add a line.
struct log_file *log_file_open(const char *path, void (*tell)(const char *path, const char *what), struct error *error);

// Adds a line with its end. Any thread may call it. Without room it waits a twentieth of a second, and then not again
// until the thread has written something. NULL does nothing.
void log_file_add(struct log_file *file, const char *line, size_t size);

// Waits until all lines so far are written, or lost, at most four seconds. NULL does nothing.
void log_file_flush(struct log_file *file);

// The same, and closes the file. If its file system still hangs, the thread and its memory stay behind.
void log_file_close(struct log_file *file);
#endif
