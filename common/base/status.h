// What can go wrong, and the one message that says it. The first function that knows an error writes the message;
// everybody above passes the status on and the top of a role prints it once.
#ifndef CORSAC_COMMON_BASE_STATUS_H
#define CORSAC_COMMON_BASE_STATUS_H

enum status {
  STATUS_OK = 0,
  STATUS_USAGE,    // the user asked for something that cannot be: exit status 2
  STATUS_FAILED,   // an environment failed, a number is not finite, a library call failed
  STATUS_IO,       // the operating system refused: no space, no permission, no such file
  STATUS_FORMAT,   // a file or a message is not what it should be: damaged, truncated, another version
  STATUS_MISMATCH, // two parts do not fit: another environment, another shape, another program version
  STATUS_MEMORY,   // not enough memory
  STATUS_PEER,     // another rank is gone, silent, or breaks the protocol
  STATUS_STOPPED,  // stopped by a signal or a time limit with everything saved: exit status 75
  STATUS_DONE      // nothing is left to do, and the text says what could be: exit status 0
};

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_STOPPED = 75 };

// One failure. Zero-initialised means none. Owned by the caller; no function keeps a pointer to it.
struct error {
  enum status status;
  char text[1024]; // what is wrong, where, and what would be right; no newline at its end
};

// Writes the message unless `error` already holds one (the first to know says it); returns `status`. error may be NULL.
// What it quotes may come from anywhere: the message is one line of printable UTF-8 (printable.h).
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Puts "context: " in front of a message that stands; returns the status that stands. For a caller who knows the file
// or the role.
enum status error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_clear(struct error *error);

const char *status_name(enum status status); // "ok", "usage", ...
int status_exit_code(enum status status);    // EXIT_*

#endif
