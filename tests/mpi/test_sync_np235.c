// Sync mode is bit-for-bit: MPI equals loopback, whatever the number of ranks, surplus ones included; and a resumed run
// equals one that never stopped.
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank;
static char directory[512]; // the same on every rank

static const char *in(char *buffer, const char *name) {
  snprintf(buffer, 1024, "%s/%s", directory, name);
  return buffer;
}

// The argument list of a small sync job; extra, space-separated, may change anything.
struct arguments {
  char text[2048], run_dir[1024];
  const char *list[JOB_MAX_ARGUMENTS];
};
static const char *const *make_arguments(struct arguments *a, const char *run, const char *steps, const char *extra) {
  snprintf(a->text, sizeof a->text,
           "--env Pendulum-v1 --sync --seed 5 --hidden 16,16 --batch-size 20 --learning-starts 60 --env-steps %s "
           "--replay-capacity 1000 "
           "--log-every 50 --eval-every 100 --eval-episodes 3 --checkpoint-every 100 --checkpoint-keep 100 %s",
           steps, extra);
  int n = 0;
  char *rest = NULL;
  for (char *word = strtok_r(a->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) a->list[n++] = word;
  a->list[n++] = "--run-dir";
  a->list[n++] = in(a->run_dir, run);
  a->list[n] = NULL;
  return a->list;
}

// Runs the same job over loopback on rank 0 and over MPI on all ranks, and compares their files.
static void compare_with_loopback(const char *name, const char *extra, const char *checkpoint, int rows) {
  struct arguments a;
  char alone[128], together[128], left[1024], right[1024], file[256];
  snprintf(alone, sizeof alone, "%s-alone", name);
  snprintf(together, sizeof together, "%s-mpi", name);
  if (rank == 0) CU_ASSERT_EQUAL(job_run_alone(make_arguments(&a, alone, "300", extra), NULL), 0);
  job_barrier();
  bool left_together = false;
  CU_ASSERT_EQUAL(job_run_mpi(make_arguments(&a, together, "300", extra), NULL, &left_together), 0);
  CU_ASSERT_TRUE(left_together);
  if (rank != 0) return;
  snprintf(file, sizeof file, "%s/%s", alone, checkpoint);
  in(left, file);
  snprintf(file, sizeof file, "%s/%s", together, checkpoint);
  CU_ASSERT_TRUE(job_checkpoints_equal(left, in(right, file)));
  snprintf(file, sizeof file, "%s/metrics.csv", alone);
  in(left, file);
  snprintf(file, sizeof file, "%s/metrics.csv", together);
  CU_ASSERT_TRUE(job_metrics_equal(left, in(right, file), rows));
}

static void test_four_environments(void) { compare_with_loopback("four", "--envs 4 --sync-steps 5", "ckpt-300.h5", 6); }

static void test_surplus_ranks(void) {
  compare_with_loopback("two", "--envs 2 --sync-steps 10 --utd 0.5", "ckpt-300.h5", 6);
}

static void test_everything_on(void) {
  compare_with_loopback(
      "all",
      "--envs 3 --sync-steps 4 --n-step 3 --normalize-observations --critics 4 --target-subset 2 --critic-layer-norm "
      "--utd 2 --learner-threads 2",
      "ckpt-300.h5", 6);
}

static void test_rounds_that_do_not_divide(void) {
  compare_with_loopback("odd", "--envs 3 --sync-steps 7", "ckpt-315.h5", 6);
}

// 150 steps, a save, a new process (here: a new job) on all ranks, 150 more: against 300 over loopback in one go.
static void test_resume(void) {
  struct arguments a;
  char path[1024], left[1024], right[1024];
  const char *extra = "--envs 3 --sync-steps 5 --n-step 2 --normalize-observations";
  if (rank == 0) CU_ASSERT_EQUAL(job_run_alone(make_arguments(&a, "whole", "300", extra), NULL), 0);
  job_barrier();
  CU_ASSERT_EQUAL(job_run_mpi(make_arguments(&a, "halves", "150", extra), NULL, NULL), 0);
  const char *const resume[] = {"--resume", in(path, "halves"), "--env-steps", "300", NULL};
  CU_ASSERT_EQUAL(job_run_mpi(resume, NULL, NULL), 0);
  if (rank != 0) return;
  CU_ASSERT_TRUE(job_checkpoints_equal(in(left, "whole/ckpt-300.h5"), in(right, "halves/ckpt-300.h5")));
  CU_ASSERT_TRUE(job_metrics_equal(in(left, "whole/metrics.csv"), in(right, "halves/metrics.csv"), 6));
}

// A run is written on these ranks and resumed by one process, and the other way round.
static void test_resume_with_another_number_of_ranks(void) {
  struct arguments a;
  char path[1024], left[1024], right[1024];
  const char *extra = "--envs 4 --sync-steps 5 --n-step 3";
  if (rank == 0) {
    CU_ASSERT_EQUAL(job_run_alone(make_arguments(&a, "whole4", "300", extra), NULL), 0);
    CU_ASSERT_EQUAL(job_run_alone(make_arguments(&a, "alone-first", "160", extra), NULL), 0);
  }
  job_barrier();
  const char *const onto_mpi[] = {"--resume", in(path, "alone-first"), "--env-steps", "300", NULL};
  CU_ASSERT_EQUAL(job_run_mpi(onto_mpi, NULL, NULL), 0);
  CU_ASSERT_EQUAL(job_run_mpi(make_arguments(&a, "mpi-first", "160", extra), NULL, NULL), 0);
  if (rank != 0) return;
  const char *const onto_one[] = {"--resume", in(path, "mpi-first"), "--env-steps", "300", NULL};
  CU_ASSERT_EQUAL(job_run_alone(onto_one, NULL), 0);
  CU_ASSERT_TRUE(job_checkpoints_equal(in(left, "whole4/ckpt-300.h5"), in(right, "alone-first/ckpt-300.h5")));
  CU_ASSERT_TRUE(job_checkpoints_equal(in(left, "whole4/ckpt-300.h5"), in(right, "mpi-first/ckpt-300.h5")));
  CU_ASSERT_TRUE(job_metrics_equal(in(left, "whole4/metrics.csv"), in(right, "mpi-first/metrics.csv"), 6));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  char *own = rank == 0 ? unit_tmpdir() : NULL;
  if (rank == 0) snprintf(directory, sizeof directory, "%s", own);
  MPI_Bcast(directory, sizeof directory, MPI_CHAR, 0, MPI_COMM_WORLD);
  static const struct unit_case cases[] = {
      {"four environments on these ranks give what one process gives", test_four_environments},
      {"ranks without an environment change nothing", test_surplus_ranks},
      {"n-step, normalisation, REDQ, layer norm and two threads give the same on these ranks", test_everything_on},
      {"a round that passes env_steps is made whole", test_rounds_that_do_not_divide},
      {"a resumed run gives what a run that never stopped gives", test_resume},
      {"a run resumed on another number of ranks gives the same", test_resume_with_another_number_of_ranks},
  };
  const int failed = unit_run_mpi("sync", cases, sizeof cases / sizeof *cases);
  if (rank == 0) unit_tmpdir_remove(own);
  MPI_Finalize();
  return failed;
}
