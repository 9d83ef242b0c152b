// A log with levels. A message is one line, "HH:MM:SS.mmm rank level message", on stderr and in the file of the rank
// that opens one. It is printed as printable.h says, so it stays on its line and moves no cursor, whatever it quotes.
// Any thread may log once log_init has returned, since guests have a watch (actor/guest).
#ifndef CORSAC_COMMON_BASE_LOG_H
#define CORSAC_COMMON_BASE_LOG_H

#include "common/base/status.h"
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

// Each line shows the rank. Messages up to `level` are shown.
void log_init(int rank, enum log_level level);

// Keeps the lines from now on, a few kB at most, for the file that log_open_file opens next: what a start says before
// its directory is there. log_close forgets them.
void log_keep(void);

// Appends every line to this file as well, from now on, after those that log_keep has kept. A file that cannot be
// written is named once, and gets lines again as soon as it can. A line does not wait for it (log_file.h).
enum status log_open_file(const char *path, struct error *error);

// Waits until the file has the lines so far, at most four seconds. This, opening and closing are for one thread.
void log_flush(void);

// The same, and closes it.
void log_close(void);

// Sets a live status line ("" for none). It stays at the bottom of the terminal while log lines pass above it. Does
// nothing where stderr is no terminal.
void log_status_line(const char *text);

// Whether stderr is a terminal and TERM is not dumb.
bool log_on_terminal(void);

// The columns that a status line may have.
unsigned log_terminal_width(void);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
