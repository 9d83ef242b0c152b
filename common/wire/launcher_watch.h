// mpirun may wait for ever for ranks that are gone: those of a host that vanished, or, under --enable-recovery, of a
// learner that was killed, or of a rank that died or hangs while MPI starts. A small process beside rank 0, which
// outlives it, asks mpirun to end then.
#ifndef CORSAC_COMMON_WIRE_LAUNCHER_WATCH_H
#define CORSAC_COMMON_WIRE_LAUNCHER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { LAUNCHER_SECONDS = 10 };

// The process number of mpirun, if it is this process' parent: else 0.
uint32_t launcher_process(void);
// Before MPI_Init. -1: nobody watches, since this is not rank 0, or not the child of mpirun. Else a descriptor that
// belongs to the caller until launcher_watch_end, or its death: mpirun then has as many seconds as were granted last,
// LAUNCHER_SECONDS at first, then it gets TERM, and LAUNCHER_SECONDS later KILL.
// `seconds`: as for launcher_watch_expect.
int launcher_watch_begin(double seconds);
void launcher_watch_grant(int watch, double seconds); // -1: does nothing, also below
// The next call of any function here comes within so many seconds (INFINITY: some time), or start-up hangs: then that
// is said on standard error, and mpirun is ended as above.
void launcher_watch_expect(int watch, double seconds);
// well: every rank leaves, mpirun needs no help.
void launcher_watch_end(int watch, bool well);

#endif
