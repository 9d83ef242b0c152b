// A heated plate on any number of ranks: the 2-D heat equation, with rows spread over the ranks of config->comm and
// explicit steps with a halo exchange. Four heaters keep the plate at a target that differs by episode. The trajectory
// has the same bits on any number of ranks up to ROWS: each row's owner sums its row, and the rows' sums are added in
// their order.
//
//   mpicc -std=c11 -O2 -ffp-contract=off -shared -fPIC heat.c -o heat.so
#include <corsac/env.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 32, COLUMNS = 32, HEATERS = 4, SUBSTEPS = 10, EPISODE = 100 };
static const double DIFFUSION = 0.2, COOLING = 0.002, POWER = 0.05; // per substep

struct heat {
  MPI_Comm comm;
  int rank, size, first, count;                                   // this rank's rows
  int counts[ROWS], firsts[ROWS];                                 // every rank's
  double now[ROWS + 2][COLUMNS + 2], next[ROWS + 2][COLUMNS + 2]; // rows 1..count are ours, the rest is halo
  double target;
};

static const double low[HEATERS] = {0, 0, 0, 0}, high[HEATERS] = {1, 1, 1, 1};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error, size_t size) {
  struct heat *heat = calloc(1, sizeof *heat);
  if (!heat) return snprintf(error, size, "no memory"), NULL;
  heat->comm = config->comm == -1 ? MPI_COMM_NULL : MPI_Comm_f2c(config->comm);
  heat->size = 1;
  if (heat->comm != MPI_COMM_NULL) {
    MPI_Comm_rank(heat->comm, &heat->rank);
    MPI_Comm_size(heat->comm, &heat->size);
  }
  if (heat->size > ROWS) {
    snprintf(error, size, "%d rows cannot be spread over %d ranks", ROWS, heat->size);
    free(heat);
    return NULL;
  }
  for (int r = 0; r < heat->size; r++) {
    heat->firsts[r] = ROWS * r / heat->size;
    heat->counts[r] = ROWS * (r + 1) / heat->size - heat->firsts[r];
  }
  heat->first = heat->firsts[heat->rank];
  heat->count = heat->counts[heat->rank];
  spec->obs_dim = HEATERS + 1;
  spec->act_dim = HEATERS;
  spec->max_episode_steps = EPISODE;
  spec->action_low = low;
  spec->action_high = high;
  return heat;
}

// Row 0 and row count + 1 become the neighbours' nearest; at the plate's edges the row itself: nothing flows out.
static void exchange(struct heat *heat) {
  double(*u)[COLUMNS + 2] = heat->now;
  const int n = heat->count, above = heat->rank > 0 ? heat->rank - 1 : MPI_PROC_NULL;
  const int below = heat->rank + 1 < heat->size ? heat->rank + 1 : MPI_PROC_NULL;
  for (int i = 1; i <= n; i++) u[i][0] = u[i][1], u[i][COLUMNS + 1] = u[i][COLUMNS];
  if (above == MPI_PROC_NULL)
    for (int j = 0; j < COLUMNS + 2; j++) u[0][j] = u[1][j];
  if (below == MPI_PROC_NULL)
    for (int j = 0; j < COLUMNS + 2; j++) u[n + 1][j] = u[n][j];
  if (heat->comm == MPI_COMM_NULL) return;
  MPI_Sendrecv(u[1], COLUMNS + 2, MPI_DOUBLE, above, 0, u[n + 1], COLUMNS + 2, MPI_DOUBLE, below, 0, heat->comm,
               MPI_STATUS_IGNORE);
  MPI_Sendrecv(u[n], COLUMNS + 2, MPI_DOUBLE, below, 1, u[0], COLUMNS + 2, MPI_DOUBLE, above, 1, heat->comm,
               MPI_STATUS_IGNORE);
}

