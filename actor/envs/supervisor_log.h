// The output of a child process: a file of bounded size, and the last lines for messages.
#ifndef CORSAC_ACTOR_ENVS_SUPERVISOR_LOG_H
#define CORSAC_ACTOR_ENVS_SUPERVISOR_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { SUPERVISOR_LOG_MOST = 1 << 20, SUPERVISOR_LOG_KEPT = 1024 }; // bytes of a file; in memory

struct supervisor_log {
  const char *path; // not owned
  int file;         // or stderr
  size_t size;      // of the file
  char kept[SUPERVISOR_LOG_KEPT];
  size_t length; // of kept
};
// Opens the file at path to append to it, and writes what is started (argv, NULL at its end). Where the path is empty
// or the file cannot be written, the output goes to stderr.
void supervisor_log_open(struct supervisor_log *log, const char *path, char **argv);
// Appends. A file that is full is renamed to path.1, which replaces an earlier one.
void supervisor_log_write(struct supervisor_log *log, const char *bytes, size_t size);
// Copies the last lines, with " | " between them; "" if nothing was written. Other bytes stay as they are, except 0.
void supervisor_log_tail(const struct supervisor_log *log, char *text, size_t size);

// Whether the last SUPERVISOR_LOG_KEPT bytes hold this text.
bool supervisor_log_says(const struct supervisor_log *log, const char *text);

// Writes how the child ended, and closes the file.
void supervisor_log_close(struct supervisor_log *log, int status);

// Puts a status of waitpid into words: "ended by signal 11 (Segmentation fault)", "ended with exit status 3".
void supervisor_describe(int status, char *text, size_t size);
#endif
