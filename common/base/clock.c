#include "common/base/clock.h"
#include <math.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

static double seconds_of(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double clock_now(void) { return seconds_of(CLOCK_MONOTONIC); }

double clock_coarse(void) { return seconds_of(CLOCK_MONOTONIC_COARSE); }

void clock_format(char *text, size_t size) {
  time_t now = time(NULL);
  struct tm local;
  if (size == 0) return;
  if (!localtime_r(&now, &local) || strftime(text, size, "%Y-%m-%dT%H:%M:%S%z", &local) == 0) text[0] = '\0';
}

void clock_format_duration(double seconds, char *text, size_t size) {
  if (!isfinite(seconds)) {
    snprintf(text, size, "?");
    return;
  }
  if (seconds < 0) seconds = 0;
  // The number is rounded before the unit is chosen, so that 59.97 s is "1m 00s" and not "60.0s".
  if (round(10 * seconds) < 600) {
    snprintf(text, size, "%.1fs", seconds);
  } else if (round(seconds) < 3600) {
    int whole = (int)round(seconds);
    snprintf(text, size, "%dm %02ds", whole / 60, whole % 60);
  } else {
    double minutes = round(seconds / 60);
    snprintf(text, size, "%.0fh %02dm", floor(minutes / 60), (int)fmod(minutes, 60));
  }
}

void backoff_wait(struct backoff *backoff) {
  static const double SHORTEST = 20e-6, LONGEST = 2e-3, FRACTION = 0.125;
  const double now = clock_now();
  if (backoff->since == 0) {
    backoff->since = now;
    // The kernel rounds a sleep up by its timer slack, 50 us unless a thread asks for less.
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  }
  const double wait = fmin(LONGEST, fmax(SHORTEST, FRACTION * (now - backoff->since)));
  nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * wait)}, NULL); // a signal may end it early
}

void backoff_reset(struct backoff *backoff) { backoff->since = 0; }
