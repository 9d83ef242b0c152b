#include "common/base/status.h"
#include "common/base/printable.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status error_set(struct error *error, enum status status, const char *format, ...) {
  if (!error || error->status != STATUS_OK) return status;
  error->status = status;
  char text[sizeof error->text];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printable_copy(error->text, sizeof error->text, text);
  return status;
}

enum status error_prefix(struct error *error, const char *format, ...) {
  if (!error) return STATUS_OK;
  if (error->status == STATUS_OK) return STATUS_OK;
  char context[sizeof error->text], text[2 * sizeof error->text + sizeof ": "];
  va_list arguments;
  va_start(arguments, format);
  const int wanted = vsnprintf(context, sizeof context, format, arguments);
  va_end(arguments);
  if (wanted < 0) return error->status;
  snprintf(text, sizeof text, "%s: %s", context, error->text);
  // If both do not fit, the end of the message is cut.
  printable_copy(error->text, sizeof error->text, text);
  return error->status;
}

void error_clear(struct error *error) {
  if (!error) return;
  error->status = STATUS_OK;
  error->text[0] = '\0';
}

const char *status_name(enum status status) {
  switch (status) {
  case STATUS_OK: return "ok";
  case STATUS_USAGE: return "usage";
  case STATUS_FAILED: return "failed";
  case STATUS_IO: return "io";
  case STATUS_FORMAT: return "format";
  case STATUS_MISMATCH: return "mismatch";
  case STATUS_MEMORY: return "memory";
  case STATUS_PEER: return "peer";
  case STATUS_STOPPED: return "stopped";
  case STATUS_DONE: return "done";
  }
  return "unknown";
}

int status_exit_code(enum status status) {
  switch (status) {
  case STATUS_OK:
  case STATUS_DONE: return EXIT_DONE;
  case STATUS_USAGE: return EXIT_BAD_USAGE;
  case STATUS_STOPPED: return EXIT_STOPPED;
  default: return EXIT_FAILED;
  }
}
