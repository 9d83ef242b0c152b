// What a resume takes from the checkpoint into its job, and what it leaves out.
#include "launch/train/start_job.h"

#include "common/wire/codec.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/jobs.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGENTS = 2 };

// The first environment is in its fifth step; one of its agents has transitions in its window.
static void write_running(const char *path, const struct config *config) {
  struct job job;
  struct error error = {0};
  struct message_hello hello = small_hello_of_agents(AGENTS);
  UNIT_STATUS_FATAL(job_init(&job, config, &hello, &error), STATUS_OK, &error);
  struct snapshot *running = &job.environments[0];
  running->steps = running->episode_length = 5;
  running->episode = 3;
  running->live = running->exact = true;
  running->window = running->agent_window[1] = 2;
  running->agent_state[1] = SNAPSHOT_PRESENT | SNAPSHOT_TOOK_PART;
  running->agent_length[1] = 5;
  running->agent_return[1] = running->episode_return = 1.5;
  UNIT_STATUS_FATAL(buffer_reserve(&running->state, 4, &error), STATUS_OK, &error);
  for (int i = 0; i < 4; i++) running->state.data[i] = 7;
  running->state.size = 4;
  UNIT_STATUS_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  job_release(&job);
}

// The actor takes the snapshot that the learner sends it.
static void check_restore(const struct job *job, const struct snapshot *snapshot) {
  struct snapshot got;
  struct buffer bytes = {0};
  struct frame frame;
  struct error error = {0};
  UNIT_STATUS_FATAL(snapshot_init_for(&got, &job->config, SMALL_OBS, SMALL_ACT, AGENTS, &error), STATUS_OK, &error);
  UNIT_STATUS(message_encode_snapshot(&bytes, MESSAGE_RESTORE, 0, snapshot, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(frame_decode(bytes.data, bytes.size, &frame, &error), STATUS_OK, &error);
  const uint32_t window = (uint32_t)config_row_steps(&job->config) - 1;
  UNIT_STATUS(message_decode_snapshot(&frame, window, &got, &error), STATUS_OK, &error);
  CU_ASSERT_FALSE(got.live);
  CU_ASSERT_EQUAL(got.steps, 5);
  CU_ASSERT_EQUAL(got.episode, 4);
  snapshot_release(&got);
  buffer_release(&bytes);
}

static void test_other_cases(void) {
  char *directory = unit_tmpdir();
  static struct setup setup;
  struct job job;
  struct error error = {0};
  setup = (struct setup){.resume = true, .in_place = true, .config = small_config()};
  setup.config.sync = false;
  setup.saved = setup.config;
  snprintf(setup.config.cases, sizeof setup.config.cases, "other");
  snprintf(setup.checkpoint, sizeof setup.checkpoint, "%s", unit_in(directory, "ckpt-5.h5"));
  write_running(setup.checkpoint, &setup.saved);
  struct message_hello hello = small_hello_of_agents(AGENTS);
  UNIT_STATUS_FATAL(start_job(&setup, &job, &hello, &error), STATUS_OK, &error);
  check_restore(&job, &job.environments[0]);
  job_release(&job);
  unit_tmpdir_remove(directory);
}

// --- best.h5 ---

static double return_in(const char *file) {
  struct checkpoint_info info;
  struct error error = {0};
  UNIT_STATUS_FATAL(checkpoint_verify(file, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_info(file, &info, &error), STATUS_OK, &error);
  const double eval_return = info.eval_return;
  checkpoint_info_release(&info);
  return eval_return;
}

// As an evaluation with this return would have left the file.
static void set_return(const char *file, double eval_return) {
  const hid_t handle = small_checkpoint_edit(file), attribute = H5Aopen(handle, "eval_return", H5P_DEFAULT);
  CU_ASSERT_TRUE(H5Awrite(attribute, H5T_NATIVE_DOUBLE, &eval_return) >= 0);
  H5Aclose(attribute);
  H5Fclose(handle);
}

static void set_best_return(const char *checkpoint, double best_return) {
  const hid_t file = small_checkpoint_edit(checkpoint), dataset = H5Dopen2(file, "learner/best_return", H5P_DEFAULT);
  CU_ASSERT_TRUE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &best_return) >= 0);
  H5Dclose(dataset);
  H5Fclose(file);
}

static void resume(const char *what, const char *steps, const char *run_dir) {
  const char *const arguments[] = {"--resume", what, "--env-steps", steps, run_dir ? "--run-dir" : NULL, run_dir, NULL};
  CU_ASSERT_EQUAL(job_run_alone(arguments, NULL), EXIT_DONE);
}

// Returns of Pendulum-v1 are below 0.
static void test_best(void) {
  char *directory = unit_tmpdir(), *run = unit_path(directory, "run"), *best = unit_path(run, "best.h5");
  const char *const train[] = {"--env", "Pendulum-v1",     "--hidden", "8",      "--env-steps", "20", "--eval-every",
                               "10",    "--eval-episodes", "1",        "--sync", "--run-dir",   run,  NULL};
  CU_ASSERT_EQUAL_FATAL(job_run_alone(train, NULL), EXIT_DONE);
  CU_ASSERT_TRUE(return_in(best) < 0);
  set_best_return(unit_in(run, "ckpt-20.h5"), 1e6);
  resume(unit_in(run, "ckpt-20.h5"), "40", unit_in(directory, "branch"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "branch/best.h5"));
  CU_ASSERT_TRUE(return_in(unit_in(directory, "branch/best.h5")) < 0);

  set_return(best, -1e6); // a worse one than the checkpoint knows is replaced
  resume(run, "40", NULL);
  CU_ASSERT_TRUE(return_in(best) > -1e6);
  set_best_return(unit_in(run, "ckpt-40.h5"), -1e6);
  set_return(best, 1); // a better one stays
  resume(run, "60", NULL);
  CU_ASSERT_EQUAL(return_in(best), 1);
  free(best);
  free(run);
  unit_tmpdir_remove(directory);
}

static void test_start_best(void) {
  char *directory = unit_tmpdir(), *best = unit_path(directory, "best.h5");
  static struct setup setup;
  struct job job = {.best_return = -300};
  setup = (struct setup){.resume = true, .in_place = true};
  snprintf(setup.config.run_dir, sizeof setup.config.run_dir, "%s", directory);
  CU_ASSERT_EQUAL(start_best(&setup, &job), -INFINITY);
  small_policy_write(best, 1, false);
  set_return(best, -200);
  CU_ASSERT_EQUAL(start_best(&setup, &job), -200);
  setup.in_place = false;
  CU_ASSERT_EQUAL(start_best(&setup, &job), -INFINITY);
  setup.in_place = true;
  const hid_t file = small_checkpoint_edit(best); // as an older version wrote it
  CU_ASSERT_TRUE(H5Adelete(file, "eval_return") >= 0);
  H5Fclose(file);
  CU_ASSERT_EQUAL(start_best(&setup, &job), -300);
  unit_write_file(best, "damaged", 7);
  CU_ASSERT_EQUAL(start_best(&setup, &job), -INFINITY);
  free(best);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"best.h5 is compared with the return in it, and with none in a new directory", test_start_best},
      {"a branch has a best.h5 of its own, and a resume replaces a worse one only", test_best},
      {"with other cases the episodes of several agents begin anew, and the actors take that", test_other_cases},
  };
  return unit_run("start_job", cases, sizeof cases / sizeof *cases);
}
