#include "learner/run/errands.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

struct scene {
  struct errands *errands;
  pthread_t caller, other;
  int calls;
  _Atomic int meanwhiles;
};

static void note(void *argument) {
  struct scene *s = argument;
  s->calls++;
  s->other = pthread_self();
}

// A call that ends only once the caller has done something else three times.
static void hang(void *argument) {
  struct scene *s = argument;
  while (s->meanwhiles < 3) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  note(s);
}

static void do_else(void *who) {
  struct scene *s = who;
  CU_ASSERT_TRUE(pthread_equal(pthread_self(), s->caller));
  s->meanwhiles++;
}

static void test_errands(void) {
  struct scene s = {.caller = pthread_self()};
  s.errands = errands_create("run", do_else, &s, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s.errands);
  errands_run(s.errands, note, &s);
  CU_ASSERT_EQUAL(s.calls, 1);
  CU_ASSERT_FALSE(pthread_equal(s.other, s.caller));
  s.meanwhiles = 0;
  for (int i = 2; i < 5; i++) {
    s.meanwhiles = 0;
    errands_run(s.errands, hang, &s);
    CU_ASSERT_EQUAL(s.calls, i);
    CU_ASSERT_TRUE(s.meanwhiles >= 3);
  }
  errands_destroy(s.errands);
}

static void test_no_thread(void) {
  struct scene s = {.caller = pthread_self()};
  errands_run(NULL, note, &s);
  CU_ASSERT_EQUAL(s.calls, 1);
  CU_ASSERT_TRUE(pthread_equal(s.other, s.caller));
  errands_destroy(NULL);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"another thread makes the call, and the caller does something else meanwhile", test_errands},
      {"without errands the call is made at once", test_no_thread},
  };
  return unit_run("errands", cases, sizeof cases / sizeof *cases);
}
