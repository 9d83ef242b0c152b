// Signals that ask the job to stop: USR1, USR2, INT, TERM, XCPU, and HUP unless nohup has it ignored. Handlers only set
// a flag.
#ifndef CORSAC_LAUNCH_CLI_SIGNALS_H
#define CORSAC_LAUNCH_CLI_SIGNALS_H

#include <signal.h>

// The number of the first such signal, 0 until then. A second INT ends the process at once.
const volatile sig_atomic_t *signals_install(void);
// SIGPIPE and SIGXFSZ kill nobody: what is written to a closed pipe, or beyond a limit, fails. signals_install does so,
// too.
void signals_ignore_broken_pipes(void);
// After signals_install: sets handlers and the calling thread's mask back to it. Bits of 1 << enum guest_change of what
// had been changed.
unsigned signals_mend(void);
#endif
