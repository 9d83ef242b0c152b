// Time, and waiting that leaves the core to others.
#ifndef CORSAC_COMMON_BASE_CLOCK_H
#define CORSAC_COMMON_BASE_CLOCK_H

#include <stddef.h>

double clock_now(void);    // seconds, monotonic
double clock_coarse(void); // the same, late by at most CLOCK_TICK, and several times cheaper
#define CLOCK_TICK 0.01
void clock_format(char *text, size_t size); // local time now, ISO 8601: 2026-01-31T12:00:00+0100
void clock_format_duration(double seconds, char *text, size_t size); // "1h 02m", "3m 20s", "4.2s"

// Poll, and sleep an eighth of what has been waited so far, 20 us to 2 ms: what waits long leaves the core to others,
// and what waits for a short answer learns of it soon (at most an eighth late). Zero-initialised is ready.
struct backoff {
  double since; // clock_now() of the first turn with nothing to do; 0: the last turn did something
};
void backoff_wait(struct backoff *backoff);  // nothing to do: sleeps
void backoff_reset(struct backoff *backoff); // something was done
#endif
