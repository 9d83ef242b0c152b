#include "tests/support/transport_checks.h"
#include "common/base/clock.h"
#include "common/wire/transport_impl.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 8 << 20, UNDER_WAY = 8, CHECKS_RANKS = 64 };

static const size_t sizes[] = {1,     8 << 20, 2,     20,     4095, 1 << 20, 4096,   4097,
                               65536, 3,       70001, 500000, 7,    8191,    300000, 1};
enum { SIZES = sizeof sizes / sizeof *sizes };

// Byte i of the message `sequence` of a pair: depends on all of them, so that neither a mixed up nor a shifted message
// passes.
static void fill(uint8_t *bytes, size_t size, int from, int to, unsigned sequence) {
  uint32_t x = 2654435761u * ((uint32_t)from * 4096 + (uint32_t)to * 64 + sequence * 97 + 1);
  for (size_t i = 0; i < size; i++) {
    x = x * 1664525u + 1013904223u;
    bytes[i] = (uint8_t)(x >> 24);
  }
}

// One local end's part in an exchange: to[r] messages go to rank r, from[r] come from there, in sequences from 0.
struct part {
  struct transport *end;
  unsigned send[CHECKS_RANKS], sent[CHECKS_RANKS], expect[CHECKS_RANKS], received[CHECKS_RANKS];
  uint64_t bytes_sent, bytes_received;
  struct transport_statistics before;
};
typedef size_t size_of(unsigned sequence);

static struct part *parts_create(const struct transport_checks *checks) {
  struct part *parts = calloc((size_t)checks->count, sizeof *parts);
  CU_ASSERT_PTR_NOT_NULL_FATAL(parts);
  for (int i = 0; i < checks->count; i++) {
    CU_ASSERT_FATAL(transport_size(checks->ends[i]) <= CHECKS_RANKS);
    parts[i].end = checks->ends[i];
    parts[i].before = transport_statistics(checks->ends[i]);
  }
  return parts;
}

// Sends the next message of each pair, as long as few are under way. Whether anything was sent.
static bool send_some(struct part *part, size_of *size, uint8_t *scratch) {
  int rank = transport_rank(part->end);
  bool any = false;
  for (int to = 0; to < transport_size(part->end); to++) {
    if (part->sent[to] == part->send[to] || transport_unsent(part->end) >= UNDER_WAY) continue;
    size_t bytes = size(part->sent[to]);
    struct error error = {0};
    fill(scratch, bytes, rank, to, part->sent[to]);
    UNIT_STATUS(transport_send(part->end, to, scratch, bytes, &error), STATUS_OK, &error);
    memset(scratch, 0xee, bytes < 4096 ? bytes : 4096); // a copy was taken
    part->sent[to]++;
    part->bytes_sent += bytes;
    any = true;
  }
  return any;
}

static bool receive_one(struct part *part, size_of *expected_size, uint8_t *scratch) {
  int from = -2;
  const uint8_t *bytes = NULL;
  size_t size = 0;
  struct error error = {0};
  UNIT_STATUS(transport_receive(part->end, &from, &bytes, &size, &error), STATUS_OK, &error);
  if (size == 0) return false;
  CU_ASSERT_TRUE_FATAL(from >= 0);
  CU_ASSERT_TRUE_FATAL(from < transport_size(part->end));
  unsigned sequence = part->received[from]++;
  CU_ASSERT_FATAL(sequence < part->expect[from]);
  CU_ASSERT_EQUAL_FATAL(size, expected_size(sequence));
  fill(scratch, size, from, transport_rank(part->end), sequence);
  CU_ASSERT_EQUAL(memcmp(bytes, scratch, size), 0);
  part->bytes_received += size;
  return true;
}

static bool finished(const struct part *part) {
  return memcmp(part->send, part->sent, sizeof part->send) == 0 &&
         memcmp(part->expect, part->received, sizeof part->expect) == 0;
}

static void check_statistics(const struct part *part) {
  struct transport_statistics now = transport_statistics(part->end);
  uint64_t sent = 0, received = 0;
  for (int rank = 0; rank < CHECKS_RANKS; rank++) {
    sent += part->sent[rank];
    received += part->received[rank];
  }
  CU_ASSERT_EQUAL(now.messages_sent - part->before.messages_sent, sent);
  CU_ASSERT_EQUAL(now.bytes_sent - part->before.bytes_sent, part->bytes_sent);
  CU_ASSERT_EQUAL(now.messages_received - part->before.messages_received, received);
  CU_ASSERT_EQUAL(now.bytes_received - part->before.bytes_received, part->bytes_received);
}

// Runs all local parts by turns until each has sent and received its all, then makes sure that nothing else arrives.
static void exchange(const struct transport_checks *checks, struct part *parts, size_of *size) {
  uint8_t *scratch = malloc(LARGEST);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scratch);
  double progress = clock_now();
  struct backoff backoff = {0};
  bool done = false;
  while (!done && clock_now() - progress < checks->seconds) {
    bool busy = false;
    done = true;
    for (int i = 0; i < checks->count; i++) {
      if (send_some(&parts[i], size, scratch)) busy = true;
      while (receive_one(&parts[i], size, scratch)) busy = true;
      if (!finished(&parts[i])) done = false;
    }
    if (busy) {
      progress = clock_now();
      backoff_reset(&backoff);
    } else if (!done) {
      backoff_wait(&backoff);
    }
  }
  CU_ASSERT_TRUE(done);
  for (int i = 0; i < checks->count; i++) CU_ASSERT_TRUE(transport_flush(checks->ends[i], checks->seconds));
  if (checks->meet) checks->meet();
  for (int i = 0; i < checks->count; i++) {
    CU_ASSERT_FALSE(receive_one(&parts[i], size, scratch));
    check_statistics(&parts[i]);
  }
  if (checks->meet) checks->meet();
  free(scratch);
}

