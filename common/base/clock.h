// Time, and waiting that leaves the core to other processes.
#ifndef CORSAC_COMMON_BASE_CLOCK_H
#define CORSAC_COMMON_BASE_CLOCK_H

#include <stddef.h>

// Seconds of a monotonic clock.
double clock_now(void);

// The same clock, late by at most CLOCK_TICK, and several times cheaper.
double clock_coarse(void);
#define CLOCK_TICK 0.01

// The local time now, in ISO 8601: 2026-01-31T12:00:00+0100
void clock_format(char *text, size_t size);

// "1h 02m", "3m 20s", "4.2s"
void clock_format_duration(double seconds, char *text, size_t size);

// Sleeps between two polls, for an eighth of the time waited so far, 20 us to 2 ms. So a long wait leaves the core to
// others, and the end of a short wait is noticed at most an eighth late. Zero-initialised is ready.
struct backoff {
  double since; // clock_now() of the first turn with nothing to do; 0: the last turn did something
};

// Sleeps after a turn that had nothing to do.
void backoff_wait(struct backoff *backoff);

// Notes a turn that did something.
void backoff_reset(struct backoff *backoff);
#endif
