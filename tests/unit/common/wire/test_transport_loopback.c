#include "common/wire/transport_loopback.h"
#include "tests/support/transport_checks.h"
#include "tests/support/unit.h"
#include <string.h>

static void with_ends(int size, void (*check)(const struct transport_checks *)) {
  struct transport *ends[8];
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(size, ends, NULL), STATUS_OK);
  struct transport_checks checks = {.ends = ends, .count = size, .seconds = 10};
  check(&checks);
  for (int i = 0; i < size; i++) transport_destroy(ends[i]);
}

static void test_all_pairs(void) {
  with_ends(1, transport_check_all_pairs);
  with_ends(2, transport_check_all_pairs);
  with_ends(4, transport_check_all_pairs);
}
static void test_many_to_one(void) { with_ends(8, transport_check_many_to_one); }
static void test_memory(void) {
  with_ends(2, transport_check_memory);
  with_ends(5, transport_check_memory);
}
static void test_limit(void) { with_ends(2, transport_check_limit); }

static void test_ends(void) {
  struct transport *ends[3];
  int from = 7;
  const uint8_t *bytes = NULL;
  size_t size = 9;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(3, ends, NULL), STATUS_OK);
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(transport_rank(ends[i]), i);
    CU_ASSERT_EQUAL(transport_size(ends[i]), 3);
    CU_ASSERT_EQUAL(transport_receive(ends[i], &from, &bytes, &size, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(size, 0);
  }
  CU_ASSERT_EQUAL(transport_send(ends[2], 0, "abc", 3, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(transport_send(ends[0], 1, "unread", 6, NULL), STATUS_OK);
  CU_ASSERT_TRUE(transport_flush(ends[0], 0)); // it cannot wait for a peer in its own thread
  transport_destroy(ends[2]);
  CU_ASSERT_EQUAL(transport_send(ends[0], 2, "gone", 4, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(transport_receive(ends[0], &from, &bytes, &size, NULL),
                  STATUS_OK); // its sender's leaving does not matter
  CU_ASSERT_EQUAL(from, 2);
  CU_ASSERT_EQUAL(size, 3);
  CU_ASSERT_EQUAL(memcmp(bytes, "abc", 3), 0);
  transport_destroy(ends[0]);
  transport_destroy(ends[1]); // with a message in it: the leak sanitizer watches
}

static void test_shared_weights(void) {
  struct transport *ends[4];
  uint8_t bytes[100];
  size_t size;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(4, ends, NULL), STATUS_OK);
  for (int i = 0; i < 4; i++) {
    CU_ASSERT_PTR_NULL(transport_shared_weights(ends[i]));
    CU_ASSERT_EQUAL(transport_shared_weights_home(ends[0], i), -1);
    CU_ASSERT_EQUAL(transport_shared_weights_open(ends[i], i == 2 ? 0 : 100, NULL), STATUS_OK);
  }
  for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(transport_shared_weights_home(ends[0], i), i != 2 ? 0 : -1);
  CU_ASSERT_PTR_NULL(transport_shared_weights(ends[2]));
  CU_ASSERT_PTR_NOT_NULL_FATAL(transport_shared_weights(ends[0]));
  CU_ASSERT_PTR_NOT_NULL_FATAL(transport_shared_weights(ends[3]));
  CU_ASSERT_EQUAL(transport_shared_weights(ends[3])->capacity, 100);
  shared_weights_publish(transport_shared_weights(ends[0]), 7, NULL, 0, "seven", 5);
  CU_ASSERT_EQUAL(shared_weights_read_newer(transport_shared_weights(ends[3]), 0, bytes, sizeof bytes, &size), 7);
  CU_ASSERT_EQUAL(size, 5);
  CU_ASSERT_EQUAL(memcmp(bytes, "seven", 5), 0);
  transport_destroy(ends[0]);
  CU_ASSERT_EQUAL(shared_weights_version(transport_shared_weights(ends[1])), 7); // it goes with the last end
  for (int i = 1; i < 4; i++) transport_destroy(ends[i]);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"all pairs exchange messages of 1 byte to 8 MB in order and whole", test_all_pairs},
      {"rank 0 gets thousands of messages of many senders", test_many_to_one},
      {"memory is stable after a warm-up", test_memory},
      {"a message beyond the limit is refused", test_limit},
      {"ends that open the shared weights share them", test_shared_weights},
      {"every end knows its number, and ends leave one by one", test_ends},
  };
  return unit_run("transport_loopback", cases, sizeof cases / sizeof *cases);
}
