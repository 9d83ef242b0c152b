// Rank 0 runs the plugin alone, then all ranks run it together: "same" if each result has the same bits.
#include <corsac/env.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 100, EPISODES = 2, OBS = 5, ACT = 4 };
struct result {
  double reward;
  float obs[OBS];
  int flags;
};

static int run(const struct corsac_env *env, int comm, struct result *result) {
  char error[256] = "";
  struct corsac_env_spec spec = {.size = sizeof spec};
  const struct corsac_env_config config = {.size = sizeof config, .id = "heat", .args = "", .comm = comm};
  void *self = env->create(&config, &spec, error, sizeof error);
  if (!self || spec.obs_dim != OBS || spec.act_dim != ACT) return printf("%s\n", error), -1;
  for (int episode = 0; episode < EPISODES; episode++) {
    float action[ACT];
    env->reset(self, (uint64_t)episode * 0x9e3779b97f4a7c15u, result->obs);
    for (int t = 0; t < STEPS; t++, result++) {
      for (int i = 0; i < ACT; i++) action[i] = (float)((t * 7 + i * 13) % 17) / 17;
      result->flags = env->step(self, action, result->obs, &result->reward);
    }
  }
  env->destroy(self);
  return 0;
}

int main(int argc, char **argv) {
  static struct result alone[EPISODES * STEPS], together[EPISODES * STEPS]; // padding is 0 in both
  int rank, failed = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) failed |= run(corsac_env(), -1, alone);
  failed |= run(corsac_env(), (int)MPI_Comm_c2f(MPI_COMM_WORLD), together);
  if (rank == 0 && !failed)
    puts(memcmp(alone, together, sizeof alone) == 0 && alone[9].reward < 0 ? "same" : "different");
  MPI_Finalize();
  return failed != 0;
}
