// Runs on 2, 3 and 5 ranks.
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/wire/message.h"
#include "common/wire/transport_impl.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "tests/support/transport_checks.h"
#include "tests/support/unit.h"
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct transport *transport;
static int rank, ranks;

static void wait_seconds(double seconds) { // outside of MPI: nothing makes progress
  struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

static void meet(void) {
  MPI_Request request;
  int done = 0;
  struct backoff backoff = {0};
  CU_ASSERT_EQUAL(MPI_Ibarrier(MPI_COMM_WORLD, &request), MPI_SUCCESS);
  for (;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    backoff_wait(&backoff);
  }
}

static struct transport_checks checks(void) {
  return (struct transport_checks){.ends = &transport, .count = 1, .meet = meet, .seconds = 30};
}
static void test_all_pairs(void) {
  struct transport_checks all = checks();
  transport_check_all_pairs(&all);
}
static void test_many_to_one(void) {
  struct transport_checks all = checks();
  transport_check_many_to_one(&all);
}
static void test_memory(void) {
  struct transport_checks all = checks();
  transport_check_memory(&all);
}
static void test_limit(void) {
  struct transport_checks all = checks();
  transport_check_limit(&all);
}

static void test_ends(void) {
  CU_ASSERT_EQUAL(transport_rank(transport), rank);
  CU_ASSERT_EQUAL(transport_size(transport), ranks);
  CU_ASSERT_EQUAL(transport_unsent(transport), 0);
}

// Waits for the next message. Returns its size, 0 if none came in time.
static size_t next_message(double seconds, int *from, const uint8_t **bytes, struct error *error) {
  double end = clock_now() + seconds;
  struct backoff backoff = {0};
  size_t size = 0;
  while (clock_now() < end) {
    if (transport_receive(transport, from, bytes, &size, error) || size) return size;
    backoff_wait(&backoff);
  }
  return 0;
}

static void test_flush(void) {
  enum { SIZE = 8 << 20 };
  int from = -1;
  const uint8_t *bytes = NULL;
  meet();
  if (rank == 1) {
    uint8_t *message = calloc(1, SIZE);
    CU_ASSERT_EQUAL(transport_send(transport, 0, message, SIZE, NULL), STATUS_OK);
    free(message);
    double start = clock_now();
    CU_ASSERT_FALSE(transport_flush(transport, 0.2));
    CU_ASSERT_TRUE_FATAL(clock_now() - start >= 0.2);
    CU_ASSERT_TRUE(clock_now() - start < 5);
    CU_ASSERT_EQUAL(transport_unsent(transport), 1);
    meet(); // only now does rank 0 look
    CU_ASSERT_TRUE(transport_flush(transport, 30));
    CU_ASSERT_EQUAL(transport_unsent(transport), 0);
  } else {
    meet();
    if (rank == 0) CU_ASSERT_EQUAL(next_message(30, &from, &bytes, NULL), SIZE);
  }
  meet();
}

// Rank 1 starts a large message, a small one after it, and then is busy outside of MPI. Rank 2's messages must not wait
// for it, and rank 1's small one must not overtake its large one.
static void test_stalled_sender(void) {
  enum { SIZE = 8 << 20, SMALL = 10 };
  if (ranks < 3) return;
  meet();
  if (rank == 1) {
    uint8_t *message = calloc(1, SIZE);
    CU_ASSERT_EQUAL(transport_send(transport, 0, message, SIZE, NULL), STATUS_OK);
    free(message);
    CU_ASSERT_EQUAL(transport_send(transport, 0, "small", 5, NULL), STATUS_OK);
    wait_seconds(5);
    CU_ASSERT_TRUE(transport_flush(transport, 30));
  } else if (rank == 2) {
    wait_seconds(0.2);
    for (int i = 0; i < SMALL; i++) CU_ASSERT_EQUAL(transport_send(transport, 0, "from 2", 6, NULL), STATUS_OK);
    CU_ASSERT_TRUE(transport_flush(transport, 30));
  } else if (rank == 0) {
    double start = clock_now(), second = 0;
    size_t expected[] = {SIZE, 5};
    for (int ones = 0, twos = 0; ones < 2 || twos < SMALL;) {
      int from = -1;
      const uint8_t *bytes = NULL;
      size_t size = next_message(30, &from, &bytes, NULL);
      CU_ASSERT_TRUE_FATAL(size > 0);
      CU_ASSERT_TRUE_FATAL(from == 1 || from == 2);
      if (from == 1) CU_ASSERT_EQUAL(size, expected[ones++]);
      if (from == 2 && ++twos == SMALL) second = clock_now() - start;
    }
    CU_ASSERT_TRUE(second < 4);
  }
  meet();
}

static void test_too_large_arrival(void) {
  meet();
  if (rank == 1) {
    uint8_t *message = calloc(1, 3 << 20);
    CU_ASSERT_EQUAL(transport_send(transport, 0, message, 2000, NULL), STATUS_OK); // at once and by rendezvous
    CU_ASSERT_EQUAL(transport_send(transport, 0, message, 3 << 20, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(transport_send(transport, 0, "fits", 4, NULL), STATUS_OK);
    free(message);
  } else if (rank == 0) {
    size_t limit = transport->limit;
    int from = -1;
    const uint8_t *bytes = NULL;
    struct error small = {0}, large = {0}, none = {0};
    uint64_t received = transport_statistics(transport).messages_received;
    transport->limit = 1000;
    CU_ASSERT_EQUAL(next_message(30, &from, &bytes, &small), 0);
    CU_ASSERT_EQUAL(small.status, STATUS_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(small.text, "rank 1 sent a message of 2000 bytes, more than 1000"));
    CU_ASSERT_EQUAL(next_message(30, &from, &bytes, &large), 0);
    CU_ASSERT_EQUAL(large.status, STATUS_FORMAT);
    CU_ASSERT_EQUAL(next_message(30, &from, &bytes, &none), 4);
    CU_ASSERT_EQUAL(none.status, STATUS_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL(memcmp(bytes, "fits", 4), 0);
    CU_ASSERT_EQUAL(transport_statistics(transport).messages_received, received + 1);
    transport->limit = limit;
  }
  meet();
}

static void test_launched(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
  char *saved[4] = {0};
  CU_ASSERT_TRUE(mpi_is_launched());
  for (int i = 0; i < 4; i++) {
    if (getenv(names[i])) saved[i] = strdup(getenv(names[i]));
    unsetenv(names[i]);
  }
  setenv("SLURM_PROCID", "0", 0); // a shell of salloc
  CU_ASSERT_FALSE(mpi_is_launched());
  for (int i = 0; i < 4; i++) {
    setenv(names[i], "3", 1);
    CU_ASSERT_TRUE(mpi_is_launched());
    unsetenv(names[i]);
  }
  for (int i = 0; i < 4; i++) {
    if (saved[i]) setenv(names[i], saved[i], 1);
    free(saved[i]);
  }
}

static void test_same_version(void) {
  struct error error = {0};
  UNIT_STATUS(mpi_same_version("1.2.3", 30, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  UNIT_STATUS(mpi_same_version(rank == ranks - 1 ? "1.2.4" : "1.2.3", 30, &error), STATUS_MISMATCH, &error);
  char other[32];
  snprintf(other, sizeof other, "rank %d runs 1.2.4", ranks - 1);
  CU_ASSERT_TRUE(error_says(&error, "rank 0 runs corsac 1.2.3"));
  CU_ASSERT_TRUE(error_says(&error, other));
  error_clear(&error);
  char longest[200]; // more than is compared: cut, not overrun
  memset(longest, 'v', sizeof longest);
  longest[199] = 0;
  UNIT_STATUS(mpi_same_version(longest, 30, &error), STATUS_OK, &error);
  meet();
  bool late = rank == ranks - 1; // the others give up on it
  if (late) wait_seconds(3);
  double start = clock_now();
  enum status status = mpi_same_version("1.2.3", late ? 30 : 0.2, &error);
  if (!late) {
    CU_ASSERT_EQUAL(status, STATUS_PEER);
    CU_ASSERT_TRUE(clock_now() - start < 2.5);
  }
  meet();
}

static void broadcast_bytes(size_t size) {
  void *bytes = NULL;
  size_t got = rank == 0 ? size : 77;
  if (rank == 0 && size) {
    bytes = memory_alloc(size, 1, "bytes", NULL);
    memset(bytes, 0x5a, size);
  }
  struct error error = {0};
  UNIT_STATUS(mpi_broadcast(STATUS_OK, &bytes, &got, 30, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(got, size);
  CU_ASSERT_EQUAL_FATAL(bytes == NULL, size == 0);
  bool same = true;
  for (size_t i = 0; i < size; i++) same = same && ((uint8_t *)bytes)[i] == 0x5a;
  CU_ASSERT_TRUE(same);
  memory_free(bytes);
}

static void test_broadcast(void) {
  broadcast_bytes(0);
  broadcast_bytes(1);
  broadcast_bytes(5 << 20);
  char text[] = "unused";
  void *bytes = text;
  size_t size = sizeof text;
  struct error error = {0};
  if (rank == 0) error_set(&error, STATUS_IO, "no such file");
  UNIT_STATUS(mpi_broadcast(rank == 0 ? STATUS_IO : STATUS_OK, &bytes, &size, 30, &error), STATUS_IO, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_STRING_EQUAL(error.text, rank == 0 ? "no such file" : "");
  if (rank != 0) {
    CU_ASSERT_PTR_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL(size, 0);
  }
  error_clear(&error);
  size = WIRE_MAX_MESSAGE + 1; // the bytes are not looked at
  UNIT_STATUS(mpi_broadcast(STATUS_OK, &bytes, &size, 30, &error), STATUS_FAILED, &error);
  meet();
  if (rank == 0) wait_seconds(1);
  error_clear(&error);
  bytes = NULL;
  size = 0;
  enum status status = mpi_broadcast(STATUS_OK, &bytes, &size, rank == 0 ? 30 : 0.2, &error);
  CU_ASSERT_EQUAL(status, rank == 0 ? STATUS_OK : STATUS_PEER);
  meet();
}

int main(int argc, char **argv) {
  static const struct unit_case cases[] = {
      {"every rank knows its number and the number of ranks", test_ends},
      {"a process knows from its environment whether it was launched", test_launched},
      {"all pairs exchange messages of 1 byte to 8 MB in order and whole", test_all_pairs},
      {"rank 0 gets thousands of messages of many senders", test_many_to_one},
      {"memory is stable after a warm-up", test_memory},
      {"a message beyond the limit is refused", test_limit},
      {"flush gives up on a peer that does not receive", test_flush},
      {"a sender that stalls in a large message delays nobody else and keeps its order", test_stalled_sender},
      {"an arrival beyond the limit is an error, dropped, and others go on", test_too_large_arrival},
      {"ranks of different versions are refused, and a missing rank is not waited for", test_same_version},
      {"rank 0's bytes and status reach all, and a missing rank 0 is not waited for", test_broadcast},
  };
  struct error error = {0};
  // On 3 ranks large messages need their sender's help, as between hosts; on the others shared memory is read in one
  // go.
  const char *launched = getenv("OMPI_COMM_WORLD_SIZE");
  if (launched && strcmp(launched, "3") == 0) setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  enum status status = mpi_start(&argc, &argv, &rank, &ranks, &error);
  if (!status) status = transport_mpi_create(&transport, &error);
  if (status) {
    fprintf(stderr, "%s\n", error.text);
    mpi_stop(false, 1, 0);
  }
  int failed = unit_run_mpi("transport_mpi", cases, sizeof cases / sizeof *cases);
  transport_destroy(transport);
  mpi_stop(true, failed, 0);
  return failed;
}
