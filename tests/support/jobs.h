// Whole training jobs inside a test program: in one process over loopback, or on the ranks of MPI_COMM_WORLD, through
// the very roles that `corsac train` runs.
#ifndef CORSAC_TESTS_SUPPORT_JOBS_H
#define CORSAC_TESTS_SUPPORT_JOBS_H

#include <signal.h>
#include <stdbool.h>

enum { JOB_MAX_ARGUMENTS = 64 };

// arguments: as on the command line after `train`, NULL-terminated. Returns the job's exit code. stop may be NULL.
int job_run_alone(const char *const *arguments, const volatile sig_atomic_t *stop);
// Rank 1 gets its weights as messages, the others from the shared weights. Collective over MPI_COMM_WORLD, between
// MPI_Init and MPI_Finalize. *together, unless NULL: as role_result's.
int job_run_mpi(const char *const *arguments, const volatile sig_atomic_t *stop, bool *together);
// Waits for all ranks without spinning.
void job_barrier(void);

// The two files agree bit for bit in all but what names time and place.
bool job_checkpoints_equal(const char *left, const char *right);
// The rows of two metrics.csv agree in all but times, speeds and the number of actors; `rows`: how many there must be,
// -1: any number > 0.
bool job_metrics_equal(const char *left, const char *right, int rows);
#endif
