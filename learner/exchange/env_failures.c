#include "learner/exchange/env_failures.h"

#include "common/base/log.h"

#include <stdio.h>

enum { TOLD = 20 };

static bool is_power_of_two(uint64_t n) { return (n & (n - 1)) == 0; }

static bool is_told(uint64_t number) { return number <= TOLD || is_power_of_two(number); }

void incidents_take(struct incidents *incidents, const struct message_incident *incident, struct metrics *metrics) {
  if (incident->in_a_row == 0) {
    if (is_told(++incidents->warnings)) log_warn("%s", incident->text);
    return;
  }
  metrics->env_failures++;
  const uint64_t number = ++incidents->number;
  if (!is_told(number)) return;
  char pause[48] = "at once";
  if (incident->pause > 0) snprintf(pause, sizeof pause, "in %.1f s", incident->pause);
  log_warn("failure %llu of an environment (%u in a row, made anew %s%s): %s%s", (unsigned long long)number,
           incident->in_a_row, pause,
           incident->evaluation && incident->in_a_row > 1 ? ", this evaluation episode is left out" : "",
           incident->text,
           number == TOLD ? " (of those that follow only every power of two is told; metrics.csv counts all)" : "");
}
