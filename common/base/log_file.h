// The file of a log. A thread of its own writes it, so a file system that hangs holds up nobody who logs. There is room
// for a few hundred lines that wait for the thread; more are left out, and their number is told.
#ifndef CORSAC_COMMON_BASE_LOG_FILE_H
#define CORSAC_COMMON_BASE_LOG_FILE_H

#include "common/base/status.h"
#include <stddef.h>

struct log_file;

// Opens the file to append to it. tell: called in the file's thread where lines are lost, once until one is written
// again; it may add a line.
struct log_file *log_file_open(const char *path, void (*tell)(const char *path, const char *what), struct error *error);

// Adds a line with its end. Any thread may do so. It may wait for room, for a twentieth of a second and once. NULL does
// nothing.
void log_file_add(struct log_file *file, const char *line, size_t size);

// Waits until all lines so far are written, or lost, at most four seconds. NULL does nothing.
void log_file_flush(struct log_file *file);

// The same, and closes the file. If its file system still hangs, the thread and its memory stay behind.
void log_file_close(struct log_file *file);
#endif
