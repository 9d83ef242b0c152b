// mpirun may wait for ever for ranks that have gone: those of a host that vanished; under --enable-recovery those of a
// learner that was killed; a rank that died or hangs while MPI starts. A small process beside rank 0, which outlives
// rank 0, then asks mpirun to end.
#ifndef CORSAC_COMMON_WIRE_LAUNCHER_WATCH_H
#define CORSAC_COMMON_WIRE_LAUNCHER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { LAUNCHER_SECONDS = 10 };

// The process number of mpirun, if it is this process' parent; otherwise 0.
uint32_t launcher_process(void);

// Starts the watch; call it before MPI_Init. Returns a descriptor that belongs to the caller until launcher_watch_end
// or until the caller's death. Then mpirun has as many seconds as were granted last, LAUNCHER_SECONDS at first; then it
// gets TERM, and LAUNCHER_SECONDS later KILL. -1: there is no watch, since this is not rank 0, or no child of mpirun.
// `seconds`: as for launcher_watch_expect.
int launcher_watch_begin(double seconds);

// From now on mpirun has so many seconds. watch -1: does nothing, also below.
void launcher_watch_grant(int watch, double seconds);

// The next call of any function here comes within so many seconds (INFINITY: some time). If it does not, start-up
// hangs: the watch says so on standard error and ends mpirun as above.
void launcher_watch_expect(int watch, double seconds);

// Ends the watch. well: every rank leaves, and mpirun needs no help.
void launcher_watch_end(int watch, bool well);

#endif
