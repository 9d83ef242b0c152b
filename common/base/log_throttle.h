// What goes wrong again and again until somebody mends it, as with a full disk: said the first time, then once a
// minute, and once more when it is over.
#ifndef CORSAC_COMMON_BASE_LOG_THROTTLE_H
#define CORSAC_COMMON_BASE_LOG_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct complaint { // zero-initialised: all is well
  bool open;
  double next; // clock_now() time before which it is not said again, even if it was over in between
  uint64_t unsaid;
};
enum { COMPLAINT_SECONDS = 60, COMPLAINT_TEXT = 64 };
// It went wrong. true: say so now, with `more` behind it: "", or how often it was not said.
bool complaint_due(struct complaint *complaint, char more[COMPLAINT_TEXT]);
// It went well. true: it had not, so say that.
bool complaint_over(struct complaint *complaint);

#endif
