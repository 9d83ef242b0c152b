#include "common/wire/assignment.h"
#include "tests/support/unit.h"

#include <stdbool.h>

static struct config config_of(uint64_t envs, uint64_t send_steps, uint64_t n_step) {
  return (struct config){.envs = envs, .send_steps = send_steps, .n_step = n_step};
}

// Every environment belongs to exactly one actor, in order, and no actor has two more than another.
static void test_partition(void) {
  for (uint32_t envs = 1; envs <= 20; envs++)
    for (uint32_t actors = 1; actors <= 25; actors++) {
      const struct config config = config_of(envs, 16, 1);
      uint32_t next = 0, most = 0, least = envs, active = 0;
      bool surplus = false, good = true;
      for (uint32_t i = 0; i < actors; i++) {
        const struct assignment a = assignment_of(&config, actors, i);
        good &= a.count == 0 || a.first == next;
        good &= !(surplus && a.count > 0); // surplus actors are the last ones
        surplus |= a.count == 0;
        active += a.count > 0;
        next += a.count;
        if (a.count > most) most = a.count;
        if (a.count < least) least = a.count;
      }
      CU_ASSERT_TRUE(good);
      CU_ASSERT_EQUAL(next, envs);
      CU_ASSERT_TRUE(most - least <= 1);
      CU_ASSERT_EQUAL(active, assignment_active(&config, actors));
    }
}

static void test_examples(void) {
  const struct config config = config_of(7, 16, 3);
  const struct assignment first = assignment_of(&config, 3, 0), last = assignment_of(&config, 3, 2);
  CU_ASSERT_EQUAL(first.first, 0);
  CU_ASSERT_EQUAL(first.count, 3);
  CU_ASSERT_EQUAL(last.first, 5);
  CU_ASSERT_EQUAL(last.count, 2);
  CU_ASSERT_EQUAL(first.batch_steps, 18); // 6 steps of 3 environments: the first multiple of 3 that holds send_steps
  CU_ASSERT_EQUAL(last.batch_steps, 16);
  const struct assignment none = assignment_of(&config, 9, 8);
  CU_ASSERT_EQUAL(none.count, 0);
  CU_ASSERT_EQUAL(none.batch_steps, 0);
  CU_ASSERT_EQUAL(none.batch_rows, 0);
}

// The most rows that a batch can meet: the windows (n - 1 each) are full at its start, every environment ends an
// episode as often as it can.
static void test_rows(void) {
  for (uint32_t count = 1; count <= 5; count++)
    for (uint32_t n = 1; n <= 6; n++)
      for (uint64_t send_steps = 1; send_steps <= 9; send_steps++) {
        const struct config config = config_of(count, send_steps, n);
        const struct assignment a = assignment_of(&config, 1, 0);
        CU_ASSERT_TRUE(a.batch_steps >= send_steps);
        CU_ASSERT_EQUAL(a.batch_steps % count, 0);
        CU_ASSERT_TRUE(a.batch_rows >= a.batch_steps + count * (n - 1));
      }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"environments are spread evenly and in order, surplus ranks are the last", test_partition},
      {"assignments computed by hand", test_examples},
      {"a batch has room for what the n-step windows held back", test_rows},
  };
  return unit_run("assignment", cases, sizeof cases / sizeof *cases);
}
