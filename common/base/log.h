// A leveled log: one line each, "HH:MM:SS.mmm rank level message", on stderr and, on the rank that opens one, in a file
// too. A message stays on its line and moves no cursor, whatever it quotes: it is shown as printable.h says. The log's
// own state is the one piece of global mutable state of the program. Not thread-safe: the main thread logs.
#ifndef CORSAC_COMMON_BASE_LOG_H
#define CORSAC_COMMON_BASE_LOG_H

#include "common/base/status.h"
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_init(int rank, enum log_level level); // rank is printed; level: the most talkative that is shown
enum status log_open_file(const char *path, struct error *error); // appends every line to path as well, from now on
void log_close(void);
// The text of a live status line ("" for none). It is kept at the bottom of the terminal while log lines pass above it.
// Only where stderr is a terminal; elsewhere it does nothing.
void log_status_line(const char *text);
bool log_on_terminal(void);        // stderr is a terminal, and TERM is not dumb
unsigned log_terminal_width(void); // columns that a status line may take

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
