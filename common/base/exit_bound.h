// An end of the process that nothing can hold up.
#ifndef CORSAC_COMMON_BASE_EXIT_BOUND_H
#define CORSAC_COMMON_BASE_EXIT_BOUND_H

enum { EXIT_SECONDS = 10 };
// All is done and written: from here on the process ends with `code`, without a further step, after `seconds` or at the
// next TERM, INT, USR1 or USR2, whatever keeps it: a library's or a plugin's exit handler, MPI_Finalize. A later call
// counts anew.
void exit_bound(int code, unsigned seconds);

#endif
