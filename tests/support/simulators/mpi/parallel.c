// An MPI program as a simulator: its first rank talks to corsac. obs = [number of ranks, sum of the actions that they
// got].
#include <corsac/sim.h>
#include <mpi.h>
int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const double low[] = {-1}, high[] = {1};
  const struct corsac_sim_spec spec = {
      .size = sizeof spec, .obs_dim = 2, .act_dim = 1, .max_episode_steps = 20, .action_low = low, .action_high = high};
  struct corsac_sim *sim = rank == 0 ? corsac_sim_open(&spec) : 0;
  int next = rank > 0 || sim ? CORSAC_SIM_BEGIN : -1;
  float obs[2] = {(float)size, 0}, action = 0;
  while (next == CORSAC_SIM_BEGIN) {
    if (rank == 0) next = corsac_sim_begin(sim, obs, &action);
    MPI_Bcast(&next, 1, MPI_INT, 0, MPI_COMM_WORLD);
    while (next == CORSAC_SIM_ACT) {
      MPI_Bcast(&action, 1, MPI_FLOAT, 0, MPI_COMM_WORLD);
      float part = action, sum = 0;
      MPI_Reduce(&part, &sum, 1, MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD);
      obs[1] = sum;
      if (rank == 0) next = corsac_sim_step(sim, obs, (double)-sum * sum, 0, &action);
      MPI_Bcast(&next, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
  }
  if (rank == 0) corsac_sim_close(sim);
  MPI_Finalize();
  return next == CORSAC_SIM_STOP ? 0 : 1;
}
