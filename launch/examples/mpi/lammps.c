// A liquid in a heat bath, computed by LAMMPS on the ranks of config->comm: 256 Lennard-Jones atoms, in LJ units. The
// action is the temperature of the bath. It has to bring the liquid to a target that differs by episode, soon and
// without overshoot: the bath takes 100 time steps to pass its heat on, and half of it becomes potential energy.
//
//   mpicc -std=c11 -O2 -shared -fPIC lammps.c -llammps -o lammps.so
//
// `--env ./lammps.so:NAME` lets instance 0 write what LAMMPS says to NAME.0. The header is <library.h> in LAMMPS' own
// source tree.
#include <corsac/env.h>
#include <lammps/library.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { OBS = 4, ACT = 1, EPISODE = 50 };
static const double low[ACT] = {0.1}, high[ACT] = {2.5};

struct liquid {
  void *lammps;
  double target, temperature;
  char why[256]; // the last call failed
};

// Sends commands. Returns 0, or -1 with LAMMPS' words in `why`. A LAMMPS without exceptions, such as Debian's, calls
// MPI_Finalize on an error: the host then tells in which call, and NAME.0 tells why.
static int run(struct liquid *liquid, const char *commands) {
  lammps_commands_string(liquid->lammps, commands);
  if (!lammps_has_error(liquid->lammps)) return 0;
  lammps_get_last_error_message(liquid->lammps, liquid->why, sizeof liquid->why);
  return -1;
}

static void destroy(void *self) {
  struct liquid *liquid = self;
  if (liquid->lammps) lammps_close(liquid->lammps);
  free(liquid);
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error, size_t size) {
  struct liquid *liquid = calloc(1, sizeof *liquid);
  if (!liquid) return snprintf(error, size, "no memory"), NULL;
  char log[256] = "none";
  if (config->args[0]) snprintf(log, sizeof log, "%.200s.%llu", config->args, (unsigned long long)config->index);
  char *arguments[] = {"lammps", "-log", log, "-screen", "none", "-nocite"};
  // The handle is that of the group, and the group computes this one liquid. Alone, it is -1.
  const int comm = config->comm == -1 ? (int)MPI_Comm_c2f(MPI_COMM_SELF) : config->comm;
  liquid->lammps = lammps_open_fortran(sizeof arguments / sizeof *arguments, arguments, comm);
  if (!liquid->lammps) {
    snprintf(error, size, "lammps_open_fortran failed");
    destroy(liquid);
    return NULL;
  }
  spec->obs_dim = OBS;
  spec->act_dim = ACT;
  spec->max_episode_steps = EPISODE;
  spec->action_low = low;
  spec->action_high = high;
  return liquid;
}

// All ranks of the group ask, and all get the same values.
static void observe(struct liquid *liquid, float *obs) {
  liquid->temperature = lammps_get_thermo(liquid->lammps, "temp");
  obs[0] = (float)liquid->temperature;
  obs[1] = (float)lammps_get_thermo(liquid->lammps, "press");
  obs[2] = (float)lammps_get_thermo(liquid->lammps, "pe"); // of an atom
  obs[3] = (float)liquid->target;
}

// A crystal that is hot enough melts within 100 time steps, to a liquid at about 1.2.
static int reset(void *self, uint64_t seed, float *obs) {
  static const char setup[] = "clear\n"
                              "units lj\n"
                              "atom_style atomic\n"
                              "lattice fcc 0.8442\n"
                              "region box block 0 4 0 4 0 4\n"
                              "create_box 1 box\n"
                              "create_atoms 1 box\n"
                              "mass 1 1\n"
                              "pair_style lj/cut 2.5\n"
                              "pair_coeff 1 1 1 1 2.5\n"
                              "velocity all create 2.5 %d loop geom\n" // the same on any number of ranks
                              "variable bath equal 1.2\n"
                              "fix move all nve\n"
                              "fix bath all temp/berendsen v_bath 1 0.5\n"
                              "run 100 post no\n";
  struct liquid *liquid = self;
  char commands[sizeof setup + 16];
  liquid->target = 0.7 + 0.8 * (double)(seed >> 11) * 0x1p-53;
  snprintf(commands, sizeof commands, setup, 1 + (int)(seed % 900000000)); // LAMMPS takes 1 to 900 million
  if (run(liquid, commands) != 0) return -1;
  observe(liquid, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct liquid *liquid = self;
  char commands[96];
  snprintf(commands, sizeof commands, "variable bath equal %.9g\nrun 20 post no\n", (double)action[0]);
  if (run(liquid, commands) != 0) return -1;
  observe(liquid, obs);
  const double miss = liquid->temperature - liquid->target;
  *reward = -miss * miss;
  return 0;
}

static const char *why(void *self) { return ((struct liquid *)self)->why; }

// There is no save and load: a resume begins the running episode anew.
const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "lammps",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .error = why};
  return &env;
}
