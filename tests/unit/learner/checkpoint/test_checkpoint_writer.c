#include "learner/checkpoint/checkpoint_writer.h"
#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/h5_compare.h"
#include "tests/support/reference.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPACITY = 60000 }; // three chunks, the last not full
static char *directory;    // of this case
static const char *const times[] = {"@created", "/learner/seconds", NULL};

static void init(struct job *job, struct checkpoint_writer **writer, uint32_t rows) {
  struct config config = small_config();
  config.replay_capacity = CAPACITY;
  small_job_init(job, &config);
  small_job_fill(job, 1, rows);
  *writer = checkpoint_writer_create(job, NULL, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(*writer);
}

static struct checkpoint_result wait_for(struct checkpoint_writer *writer) {
  struct checkpoint_result result = {.error.status = STATUS_PEER};
  for (const double until = clock_now() + 60; clock_now() < until && !checkpoint_writer_take(writer, &result);)
    checkpoint_writer_wait(writer, 1);
  return result;
}

// Inserts `rows` rows in batches of 7, as fast as the writer releases them.
static void insert_meanwhile(struct job *job, uint64_t rows) {
  float row[7 * 16];
  struct numbers numbers = {9};
  const double until = clock_now() + 60;
  for (uint64_t done = 0; done < rows && clock_now() < until;) {
    for (int i = 0; i < 7 * 16; i++) row[i] = (float)numbers_uniform(&numbers);
    if (replay_room(job->replay) < 7) continue;
    replay_insert(job->replay, 7, row, row, row, row, row);
    done += 7;
  }
}

// With the ring's cursor at the beginning, in the middle and at the end.
static void test_in_background(void) {
  static const uint32_t rows[] = {0, 1, 1000, CAPACITY - 1, CAPACITY, CAPACITY + 1, CAPACITY + 30000, 2 * CAPACITY - 5};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct job job;
    struct checkpoint_writer *writer;
    init(&job, &writer, rows[i]);
    CU_ASSERT_EQUAL(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "b.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
    CU_ASSERT_TRUE(checkpoint_writer_saving(writer));
    small_job_fill(&job, 2, 0); // changes every number
    insert_meanwhile(&job, 2 * CAPACITY);
    CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK);
    CU_ASSERT_FALSE(checkpoint_writer_busy(writer));
    CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);
    CU_ASSERT_EQUAL(replay_room(job.replay), SIZE_MAX);
    checkpoint_writer_destroy(writer);
    job_release(&job);
  }
}

static const struct replay *synced; // fsync looks at its room
static size_t room_at_sync;

int fsync(int descriptor) {
  if (synced) room_at_sync = replay_room(synced);
  return (int)syscall(SYS_fsync, descriptor);
}

// Synchronising the disk may take minutes, during which no insert may wait.
static void test_released(void) {
  static const uint32_t rows[] = {CAPACITY, CAPACITY + 1, CAPACITY + 30000, 2 * CAPACITY - 5};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct job job;
    struct checkpoint_writer *writer;
    init(&job, &writer, rows[i]);
    synced = job.replay;
    room_at_sync = 0;
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "a.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK);
    CU_ASSERT_EQUAL(room_at_sync, SIZE_MAX);
    synced = NULL;
    checkpoint_writer_destroy(writer);
    job_release(&job);
  }
}

