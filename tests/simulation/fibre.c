#include "tests/simulation/fibre.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

struct fibre {
  ucontext_t context, scheduler;
  void (*main)(void *argument);
  void *argument, *stack;
  size_t size;
  bool ended;
  void *fake; // of the address sanitizer
};

static struct fibre *running; // NULL: the scheduler
#ifdef __SANITIZE_ADDRESS__
static const void *scheduler_stack;
static size_t scheduler_size;
#endif

// The address sanitizer has to know on which stack the program runs.
static void leave_stack(void **fake, const void *stack, size_t size) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fake, stack, size);
#else
  (void)fake, (void)stack, (void)size;
#endif
}

static void enter_stack(void *fake, const void **stack, size_t *size) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, stack, size);
#else
  (void)fake, (void)stack, (void)size;
#endif
}

static void to_scheduler(struct fibre *fibre) {
#ifdef __SANITIZE_ADDRESS__
  leave_stack(fibre->ended ? NULL : &fibre->fake, scheduler_stack, scheduler_size);
#endif
  swapcontext(&fibre->context, &fibre->scheduler);
}

static void begin(void) {
  struct fibre *fibre = running;
#ifdef __SANITIZE_ADDRESS__
  enter_stack(NULL, &scheduler_stack, &scheduler_size);
#endif
  fibre->main(fibre->argument);
  fibre->ended = true;
  to_scheduler(fibre);
}

struct fibre *fibre_create(void (*main)(void *argument), void *argument, size_t stack) {
  struct fibre *fibre = calloc(1, sizeof *fibre);
  void *memory = mmap(NULL, stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!fibre || memory == MAP_FAILED || getcontext(&fibre->context) != 0) {
    perror("simulate: a fibre");
    exit(1);
  }
  fibre->main = main;
  fibre->argument = argument;
  fibre->stack = memory;
  fibre->size = stack;
  fibre->context.uc_stack.ss_sp = memory;
  fibre->context.uc_stack.ss_size = stack;
  makecontext(&fibre->context, begin, 0);
  return fibre;
}

void fibre_resume(struct fibre *fibre) {
  struct fibre *before = running;
  void *fake = NULL;
  running = fibre;
  leave_stack(&fake, fibre->stack, fibre->size);
  swapcontext(&fibre->scheduler, &fibre->context);
  enter_stack(fake, NULL, NULL);
  running = before;
}

void fibre_yield(void) {
  struct fibre *fibre = running;
  to_scheduler(fibre);
  enter_stack(fibre->fake, NULL, NULL);
}

bool fibre_has_ended(const struct fibre *fibre) { return fibre->ended; }

void fibre_destroy(struct fibre *fibre) {
  if (!fibre) return;
  munmap(fibre->stack, fibre->size);
  free(fibre);
}
