// Signals that ask the job to stop: USR1, INT, TERM, and HUP unless nohup has it ignored. Handlers only set a flag.
#ifndef CORSAC_LAUNCH_SIGNALS_H
#define CORSAC_LAUNCH_SIGNALS_H

#include <signal.h>

// The number of the first such signal, 0 until then. A second INT ends the process at once.
const volatile sig_atomic_t *signals_install(void);
#endif
