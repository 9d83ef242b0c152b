#include "common/base/log_throttle.h"

#include "common/base/clock.h"
#include "common/base/plural.h"

#include <stdio.h>

bool log_throttle_due(struct log_throttle *throttle, char more[LOG_THROTTLE_TEXT]) {
  const double now = clock_now();
  if (now < throttle->next) {
    throttle->unlogged++;
    return false;
  }
  more[0] = 0;
  if (throttle->unlogged > 0)
    snprintf(more, LOG_THROTTLE_TEXT, " (and %llu time%s more since this was last said)",
             (unsigned long long)throttle->unlogged, plural(throttle->unlogged));
  *throttle = (struct log_throttle){.open = true, .next = now + LOG_THROTTLE_SECONDS};
  return true;
}

bool log_throttle_over(struct log_throttle *throttle) {
  const bool was = throttle->open;
  throttle->open = false;
  return was;
}
