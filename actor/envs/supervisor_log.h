// What a child process writes: into a file that does not grow for ever, and its last lines for messages.
#ifndef CORSAC_ACTOR_ENVS_SUPERVISOR_LOG_H
#define CORSAC_ACTOR_ENVS_SUPERVISOR_LOG_H

#include <stddef.h>

enum { SUPERVISOR_LOG_MOST = 1 << 20, SUPERVISOR_LOG_KEPT = 1024 }; // bytes of a file; in memory

struct supervisor_log {
  const char *path; // not owned
  int file;         // or stderr
  size_t size;      // of the file
  char kept[SUPERVISOR_LOG_KEPT];
  size_t length; // of kept
};
// Appends to the file at path and says what is started (argv, NULL at its end). An empty path, or a file that cannot be
// written: stderr.
void supervisor_log_open(struct supervisor_log *log, const char *path, char **argv);
// A file that is full becomes path.1, in the place of an earlier one.
void supervisor_log_write(struct supervisor_log *log, const char *bytes, size_t size);
// The last lines, joined with " | ", other bytes as they are but 0; "" if nothing was written.
void supervisor_log_tail(const struct supervisor_log *log, char *text, size_t size);
void supervisor_log_close(struct supervisor_log *log, int status); // says how the child ended

// "ended by signal 11 (Segmentation fault)", "ended with exit status 3": of what waitpid gave
void supervisor_describe(int status, char *text, size_t size);
#endif