// Mean temperatures of the quarters and the distance from the target; returns the mean squared error. All ranks get
// them.
static double observe(struct heat *heat, float *obs) {
  enum { SUMS = 3 }; // of a row: left half, right half, squared error
  double own[ROWS][SUMS] = {{0}}, all[ROWS][SUMS], quarter[HEATERS] = {0}, squares = 0;
  for (int i = 0; i < heat->count; i++)
    for (int j = 0; j < COLUMNS; j++) {
      const double u = heat->now[i + 1][j + 1], miss = u - heat->target;
      own[i][j >= COLUMNS / 2] += u;
      own[i][2] += miss * miss;
    }
  int counts[ROWS], firsts[ROWS];
  for (int r = 0; r < heat->size; r++) counts[r] = SUMS * heat->counts[r], firsts[r] = SUMS * heat->firsts[r];
  double(*rows)[SUMS] = own;
  if (heat->comm != MPI_COMM_NULL) {
    MPI_Allgatherv(own, SUMS * heat->count, MPI_DOUBLE, all, counts, firsts, MPI_DOUBLE, heat->comm);
    rows = all;
  }
  for (int i = 0; i < ROWS; i++) {
    quarter[i >= ROWS / 2 ? 2 : 0] += rows[i][0];
    quarter[i >= ROWS / 2 ? 3 : 1] += rows[i][1];
    squares += rows[i][2];
  }
  for (int k = 0; k < HEATERS; k++) obs[k] = (float)(quarter[k] / (ROWS * COLUMNS / HEATERS));
  obs[HEATERS] = (float)heat->target;
  return squares / (ROWS * COLUMNS);
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct heat *heat = self;
  heat->target = 0.5 + 0.5 * (double)(seed >> 11) / 9007199254740992.0; // 2^53
  for (int i = 0; i < ROWS + 2; i++)
    for (int j = 0; j < COLUMNS + 2; j++) heat->now[i][j] = 0;
  observe(heat, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct heat *heat = self;
  for (int substep = 0; substep < SUBSTEPS; substep++) {
    exchange(heat);
    for (int i = 1; i <= heat->count; i++)
      for (int j = 1; j <= COLUMNS; j++) {
        double(*u)[COLUMNS + 2] = heat->now;
        const int row = heat->first + i - 1, k = (row >= ROWS / 2 ? 2 : 0) + (j > COLUMNS / 2);
        const int heated = row % (ROWS / 2) / 4 == 1 && (j - 1) % (COLUMNS / 2) / 4 == 1;
        const double flow = (u[i - 1][j] + u[i + 1][j]) + (u[i][j - 1] + u[i][j + 1]) - 4 * u[i][j];
        heat->next[i][j] = u[i][j] + DIFFUSION * flow - COOLING * u[i][j] + (heated ? POWER * (double)action[k] : 0);
      }
    for (int i = 1; i <= heat->count; i++)
      for (int j = 1; j <= COLUMNS; j++) heat->now[i][j] = heat->next[i][j];
  }
  *reward = -observe(heat, obs);
  return 0;
}

// The target and this rank's rows: the host keeps those of all ranks together.
static int64_t save(void *self, void *buffer, size_t size) {
  const struct heat *heat = self;
  const size_t row = COLUMNS * sizeof(double), need = sizeof heat->target + (size_t)heat->count * row;
  if (size < need) return (int64_t)need;
  memcpy(buffer, &heat->target, sizeof heat->target);
  for (int i = 0; i < heat->count; i++)
    memcpy((char *)buffer + sizeof heat->target + (size_t)i * row, &heat->now[i + 1][1], row);
  return (int64_t)need;
}

static int load(void *self, const void *buffer, size_t size) {
  struct heat *heat = self;
  const size_t row = COLUMNS * sizeof(double);
  if (size != sizeof heat->target + (size_t)heat->count * row) return -1;
  memcpy(&heat->target, buffer, sizeof heat->target);
  for (int i = 0; i < heat->count; i++)
    memcpy(&heat->now[i + 1][1], (const char *)buffer + sizeof heat->target + (size_t)i * row, row);
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "heat",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
  return &env;
}
