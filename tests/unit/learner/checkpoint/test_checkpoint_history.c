// Checkpoints of a job whose networks see a history, and whose replay is linked.
#include "common/nn/normalizer.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/checkpoint/transition_file.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/storage/h5.h"
#include "tests/support/h5_compare.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

enum { LENGTH = 3, ROWS = 100, CAPACITY = 60, WIDTH = LENGTH * SMALL_OBS + (LENGTH - 1) * SMALL_ACT };
static char *directory; // of all cases: the first writes a.h5
static const char *const times[] = {"@created", "/learner/seconds", NULL};

static struct config history_config(uint64_t length) {
  struct config config = small_config();
  config.history = length;
  config.history_actions = true;
  config.replay_capacity = CAPACITY;
  return config;
}

// The batch of an update, drawn, gathered and normalised.
static void sample(struct job *job, struct sac_batch *batch) {
  job_sample(job);
  *batch = *sac_batch(&job->sac);
}

static void check_same_batches(struct job *first, struct job *second) {
  struct sac_batch one, two;
  CU_ASSERT_EQUAL(replay_drawable(first->replay), replay_drawable(second->replay));
  for (uint64_t update = 0; update < 20; update++) {
    first->sac.updates = second->sac.updates = update;
    sample(first, &one);
    sample(second, &two);
    CU_ASSERT_EQUAL_FATAL(one.width, WIDTH + SMALL_ACT);
    CU_ASSERT_EQUAL(memcmp(one.input, two.input, one.rows * one.width * sizeof(real)), 0);
    CU_ASSERT_EQUAL(memcmp(one.reward, two.reward, one.rows * sizeof(real)), 0);
    CU_ASSERT_EQUAL(memcmp(one.discount, two.discount, one.rows * sizeof(real)), 0);
    for (size_t i = 0; i < one.rows; i++)
      CU_ASSERT_EQUAL(memcmp(one.next_input + i * one.width, two.next_input + i * two.width, WIDTH * sizeof(real)), 0);
  }
}

static void read_into(struct job *job, const struct config *config, const char *name) {
  struct error error = {0};
  bool has_replay = false;
  small_job_init(job, config);
  UNIT_STATUS_FATAL(checkpoint_read(unit_in(directory, name), job, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE(has_replay);
}

static void test_round_trip(void) {
  const struct config config = history_config(LENGTH);
  struct job first, second;
  struct error error = {0};
  small_job_init(&first, &config);
  small_job_fill(&first, 1, ROWS);
  CU_ASSERT_EQUAL_FATAL(replay_size(first.replay), CAPACITY); // the ring has wrapped
  CU_ASSERT_TRUE(replay_cursor(first.replay) > 0);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "a.h5"), &error), STATUS_OK, &error);
  read_into(&second, &config, "a.h5");
  CU_ASSERT_EQUAL(second.environments[0].history_dim, WIDTH - SMALL_OBS);
  CU_ASSERT_EQUAL(memcmp(second.environments[0].history, first.environments[0].history, (WIDTH - SMALL_OBS) * 4), 0);
  check_same_batches(&first, &second);
  first.sac.updates = second.sac.updates = first.limiter.updates;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "b.h5"), &second, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);

  // Both go on alike: the lanes know what comes next.
  for (uint32_t e = 0; e < SMALL_ENVS; e++) {
    const struct replay_lane one = replay_lane(first.replay, e), two = replay_lane(second.replay, e);
    CU_ASSERT_EQUAL(memcmp(&one, &two, sizeof one), 0);
    CU_ASSERT_NOT_EQUAL(one.record, REPLAY_NO_RECORD);
  }
  small_job_fill(&first, 2, 30);
  small_job_fill(&second, 2, 30);
  check_same_batches(&first, &second);
  job_release(&first);
  job_release(&second);
}

// An observation stands once: the file has no next_obs.
static void test_columns(void) {
  struct h5 h5;
  struct error error = {0};
  h5_open(&h5, unit_in(directory, "a.h5"), &error);
  CU_ASSERT_TRUE(h5_has(&h5, "replay/back"));
  CU_ASSERT_TRUE(h5_has(&h5, "replay/lane_record"));
  CU_ASSERT_TRUE(!h5_has(&h5, "replay/next_obs"));
  CU_ASSERT_TRUE(h5_has(&h5, "actors/0/history"));
  CU_ASSERT_EQUAL(h5_rows(&h5, "replay/obs"), CAPACITY);
  CU_ASSERT_EQUAL(h5_rows(&h5, "normalizer/mean"), SMALL_OBS);
  UNIT_STATUS(h5_close(&h5), STATUS_OK, &error);
}

// Another capacity moves the records, not what they are.
static void test_other_capacity(void) {
  struct config config = history_config(LENGTH);
  struct job first, second;
  config.sync = false;
  read_into(&first, &config, "a.h5");
  config.replay_capacity = 2 * CAPACITY;
  read_into(&second, &config, "a.h5");
  CU_ASSERT_EQUAL(replay_size(second.replay), CAPACITY);
  CU_ASSERT_EQUAL(replay_drawable(second.replay), replay_drawable(first.replay));
  small_job_fill(&second, 3, 10); // goes on behind them
  CU_ASSERT_TRUE(replay_size(second.replay) > CAPACITY);
  job_release(&first);
  job_release(&second);
}