static void test_contents(void) {
  struct job job;
  struct checkpoint_writer *writer;
  struct policy_weights weights;
  init(&job, &writer, 100);
  CU_ASSERT_EQUAL(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_NO_REPLAY, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "b.h5"), CHECKPOINT_NO_REPLAY, 0, NULL),
                  STATUS_OK);
  CU_ASSERT_EQUAL(replay_room(job.replay), SIZE_MAX); // it holds no rows
  struct checkpoint_result result = wait_for(writer);
  CU_ASSERT_EQUAL(result.error.status, STATUS_OK);
  CU_ASSERT_EQUAL(result.content, CHECKPOINT_NO_REPLAY);
  CU_ASSERT_TRUE(!result.policy_only);
  CU_ASSERT_STRING_EQUAL(result.path, unit_in(directory, "b.h5"));
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);

  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, job.sac.policy_net.parameters, NULL), STATUS_OK);
  job_export_policy(&job, &weights);
  CU_ASSERT_EQUAL(checkpoint_write_policy(
                      unit_in(directory, "c.h5"), &job,
                      &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = 5},
                      NULL),
                  STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_writer_begin_policy(
                      writer, unit_in(directory, "d.h5"),
                      &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = 5},
                      NULL),
                  STATUS_OK);
  memset(weights.values, 0, weights.parameters * sizeof *weights.values);
  small_job_fill(&job, 2, 3);
  result = wait_for(writer);
  CU_ASSERT_EQUAL(result.error.status, STATUS_OK);
  CU_ASSERT_TRUE(result.policy_only);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "c.h5"), unit_in(directory, "d.h5"), times), 0);
  policy_weights_release(&weights);
  checkpoint_writer_destroy(writer);
  job_release(&job);
}

// A plugin may call setlocale. The configuration in the file is text.
static void test_locale(void) {
  struct job job;
  struct checkpoint_writer *writer;
  const locale_t before = locale_enter_c();
  unit_set_comma_locale();
  init(&job, &writer, 100);
  CU_ASSERT_EQUAL(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "b.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);
  checkpoint_writer_destroy(writer);
  job_release(&job);
  setlocale(LC_ALL, "C");
  locale_restore(before);
}

static void test_order(void) {
  struct job job;
  struct checkpoint_writer *writer;
  struct policy_weights weights;
  struct checkpoint_info info;
  init(&job, &writer, CAPACITY);
  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, job.sac.policy_net.parameters, NULL), STATUS_OK);
  for (uint64_t steps = 1; steps <= 20; steps++)
    CU_ASSERT_EQUAL(
        checkpoint_writer_begin_policy(
            writer, unit_in(directory, "best.h5"),
            &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = steps}, NULL),
        STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "a.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
  for (bool policy = true; policy;) {
    const struct checkpoint_result result = wait_for(writer);
    CU_ASSERT_EQUAL(result.error.status, STATUS_OK);
    policy = result.policy_only;
  }
  CU_ASSERT_FALSE(checkpoint_writer_busy(writer));
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_info(unit_in(directory, "best.h5"), &info, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(info.env_steps, 20);
  checkpoint_info_release(&info);
  policy_weights_release(&weights);
  checkpoint_writer_destroy(writer);
  job_release(&job);
}

static void test_abandoned(void) {
  struct job job;
  struct checkpoint_writer *writer;
  int abandoned = 0;
  init(&job, &writer, CAPACITY + 10);
  CU_ASSERT_EQUAL(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_write(unit_in(directory, "b.h5"), &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  for (int i = 0; i < 20; i++) {
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "b.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
    for (const double until = clock_now() + 0.0003 * i; clock_now() < until;) continue;
    checkpoint_writer_abandon(writer);
    const enum status status = wait_for(writer).error.status;
    CU_ASSERT(status == STATUS_OK || status == STATUS_STOPPED);
    abandoned += status == STATUS_STOPPED;
    CU_ASSERT_TRUE_FATAL(!unit_exists_in(directory, "b.h5.tmp"));
    CU_ASSERT_EQUAL(replay_room(job.replay), SIZE_MAX);
  }
  CU_ASSERT_TRUE(abandoned > 0);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "b.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK); // the next file is not abandoned
  checkpoint_writer_destroy(writer);
  job_release(&job);
}

static void test_failure(void) {
  struct job job;
  struct checkpoint_writer *writer;
  init(&job, &writer, CAPACITY + 10);
  for (int again = 0; again < 3; again++) {
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "none/a.h5"), CHECKPOINT_ALL, 0, NULL),
                    STATUS_OK);
    const struct checkpoint_result result = wait_for(writer);
    CU_ASSERT_EQUAL(result.error.status, STATUS_IO);
    CU_ASSERT_TRUE(error_says(&result.error, "none/a.h5"));
    CU_ASSERT_EQUAL(replay_room(job.replay), SIZE_MAX);
  }
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "a.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK);
  checkpoint_writer_destroy(writer);
  job_release(&job);
}

