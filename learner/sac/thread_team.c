#include "learner/sac/thread_team.h"
#include "common/base/c_locale.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

// A waiter spins for so many turns before it sleeps, some 30 us. A step of an update lasts longer than a sleep costs,
// so this only saves the wake-up when members finish almost together. Spinning longer would take the core from the
// member that the others wait for.
enum { SPIN_TURNS = 1000 };

struct thread_team {
  unsigned members, started, spin;
  pthread_t *thread; // (members - 1), of members 1..
  void (*work)(void *argument, unsigned member, unsigned members);
  void *argument;
  bool stop;
  pthread_mutex_t mutex;
  pthread_cond_t go, done;
  atomic_uint round;   // counts thread_team_run; a change starts the members
  atomic_uint running; // members other than 0 that have not finished this round
  atomic_uint joined;  // hands out member numbers
  pthread_cond_t met;
  atomic_uint arrived; // members that have called thread_team_meet and wait
  atomic_uint meeting; // counts meetings; a change lets the members go on
};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void wait_for_round(struct thread_team *team, unsigned seen) {
  for (unsigned turn = 0; turn < team->spin; turn++) {
    if (atomic_load_explicit(&team->round, memory_order_acquire) != seen) return;
    relax();
  }
  pthread_mutex_lock(&team->mutex);
  while (atomic_load_explicit(&team->round, memory_order_acquire) == seen) pthread_cond_wait(&team->go, &team->mutex);
  pthread_mutex_unlock(&team->mutex);
}

static void wait_for_members(struct thread_team *team) {
  for (unsigned turn = 0; turn < team->spin; turn++) {
    if (atomic_load_explicit(&team->running, memory_order_acquire) == 0) return;
    relax();
  }
  pthread_mutex_lock(&team->mutex);
  while (atomic_load_explicit(&team->running, memory_order_acquire) != 0) pthread_cond_wait(&team->done, &team->mutex);
  pthread_mutex_unlock(&team->mutex);
}

// The mutex makes sure that a waiter either still spins or already sleeps when it is woken.
static void start_round(struct thread_team *team) {
  pthread_mutex_lock(&team->mutex);
  atomic_store_explicit(&team->running, team->started, memory_order_relaxed);
  atomic_fetch_add_explicit(&team->round, 1, memory_order_release);
  pthread_cond_broadcast(&team->go);
  pthread_mutex_unlock(&team->mutex);
}

static void finish_round(struct thread_team *team) {
  if (atomic_fetch_sub_explicit(&team->running, 1, memory_order_acq_rel) != 1) return;
  pthread_mutex_lock(&team->mutex);
  pthread_cond_signal(&team->done);
  pthread_mutex_unlock(&team->mutex);
}

// The last member to arrive lets the others go on. It resets `arrived` before they can arrive again.
static void end_meeting(struct thread_team *team) {
  atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
  pthread_mutex_lock(&team->mutex);
  atomic_fetch_add_explicit(&team->meeting, 1, memory_order_release);
  pthread_cond_broadcast(&team->met);
  pthread_mutex_unlock(&team->mutex);
}

void thread_team_meet(struct thread_team *team) {
  if (team->members == 1) return;
  const unsigned seen = atomic_load_explicit(&team->meeting, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->members) {
    end_meeting(team);
    return;
  }
  for (unsigned turn = 0; turn < team->spin; turn++) {
    if (atomic_load_explicit(&team->meeting, memory_order_acquire) != seen) return;
    relax();
  }
  pthread_mutex_lock(&team->mutex);
  while (atomic_load_explicit(&team->meeting, memory_order_acquire) == seen)
    pthread_cond_wait(&team->met, &team->mutex);
  pthread_mutex_unlock(&team->mutex);
}

static void *member_main(void *argument) {
  struct thread_team *team = argument;
  locale_enter_c();
  const unsigned member = 1 + atomic_fetch_add(&team->joined, 1);
  for (unsigned round = 0;; round++) {
    wait_for_round(team, round);
    if (team->stop) return NULL;
    team->work(team->argument, member, team->members);
    finish_round(team);
  }
}

static unsigned usable_cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

struct thread_team *thread_team_create(unsigned threads, struct error *error) {
  assert(threads > 0);
  struct thread_team *team = memory_alloc(1, sizeof *team, "a team of threads", error);
  if (!team) return NULL;
  team->members = threads;
  team->spin = threads <= usable_cores() ? SPIN_TURNS : 0;
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->go, NULL);
  pthread_cond_init(&team->done, NULL);
  pthread_cond_init(&team->met, NULL);
  team->thread = memory_alloc(threads, sizeof *team->thread, "a team of threads", error);
  if (!team->thread) goto destroy;

  int failure = 0;
  while (team->started + 1 < threads && failure == 0) {
    failure = thread_start(&team->thread[team->started], NULL, member_main, team);
    if (failure == 0) team->started++;
  }
  if (failure == 0) return team;
  error_set(error, STATUS_FAILED,
            "cannot start thread %u of the learner's %u: %s; lower learner_threads, which a resume in sync "
            "mode keeps, or raise the limit on processes (ulimit -u)",
            team->started + 2, threads, strerror(failure));
destroy:
  thread_team_destroy(team);
  return NULL;
}

void thread_team_destroy(struct thread_team *team) {
  if (!team) return;
  team->stop = true;
  if (team->started > 0) start_round(team);
  for (unsigned i = 0; i < team->started; i++) pthread_join(team->thread[i], NULL);
  pthread_cond_destroy(&team->met);
  pthread_cond_destroy(&team->done);
  pthread_cond_destroy(&team->go);
  pthread_mutex_destroy(&team->mutex);
  memory_free(team->thread);
  memory_free(team);
}

unsigned thread_team_size(const struct thread_team *team) { return team->members; }

void thread_team_run(struct thread_team *team, void (*work)(void *argument, unsigned member, unsigned members),
                     void *argument) {
  if (team->members == 1) {
    work(argument, 0, 1);
    return;
  }
  team->work = work;
  team->argument = argument;
  start_round(team);
  work(argument, 0, team->members);
  wait_for_members(team);
}

void thread_team_share(size_t count, size_t grain, unsigned member, unsigned members, size_t *begin, size_t *end) {
  assert(grain > 0 && member < members);
  const size_t grains = count / grain + (count % grain != 0);
  const size_t each = grains / members, more = grains % members; // the first `more` members take one grain more
  const size_t first = member * each + (member < more ? member : more);
  const size_t last = first + each + (member < more);
  *begin = first * grain < count ? first * grain : count;
  *end = last * grain < count ? last * grain : count;
}