// A job of more environments has lanes that the file has not.
static void test_other_environments(void) {
  struct config config = history_config(LENGTH);
  struct job job;
  config.sync = false;
  config.envs = SMALL_ENVS + 2;
  read_into(&job, &config, "a.h5");
  CU_ASSERT_NOT_EQUAL(replay_lane(job.replay, SMALL_ENVS - 1).record, REPLAY_NO_RECORD);
  CU_ASSERT_EQUAL(replay_lane(job.replay, SMALL_ENVS).record, REPLAY_NO_RECORD);
  job_release(&job);
}

static void test_other_history(void) {
  for (uint64_t length = 1; length < 6; length++) {
    const struct config config = history_config(length);
    struct error error = {0};
    bool has_replay;
    struct job job;
    if (length == LENGTH) continue;
    small_job_init(&job, &config);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_MISMATCH, &error);
    job_release(&job);
  }
}

// The thread that writes sees the replay and its lanes as they were when it began.
static void test_background(void) {
  const struct config config = history_config(LENGTH);
  struct job job;
  struct error error = {0};
  struct checkpoint_result result = {0};
  read_into(&job, &config, "a.h5");
  struct checkpoint_writer *writer = checkpoint_writer_create(&job, NULL, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
  for (int turn = 0; turn < 5; turn++) {
    UNIT_STATUS(checkpoint_write(unit_in(directory, "now.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
    UNIT_STATUS(checkpoint_writer_begin(writer, unit_in(directory, "then.h5"), CHECKPOINT_ALL, 0, &error), STATUS_OK,
                &error);
    for (int i = 0; i < 100; i++)
      if (replay_room(job.replay) >= REPLAY_STEP_RECORDS) {
        const float obs[2][SMALL_OBS] = {{1}, {2}}, action[SMALL_ACT] = {0};
        replay_insert_step(job.replay, &(struct replay_step){0, 99, (uint32_t)i, obs[i % 2], action, obs[1 - i % 2], 1,
                                                             (float)config.gamma});
      }
    checkpoint_writer_wait(writer, 30);
    CU_ASSERT_TRUE_FATAL(checkpoint_writer_take(writer, &result));
    UNIT_STATUS(result.error.status, STATUS_OK, &result.error);
    CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "now.h5"), unit_in(directory, "then.h5"), times), 0);
  }
  checkpoint_writer_destroy(writer);
  job_release(&job);
}

// Each observation of an input is normalised with the statistics of its components, which count it once. Actions stay.
static void test_normalizer(void) {
  const struct config config = history_config(LENGTH);
  struct job job, raw;
  struct sac_batch one, two;
  float shift[SMALL_OBS], scale[SMALL_OBS];
  read_into(&job, &config, "a.h5");
  read_into(&raw, &config, "a.h5");
  raw.config.normalize_observations = false;
  CU_ASSERT_EQUAL(job.normalizer.count, ROWS);
  normalizer_export(&job.normalizer, shift, scale);
  sample(&job, &one);
  sample(&raw, &two);
  for (size_t i = 0; i < one.rows; i++)
    for (size_t k = 0; k < LENGTH; k++) {
      const size_t at = i * one.width + k * (SMALL_OBS + SMALL_ACT);
      real expected[SMALL_OBS];
      normalizer_apply(1, SMALL_OBS, shift, scale, two.input + at, expected);
      CU_ASSERT_EQUAL(memcmp(one.input + at, expected, sizeof expected), 0);
      CU_ASSERT_EQUAL(memcmp(one.input + at + SMALL_OBS, two.input + at + SMALL_OBS, SMALL_ACT * sizeof(real)), 0);
    }
  struct policy_weights weights;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, job_input(&job), mlp_dense_size(&job.sac.acting_net), NULL),
                        STATUS_OK);
  job_export_policy(&job, &weights);
  CU_ASSERT_EQUAL(weights.obs_dim, WIDTH);
  for (uint32_t k = 0; k < LENGTH; k++) {
    CU_ASSERT_EQUAL(memcmp(weights.shift + k * (SMALL_OBS + SMALL_ACT), shift, sizeof shift), 0);
    CU_ASSERT_EQUAL(memcmp(weights.scale + k * (SMALL_OBS + SMALL_ACT), scale, sizeof scale), 0);
    if (k + 1 < LENGTH) CU_ASSERT_EQUAL(weights.scale[k * (SMALL_OBS + SMALL_ACT) + SMALL_OBS], 1);
  }
  policy_weights_release(&weights);
  job_release(&job);
  job_release(&raw);
}

