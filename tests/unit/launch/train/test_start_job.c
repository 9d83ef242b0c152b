// What a resume takes from the checkpoint into its job, and what it leaves out.
#include "launch/train/start_job.h"

#include "common/wire/codec.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdio.h>

enum { AGENTS = 2 };

// Each of SMALL_ENVS environments has AGENTS agents.
static struct message_hello hello_of_agents(void) {
  struct message_hello hello = small_hello(SMALL_OBS, SMALL_ACT);
  hello.environments = SMALL_ENVS;
  hello.agents = memory_alloc(SMALL_ENVS, sizeof *hello.agents, "agents", NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(hello.agents);
  for (int e = 0; e < SMALL_ENVS; e++) hello.agents[e] = AGENTS;
  return hello;
}

// The first environment is in its fifth step; one of its agents has transitions in its window.
static void write_running(const char *path, const struct config *config) {
  struct job job;
  struct error error = {0};
  struct message_hello hello = hello_of_agents();
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
  struct message_hello hello = hello_of_agents();
  UNIT_STATUS_FATAL(start_job(&setup, &job, &hello, &error), STATUS_OK, &error);
  check_restore(&job, &job.environments[0]);
  job_release(&job);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"with other cases the episodes of several agents begin anew, and the actors take that", test_other_cases},
  };
  return unit_run("start_job", cases, sizeof cases / sizeof *cases);
}
