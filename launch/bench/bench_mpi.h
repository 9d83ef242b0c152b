// What the benchmarks over MPI share.
#ifndef CORSAC_LAUNCH_BENCH_BENCH_MPI_H
#define CORSAC_LAUNCH_BENCH_BENCH_MPI_H

#include "launch/bench/bench.h"
#include <mpi.h>

enum status bench_mpi_check(int code, const char *what, struct error *error); // of an MPI call's return
// Waits for the request asleep, so that other ranks have the core.
enum status bench_mpi_await(MPI_Request *request, const char *what, struct error *error);
// Every rank waits here for all others. Nothing in one process.
enum status bench_mpi_meet(const struct bench *bench, struct error *error);
#endif