// A file of an older version holds both observations of each row, also where they are long; a job goes on so.
static void test_older_file(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job first, second;
  bool has_replay;
  config.n_step = 1;
  struct message_hello hello = small_hello(CONFIG_LONG_OBS, SMALL_ACT), again = small_hello(CONFIG_LONG_OBS, SMALL_ACT);
  UNIT_STATUS_FATAL(job_init(&first, &config, &hello, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE(replay_is_linked(first.replay));
  UNIT_STATUS_FATAL(job_unlink_replay(&first, &error), STATUS_OK, &error);
  small_job_fill(&first, 1, 13);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "old.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "old.h5"), &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(job_init(&second, &config, &again, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "old.h5"), &second, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_FALSE(replay_is_linked(second.replay));
  UNIT_STATUS(checkpoint_write(unit_in(directory, "new.h5"), &second, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "old.h5"), unit_in(directory, "new.h5"), times), 0);
  job_release(&first);
  job_release(&second);
}

// Sets a number of damaged.h5, and returns the one before.
static uint64_t change(const char *name, uint64_t row, uint64_t value) {
  const hsize_t start[1] = {row}, one[1] = {1};
  uint64_t before = 0;
  const hid_t file = small_checkpoint_edit(unit_in(directory, "damaged.h5")), memory = H5Screate_simple(1, one, NULL);
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
  CU_ASSERT(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, one, NULL) >= 0);
  CU_ASSERT(H5Dread(dataset, H5T_NATIVE_UINT64, memory, space, H5P_DEFAULT, &before) >= 0);
  CU_ASSERT(H5Dwrite(dataset, H5T_NATIVE_UINT64, memory, space, H5P_DEFAULT, &value) >= 0);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Sclose(memory);
  H5Fclose(file);
  return before;
}

static void check_damaged(const char *says, bool loads, bool is_log) {
  const struct config config = history_config(LENGTH);
  struct error error = {0}, loading = {0};
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "damaged.h5"), &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, says));
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "damaged.h5"), &config, &loading),
              loads ? STATUS_OK : STATUS_FORMAT, &loading);
  struct job job;
  struct transitions_taken taken;
  struct error logged = {0};
  small_job_init(&job, &config);
  UNIT_STATUS(checkpoint_read_transitions(unit_in(directory, "damaged.h5"), &job, &taken, &logged),
              is_log ? STATUS_OK : STATUS_FORMAT, &logged);
  CU_ASSERT_TRUE(is_log || error_says(&logged, says));
  job_release(&job);
  copy_file(unit_in(directory, "a.h5"), unit_in(directory, "damaged.h5"));
}

// What cannot be loaded is not called good: of a run directory the checkpoint before it is taken.
static void test_damaged(void) {
  copy_file(unit_in(directory, "a.h5"), unit_in(directory, "damaged.h5"));
  const uint64_t cursor = change("replay/cursor", 0, 0), row = (cursor + CAPACITY / 2) % CAPACITY;
  copy_file(unit_in(directory, "a.h5"), unit_in(directory, "damaged.h5"));
  change("replay/back", (row + CAPACITY - 1) % CAPACITY, 1);
  change("replay/back", row, 2);
  check_damaged("/replay/back: row", false, false);
  change("replay/back", row, CAPACITY);
  check_damaged("is 60, but a ring of 60 rows has none so far back", true, false);
  change("replay/lane_record", 1, CAPACITY);
  check_damaged("/replay/lane_record: 60 of lane 1 is no row of it", false, true);
  change("replay/lane_record", 1, change("replay/lane_record", 0, REPLAY_NO_RECORD));
  change("replay/lane_record", 0, (cursor + CAPACITY - SMALL_ENVS) % CAPACITY);
  check_damaged("/replay/lane_record: lane", false, true);
}

static void refuses(struct config config, uint32_t max_episode_steps, const char *says) {
  struct message_hello hello = small_hello(SMALL_OBS, SMALL_ACT);
  struct error error = {0};
  struct job job;
  hello.max_episode_steps = max_episode_steps;
  UNIT_STATUS(job_init(&job, &config, &hello, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, says));
}

static void test_bad_input(void) {
  struct config config = history_config(LENGTH);
  refuses(config, 2, "history is 3, but an episode of Small-v0 has at most 2 steps");
  config.replay_capacity = 25;
  refuses(config, 3, "replay_capacity is 25; with history 3, n_step 3 and 3 agents in all it must be 26 at least");
}

int main(void) {
  directory = unit_tmpdir();
  static const struct unit_case cases[] = {
      {"a job with a history comes back, draws the same batches and goes on alike", test_round_trip},
      {"a linked replay has each observation once in the file", test_columns},
      {"a replay of another capacity holds the same transitions", test_other_capacity},
      {"environments that the file does not know begin anew", test_other_environments},
      {"a job of another history is refused", test_other_history},
      {"a checkpoint is that of the moment at which it was begun", test_background},
      {"the normalizer's statistics hold for each observation of an input", test_normalizer},
      {"long observations of an older file stay as they are", test_older_file},
      {"records that do not fit together are damage", test_damaged},
      {"a history that an episode or the replay cannot hold is refused", test_bad_input},
  };
  const int failed = unit_run("checkpoint_history", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
