#include "common/base/log_throttle.h"
#include "tests/support/unit.h"

#include <string.h>

static void test_complaint(void) {
  struct complaint complaint = {0};
  char more[COMPLAINT_TEXT];
  CU_ASSERT_FALSE(complaint_over(&complaint));
  CU_ASSERT(complaint_due(&complaint, more) && more[0] == 0);
  for (int i = 0; i < 3; i++) CU_ASSERT_FALSE(complaint_due(&complaint, more));
  complaint.next -= COMPLAINT_SECONDS; // a minute later
  CU_ASSERT(complaint_due(&complaint, more) && strstr(more, "3 times"));
  CU_ASSERT_FALSE(complaint_due(&complaint, more));
  CU_ASSERT_TRUE(complaint_over(&complaint));
  CU_ASSERT_FALSE(complaint_over(&complaint));
  CU_ASSERT_FALSE(complaint_due(&complaint, more)); // it comes and goes: said once a minute, too
  CU_ASSERT_FALSE(complaint_over(&complaint));
  complaint.next -= COMPLAINT_SECONDS;
  CU_ASSERT(complaint_due(&complaint, more) && strstr(more, "2 times"));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"said at first, then once a minute with a count, and its end", test_complaint}};
  return unit_run("complaint", cases, sizeof cases / sizeof *cases);
}