static size_t mixed_size(unsigned sequence) { return sizes[sequence % SIZES]; }
static size_t small_size(unsigned sequence) { return 20 + sequence * 131 % 4000; }

void transport_check_all_pairs(const struct transport_checks *checks) {
  struct part *parts = parts_create(checks);
  for (int i = 0; i < checks->count; i++) {
    for (int rank = 0; rank < transport_size(parts[i].end); rank++)
      parts[i].send[rank] = parts[i].expect[rank] = 2 * SIZES;
  }
  exchange(checks, parts, mixed_size);
  free(parts);
}

void transport_check_many_to_one(const struct transport_checks *checks) {
  enum { MESSAGES = 3000 };
  struct part *parts = parts_create(checks);
  for (int i = 0; i < checks->count; i++) {
    if (transport_rank(parts[i].end) != 0) {
      parts[i].send[0] = MESSAGES;
    } else {
      for (int rank = 1; rank < transport_size(parts[i].end); rank++) parts[i].expect[rank] = MESSAGES;
    }
  }
  exchange(checks, parts, small_size);
  free(parts);
}

// One local end's part in the echo: every other rank sends a message to rank 0, waits for it to come back, and so on;
// rank 0 answers.
struct echo {
  struct transport *end;
  bool waiting;
  unsigned done, warm, total; // messages received: now, at the end of the warm-up, in all
  size_t memory;              // at the end of the warm-up
};
static const size_t traffic[] = {4000, 1 << 20, 100, 70000};
enum { KINDS = sizeof traffic / sizeof *traffic, WARM_UP = 5, ECHOES = 40 };

static bool echo_turn(struct echo *echo, uint8_t *scratch) {
  int rank = transport_rank(echo->end), from = -1;
  const uint8_t *bytes = NULL;
  size_t size = 0;
  if (rank != 0 && !echo->waiting && echo->done < echo->total && transport_unsent(echo->end) == 0) {
    CU_ASSERT_EQUAL(transport_send(echo->end, 0, scratch, traffic[echo->done % KINDS], NULL), STATUS_OK);
    echo->waiting = true;
  }
  CU_ASSERT_EQUAL(transport_receive(echo->end, &from, &bytes, &size, NULL), STATUS_OK);
  if (size == 0) return false;
  if (rank == 0) {
    CU_ASSERT_EQUAL(transport_send(echo->end, from, bytes, size, NULL), STATUS_OK);
  } else {
    CU_ASSERT_EQUAL(from, 0);
    CU_ASSERT_EQUAL(size, traffic[echo->done % KINDS]);
    CU_ASSERT_TRUE(echo->waiting);
    echo->waiting = false;
  }
  if (++echo->done == echo->warm) echo->memory = transport_statistics(echo->end).memory;
  return true;
}

void transport_check_memory(const struct transport_checks *checks) {
  struct echo *echoes = calloc((size_t)checks->count, sizeof *echoes);
  uint8_t *scratch = calloc(1, 1 << 20);
  CU_ASSERT_PTR_NOT_NULL_FATAL(echoes);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scratch);
  for (int i = 0; i < checks->count; i++) {
    struct transport *end = checks->ends[i];
    unsigned partners = transport_rank(end) == 0 ? (unsigned)transport_size(end) - 1 : 1;
    echoes[i] = (struct echo){.end = end, .warm = WARM_UP * KINDS * partners, .total = ECHOES * KINDS * partners};
  }
  double progress = clock_now();
  struct backoff backoff = {0};
  for (bool done = false; !done && clock_now() - progress < checks->seconds;) {
    bool busy = false;
    done = true;
    for (int i = 0; i < checks->count; i++) {
      if (echo_turn(&echoes[i], scratch)) busy = true;
      if (echoes[i].done < echoes[i].total) done = false;
    }
    if (busy) {
      progress = clock_now();
      backoff_reset(&backoff);
    } else if (!done) {
      backoff_wait(&backoff);
    }
  }
  for (int i = 0; i < checks->count; i++) {
    struct transport *end = checks->ends[i];
    CU_ASSERT_EQUAL(echoes[i].done, echoes[i].total);
    CU_ASSERT_TRUE(transport_flush(end, checks->seconds));
    // Rank 0 may hold a message from and one to everybody, by chance not in the warm-up.
    size_t others = (size_t)transport_size(end) - 1;
    size_t slack = transport_rank(end) == 0 ? (2 * others + 1) * ((1 << 20) + (1 << 17) + (1 << 13)) : 0;
    CU_ASSERT_TRUE(transport_statistics(end).memory <= echoes[i].memory + slack);
  }
  if (checks->meet) checks->meet();
  free(scratch);
  free(echoes);
}

void transport_check_limit(const struct transport_checks *checks) {
  for (int i = 0; i < checks->count; i++) {
    struct transport *end = checks->ends[i];
    struct transport_statistics before = transport_statistics(end);
    struct error error = {0};
    size_t limit = end->limit;
    uint8_t bytes[101] = {0};
    end->limit = 100;
    UNIT_STATUS(transport_send(end, 0, bytes, 101, &error), STATUS_FAILED, &error);
    CU_ASSERT_TRUE(error_says(&error, "101 bytes"));
    CU_ASSERT_TRUE(error_says(&error, "larger than 100"));
    CU_ASSERT_EQUAL(transport_statistics(end).messages_sent, before.messages_sent);
    CU_ASSERT_EQUAL(transport_unsent(end), 0);
    end->limit = limit;
  }
  if (checks->meet) checks->meet();
}
