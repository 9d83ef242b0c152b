// Limits the log lines of a fault that repeats until somebody repairs it, such as a full disk: one line at first, then
// one a minute, and one when the fault is over.
#ifndef CORSAC_COMMON_BASE_LOG_THROTTLE_H
#define CORSAC_COMMON_BASE_LOG_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

// Zero-initialised: there is no fault.
struct log_throttle {
  bool open;         // the fault has been logged and is not over
  double next;       // clock_now() of the next line; earlier ones are suppressed, even if the fault was over in between
  uint64_t unlogged; // faults since the last line
};
enum { LOG_THROTTLE_SECONDS = 60, LOG_THROTTLE_TEXT = 64 };

// The fault occurred. Returns whether to log it now, followed by `more`: "", or how often it was not logged.
bool log_throttle_due(struct log_throttle *throttle, char more[LOG_THROTTLE_TEXT]);

// The fault did not occur. Returns whether to log that it is over.
bool log_throttle_over(struct log_throttle *throttle);

#endif
