// A solver on a communicator that ends MPI, or makes an error in it, in its 50th step: rude_mpi.so:WHAT. With
// "exit_last" the last rank of the group exits while the others wait for it.
#include <corsac/env.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

struct solver {
  MPI_Comm comm;
  int rank, size, steps;
  const char *what;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low = -1, high = 1;
  static char what[32];
  (void)error, (void)error_size;
  struct solver *solver = calloc(1, sizeof *solver);
  if (!solver) return NULL;
  strncpy(what, config->args, sizeof what - 1);
  solver->what = what;
  solver->comm = config->comm == -1 ? MPI_COMM_SELF : MPI_Comm_f2c(config->comm);
  MPI_Comm_rank(solver->comm, &solver->rank);
  MPI_Comm_size(solver->comm, &solver->size);
  spec->obs_dim = spec->act_dim = 1;
  spec->max_episode_steps = 10;
  spec->action_low = &low;
  spec->action_high = &high;
  return solver;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)self, (void)seed;
  *obs = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct solver *solver = self;
  *obs = *action;
  *reward = 0;
  MPI_Barrier(solver->comm);
  if (++solver->steps != 50) return 0;
  if (strcmp(solver->what, "finalize") == 0) MPI_Finalize();
  if (strcmp(solver->what, "abort") == 0) MPI_Abort(solver->comm, 3);
  if (strcmp(solver->what, "error") == 0) MPI_Send(action, 1, MPI_FLOAT, 77, 0, solver->comm);
  if (strcmp(solver->what, "exit_last") == 0 && solver->rank == solver->size - 1) exit(0);
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "rude_mpi",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
