// A signal to the learner or to an actor ends the whole job. It is saved, and resumes as if it had never stopped.
#include "common/base/file.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/run/run_directory.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int rank, ranks;
static char directory[512]; // the same on every rank
static volatile sig_atomic_t stop;
static char awaited[1024];               // a file whose existence says that the job is under way
static volatile sig_atomic_t looks_left; // ... and how often to look after that

// Sends the signal of a batch system at some moment.
static void look(int number) {
  (void)number;
  if (access(awaited, F_OK) != 0) return;
  if (looks_left == 0)
    stop = SIGUSR1;
  else
    looks_left--;
}

static void look_every(long microseconds) {
  const struct itimerval interval = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &interval, NULL);
}

static const char *in(char buffer[1024], const char *name) {
  snprintf(buffer, 1024, "%s/%s", directory, name);
  return buffer;
}

struct arguments {
  char text[2048], run_dir[1024];
  const char *list[JOB_MAX_ARGUMENTS];
};
static const char *const *make_arguments(struct arguments *a, const char *run, const char *extra) {
  snprintf(
      a->text, sizeof a->text,
      "--env Pendulum-v1 --seed 3 --hidden 16,16 --batch-size 20 --learning-starts 50 --replay-capacity 5000 --envs 4 "
      "--send-steps 4 --eval-every 0 --log-every 100 --checkpoint-keep 100 %s",
      extra);
  int n = 0;
  char *rest = NULL;
  for (char *word = strtok_r(a->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) a->list[n++] = word;
  a->list[n++] = "--run-dir";
  a->list[n++] = in(a->run_dir, run);
  a->list[n] = NULL;
  return a->list;
}

// Runs the job until `file` is there and 2 ms have passed `looks` times; then a signal comes to rank `where`.
static void run_and_stop(const char *run, const char *extra, const char *file, int looks, int where) {
  struct arguments a;
  bool together = false;
  snprintf(awaited, sizeof awaited, "%s/%s/%s", directory, run, file);
  stop = 0;
  looks_left = looks;
  job_barrier();
  if (rank == where) look_every(2000);
  const int code = job_run_mpi(make_arguments(&a, run, extra), &stop, &together);
  look_every(0);
  CU_ASSERT_EQUAL(code, 75);
  CU_ASSERT_TRUE(together);
}

// The newest checkpoint of a run, which must be whole; its steps.
static uint64_t newest(const char *run, struct checkpoint_info *info) {
  char at[1024], path[FILE_PATH];
  uint64_t steps = 0;
  CU_ASSERT_TRUE(checkpoint_list(in(at, run), &steps, 1, NULL) > 0);
  CU_ASSERT_EQUAL(checkpoint_list_path(path, at, steps, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_info(path, info, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(info->env_steps, steps);
  return steps;
}

static void stop_in_sync(int where) {
  static const char extra[] = "--sync --sync-steps 5 --env-steps 2000 --checkpoint-every 200";
  struct arguments a;
  char path[1024], left[1024], right[1024];
  char whole[32], stopped[32], file[64];
  snprintf(whole, sizeof whole, "sync-whole-%d", where);
  snprintf(stopped, sizeof stopped, "sync-stopped-%d", where);
  if (rank == 0) CU_ASSERT_EQUAL(job_run_alone(make_arguments(&a, whole, extra), NULL), 0);
  run_and_stop(stopped, extra, "ckpt-200.h5", 0, where);
  if (rank == 0) {
    struct checkpoint_info info = {0};
    const uint64_t steps = newest(stopped, &info);
    CU_ASSERT_TRUE_FATAL(info.exact);
    CU_ASSERT_TRUE(steps >= 200);
    CU_ASSERT_TRUE(steps < 2000);
    CU_ASSERT_EQUAL(steps % 20, 0); // a whole round
    checkpoint_info_release(&info);
  }
  const char *const resume[] = {"--resume", in(path, stopped), NULL};
  CU_ASSERT_EQUAL(job_run_mpi(resume, NULL, NULL), 0);
  if (rank != 0) return;
  snprintf(file, sizeof file, "%s/ckpt-2000.h5", whole);
  in(left, file);
  snprintf(file, sizeof file, "%s/ckpt-2000.h5", stopped);
  CU_ASSERT_TRUE(job_checkpoints_equal(left, in(right, file)));
  snprintf(file, sizeof file, "%s/metrics.csv", whole);
  in(left, file);
  snprintf(file, sizeof file, "%s/metrics.csv", stopped);
  CU_ASSERT_TRUE(job_metrics_equal(left, in(right, file), 20));
}

static uint64_t rows_of(uint64_t steps) { return steps < 5000 ? steps : 5000; } // --replay-capacity

static void stop_in_async(int where) {
  struct checkpoint_info before = {0}, after = {0};
  char path[1024], total[32], run[32];
  uint64_t steps = 0;
  snprintf(run, sizeof run, "async-%d", where);
  run_and_stop(run, "--env-steps 1000000 --checkpoint-every 100", "metrics.csv", 100, where);
  if (rank == 0) steps = newest(run, &before);
  snprintf(total, sizeof total, "%llu", (unsigned long long)(steps + 200));
  const char *const resume[] = {"--resume", in(path, run), "--env-steps", total, NULL};
  CU_ASSERT_EQUAL(job_run_mpi(resume, NULL, NULL), 0);
  if (rank != 0) return;
  CU_ASSERT_EQUAL(newest(run, &after), steps + 200);
  const uint64_t past = steps + 200 > 50 ? steps + 200 - 50 : 0;
  // Each step is a row, as far as the replay holds them.
  CU_ASSERT_EQUAL_FATAL(before.replay_size, rows_of(steps));
  CU_ASSERT_EQUAL(after.replay_size, rows_of(steps + 200));
  CU_ASSERT_TRUE(before.updates <= after.updates);
  CU_ASSERT_EQUAL(after.updates, past); // utd 1: no debt is repaid twice, none forgiven
  CU_ASSERT_TRUE(after.policy_version >= before.policy_version);
  CU_ASSERT_TRUE(after.episodes >= before.episodes);
  checkpoint_info_release(&before);
  checkpoint_info_release(&after);
}

static void test_sync_learner(void) { stop_in_sync(0); }
static void test_sync_actor(void) { stop_in_sync(ranks - 1); }
static void test_async_learner(void) { stop_in_async(0); }
static void test_async_actor(void) { stop_in_async(1); }

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  char *own = rank == 0 ? unit_tmpdir() : NULL;
  if (rank == 0) snprintf(directory, sizeof directory, "%s", own);
  MPI_Bcast(directory, sizeof directory, MPI_CHAR, 0, MPI_COMM_WORLD);
  const struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  static const struct unit_case cases[] = {
      {"sync: stopped on the learner's rank, the job goes on bit for bit", test_sync_learner},
      {"sync: stopped on an actor's rank, the job goes on bit for bit", test_sync_actor},
      {"async: stopped on the learner's rank, counters and replay are kept", test_async_learner},
      {"async: stopped on an actor's rank, counters and replay are kept", test_async_actor},
  };
  const int failed = unit_run_mpi("stop", cases, sizeof cases / sizeof *cases);
  if (rank == 0) unit_tmpdir_remove(own);
  MPI_Finalize();
  return failed;
}
