#include "launch/policy/trace.h"

#include "launch/policy/explain_math.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/policy_checkpoint.h"
#include "tests/support/small_checkpoint.h"
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

struct scene {
  struct job job;
  struct config config;
  struct checkpoint_info info;
  struct policy_weights weights;
  struct message_hello hello;
  struct trace trace;
  char *directory, *file, *path; // of the checkpoint, of the trace
};

static void scene_init(struct scene *s) {
  struct error error = {0};
  *s = (struct scene){.config = small_config(), .directory = unit_tmpdir()};
  s->file = unit_path(s->directory, "ckpt-1.h5");
  s->path = unit_path(s->directory, "a.csv");
  small_job_init(&s->job, &s->config);
  small_job_fill(&s->job, 3, 5);
  UNIT_STATUS_FATAL(checkpoint_write(s->file, &s->job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_info(s->file, &s->info, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_policy(s->file, &s->info, &s->config, &s->weights, &s->hello, &error), STATUS_OK,
                    &error);
  UNIT_STATUS_FATAL(trace_open(&s->trace, s->path, s->file, &s->info, &s->config, &s->weights, &error), STATUS_OK,
                    &error);
}

static void scene_release(struct scene *s) {
  trace_release(&s->trace);
  policy_weights_release(&s->weights);
  message_hello_release(&s->hello);
  checkpoint_info_release(&s->info);
  job_release(&s->job);
  unit_tmpdir_remove(s->directory);
  free(s->file), free(s->path);
}

// An episode of two steps; then one that fails after its first step and, run again, has one step.
static void add_episodes(struct trace *trace) {
  static const float obs[SMALL_OBS] = {0.5f, -1, 2}, action[SMALL_ACT] = {0.25f, -0.5f}, scaled[SMALL_ACT] = {1, -2},
                     eps[SMALL_ACT] = {0};
  struct evaluator_transition made = {
      .obs = obs, .next_obs = obs, .action = action, .scaled = scaled, .eps = eps, .reward = 1.0 / 3};
  CU_ASSERT_EQUAL(trace_add(trace, &made, false, NULL), STATUS_OK);
  made.step = 1, made.flags = CORSAC_TERMINATED | CORSAC_TRUNCATED;
  CU_ASSERT_EQUAL(trace_add(trace, &made, true, NULL), STATUS_OK);
  made.episode = 1, made.step = 0, made.flags = 0;
  CU_ASSERT_EQUAL(trace_add(trace, &made, false, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(trace_add(trace, NULL, false, NULL), STATUS_OK);
  made.flags = CORSAC_TRUNCATED;
  CU_ASSERT_EQUAL(trace_add(trace, &made, true, NULL), STATUS_OK);
}

static void test_csv(void) {
  static const char *const wanted[] = {"episode,step,obs_0,obs_1,obs_2,action_0,action_1,reward,terminated,truncated,",
                                       "log_probability,q_0,q_1", "\n0,0,0.5,-1,2,1,-2,0.33333333333333331,0,0,",
                                       "\n0,1,0.5,-1,2,1,-2,0.33333333333333331,1,0,",
                                       "\n1,0,0.5,-1,2,1,-2,0.33333333333333331,0,1,"};
  struct scene s;
  struct error error = {0};
  scene_init(&s);
  add_episodes(&s.trace);
  CU_ASSERT_EQUAL(s.trace.table.rows, 3);
  UNIT_STATUS(trace_write(&s.trace, "an environment", s.file, &error), STATUS_OK, &error);
  char *text = unit_read_file(s.path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted[i]));
  size_t lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  CU_ASSERT_EQUAL(lines, 4);
  free(text);
  scene_release(&s);
}

// --- with a history ---

enum { HISTORY = 3, WIDTH = HISTORY * SMALL_OBS + (HISTORY - 1) * SMALL_ACT, ROWS = 7 };

// The rows of two agents. The second one comes, is absent in a step, ends its episode and comes again.
static const struct {
  uint32_t step, agent;
  int flags;
  bool anew; // its policy sees nothing from before
} rows[ROWS] = {{0, 0, 0, true},  {1, 0, 0, false}, {1, 1, 0, true},
                {2, 0, 0, false}, {3, 1, 0, true},  {4, 1, CORSAC_TERMINATED, false},
                {5, 1, 0, true}};

// What the policy thinks of row r, by an input that is put together here.
static double expected_log_probability(struct trace *trace, int r, const float *obs, const float *action,
                                       float inputs[2][WIDTH], float last[2][SMALL_ACT]) {
  double head[2 * SMALL_ACT], eps[SMALL_ACT] = {0};
  struct explain_path path[SMALL_ACT];
  float *input = inputs[rows[r].agent];
  if (rows[r].anew)
    history_reset(&trace->history, input, obs);
  else
    history_push(&trace->history, input, last[rows[r].agent], obs);
  memcpy(last[rows[r].agent], action, SMALL_ACT * sizeof *action);
  reference_networks_observe(&trace->reference, input);
  reference_networks_head(&trace->reference, head);
  return explain_sample(&trace->reference.form, SMALL_ACT, head, eps, path);
}

static void test_history(void) {
  struct scene s = {.directory = unit_tmpdir()};
  struct error error = {0};
  const float eps[SMALL_ACT] = {0}, scaled[SMALL_ACT] = {1, -2};
  float inputs[2][WIDTH], last[2][SMALL_ACT];
  s.file = unit_path(s.directory, "best.h5");
  s.path = unit_path(s.directory, "a.csv");
  small_policy_write(s.file, HISTORY, true);
  UNIT_STATUS_FATAL(checkpoint_read_info(s.file, &s.info, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_parse_config(s.file, &s.info, &s.config, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_policy(s.file, &s.info, &s.config, &s.weights, &s.hello, &error), STATUS_OK,
                    &error);
  CU_ASSERT_EQUAL(s.weights.obs_dim, WIDTH);
  CU_ASSERT_EQUAL(s.hello.obs_dim, SMALL_OBS);
  UNIT_STATUS_FATAL(trace_open(&s.trace, s.path, s.file, &s.info, &s.config, &s.weights, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(trace_use_agents(&s.trace, 2, &error), STATUS_OK, &error);
  for (int r = 0; r < ROWS; r++) {
    const float obs[SMALL_OBS] = {0.1f * (float)r, -1, 0.5f - (float)r}, action[SMALL_ACT] = {0.3f, -0.1f * (float)r};
    const double expected = expected_log_probability(&s.trace, r, obs, action, inputs, last);
    const struct evaluator_transition made = {.step = rows[r].step,
                                              .agent = rows[r].agent,
                                              .flags = rows[r].flags,
                                              .obs = obs,
                                              .next_obs = obs,
                                              .action = action,
                                              .scaled = scaled,
                                              .eps = eps};
    UNIT_STATUS_FATAL(trace_add(&s.trace, &made, false, &error), STATUS_OK, &error);
    double written;
    memcpy(&written, s.trace.table.column[TRACE_LOG_PROBABILITY].data + (size_t)r * sizeof written, sizeof written);
    CU_ASSERT_EQUAL(written, expected);
  }
  const struct evaluator_transition stranger = {.agent = 2};
  UNIT_STATUS(trace_add(&s.trace, &stranger, false, &error), STATUS_PEER, &error);
  CU_ASSERT(error_says(&error, "a step is of agent 2, but the environment has 2"));
  trace_release(&s.trace);
  policy_weights_release(&s.weights);
  message_hello_release(&s.hello);
  checkpoint_info_release(&s.info);
  unit_tmpdir_remove(s.directory);
  free(s.file), free(s.path);
}

int main(void) {
  static const struct unit_case cases[] = {{"the name says the format, and its directory must be there", test_check},
                                           {"each step of an episode that did not fail has a row", test_csv},
                                           {"a row's numbers are by what its agent's policy saw", test_history}};
  return unit_run("trace", cases, sizeof cases / sizeof *cases);
}
