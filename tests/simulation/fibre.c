#include "tests/simulation/fibre.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

struct fibre {
  ucontext_t begin;          // used once; what follows saves no signals, which would be a system call each time
  jmp_buf inside, scheduler; // where it goes on, and where the scheduler does
  void (*main)(void *argument);
  void *argument, *stack;
  size_t size;
  bool has_begun, ended;
  void *fake, *scheduler_fake; // of the address sanitizer
  const void *scheduler_stack;
  size_t scheduler_size;
};

static struct fibre *running; // NULL: the scheduler

// The address sanitizer has to know on which stack the program runs.
static void leave_scheduler(struct fibre *fibre) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fibre->scheduler_fake, fibre->stack, fibre->size);
#else
  (void)fibre;
#endif
}

static void enter_scheduler(struct fibre *fibre) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fibre->scheduler_fake, NULL, NULL);
#else
  (void)fibre;
#endif
}

static void leave_fibre(struct fibre *fibre) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fibre->ended ? NULL : &fibre->fake, fibre->scheduler_stack, fibre->scheduler_size);
#else
  (void)fibre;
#endif
}

static void enter_fibre(struct fibre *fibre) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fibre->fake, &fibre->scheduler_stack, &fibre->scheduler_size);
#else
  (void)fibre;
#endif
}

static void begin(void) {
  struct fibre *fibre = running;
  enter_fibre(fibre);
  fibre->main(fibre->argument);
  fibre->ended = true;
  leave_fibre(fibre);
  _longjmp(fibre->scheduler, 1);
}

struct fibre *fibre_create(void (*main)(void *argument), void *argument, size_t stack) {
  struct fibre *fibre = calloc(1, sizeof *fibre);
  void *memory = mmap(NULL, stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!fibre || memory == MAP_FAILED || getcontext(&fibre->begin) != 0) {
    perror("simulate: a fibre");
    exit(1);
  }
  sigemptyset(&fibre->begin.uc_sigmask); // the creator may have blocked all
  fibre->main = main;
  fibre->argument = argument;
  fibre->stack = memory;
  fibre->size = stack;
  fibre->begin.uc_stack.ss_sp = memory;
  fibre->begin.uc_stack.ss_size = stack;
  makecontext(&fibre->begin, begin, 0);
  return fibre;
}

void fibre_resume(struct fibre *fibre) {
  running = fibre;
  if (_setjmp(fibre->scheduler) == 0) {
    leave_scheduler(fibre);
    if (fibre->has_begun) _longjmp(fibre->inside, 1);
    fibre->has_begun = true;
    setcontext(&fibre->begin);
  }
  enter_scheduler(running);
  running = NULL;
}

void fibre_yield(void) {
  if (_setjmp(running->inside) == 0) {
    leave_fibre(running);
    _longjmp(running->scheduler, 1);
  }
  enter_fibre(running);
}

bool fibre_has_ended(const struct fibre *fibre) { return fibre->ended; }

void fibre_destroy(struct fibre *fibre) {
  if (!fibre) return;
  munmap(fibre->stack, fibre->size);
  free(fibre);
}
