// Kinds of failure, and the one message that describes a failure. The first function that detects an error writes the
// message, its callers pass the status on, and the top of a role logs the message once.
#ifndef CORSAC_COMMON_BASE_STATUS_H
#define CORSAC_COMMON_BASE_STATUS_H

enum status {
  STATUS_OK = 0,
  STATUS_USAGE,    // the user asked for something impossible: exit status 2
  STATUS_FAILED,   // an environment failed, a number is not finite, a library call failed
  STATUS_IO,       // the operating system refused: no space, no permission, no such file
  STATUS_FORMAT,   // a file or a message is damaged, truncated or of another version
  STATUS_MISMATCH, // two parts do not match: another environment, shape or program version
  STATUS_MEMORY,   // not enough memory
  STATUS_PEER,     // another rank has died, is silent, or breaks the protocol
  STATUS_STOPPED,  // stopped by a signal or a time limit with everything saved: exit status 75
  STATUS_DONE      // nothing is left to do; the text says what one could do: exit status 0
};

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_STOPPED = 75 };

// One failure. Zero-initialised means none. Owned by the caller; no function keeps a pointer to it.
struct error {
  enum status status;
  char text[1024]; // what is wrong, where, and what would be right; without a newline
};

// Writes the message unless `error` already holds one, and returns `status`. error may be NULL. The message becomes one
// line of printable UTF-8 (printable.h), whatever it quotes.
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts "context: " in front of the message that `error` holds, if any, and returns its status. For a caller that knows
// the file or the role.
enum status error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_clear(struct error *error);

// "ok", "usage", ...
const char *status_name(enum status status);

// EXIT_*
int status_exit_code(enum status status);

#endif
