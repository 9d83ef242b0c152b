// An end of the process that nothing can hold up.
#ifndef CORSAC_COMMON_BASE_EXIT_BOUND_H
#define CORSAC_COMMON_BASE_EXIT_BOUND_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_SECONDS = 10 };
// All is done and written: from here on the process ends with `code`, without a further step, after `seconds` or at the
// next TERM, INT, USR1 or USR2, whatever keeps it: a library's or a plugin's exit handler, MPI_Finalize. A later call
// counts anew.
void exit_bound(int code, unsigned seconds);
bool exit_is_bound(void); // by exit_bound

// Ends the process, from any thread and within any call. Nothing is flushed, no handler runs, and nothing that this
// program puts in the place of _exit (launch/mpi/guest_exits.c) is asked.
_Noreturn void exit_at_once(int code);

// Until exit_bound_over: if that has not come in `seconds`, the process says that `what` (a literal) has not ended, and
// ends with EXIT_FAILED, after it has sent TERM to the process `also` (0: none). For a call of somebody else's that may
// wait for ever and cannot be asked.
void exit_bound_for(const char *what, unsigned seconds, uint32_t also);
void exit_bound_over(void);

#endif
