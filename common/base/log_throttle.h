// What goes wrong again and again until somebody mends it, as with a full disk: said the first time, then once a
// minute, and once more when it is over.
#ifndef CORSAC_COMMON_BASE_LOG_THROTTLE_H
#define CORSAC_COMMON_BASE_LOG_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct log_throttle { // zero-initialised: all is well
  bool open;
  double next; // clock_now() time before which it is not said again, even if it was over in between
  uint64_t unsaid;
};
enum { LOG_THROTTLE_SECONDS = 60, LOG_THROTTLE_TEXT = 64 };
// It went wrong. true: say so now, with `more` behind it: "", or how often it was not said.
bool log_throttle_due(struct log_throttle *throttle, char more[LOG_THROTTLE_TEXT]);
// It went well. true: it had not, so say that.
bool log_throttle_over(struct log_throttle *throttle);

#endif
