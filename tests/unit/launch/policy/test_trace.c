#include "launch/policy/trace.h"

#include "launch/policy/explain_math.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/policy_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static void test_check(void) {
  struct error error = {0};
  UNIT_STATUS(trace_check("/tmp/a.csv", &error), STATUS_OK, &error);
  UNIT_STATUS(trace_check("a.txt", &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, ".csv or .h5"));
  error_clear(&error);
  UNIT_STATUS(trace_check("/nowhere/a.h5", &error), STATUS_IO, &error);
}

// An episode of two steps; one that fails after its first step and is made again, of one.
static void test_csv(void) {
  struct job job;
  struct checkpoint_info info = {0};
  struct policy_weights weights;
  struct message_hello hello;
  struct trace trace;
  char *directory = unit_tmpdir(), *file = unit_path(directory, "ckpt-1.h5"), *path = unit_path(directory, "a.csv");
  const struct config config = small_config();
  small_job_init(&job, &config);
  small_job_fill(&job, 3, 5);
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(file, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_info(file, &info, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_policy(file, &info, &config, &weights, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(trace_open(&trace, path, file, &info, &config, &weights, NULL), STATUS_OK);
  const float obs[SMALL_OBS] = {0.5f, -1, 2}, action[SMALL_ACT] = {0.25f, -0.5f}, scaled[SMALL_ACT] = {1, -2};
  struct evaluator_transition made = {
      .obs = obs, .next_obs = obs, .action = action, .scaled = scaled, .reward = 1.0 / 3};
  CU_ASSERT_EQUAL(trace_add(&trace, &made, false, NULL), STATUS_OK);
  made.step = 1, made.flags = CORSAC_TERMINATED | CORSAC_TRUNCATED;
  CU_ASSERT_EQUAL(trace_add(&trace, &made, true, NULL), STATUS_OK);
  made.episode = 1, made.step = 0, made.flags = 0;
  CU_ASSERT_EQUAL(trace_add(&trace, &made, false, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(trace_add(&trace, NULL, false, NULL), STATUS_OK);
  made.flags = CORSAC_TRUNCATED;
  CU_ASSERT_EQUAL(trace_add(&trace, &made, true, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(trace.table.rows, 3);
  CU_ASSERT_EQUAL(trace_write(&trace, "an environment", file, NULL), STATUS_OK);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  const char *wanted[] = {"episode,step,obs_0,obs_1,obs_2,action_0,action_1,reward,terminated,truncated,",
                          "log_probability,q_0,q_1", "\n0,0,0.5,-1,2,1,-2,0.33333333333333331,0,0,",
                          "\n0,1,0.5,-1,2,1,-2,0.33333333333333331,1,0,",
                          "\n1,0,0.5,-1,2,1,-2,0.33333333333333331,0,1,"};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted[i]));
  size_t lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  CU_ASSERT_EQUAL(lines, 4);
  free(text);
  trace_release(&trace);
  policy_weights_release(&weights);
  message_hello_release(&hello);
  checkpoint_info_release(&info);
  job_release(&job);
  unit_tmpdir_remove(directory);
  free(file), free(path);
}

int main(void) {
  static const struct unit_case cases[] = {{"the name says the format", test_check},
                                           {"a row for each step that counts", test_csv}};
  return unit_run("trace", cases, sizeof cases / sizeof *cases);
}
