// For check_env*.c only: one check, in processes of its own (check_env.c) or on the ranks of mpirun's job
// (check_env_ranks.c).
#ifndef CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_IMPL_H
#define CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_IMPL_H

#include "launch/environments/check_env.h"

struct checker {
  struct config config; // env_timeout: s that one call may take
  double timeout;       // the same
  bool json;
  struct check *check; // in `memory`, a file descriptor
  int memory;
  int argc; // of the command
  char **argv;
};

// Runs the group of rules of this number in this process. false: there is none, or the first one found no environment
// that works.
bool checker_run_here(const struct checker *checker, int number, const struct environment_kind *kind);

// Notes as good what no group has found a fault with.
void check_note_faultless(struct check *check);

// Prints the findings, and returns the exit code.
int checker_report(const struct checker *checker);

// With --ranks-per-env K, under mpirun -n 1 + K: a group of K ranks makes the calls, rank 0 reports. Returns the exit
// code.
int check_env_on_ranks(struct checker *checker);

#endif
