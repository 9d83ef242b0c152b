#include "common/base/clock.h"
#include "common/wire/transport_impl.h"
#include "tests/support/unit.h"
#include <string.h>

// A transport that does what a case wants.
struct fake {
  struct transport base;
  enum status status;
  size_t unsent, falling; // falling: unsent goes down by one with each look
  size_t next;            // bytes of the next message
  int destroyed;
};

static enum status fake_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error) {
  (void)to, (void)bytes, (void)size;
  struct fake *fake = (struct fake *)transport;
  return fake->status ? error_set(error, fake->status, "fake") : STATUS_OK;
}

static enum status fake_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                                struct error *error) {
  static const uint8_t message[64];
  struct fake *fake = (struct fake *)transport;
  if (fake->status) return error_set(error, fake->status, "fake");
  if (fake->next == 0) return STATUS_OK;
  *from = 1;
  *bytes = message;
  *size = fake->next;
  return STATUS_OK;
}

static size_t fake_unsent(struct transport *transport) {
  struct fake *fake = (struct fake *)transport;
  size_t unsent = fake->unsent;
  if (fake->falling && fake->unsent) fake->unsent--;
  return unsent;
}

static enum status fake_shared_weights_open(struct transport *transport, size_t capacity, struct error *error) {
  (void)transport, (void)capacity;
  return error_set(error, STATUS_FAILED, "no memory to share");
}

static size_t fake_memory(const struct transport *transport) { return ((const struct fake *)transport)->unsent + 1000; }
static void fake_destroy(struct transport *transport) { ((struct fake *)transport)->destroyed++; }

static struct fake fake_end(void) {
  static const struct transport_operations operations = {
      fake_send, fake_receive, fake_unsent, fake_shared_weights_open, fake_memory, fake_destroy};
  return (struct fake){.base = {.operations = &operations, .rank = 2, .size = 5, .limit = 50}};
}

static void test_statistics(void) {
  struct fake fake = fake_end();
  struct transport *end = &fake.base;
  int from = 9;
  const uint8_t *bytes = NULL;
  size_t size = 9;
  CU_ASSERT_EQUAL(transport_rank(end), 2);
  CU_ASSERT_EQUAL(transport_size(end), 5);
  CU_ASSERT_EQUAL(transport_shared_weights_open(end, 10, NULL), STATUS_FAILED);
  CU_ASSERT_PTR_NULL(transport_shared_weights(end));
  CU_ASSERT_EQUAL(transport_shared_weights_home(end, 0), -1);
  CU_ASSERT_EQUAL(transport_shared_weights_asked(end), 10);
  CU_ASSERT_EQUAL(transport_send(end, 4, "ab", 2, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(transport_send(end, 0, "abcde", 5, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(transport_receive(end, &from, &bytes, &size, NULL), STATUS_OK); // none
  CU_ASSERT_EQUAL(size, 0);
  CU_ASSERT_EQUAL(from, -1);
  CU_ASSERT_TRUE(!bytes);
  fake.next = 11;
  CU_ASSERT_EQUAL(transport_receive(end, &from, &bytes, &size, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(size, 11);
  CU_ASSERT_EQUAL(from, 1);
  CU_ASSERT_PTR_NOT_NULL(bytes);
  fake.status = STATUS_FAILED; // failures are passed on and not counted
  struct error error = {0};
  UNIT_STATUS(transport_send(end, 0, "abc", 3, &error), STATUS_FAILED, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "fake");
  CU_ASSERT_EQUAL(transport_receive(end, &from, &bytes, &size, NULL), STATUS_FAILED);
  CU_ASSERT_EQUAL(size, 0);
  struct transport_statistics statistics = transport_statistics(end);
  CU_ASSERT_EQUAL(statistics.messages_sent, 2);
  CU_ASSERT_EQUAL(statistics.bytes_sent, 7);
  CU_ASSERT_EQUAL(statistics.messages_received, 1);
  CU_ASSERT_EQUAL(statistics.bytes_received, 11);
  CU_ASSERT_EQUAL(statistics.memory, 1000);
}

static void test_limit(void) {
  struct fake fake = fake_end();
  struct error error = {0};
  uint8_t bytes[51] = {0};
  UNIT_STATUS(transport_send(&fake.base, 1, bytes, 50, &error), STATUS_OK, &error);
  UNIT_STATUS(transport_send(&fake.base, 1, bytes, 51, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "51 bytes"));
  CU_ASSERT_TRUE(error_says(&error, "rank 1"));
  CU_ASSERT_EQUAL(transport_statistics(&fake.base).messages_sent, 1);
}

static void test_flush(void) {
  struct fake fake = fake_end();
  CU_ASSERT_TRUE(transport_flush(&fake.base, 0));
  fake.unsent = 5;
  fake.falling = 1;
  CU_ASSERT_TRUE(transport_flush(&fake.base, 10));
  CU_ASSERT_EQUAL(fake.unsent, 0);
  fake.unsent = 3;
  fake.falling = 0;
  double start = clock_now();
  CU_ASSERT_FALSE(transport_flush(&fake.base, 0.1));
  CU_ASSERT_TRUE(clock_now() - start >= 0.1);
  CU_ASSERT_TRUE(clock_now() - start < 5);
  CU_ASSERT_FALSE(transport_flush(&fake.base, 0));
}

static void test_destroy(void) {
  struct fake fake = fake_end();
  transport_destroy(NULL);
  transport_destroy(&fake.base);
  CU_ASSERT_EQUAL(fake.destroyed, 1);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"statistics count the messages that were sent and received", test_statistics},
      {"a message beyond the limit is refused, one at the limit goes", test_limit},
      {"flush waits until everything is handed over, and no longer than its limit", test_flush},
      {"NULL may be destroyed", test_destroy},
  };
  return unit_run("transport", cases, sizeof cases / sizeof *cases);
}
