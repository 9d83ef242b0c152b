// A solver that is parallel over MPI and asks nobody whether MPI runs: solver_mpi.so[:WHAT]. Each rank of its
// communicator computes some of the cells, and every step puts them together. WHAT, in the tenth step of an evaluation:
// the last rank dies ("die"), exits ("exit") or sleeps ("hang"), or every rank fails ("fail"). In any tenth step: the
// first rank sleeps ("stall"). With "init" it starts MPI itself.
#include <corsac/env.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 12, LENGTH = 25 };

struct solver {
  MPI_Comm comm;
  int rank, size, evaluation;
  double cell[CELLS]; // rank r computes those from CELLS r/size on
  uint32_t steps;
  char what[16];
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {2};
  struct solver *solver = calloc(1, sizeof *solver);
  (void)error, (void)error_size;
  if (!solver) return NULL;
  if (strcmp(config->args, "init") == 0 && MPI_Init(NULL, NULL) != MPI_SUCCESS) return NULL;
  solver->comm = config->comm == -1 ? MPI_COMM_SELF : MPI_Comm_f2c(config->comm);
  MPI_Comm_rank(solver->comm, &solver->rank);
  MPI_Comm_size(solver->comm, &solver->size);
  solver->evaluation = config->evaluation;
  snprintf(solver->what, sizeof solver->what, "%s", config->args);
  spec->obs_dim = 3;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  return solver;
}

static void observe(const struct solver *solver, float *obs) {
  for (int i = 0; i < 3; i++) obs[i] = (float)solver->cell[4 * i];
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct solver *solver = self;
  for (int i = 0; i < CELLS; i++) solver->cell[i] = (double)(seed >> 5 * i & 31) / 32;
  solver->steps = 0;
  observe(solver, obs);
  return 0;
}

static int misbehave(const struct solver *solver) {
  if (solver->steps != 10) return 0;
  if (strcmp(solver->what, "stall") == 0 && solver->rank == 0) sleep(1000);
  if (!solver->evaluation) return 0;
  if (strcmp(solver->what, "fail") == 0) return -1;
  if (solver->rank + 1 != solver->size) return 0;
  if (strcmp(solver->what, "die") == 0) raise(SIGKILL);
  if (strcmp(solver->what, "exit") == 0) exit(3);
  if (strcmp(solver->what, "hang") == 0) sleep(1000);
  return 0;
}

// Every rank needs the cells of the others. Each adds 0 to them, so the sums have the same bits on any number of ranks.
static int step(void *self, const float *action, float *obs, double *reward) {
  struct solver *solver = self;
  double next[CELLS] = {0};
  solver->steps++;
  if (misbehave(solver) < 0) return -1;
  for (int i = CELLS * solver->rank / solver->size; i < CELLS * (solver->rank + 1) / solver->size; i++) {
    const double left = solver->cell[(i + CELLS - 1) % CELLS], right = solver->cell[(i + 1) % CELLS];
    next[i] = 0.5 * solver->cell[i] + 0.25 * (left + right) + (i % 4 == 0 ? 0.125 * (double)*action : 0);
  }
  MPI_Allreduce(next, solver->cell, CELLS, MPI_DOUBLE, MPI_SUM, solver->comm);
  *reward = 0;
  for (int i = 0; i < CELLS; i++) *reward -= solver->cell[i] * solver->cell[i];
  observe(solver, obs);
  return solver->steps >= LENGTH ? CORSAC_TRUNCATED : 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "solver_mpi",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
