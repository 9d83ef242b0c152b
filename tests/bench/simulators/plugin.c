// The bare loop of a plugin, without corsac: plugin FILE.so SECONDS prints steps/s.
#include <corsac/env.h>
#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 200, MOST = 64 };

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
  const struct corsac_env *(*get)(void) = NULL;
  if (library) *(void **)&get = dlsym(library, "corsac_env");
  if (!get) return fprintf(stderr, "plugin FILE.so SECONDS: %s\n", library ? "no plugin" : "cannot open it"), 2;
  const struct corsac_env *env = get();
  char error[256] = "";
  struct corsac_env_spec spec = {.size = sizeof spec};
  const struct corsac_env_config config = {.size = sizeof config, .id = argv[1], .args = "", .comm = -1};
  void *self = env->create(&config, &spec, error, sizeof error);
  if (!self || spec.obs_dim > MOST || spec.act_dim > MOST) return fprintf(stderr, "create: %s\n", error), 1;

  float obs[MOST], action[MOST];
  double reward;
  unsigned long steps = 0;
  const double seconds = atof(argv[2]), start = MPI_Wtime();
  while (MPI_Wtime() - start < seconds) { // the same actions in each episode
    int flags = env->reset(self, 1, obs);
    srand(1);
    for (unsigned t = 0; t < STEPS && flags == 0 && !(spec.max_episode_steps && t >= spec.max_episode_steps); t++) {
      for (unsigned i = 0; i < spec.act_dim; i++)
        action[i] = (float)(spec.action_low[i] + (spec.action_high[i] - spec.action_low[i]) * rand() / RAND_MAX);
      flags = env->step(self, action, obs, &reward);
      steps++;
    }
    if (flags < 0) return fprintf(stderr, "a call failed\n"), 1;
  }
  printf("%.9g\n", (double)steps / (MPI_Wtime() - start));
  env->destroy(self);
  MPI_Finalize();
  return 0;
}
