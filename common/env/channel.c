#include "common/env/channel.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// To fall asleep and be woken costs some 10 us. Whoever slept for less than SHORT would have done better to look.
enum { LOOKS_MOST = 1 << 10, LOOKS_LEAST = 1 << 4 };
static const double SHORT = 60e-6;

static void pause_a_moment(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Not FUTEX_PRIVATE: the other side is another process.
static void futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *time) {
  syscall(SYS_futex, (void *)word, operation, value, time, NULL, 0);
}

void channel_ring(struct channel_bell *bell) {
  atomic_fetch_add(&bell->rung, 1);
  if (atomic_load(&bell->asleep)) futex(&bell->rung, FUTEX_WAKE, INT_MAX, NULL);
}

// With one core, looking keeps the other side from running.
static uint32_t looks_most(void) {
  cpu_set_t usable;
  return sched_getaffinity(0, sizeof usable, &usable) == 0 && CPU_COUNT(&usable) < 2 ? 0 : LOOKS_MOST;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void channel_wait(struct channel_bell *bell, uint32_t seen, double seconds, struct channel_patience *patience) {
  if (patience->looks == 0) *patience = (struct channel_patience){.looks = LOOKS_LEAST, .most = looks_most()};
  for (uint32_t i = 0; i < patience->looks && patience->most > 0; i++) {
    if (atomic_load_explicit(&bell->rung, memory_order_acquire) != seen) return;
    pause_a_moment();
  }
  const time_t whole = (time_t)seconds;
  const struct timespec time = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
  const double start = now();
  atomic_store(&bell->asleep, 1); // whoever rings after this wakes us, who rang before changed `rung`
  if (atomic_load(&bell->rung) == seen) futex(&bell->rung, FUTEX_WAIT, seen, &time);
  atomic_store(&bell->asleep, 0);
  if (now() - start > SHORT)
    patience->looks = patience->looks > 2 * LOOKS_LEAST ? patience->looks / 2 : LOOKS_LEAST;
  else
    patience->looks = patience->looks < LOOKS_MOST / 2 ? 2 * patience->looks : LOOKS_MOST;
}
