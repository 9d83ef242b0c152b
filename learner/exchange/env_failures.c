#include "learner/exchange/env_failures.h"

#include "common/base/log.h"

#include <stdio.h>

enum { LOGGED = 20 }; // after these, only powers of two

static bool is_power_of_two(uint64_t n) { return (n & (n - 1)) == 0; }

static bool is_logged(uint64_t number) { return number <= LOGGED || is_power_of_two(number); }

static void say(const struct message_env_failure *env_failure, uint64_t number) {
  char pause[48] = "at once";
  if (env_failure->pause > 0) snprintf(pause, sizeof pause, "in %.1f s", env_failure->pause);
  log_warn("failure %llu of an environment (%u in a row, made anew %s%s): %s%s", (unsigned long long)number,
           env_failure->in_a_row, pause,
           env_failure->evaluation && env_failure->in_a_row > 1 ? ", this evaluation episode is left out" : "",
           env_failure->text,
           number == LOGGED ? " (from here on only every power of two is logged; metrics.csv counts all)" : "");
}

bool env_failures_take(struct env_failures *env_failures, const struct message_env_failure *env_failure) {
  if (env_failure->in_a_row == 0) {
    if (is_logged(++env_failures->warnings)) log_warn("%s", env_failure->text);
    return false;
  }
  if (is_logged(++env_failures->number)) say(env_failure, env_failures->number);
  return true;
}
