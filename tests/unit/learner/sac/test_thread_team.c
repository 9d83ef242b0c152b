#include "learner/sac/thread_team.h"
#include "tests/support/unit.h"
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { MOST = 5, ROUNDS = 2000 };

struct visit {
  unsigned count[MOST], members[MOST];
  bool blocked[MOST], own_locale[MOST];
};

static void record(void *argument, unsigned member, unsigned members) {
  struct visit *visit = argument;
  visit->count[member]++;
  visit->members[member] = members;
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  visit->blocked[member] = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
  visit->own_locale[member] = uselocale((locale_t)0) != LC_GLOBAL_LOCALE;
}

static void test_every_member(void) {
  for (unsigned threads = 1; threads <= MOST; threads++) {
    struct thread_team *team = thread_team_create(threads, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(team);
    CU_ASSERT_EQUAL(thread_team_size(team), threads);
    struct visit visit = {0};
    for (int i = 0; i < 3; i++) thread_team_run(team, record, &visit);
    for (unsigned m = 0; m < MOST; m++) {
      CU_ASSERT_EQUAL(visit.count[m], m < threads ? 3 : 0);
      CU_ASSERT_EQUAL(visit.members[m], m < threads ? threads : 0);
    }
    CU_ASSERT_FALSE(visit.blocked[0]);
    for (unsigned m = 1; m < threads; m++) {
      CU_ASSERT_TRUE_FATAL(visit.blocked[m]);
      CU_ASSERT_TRUE(visit.own_locale[m]);
    }
    thread_team_destroy(team);
  }
}

// Each round every member adds what all wrote in the round before: a member that ran ahead or was left behind gives
// another sum.
struct relay {
  unsigned long value[2][MOST], round;
};

static void pass_on(void *argument, unsigned member, unsigned members) {
  struct relay *relay = argument;
  unsigned long sum = 0;
  for (unsigned m = 0; m < members; m++) sum += relay->value[relay->round % 2][m];
  relay->value[(relay->round + 1) % 2][member] = sum % 1000003 + member;
}

static void test_barrier(void) {
  for (unsigned threads = 1; threads <= MOST; threads += 2) {
    struct thread_team *team = thread_team_create(threads, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(team);
    struct relay relay = {.value[0] = {1, 2, 3, 4, 5}}, plain = relay;
    for (; relay.round < ROUNDS; relay.round++) {
      thread_team_run(team, pass_on, &relay);
      for (unsigned m = 0; m < threads; m++) pass_on(&plain, m, threads);
      plain.round++;
    }
    for (unsigned m = 0; m < threads; m++) CU_ASSERT_EQUAL(relay.value[0][m], plain.value[0][m]);
    thread_team_destroy(team);
  }
}

// The same within one run: the members meet instead of coming back.
enum { MEETINGS = 2000 };
struct meetings {
  struct thread_team *team;
  unsigned long value[2][MOST];
};

static void pass_on_and_meet(void *argument, unsigned member, unsigned members) {
  struct meetings *meetings = argument;
  for (unsigned round = 0; round < MEETINGS; round++) {
    struct relay own = {.round = round};
    for (unsigned m = 0; m < members; m++) own.value[round % 2][m] = meetings->value[round % 2][m];
    pass_on(&own, member, members);
    meetings->value[(round + 1) % 2][member] = own.value[(round + 1) % 2][member];
    thread_team_meet(meetings->team);
  }
}

static void test_meet(void) {
  for (unsigned threads = 1; threads <= MOST; threads++) {
    struct meetings meetings = {.team = thread_team_create(threads, NULL), .value[0] = {1, 2, 3, 4, 5}};
    CU_ASSERT_PTR_NOT_NULL_FATAL(meetings.team);
    struct relay plain = {.value[0] = {1, 2, 3, 4, 5}};
    for (int run = 0; run < 2; run++) {
      thread_team_run(meetings.team, pass_on_and_meet, &meetings);
      for (; plain.round < (unsigned long)(run + 1) * MEETINGS; plain.round++)
        for (unsigned m = 0; m < threads; m++) pass_on(&plain, m, threads);
      for (unsigned m = 0; m < threads; m++) CU_ASSERT_EQUAL(meetings.value[0][m], plain.value[0][m]);
    }
    thread_team_destroy(meetings.team);
  }
}

static void check_shares(size_t count, size_t grain, unsigned members) {
  size_t expected = 0, least = SIZE_MAX, most = 0;
  for (unsigned m = 0; m < members; m++) {
    size_t begin, end;
    thread_team_share(count, grain, m, members, &begin, &end);
    CU_ASSERT_EQUAL(begin, expected);
    CU_ASSERT_TRUE(begin <= end);
    CU_ASSERT_TRUE(end <= count);
    CU_ASSERT_TRUE(begin % grain == 0 || begin == count);
    const size_t grains = (end - begin + grain - 1) / grain;
    least = grains < least ? grains : least;
    most = grains > most ? grains : most;
    expected = end;
  }
  CU_ASSERT_EQUAL(expected, count);
  CU_ASSERT_TRUE(most - least <= 1);
}

static void test_share(void) {
  static const size_t counts[] = {0, 1, 2, 3, 12, 13, 100, 256, 1000003};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (size_t grain = 1; grain <= 16; grain *= 4)
      for (unsigned members = 1; members <= 7; members++) check_shares(counts[i], grain, members);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every member runs the work once a round, and only the caller's thread takes signals and follows the process's "
       "locale",
       test_every_member},
      {"a round begins after all have finished the one before", test_barrier},
      {"members that meet within a round wait for one another", test_meet},
      {"shares are contiguous, cover all, and differ by at most one grain", test_share},
  };
  return unit_run("team", cases, sizeof cases / sizeof *cases);
}
