// Signals that ask the job to stop: USR1, USR2, INT, TERM, XCPU, and HUP unless nohup ignores it. The handler only sets
// a flag.
#ifndef CORSAC_LAUNCH_CLI_SIGNALS_H
#define CORSAC_LAUNCH_CLI_SIGNALS_H

#include <signal.h>

// Installs the handlers. Returns the flag: the number of the first such signal, 0 until then. A second INT ends the
// process at once.
const volatile sig_atomic_t *signals_install(void);

// From here on SIGPIPE and SIGXFSZ do not end the process: a write to a closed pipe, or beyond a limit, fails.
// signals_install does this, too.
void signals_ignore_broken_pipes(void);

// Restores the handlers, and the calling thread's mask, as signals_install left them. Returns what had been changed:
// bits of 1 << enum guest_change.
unsigned signals_mend(void);

#endif
