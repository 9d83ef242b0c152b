// Functions with stacks of their own that take turns in one thread: the ranks of a simulated job, and the threads of
// their processes. Which one runs is the scheduler's decision alone (world.c), so a run can be repeated.
#ifndef CORSAC_TESTS_SIMULATION_FIBRE_H
#define CORSAC_TESTS_SIMULATION_FIBRE_H

#include <stdbool.h>
#include <stddef.h>

struct fibre;

// main(argument) begins at the first fibre_resume. stack: bytes; only what is used takes memory. Ends the program where
// there is no memory.
struct fibre *fibre_create(void (*main)(void *argument), void *argument, size_t stack);

// Runs the fibre until it yields or main returns. Only the scheduler calls this.
void fibre_resume(struct fibre *fibre);

// Returns to the scheduler, until the next fibre_resume.
void fibre_yield(void);

bool fibre_has_ended(const struct fibre *fibre);

// Also one that has not ended: it never runs again, and what it holds stays where it is. NULL is fine.
void fibre_destroy(struct fibre *fibre);

#endif
