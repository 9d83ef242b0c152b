#include "common/base/clock.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void test_now(void) {
  double before = clock_now();
  nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
  double after = clock_now();
  CU_ASSERT(after - before >= 0.0199);
  CU_ASSERT(after - before < 10);
}

static void test_format(void) {
  setenv("TZ", "XYZ-01:30", 1); // 90 minutes east
  tzset();
  char text[64], zone[8];
  clock_format(text, sizeof text);
  struct tm parsed = {0};
  CU_ASSERT_EQUAL(strlen(text), strlen("2026-01-31T12:00:00+0100"));
  CU_ASSERT_EQUAL(sscanf(text, "%d-%d-%dT%d:%d:%d%7s", &parsed.tm_year, &parsed.tm_mon, &parsed.tm_mday,
                         &parsed.tm_hour, &parsed.tm_min, &parsed.tm_sec, zone),
                  7);
  CU_ASSERT_STRING_EQUAL(zone, "+0130");
  parsed.tm_year -= 1900;
  parsed.tm_mon -= 1;
  CU_ASSERT(labs((long)(timegm(&parsed) - 5400 - time(NULL))) <= 2);
  char small[5] = "abcd";
  clock_format(small, sizeof small);
  CU_ASSERT_STRING_EQUAL(small, "");
}

static void test_duration(void) {
  static const struct {
    double seconds;
    const char *text;
  } cases[] = {
      {0, "0.0s"},
      {4.2, "4.2s"},
      {-3, "0.0s"},
      {59.94, "59.9s"},
      {59.97, "1m 00s"},
      {200, "3m 20s"},
      {65, "1m 05s"},
      {3599.4, "59m 59s"},
      {3599.7, "1h 00m"},
      {3720, "1h 02m"},
      {360000, "100h 00m"},
      {(double)NAN, "?"},
      {(double)INFINITY, "?"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[32];
    clock_format_duration(cases[i].seconds, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, cases[i].text);
  }
  char huge[16];
  clock_format_duration(1e300, huge, sizeof huge);
  CU_ASSERT(strlen(huge) < sizeof huge);
}

static void test_backoff(void) {
  struct backoff backoff = {0};
  double began = clock_now();
  for (int i = 0; i < 5; i++) backoff_wait(&backoff);
  CU_ASSERT_TRUE(clock_now() - began >= 5 * 20e-6); // never spins
  CU_ASSERT_TRUE(backoff.since >= began);
  int waits = 5;
  while (clock_now() - began < 0.1) backoff_wait(&backoff), waits++;
  // Geometric growth by an eighth: from 20 us to 16 ms about 50 waits, then 2 ms each; spinning would be thousands.
  CU_ASSERT_TRUE(waits < 150);
  backoff.since = clock_now() - 1e6; // however long it waited, one wait is short
  began = clock_now();
  backoff_wait(&backoff);
  CU_ASSERT_TRUE(clock_now() - began >= 1.9e-3);
  backoff_reset(&backoff);
  CU_ASSERT_EQUAL(backoff.since, 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"now advances in seconds", test_now},
      {"a date is local ISO 8601 with its zone", test_format},
      {"a duration reads well at every size", test_duration},
      {"a backoff sleeps longer the longer the wait, 20 us to 2 ms", test_backoff},
  };
  return unit_run("clock", cases, sizeof cases / sizeof *cases);
}
