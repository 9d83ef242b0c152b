#include "common/base/log_throttle.h"

#include "common/base/clock.h"

#include <stdio.h>

bool complaint_due(struct complaint *complaint, char more[COMPLAINT_TEXT]) {
  const double now = clock_now();
  if (now < complaint->next) {
    complaint->unsaid++;
    return false;
  }
  more[0] = 0;
  if (complaint->unsaid > 0)
    snprintf(more, COMPLAINT_TEXT, " (and %llu times more since this was last said)",
             (unsigned long long)complaint->unsaid);
  *complaint = (struct complaint){.open = true, .next = now + COMPLAINT_SECONDS};
  return true;
}

bool complaint_over(struct complaint *complaint) {
  const bool was = complaint->open;
  complaint->open = false;
  return was;
}
