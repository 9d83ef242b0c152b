#include "common/base/log_throttle.h"
#include "tests/support/unit.h"

#include <string.h>

static void test_complaint(void) {
  struct log_throttle throttle = {0};
  char more[LOG_THROTTLE_TEXT];
  CU_ASSERT_FALSE(log_throttle_over(&throttle));
  CU_ASSERT_TRUE_FATAL(log_throttle_due(&throttle, more));
  CU_ASSERT_EQUAL(more[0], 0);
  for (int i = 0; i < 3; i++) CU_ASSERT_FALSE(log_throttle_due(&throttle, more));
  throttle.next -= LOG_THROTTLE_SECONDS; // a minute later
  CU_ASSERT_TRUE_FATAL(log_throttle_due(&throttle, more));
  CU_ASSERT_PTR_NOT_NULL(strstr(more, "3 times"));
  CU_ASSERT_FALSE(log_throttle_due(&throttle, more));
  CU_ASSERT_TRUE(log_throttle_over(&throttle));
  CU_ASSERT_FALSE(log_throttle_over(&throttle));
  CU_ASSERT_FALSE(log_throttle_due(&throttle, more)); // it comes and goes: said once a minute, too
  CU_ASSERT_FALSE(log_throttle_over(&throttle));
  throttle.next -= LOG_THROTTLE_SECONDS;
  CU_ASSERT_TRUE_FATAL(log_throttle_due(&throttle, more));
  CU_ASSERT_PTR_NOT_NULL(strstr(more, "2 times"));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"said at first, then once a minute with a count, and its end", test_complaint}};
  return unit_run("complaint", cases, sizeof cases / sizeof *cases);
}
