// An end of the process that nothing can block.
#ifndef CORSAC_COMMON_BASE_EXIT_BOUND_H
#define CORSAC_COMMON_BASE_EXIT_BOUND_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_SECONDS = 10 };

// Call this when all is done and written. The process then ends with `code` after `seconds`, or at the next TERM, INT,
// USR1 or USR2, even if MPI_Finalize or an exit handler of a library or plugin blocks. A later call starts the time
// again.
void exit_bound(int code, unsigned seconds);

// Whether exit_bound has been called.
bool exit_is_bound(void);

// Ends the process, from any thread and within any call. Nothing is flushed, no handler runs, and this program's own
// _exit (launch/mpi/guest_exits.c) is not called.
_Noreturn void exit_at_once(int code);

// Bounds a foreign call that may wait for ever: unless exit_bound_over is called within `seconds`, the process prints
// that `what` (a literal) has not ended, sends TERM to the process `also` (0: none) and ends with EXIT_FAILED.
// exit_bound_over leaves SIGALRM, its handler and whether it is blocked, as exit_bound_for found it.
void exit_bound_for(const char *what, unsigned seconds, uint32_t also);
void exit_bound_over(void);

#endif
