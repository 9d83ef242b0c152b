#include "common/base/c_locale.h"
#include "tests/support/unit.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Whether this thread writes and reads 0.5 with that point.
static int writes(const char *half) {
  char text[32];
  snprintf(text, sizeof text, "%g", 0.5);
  char *end;
  return strcmp(text, half) == 0 && strtod(half, &end) == 0.5 && *end == 0 && localeconv()->decimal_point[0] == half[1];
}

static void test_enter(void) {
  unit_set_comma_locale();
  CU_ASSERT_TRUE(writes("0,5")); // else the rest says nothing
  const locale_t before = locale_enter_c();
  CU_ASSERT_EQUAL(before, LC_GLOBAL_LOCALE);
  CU_ASSERT_TRUE(writes("0.5"));
  setlocale(LC_ALL, "C");
  unit_set_comma_locale(); // as a plugin does in the middle of a run
  CU_ASSERT_TRUE(writes("0.5"));
  locale_restore(before);
  CU_ASSERT_TRUE(writes("0,5"));
}

static void test_nested(void) {
  const locale_t host = locale_enter_c(), ours = locale_enter_c();
  CU_ASSERT_TRUE(writes("0.5"));
  locale_restore(ours);
  CU_ASSERT_TRUE(writes("0.5"));
  locale_restore(host);
  CU_ASSERT_TRUE(writes("0,5"));
}

// A host's thread that has a locale of its own gets that one back.
static void test_host_thread(void) {
  unit_set_comma_locale();
  const locale_t german = duplocale(LC_GLOBAL_LOCALE);
  CU_ASSERT_PTR_NOT_NULL_FATAL(german);
  setlocale(LC_ALL, "C");
  uselocale(german);
  const locale_t host = locale_enter_c();
  CU_ASSERT_EQUAL(host, german);
  CU_ASSERT_TRUE(writes("0.5"));
  locale_restore(host);
  CU_ASSERT_TRUE(writes("0,5"));
  uselocale(LC_GLOBAL_LOCALE);
  freelocale(german);
}

static void *in_thread(void *right) {
  const int before = writes("0,5"); // a new thread follows the process, whatever its maker does
  locale_enter_c();
  *(int *)right = before && writes("0.5");
  return NULL;
}

static void test_other_thread(void) {
  unit_set_comma_locale();
  const locale_t host = locale_enter_c();
  pthread_t thread;
  int right = 0;
  CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, in_thread, &right), 0);
  pthread_join(thread, NULL);
  CU_ASSERT_TRUE(right);
  locale_restore(host);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"numbers have a point in a process that writes commas, before and after its setlocale", test_enter},
      {"entering twice and restoring twice gives the first locale back", test_nested},
      {"a thread with a locale of its own gets it back", test_host_thread},
      {"a new thread follows the process until it enters", test_other_thread},
  };
  return unit_run("c_locale", cases, sizeof cases / sizeof *cases);
}
