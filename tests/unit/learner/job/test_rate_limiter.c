#include "learner/job/rate_limiter.h"
#include "tests/support/unit.h"
#include <math.h>

static void test_owed(void) {
  struct rate_limiter limiter;
  rate_limiter_init(&limiter, 0.5, 10, 100);
  limiter.steps = 99;
  CU_ASSERT_FALSE(rate_limiter_started(&limiter));
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  limiter.steps = 100;
  CU_ASSERT_TRUE(rate_limiter_started(&limiter));
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  limiter.steps = 101;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  limiter.steps = 107;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 3);
  limiter.updates = 2;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 1);
  limiter.updates = 9; // ahead, as after a lower utd on resume
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
}

static void test_allowed(void) {
  struct rate_limiter limiter;
  rate_limiter_init(&limiter, 0.5, 10, 100);
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), 110);
  limiter.updates = 7;
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), 124);
  CU_ASSERT_EQUAL(rate_limiter_needed(&limiter), 117); // 16 for the eighth update, and one for rounding
  rate_limiter_init(&limiter, 4, 3, 0);
  limiter.updates = 40;
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), 13);
  rate_limiter_init(&limiter, 1e-300, 3, 0);
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), UINT64_MAX);
}

static void test_free(void) {
  struct rate_limiter limiter;
  rate_limiter_init(&limiter, 0, 10, 100);
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  CU_ASSERT_EQUAL(rate_limiter_needed(&limiter), 0);
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), UINT64_MAX);
  limiter.steps = 100;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), UINT64_MAX);
  limiter.updates = 1000000;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), UINT64_MAX);
}

// Both sides go as far as they may, in turns: neither may be stuck while the other waits for it, and the ratio must
// come out.
static void run_both(double utd, uint64_t slack) {
  struct rate_limiter limiter;
  rate_limiter_init(&limiter, utd, slack, 50);
  for (int turn = 0; turn < 1000; turn++) {
    const uint64_t allowed = rate_limiter_allowed(&limiter), before = limiter.steps;
    if (allowed > limiter.steps) limiter.steps = allowed;
    const uint64_t owed = rate_limiter_owed(&limiter);
    CU_ASSERT_TRUE(owed > 0 || limiter.steps > before);
    limiter.updates += owed;
  }
  CU_ASSERT_TRUE(limiter.updates >= 900);
  CU_ASSERT_EQUAL((double)limiter.updates, floor(utd * (double)(limiter.steps - 50)));
}

static void test_never_stuck(void) {
  static const double utds[] = {0.001, 0.01, 0.1, 1.0 / 3, 0.7, 1, 1.1, 3, 20};
  for (size_t i = 0; i < sizeof utds / sizeof *utds; i++)
    for (uint64_t slack = 1; slack <= 1000; slack *= 10) run_both(utds[i], slack);
}

static void test_rebase(void) {
  struct rate_limiter limiter;
  rate_limiter_init(&limiter, 2, 10, 100);
  limiter.steps = 5000;
  limiter.updates = 9000; // 800 owed
  rate_limiter_rebase(&limiter, 100);
  CU_ASSERT_FALSE(rate_limiter_started(&limiter));
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), 5110);
  limiter.steps = 5103;
  CU_ASSERT_TRUE(rate_limiter_started(&limiter));
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 6);
  limiter.updates = 9006;
  CU_ASSERT_EQUAL(rate_limiter_owed(&limiter), 0);
  CU_ASSERT_EQUAL(rate_limiter_allowed(&limiter), 5113);
}

// Steps on both sides of the start: of one agent each as many transitions as steps, whatever the numbers.
static void test_share(void) {
  for (uint64_t steps = 1; steps < 400; steps++)
    for (uint64_t before = 1; before < steps; before++) {
      struct rate_limiter limiter;
      rate_limiter_init(&limiter, 1, 10, before);
      rate_limiter_add(&limiter, steps, steps);
      if (limiter.base_transitions != before) CU_FAIL("another share of the transitions");
    }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"utd updates are owed for each step past the start, none before, never fewer than none", test_owed},
      {"actors may be ahead by the slack", test_allowed},
      {"utd 0 holds back neither side once there is data", test_free},
      {"no utd and no slack stop both sides for ever, and the ratio is reached", test_never_stuck},
      {"of steps that begin before the start those before it are not counted", test_share},
      {"after a rebase no debt is left and the start is refilled", test_rebase},
  };
  return unit_run("rate_limiter", cases, sizeof cases / sizeof *cases);
}
