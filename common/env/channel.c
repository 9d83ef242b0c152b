#include "common/env/channel.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// To fall asleep and be woken costs 5 to 50 us, the latter in a virtual machine. So whoever is answered sooner looks
// for so long, and lets others run meanwhile; who is not, sleeps, and tries now and then whether that has changed.
static const double LOOK_MOST = 50e-6;
enum { TRY_EVERY = 64 };

// Not FUTEX_PRIVATE: the other side is another process.
static void futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *time) {
  syscall(SYS_futex, (void *)word, operation, value, time, NULL, 0);
}

void channel_ring(struct channel_bell *bell) {
  atomic_fetch_add(&bell->rung, 1);
  if (atomic_load(&bell->asleep)) futex(&bell->rung, FUTEX_WAKE, INT_MAX, NULL);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool look(struct channel_bell *bell, uint32_t seen, struct channel_patience *patience) {
  const bool tries = patience->waits++ % TRY_EVERY == 0;
  const double limit = tries ? LOOK_MOST : patience->looks, start = limit > 0 ? now() : 0;
  for (double took = 0; took < limit; took = now() - start) {
    if (atomic_load_explicit(&bell->rung, memory_order_acquire) != seen) {
      const double enough = 4 * took < LOOK_MOST ? 4 * took : LOOK_MOST;
      patience->looks = patience->looks * 0.9 > enough ? patience->looks * 0.9 : enough;
      return true;
    }
    sched_yield();
  }
  patience->looks = tries || patience->looks < 1e-6 ? 0 : patience->looks / 2;
  return atomic_load(&bell->rung) != seen;
}

void channel_wait(struct channel_bell *bell, uint32_t seen, double seconds, struct channel_patience *patience) {
  if (look(bell, seen, patience)) return;
  const time_t whole = (time_t)seconds;
  const struct timespec time = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
  atomic_store(&bell->asleep, 1); // whoever rings after this wakes us, who rang before changed `rung`
  if (atomic_load(&bell->rung) == seen) futex(&bell->rung, FUTEX_WAIT, seen, &time);
  atomic_store(&bell->asleep, 0);
}
