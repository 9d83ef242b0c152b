// Rank 0 runs the plugin alone, then all ranks run it together: "same" if each result has the same bits. With a
// tolerance as its argument, if no number is further off than that, relative to 1 + its size.
#include <corsac/env.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 100, EPISODES = 2, MOST = 8 };
struct result {
  double reward;
  float obs[MOST];
  int flags;
};

// Steps of an episode, or 0.
static unsigned run(const struct corsac_env *env, int comm, struct result *result) {
  char error[256] = "";
  struct corsac_env_spec spec = {.size = sizeof spec};
  const struct corsac_env_config config = {.size = sizeof config, .id = "example", .args = "", .comm = comm};
  void *self = env->create(&config, &spec, error, sizeof error);
  if (!self || spec.obs_dim > MOST || spec.act_dim > MOST || spec.max_episode_steps > STEPS)
    return printf("not for this test: %s\n", error), 0;
  for (int episode = 0; episode < EPISODES; episode++) {
    float action[MOST];
    if (env->reset(self, (uint64_t)episode * 0x9e3779b97f4a7c15u, result->obs) < 0) return puts("reset failed"), 0;
    for (unsigned t = 0; t < spec.max_episode_steps; t++, result++) {
      for (unsigned i = 0; i < spec.act_dim; i++) {
        const double part = (t * 7 + i * 13) % 17 / 17.0;
        action[i] = (float)(spec.action_low[i] + part * (spec.action_high[i] - spec.action_low[i]));
      }
      result->flags = env->step(self, action, result->obs, &result->reward);
      if (result->flags < 0) return puts("a step failed"), 0;
    }
  }
  env->destroy(self);
  return spec.max_episode_steps;
}

static double further(double most, double a, double b) {
  const double off = fabs(a - b) / (1 + fabs(a));
  return off <= most ? most : off; // NaN, too
}

int main(int argc, char **argv) {
  static struct result alone[EPISODES * STEPS], together[EPISODES * STEPS]; // padding is 0 in both
  int rank;
  unsigned steps = 1;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) steps = run(corsac_env(), -1, alone);
  if (run(corsac_env(), (int)MPI_Comm_c2f(MPI_COMM_WORLD), together) == 0 || steps == 0) return 1;
  if (rank == 0) {
    double off = 0;
    for (unsigned i = 0; i < EPISODES * steps; i++) {
      off = further(off, alone[i].reward, together[i].reward);
      for (int k = 0; k < MOST; k++) off = further(off, (double)alone[i].obs[k], (double)together[i].obs[k]);
    }
    const int same = argc > 1 ? off <= atof(argv[1]) : memcmp(alone, together, sizeof alone) == 0;
    printf("off by %g at most\n%s\n", off, same && alone[9].reward < 0 ? "same" : "different");
  }
  MPI_Finalize();
  return 0;
}
