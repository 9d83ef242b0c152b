// A solver as it comes: it knows nothing of corsac, and is coupled by files. It computes the heat of a rod whose ends
// are at 0, on any number of ranks, from where the last run stopped.
//
//   mpicc -std=c11 -O2 rod.c -o rod
//   mpirun -n 2 ./rod      in a directory with these files:
//     control.dat   in: the power of the two heaters, and the time to compute
//     state.dat     in and out: the temperature of each cell; without it the rod is cold
//     result.dat    out: the mean temperature of each quarter
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 32, QUARTERS = 4, HEATERS = 2, MOST = CELLS + 2 };
static const double STEP = 4e-4, LENGTH = 1, HEAT = 40;

static void stop(const char *what, const char *file) {
  fprintf(stderr, "rod: %s %s\n", what, file);
  MPI_Abort(MPI_COMM_WORLD, 1);
  exit(1);
}

static void read_control(double power[HEATERS], double *time) {
  FILE *file = fopen("control.dat", "r");
  if (!file) stop("cannot read", "control.dat");
  if (fscanf(file, "%lf %lf %lf", &power[0], &power[1], time) != 3)
    stop("there are no three numbers in", "control.dat");
  fclose(file);
}

static void read_state(double cell[CELLS]) {
  FILE *file = fopen("state.dat", "r");
  for (int i = 0; i < CELLS; i++) cell[i] = 0;
  if (!file) return;
  for (int i = 0; i < CELLS; i++)
    if (fscanf(file, "%lf", &cell[i]) != 1) stop("there are too few numbers in", "state.dat");
  fclose(file);
}

static void write_numbers(const char *name, const double *number, int count) {
  FILE *file = fopen(name, "w");
  if (!file) stop("cannot write", name);
  for (int i = 0; i < count; i++) fprintf(file, "%.17g\n", number[i]);
  if (fclose(file) != 0) stop("cannot write", name);
}

// u[1..count] are this rank's cells from `first` on; u[0] and u[count + 1] belong to its neighbours, or are the ends.
static void advance(double u[MOST], int first, int count, int rank, int size, const double power[HEATERS]) {
  const double dx = LENGTH / CELLS;
  const int left = rank > 0 ? rank - 1 : MPI_PROC_NULL, right = rank + 1 < size ? rank + 1 : MPI_PROC_NULL;
  double next[MOST];
  MPI_Sendrecv(&u[1], 1, MPI_DOUBLE, left, 0, &u[count + 1], 1, MPI_DOUBLE, right, 0, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
  MPI_Sendrecv(&u[count], 1, MPI_DOUBLE, right, 1, &u[0], 1, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  for (int i = 1; i <= count; i++) {
    const int cell = first + i - 1, heater = cell / (CELLS / HEATERS);
    const int heated = cell % (CELLS / HEATERS) / (CELLS / 8) == 1; // the second quarter of each half
    next[i] = u[i] + STEP * ((u[i - 1] - 2 * u[i] + u[i + 1]) / (dx * dx) + (heated ? HEAT * power[heater] : 0));
  }
  for (int i = 1; i <= count; i++) u[i] = next[i];
}

int main(int argc, char **argv) {
  int rank, size, firsts[CELLS], counts[CELLS];
  double cell[CELLS] = {0}, u[MOST] = {0}, control[HEATERS + 1] = {0}, quarter[QUARTERS] = {0};
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size > CELLS) stop("more ranks than cells:", argv[0]);
  for (int r = 0; r < size; r++) firsts[r] = CELLS * r / size, counts[r] = CELLS * (r + 1) / size - firsts[r];
  const int first = firsts[rank], count = counts[rank];
  if (rank == 0) read_control(control, &control[HEATERS]), read_state(cell);
  MPI_Bcast(control, HEATERS + 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  MPI_Scatterv(cell, counts, firsts, MPI_DOUBLE, &u[1], count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  for (int n = (int)(control[HEATERS] / STEP + 0.5); n > 0; n--) advance(u, first, count, rank, size, control);
  MPI_Gatherv(&u[1], count, MPI_DOUBLE, cell, counts, firsts, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  if (rank == 0) {
    for (int i = 0; i < CELLS; i++) quarter[i / (CELLS / QUARTERS)] += cell[i] / (CELLS / QUARTERS);
    write_numbers("state.dat", cell, CELLS);
    write_numbers("result.dat", quarter, QUARTERS);
  }
  MPI_Finalize();
  return 0;
}