static void test_destroyed(void) {
  for (int i = 0; i < 10; i++) {
    struct job job;
    struct checkpoint_writer *writer;
    init(&job, &writer, CAPACITY + 10);
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "a.h5"), CHECKPOINT_ALL, 0, NULL), STATUS_OK);
    for (const double until = clock_now() + 0.0005 * i; clock_now() < until;) continue;
    checkpoint_writer_destroy(writer);
    CU_ASSERT_FALSE(unit_exists_in(directory, "a.h5.tmp"));
    if (unit_exists_in(directory, "a.h5"))
      CU_ASSERT_EQUAL(checkpoint_verify(unit_in(directory, "a.h5"), NULL), STATUS_OK);
    job_release(&job);
  }
  checkpoint_writer_destroy(NULL);
}

static void test_prune(void) {
  struct job job;
  struct config config = small_config();
  small_job_init(&job, &config);
  struct run_directory *run = run_directory_open(directory, NULL);
  struct checkpoint_writer *writer = checkpoint_writer_create(&job, run, NULL);
  for (int i = 1; i <= 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "ckpt-%d.h5", i);
    CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, name), CHECKPOINT_ALL, i == 4 ? 2 : 0, NULL),
                    STATUS_OK);
    CU_ASSERT_EQUAL(wait_for(writer).error.status, STATUS_OK);
  }
  CU_ASSERT_TRUE_FATAL(!unit_exists_in(directory, "ckpt-1.h5"));
  CU_ASSERT_TRUE_FATAL(!unit_exists_in(directory, "ckpt-2.h5"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-3.h5"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "ckpt-4.h5"));
  checkpoint_writer_destroy(writer);
  run_directory_close(run);
  job_release(&job);
}

// Another job has the directory now.
static void test_lost(void) {
  static const char text[] = "elsewhere 12345 1 2026-01-31T12:00:00+0100 1\n";
  struct job job;
  struct config config = small_config();
  small_job_init(&job, &config);
  struct run_directory *run = run_directory_open(directory, NULL);
  struct checkpoint_writer *writer = checkpoint_writer_create(&job, run, NULL);
  unit_write_file(unit_in(directory, "ckpt-1.h5"), "x", 1);
  unit_write_file(unit_in(directory, "lock"), text, strlen(text));
  CU_ASSERT_EQUAL(checkpoint_writer_begin(writer, unit_in(directory, "ckpt-2.h5"), CHECKPOINT_ALL, 1, NULL), STATUS_OK);
  const struct checkpoint_result result = wait_for(writer);
  CU_ASSERT_EQUAL(result.error.status, STATUS_STOPPED);
  CU_ASSERT_TRUE(error_says(&result.error, "process 12345 on elsewhere"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "ckpt-1.h5"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "ckpt-2.h5"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "ckpt-2.h5.tmp"));
  checkpoint_writer_destroy(writer);
  run_directory_close(run);
  job_release(&job);
}

#define CASE(name)                                                                                                     \
  static void name##_alone(void) { run_in_directory(&directory, name); }
CASE(test_in_background)
CASE(test_released)
CASE(test_contents)
CASE(test_locale)
CASE(test_order)
CASE(test_abandoned)
CASE(test_failure)
CASE(test_destroyed)
CASE(test_prune)
CASE(test_lost)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a file is that of the moment it was begun, while the job changes", test_in_background_alone},
      {"all rows are released before the disk is waited for", test_released_alone},
      {"a file without the replay and a policy are those of the moment they were begun", test_contents_alone},
      {"a file is the same in a process whose locale writes a decimal comma", test_locale_alone},
      {"the newest policy is written before a checkpoint that was begun later", test_order_alone},
      {"an abandoned file leaves nothing and releases the replay", test_abandoned_alone},
      {"a failed file says why and releases the replay, and the next one is written", test_failure_alone},
      {"destroying the writer abandons the file in progress", test_destroyed_alone},
      {"older checkpoints are removed once a new one is in place", test_prune_alone},
      {"nothing is begun or removed in a directory that another job has taken over", test_lost_alone},
  };
  return unit_run("checkpoint_writer", cases, sizeof cases / sizeof *cases);
}
