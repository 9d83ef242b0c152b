#include "common/env/channel.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Sleeping and waking costs 5 us, in a virtual machine up to 50 us. So a side whose answers come sooner polls that
// long, and yields the core meanwhile. A side whose answers come later sleeps at once, and tries polling every 64th
// time.
static const double LONGEST_POLL = 50e-6; // s
enum { TRY_EVERY = 64 };

// Without FUTEX_PRIVATE, since the other side is another process.
static void futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *time) {
  syscall(SYS_futex, (void *)word, operation, value, time, NULL, 0);
}

void channel_ring(struct channel_bell *bell) {
  atomic_fetch_add(&bell->rung, 1);
  if (atomic_load(&bell->asleep)) futex(&bell->rung, FUTEX_WAKE, INT_MAX, NULL);
}

double channel_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool channel_poll(struct channel_patience *patience, bool (*has_come)(void *context), void *context) {
  const bool tries = patience->waits++ % TRY_EVERY == 0;
  const double limit = tries ? LONGEST_POLL : patience->polls, start = limit > 0 ? channel_now() : 0;
  for (double took = 0; took < limit; took = channel_now() - start) {
    if (has_come(context)) {
      const double enough = 4 * took < LONGEST_POLL ? 4 * took : LONGEST_POLL;
      patience->polls = patience->polls * 0.9 > enough ? patience->polls * 0.9 : enough;
      return true;
    }
    sched_yield();
  }
  patience->polls = tries || patience->polls < 1e-6 ? 0 : patience->polls / 2;
  return has_come(context);
}

struct ring {
  const struct channel_bell *bell;
  uint32_t seen;
};

static bool has_rung(void *context) {
  const struct ring *ring = context;
  return atomic_load_explicit(&ring->bell->rung, memory_order_acquire) != ring->seen;
}

void channel_wait(struct channel_bell *bell, uint32_t seen, double seconds, struct channel_patience *patience) {
  if (channel_poll(patience, has_rung, &(struct ring){bell, seen})) return;
  const time_t whole = (time_t)seconds;
  const struct timespec time = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
  // A ring after this store wakes us; a ring before it has changed `rung`.
  atomic_store(&bell->asleep, 1);
  if (atomic_load(&bell->rung) == seen) futex(&bell->rung, FUTEX_WAIT, seen, &time);
  atomic_store(&bell->asleep, 0);
}
