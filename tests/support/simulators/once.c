// A solver that plays one episode and exits: once [WHAT]. It reads case.txt (two numbers) if that is in its directory.
// Every second seed ends its episode itself, after 20 steps; corsac cuts the others after 25. "bad" exits with 1 after
// its episode, "mid" with 0 in the fifth step. "writes" leaves result.txt, and every program fails where it finds one.
// The line on stdout says what the program was told.
#include <corsac/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name) { return getenv(name) ? getenv(name) : "-"; }

static void tell(const struct corsac_sim *sim) {
  char directory[4096];
  printf("episode %llu (%s) after %llu (%s) steps in %s\n", (unsigned long long)corsac_sim_episode(sim),
         variable("CORSAC_EPISODE"), (unsigned long long)corsac_sim_env_steps(sim), variable("CORSAC_ENV_STEPS"),
         getcwd(directory, sizeof directory) ? directory : "?");
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  double gain = 0.1, loss = 0.01;
  FILE *file = fopen("case.txt", "r");
  if (file && fscanf(file, "%lf %lf", &gain, &loss) != 2) return 2;
  if (file) fclose(file);
  if (access("result.txt", F_OK) == 0) return 3; // its directory is not a new one
  const double low[] = {-1}, high[] = {1};
  const struct corsac_sim_spec spec = {
      .size = sizeof spec, .obs_dim = 2, .act_dim = 1, .max_episode_steps = 25, .action_low = low, .action_high = high};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  if (!sim) return 1;
  tell(sim);
  const uint64_t seed = corsac_sim_seed(sim);
  float obs[2] = {(float)(seed % 1000) / 1000, 0}, action = 0;
  int next = corsac_sim_begin(sim, obs, &action);
  for (int t = 1; next == CORSAC_SIM_ACT; t++) {
    if (strcmp(what, "mid") == 0 && t == 5) return 0;
    obs[1] += (float)gain * action - (float)loss * obs[1];
    next = corsac_sim_step(sim, obs, -(double)(obs[1] * obs[1]), t == 20 && seed % 2 ? CORSAC_TERMINATED : 0, &action);
  }
  corsac_sim_close(sim);
  file = strcmp(what, "writes") == 0 ? fopen("result.txt", "w") : NULL;
  if (file) fprintf(file, "%g\n", (double)obs[1]), fclose(file);
  return strcmp(what, "bad") == 0 ? 1 : next < 0;
}
