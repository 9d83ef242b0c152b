// Shared weights in an MPI shared window. Rank 0 writes at full speed and the other ranks read. Where there are several
// others rank 1 does without.
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <stdlib.h>

enum { WORDS = 40000, CAPACITY = WORDS * sizeof(uint64_t), READS = 50 };
static const double PATIENCE = 60;
static int rank, ranks;

static struct transport *opened(size_t capacity) {
  struct transport *transport;
  struct error error = {0};
  CU_ASSERT_EQUAL_FATAL(transport_mpi_create(&transport, NULL), STATUS_OK);
  UNIT_STATUS_FATAL(transport_shared_weights_open(transport, capacity, &error), STATUS_OK, &error);
  return transport;
}

static bool is_without(int of_rank) { return of_rank == 1 && ranks > 2; }

// Writes versions until every reader has said that it has read enough.
static void write_all(struct transport *transport, uint64_t *words) {
  struct shared_weights *shared = transport_shared_weights(transport);
  int readers = 0;
  CU_ASSERT_PTR_NOT_NULL_FATAL(shared);
  CU_ASSERT_TRUE(shared_weights_reserve(shared, CAPACITY));
  CU_ASSERT_FALSE(shared_weights_reserve(shared, CAPACITY + 1));
  for (int i = 1; i < ranks; i++) {
    CU_ASSERT_EQUAL(transport_shared_weights_home(transport, i), is_without(i) ? -1 : 0);
    readers += !is_without(i);
  }
  const double end = clock_now() + PATIENCE;
  for (uint64_t version = 1; readers > 0 && clock_now() < end; version++) {
    int from;
    const uint8_t *bytes;
    size_t size;
    for (size_t i = 0; i < WORDS; i++) words[i] = version + i;
    shared_weights_publish(shared, version, NULL, 0, words, CAPACITY - version % 5 * sizeof *words);
    CU_ASSERT_EQUAL(transport_receive(transport, &from, &bytes, &size, NULL), STATUS_OK);
    readers -= size > 0;
  }
  CU_ASSERT_EQUAL(readers, 0);
}

static void read_some(struct transport *transport, uint64_t *words) {
  const struct shared_weights *shared = transport_shared_weights(transport);
  struct backoff backoff = {0};
  uint64_t last = 0;
  int torn = 0;
  CU_ASSERT_EQUAL_FATAL(shared == NULL, is_without(rank));
  if (!shared) return;
  const double end = clock_now() + PATIENCE;
  for (int reads = 0; reads < READS && clock_now() < end;) {
    size_t size;
    const uint64_t version = shared_weights_read_newer(shared, last, words, CAPACITY, &size);
    if (version == 0) {
      backoff_wait(&backoff); // nothing newer, or overtaken
      continue;
    }
    backoff_reset(&backoff);
    torn += version <= last || size != CAPACITY - version % 5 * sizeof *words;
    for (size_t i = 0; i < size / sizeof *words; i++) torn += words[i] != version + i;
    last = version;
    reads++;
  }
  CU_ASSERT_EQUAL(torn, 0);
  CU_ASSERT_TRUE(last >= READS);
  CU_ASSERT_EQUAL(transport_send(transport, 0, "enough", 6, NULL), STATUS_OK);
  CU_ASSERT_TRUE(transport_flush(transport, PATIENCE));
}

static void test_full_speed(void) {
  struct transport *transport = opened(is_without(rank) ? 0 : rank == 0 ? CAPACITY : 1); // rank 0's counts
  uint64_t *words = malloc(CAPACITY);
  CU_ASSERT_PTR_NOT_NULL_FATAL(words);
  if (rank == 0)
    write_all(transport, words);
  else
    read_some(transport, words);
  job_barrier();
  free(words);
  transport_destroy(transport);
}

static void expect_none(struct transport *transport) {
  CU_ASSERT_PTR_NULL(transport_shared_weights(transport));
  for (int i = 0; i < ranks; i++) CU_ASSERT_EQUAL(transport_shared_weights_home(transport, i), -1);
  transport_destroy(transport);
  job_barrier();
}

static void test_none(void) {
  expect_none(opened(0));
  if (ranks == 2) expect_none(opened(rank == 0 ? 0 : CAPACITY));
  expect_none(opened(rank == 0 ? CAPACITY : 0));
}

// On a node without the learner whichever rank has newer weights writes them.
static void test_without_learner(void) {
  enum { ROUNDS = 200 };
  if (ranks == 2) return;
  struct transport *transport = opened(rank == 0 ? 0 : CAPACITY);
  struct shared_weights *shared = transport_shared_weights(transport);
  CU_ASSERT_EQUAL_FATAL(shared == NULL, rank == 0);
  for (int i = 0; i < ranks; i++) CU_ASSERT_EQUAL(transport_shared_weights_home(transport, i), i == 0 ? -1 : 1);
  uint64_t words[8], read[8];
  int torn = 0;
  if (shared) CU_ASSERT_TRUE(shared_weights_reserve(shared, sizeof words));
  for (uint64_t version = (uint64_t)rank; shared && version < ROUNDS; version += (uint64_t)(1 + version % 2)) {
    size_t size;
    for (size_t i = 0; i < 8; i++) words[i] = version + i;
    shared_weights_publish_shared(shared, version, NULL, 0, words, sizeof words); // or another one is faster
    const uint64_t newest = shared_weights_read_newer(shared, 0, read, sizeof read, &size);
    for (size_t i = 0; newest > 0 && i < 8; i++) torn += read[i] != newest + i;
  }
  CU_ASSERT_EQUAL(torn, 0);
  job_barrier();
  if (shared) CU_ASSERT(shared_weights_version(shared) + 2 >= ROUNDS - 1);
  job_barrier();
  transport_destroy(transport);
}

static void test_no_room(void) {
  static const char name[] = "OMPI_MCA_osc_sm_backing_directory";
  log_init(rank, LOG_ERROR); // it warns
  if (rank == 0) setenv(name, "/nowhere", 1);
  expect_none(opened(CAPACITY));
  if (rank == 0) unsetenv(name);
  if (ranks == 2) expect_none(opened(rank == 0 ? (size_t)1 << 50 : 1));
}

int main(int argc, char **argv) {
  struct error error = {0};
  if (mpi_start(&argc, &argv, &rank, &ranks, &error) != STATUS_OK) {
    fprintf(stderr, "%s\n", error.text);
    mpi_stop(false, 1, 0);
  }
  static const struct unit_case cases[] = {
      {"readers see whole contents in ascending versions while rank 0 writes at full speed", test_full_speed},
      {"there are none where rank 0 or everybody else does without", test_none},
      {"ranks without the learner share weights that each of them may write", test_without_learner},
      {"where there is no room for them nobody waits, and there are none", test_no_room},
  };
  const int failed = unit_run_mpi("shared_weights", cases, sizeof cases / sizeof *cases);
  mpi_stop(true, failed, 0);
  return failed;
}
