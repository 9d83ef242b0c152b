#include "learner/checkpoint_schedule.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_loopback.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/peer.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { ACTORS = 3 };

struct scene {
  struct transport *ends[ACTORS + 1];
  struct job job;
  struct actor_table table;
  struct run_directory *run;
  struct metrics_file *file;
  struct reporter reporter;
  struct checkpoint_schedule schedule;
  char *directory, *log;
};
static volatile sig_atomic_t stop;

static void scene_init(struct scene *s, uint32_t capacity) {
  struct config config = small_config();
  config.replay_capacity = capacity;
  config.checkpoint_every = 100;
  config.checkpoint_keep = 2;
  stop = 0;
  *s = (struct scene){.directory = unit_tmpdir()};
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
  small_job_init(&s->job, &config);
  small_job_fill(&s->job, 1, capacity + capacity / 3);
  s->job.limiter.steps = 50;
  s->job.next_checkpoint = 100;
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, &config, s->ends[0], NULL), STATUS_OK);
  s->run = run_directory_create(s->directory, NULL);
  s->file = metrics_file_open(s->directory, metrics_header(), 0, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->run);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->file);
  reporter_init(&s->reporter, &s->job, s->run, s->file);
  s->log = unit_path(s->directory, "log.txt");
  CU_ASSERT_EQUAL(log_open_file(s->log, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(checkpoint_schedule_init(&s->schedule, &s->job, s->run, &s->reporter, &s->table, &stop, NULL),
                        STATUS_OK);
}

static void scene_release(struct scene *s) {
  checkpoint_schedule_release(&s->schedule);
  log_close();
  metrics_file_close(s->file);
  run_directory_close(s->run);
  actor_table_release(&s->table);
  job_release(&s->job);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
  free(s->log);
  unit_tmpdir_remove(s->directory);
}

static bool there(const struct scene *s, const char *name) {
  char *path = unit_path(s->directory, name);
  const bool found = access(path, F_OK) == 0;
  free(path);
  return found;
}

static bool says(const struct scene *s, const char *name, const char *what) {
  log_flush();
  char *path = unit_path(s->directory, name), *text = unit_read_file(path, NULL);
  const bool found = text && strstr(text, what);
  free(path);
  free(text);
  return found;
}

static uint64_t updates_in(const struct scene *s, const char *name) {
  struct checkpoint_info info = {0};
  char *path = unit_path(s->directory, name);
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(checkpoint_read_info(path, &info, NULL), STATUS_OK);
  const uint64_t updates = info.updates;
  checkpoint_info_release(&info);
  free(path);
  return updates;
}

// Turns of a learner, until nothing is being saved.
static void play(struct scene *s) {
  for (const double until = clock_now() + 60; checkpoint_writer_busy(s->schedule.writer) && clock_now() < until;)
    checkpoint_schedule_poll(&s->schedule);
}

static void test_minutes(void) {
  struct scene s;
  scene_init(&s, 100);
  s.job.config.checkpoint_minutes = 1e-4; // 6 ms
  const struct timespec longer = {.tv_nsec = 30000000};
  nanosleep(&longer, NULL);
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule)); // though no steps were made
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  s.job.config.checkpoint_minutes = 60;
  CU_ASSERT_FALSE(checkpoint_schedule_is_due(&s.schedule));
  scene_release(&s);
}

static void test_in_background(void) {
  struct scene s;
  scene_init(&s, 60000);
  CU_ASSERT_FALSE(checkpoint_schedule_is_due(&s.schedule));
  s.job.limiter.steps = 130;
  s.job.limiter.updates = 7;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  CU_ASSERT_EQUAL(s.job.next_checkpoint, 200);
  checkpoint_schedule_begin(&s.schedule);
  CU_ASSERT_FALSE(checkpoint_schedule_is_due(&s.schedule));
  s.job.limiter.updates = 8; // training goes on
  s.job.limiter.steps = 250;
  CU_ASSERT_FALSE(checkpoint_schedule_is_due(&s.schedule)); // the one before is not done
  CU_ASSERT_EQUAL(s.job.next_checkpoint, 300);
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "");
  play(&s);
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-130.h5");
  CU_ASSERT_TRUE_FATAL(says(&s, "status.json", "ckpt-130.h5"));
  CU_ASSERT_TRUE(says(&s, "status.json", "running"));
  CU_ASSERT_EQUAL(updates_in(&s, "ckpt-130.h5"), 7);
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule)); // right after
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  CU_ASSERT_TRUE_FATAL(there(&s, "ckpt-130.h5"));
  CU_ASSERT_TRUE_FATAL(there(&s, "ckpt-250.h5"));
  CU_ASSERT_TRUE(!checkpoint_schedule_is_due(&s.schedule));
  s.job.limiter.steps = 300;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  CU_ASSERT_TRUE_FATAL(!there(&s, "ckpt-130.h5"));
  CU_ASSERT_TRUE_FATAL(there(&s, "ckpt-250.h5"));
  CU_ASSERT_TRUE(there(&s, "ckpt-300.h5")); // checkpoint_keep
  CU_ASSERT_FALSE(says(&s, "log.txt", "error"));
  scene_release(&s);
}

// A directory of that name cannot be replaced by a file.
static void test_failure(void) {
  struct scene s;
  scene_init(&s, 20);
  s.job.limiter.steps = 100;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  char *occupied = unit_path(s.directory, "ckpt-200.h5");
  mkdir(occupied, 0777);
  s.job.limiter.steps = 200;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  CU_ASSERT_TRUE(says(&s, "log.txt", "checkpoint not saved, training goes on and the last good one is ckpt-100.h5: "));
  CU_ASSERT_TRUE_FATAL(says(&s, "log.txt", "ckpt-200.h5: is a directory"));
  CU_ASSERT_TRUE(!there(&s, "ckpt-200.h5.tmp"));
  CU_ASSERT_FALSE(checkpoint_schedule_is_due(&s.schedule));
  s.schedule.retry -= 40; // it is tried again some time later
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  play(&s);
  CU_ASSERT_TRUE(s.schedule.retry > clock_coarse());
  struct error error = {0};
  UNIT_STATUS(checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "ckpt-200.h5: is a directory"));
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-100.h5");
  rmdir(occupied);
  free(occupied);
  CU_ASSERT_EQUAL(checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, NULL), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-200.h5");
  scene_release(&s);
}

static int heartbeats(struct scene *s, int i) {
  int counts[MESSAGE_TYPES];
  peer_count(s->ends[i], counts);
  return counts[MESSAGE_HEARTBEAT];
}

// The actors get heartbeats while the learner waits, and the wait does not count as their silence.
static void test_waited_for(void) {
  struct scene s;
  int died;
  scene_init(&s, 60000);
  s.table.heartbeat = 0;
  s.table.listened = clock_now() - 1e6;
  for (int i = 0; i < ACTORS; i++) s.table.entry[i].heard = s.table.listened;
  CU_ASSERT_EQUAL(checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, NULL), STATUS_OK);
  for (int i = 1; i <= ACTORS; i++) CU_ASSERT_TRUE(heartbeats(&s, i) > 0);
  CU_ASSERT_EQUAL(actor_table_keep_in_touch(&s.table, 1, &died, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(died, -1);
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-50.h5");
  scene_release(&s);
}

static void test_best(void) {
  struct scene s;
  struct policy_weights weights;
  scene_init(&s, 60000);
  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, s.job.sac.policy_net.parameters, NULL), STATUS_OK);
  job_export_policy(&s.job, &weights);
  s.job.limiter.steps = 100;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  CU_ASSERT_EQUAL(
      checkpoint_schedule_best(
          &s.schedule,
          &(struct checkpoint_policy){.weights = &weights, .normalizer = &s.job.normalizer, .env_steps = 90}, NULL),
      STATUS_OK);
  CU_ASSERT_FALSE(there(&s, "best.h5"));
  checkpoint_schedule_finish(&s.schedule);
  CU_ASSERT_TRUE_FATAL(there(&s, "best.h5"));
  CU_ASSERT_TRUE_FATAL(there(&s, "ckpt-100.h5"));
  CU_ASSERT_TRUE(!checkpoint_writer_busy(s.schedule.writer));
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-100.h5");
  updates_in(&s, "best.h5"); // it verifies
  policy_weights_release(&weights);
  scene_release(&s);
}

// A policy with this return is begun.
static void begin_best(struct scene *s, const struct policy_weights *weights, double eval_return) {
  const struct checkpoint_policy policy = {weights, &s->job.normalizer, 90, 80, 7, eval_return};
  CU_ASSERT_TRUE(checkpoint_schedule_is_best(&s->schedule, eval_return));
  CU_ASSERT_EQUAL(checkpoint_schedule_best(&s->schedule, &policy, NULL), STATUS_OK);
  CU_ASSERT_FALSE(checkpoint_schedule_is_best(&s->schedule, eval_return));
}

static double return_in_best(const struct scene *s) {
  struct checkpoint_info info;
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_info(unit_in(s->directory, "best.h5"), &info, NULL), STATUS_OK);
  const double eval_return = info.eval_return;
  checkpoint_info_release(&info);
  return eval_return;
}

// A file that cannot be put in place (a directory has its name) leaves the comparison as it was.
static void test_unsaved_best(void) {
  struct scene s;
  struct policy_weights weights;
  scene_init(&s, 60);
  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, s.job.sac.policy_net.parameters, NULL), STATUS_OK);
  job_export_policy(&s.job, &weights);
  begin_best(&s, &weights, -300);
  checkpoint_schedule_finish(&s.schedule);
  CU_ASSERT_EQUAL(rename(unit_in(s.directory, "best.h5"), unit_in(s.directory, "kept.h5")), 0);
  CU_ASSERT_EQUAL(mkdir(unit_in(s.directory, "best.h5"), 0777), 0);
  begin_best(&s, &weights, -100);
  checkpoint_schedule_finish(&s.schedule);
  CU_ASSERT_TRUE(says(&s, "log.txt", "best.h5 not saved, training goes on"));
  CU_ASSERT_EQUAL(rmdir(unit_in(s.directory, "best.h5")), 0);
  CU_ASSERT_EQUAL(rename(unit_in(s.directory, "kept.h5"), unit_in(s.directory, "best.h5")), 0);
  CU_ASSERT_FALSE(checkpoint_schedule_is_best(&s.schedule, -300));
  begin_best(&s, &weights, -200);
  checkpoint_schedule_finish(&s.schedule);
  CU_ASSERT_EQUAL(return_in_best(&s), -200);
  policy_weights_release(&weights);
  scene_release(&s);
}

static void note(int number) { stop = number; }

// A signal while a save is waited for: that save is given up, and the one that the signal asks for is made.
static void test_signal(void) {
  struct scene s;
  int stopped = 0, pending = 0;
  scene_init(&s, 400000);
  signal(SIGALRM, note);
  for (int i = 1; i <= 10; i++) {
    struct error error = {0};
    stop = s.schedule.heeded = 0;
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 1000 * i}, NULL);
    const enum status status = checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, &error);
    CU_ASSERT(status == STATUS_OK || status == STATUS_STOPPED);
    stopped += status == STATUS_STOPPED;
    CU_ASSERT_TRUE_FATAL(!there(&s, "ckpt-50.h5.tmp"));
    CU_ASSERT_TRUE(!checkpoint_writer_saving(s.schedule.writer));
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 0}, NULL);
    stop = SIGALRM;
    pending += checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, NULL) ==
               STATUS_STOPPED;                         // unless it was done before the first look
    checkpoint_schedule_give_up(&s.schedule, SIGUSR1); // before the other one came
    CU_ASSERT_EQUAL(checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, NULL), STATUS_STOPPED);
    checkpoint_schedule_give_up(&s.schedule, SIGALRM);
    CU_ASSERT_EQUAL(checkpoint_schedule_now(&s.schedule, i % 2 ? CHECKPOINT_NO_REPLAY : CHECKPOINT_ALL, NULL),
                    STATUS_OK);
    updates_in(&s, "ckpt-50.h5");
  }
  CU_ASSERT_TRUE(stopped > 0);
  CU_ASSERT_TRUE(pending > 0);
  CU_ASSERT_FALSE(says(&s, "log.txt", "not saved"));
  scene_release(&s);
}

static void test_given_up(void) {
  struct scene s;
  scene_init(&s, 400000);
  s.job.limiter.steps = 100;
  CU_ASSERT_TRUE(checkpoint_schedule_is_due(&s.schedule));
  checkpoint_schedule_begin(&s.schedule);
  checkpoint_schedule_give_up(&s.schedule, 0);
  CU_ASSERT_TRUE_FATAL(!checkpoint_writer_saving(s.schedule.writer));
  CU_ASSERT_EQUAL(replay_room(s.job.replay), SIZE_MAX);
  CU_ASSERT_TRUE_FATAL(!there(&s, "ckpt-100.h5"));
  CU_ASSERT_TRUE_FATAL(!there(&s, "ckpt-100.h5.tmp"));
  CU_ASSERT_TRUE(!says(&s, "log.txt", "error"));
  s.job.limiter.updates = 99;
  checkpoint_schedule_begin(&s.schedule);
  s.job.limiter.updates = 100;
  CU_ASSERT_EQUAL(checkpoint_schedule_now(&s.schedule, CHECKPOINT_ALL, NULL), STATUS_OK); // the one before may end
  CU_ASSERT_EQUAL(updates_in(&s, "ckpt-100.h5"), 100);
  scene_release(&s);
}

// A limit on the size of files stands for a disk that has so much room.
static enum status save_within(struct scene *s, rlim_t bytes, struct error *error) {
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, before.rlim_max});
  const enum status status = checkpoint_schedule_whole(&s->schedule, error);
  setrlimit(RLIMIT_FSIZE, &before);
  return status;
}

static void test_partial(void) {
  struct scene s;
  struct error error = {0};
  const struct error *partial;
  scene_init(&s, 60000);
  signal(SIGXFSZ, SIG_IGN);
  partial = &s.schedule.partial;
  UNIT_STATUS(save_within(&s, 1000, &error), STATUS_IO, &error); // nothing fits
  CU_ASSERT_TRUE_FATAL(error_says(&error, "File too large"));
  CU_ASSERT_TRUE(!partial->status);
  CU_ASSERT_TRUE(!there(&s, "ckpt-50.h5"));
  error_clear(&error);
  UNIT_STATUS(save_within(&s, 400000, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(partial->status, STATUS_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(partial->text, "File too large; ckpt-50.h5 is saved without its replay"));
  CU_ASSERT_STRING_EQUAL(s.reporter.checkpoint, "ckpt-50.h5");
  updates_in(&s, "ckpt-50.h5");                                    // it verifies
  UNIT_STATUS(save_within(&s, 400000, &error), STATUS_OK, &error); // which stays as it is
  CU_ASSERT_EQUAL(partial->status, STATUS_IO);
  CU_ASSERT_EQUAL(updates_in(&s, "ckpt-50.h5"), s.job.limiter.updates);
  UNIT_STATUS(checkpoint_schedule_whole(&s.schedule, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(partial->status, STATUS_OK);                     // whole now
  UNIT_STATUS(save_within(&s, 400000, &error), STATUS_OK, &error); // and so it stays
  CU_ASSERT_EQUAL(partial->status, STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  scene_release(&s);
}

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a checkpoint is due after some minutes, too", test_minutes},
      {"checkpoints are written in the background; one that comes due meanwhile begins right after",
       test_in_background},
      {"a save that fails is logged in the background, and an error where it is waited for", test_failure},
      {"during a wait for a save actors get heartbeats, and their silence does not count", test_waited_for},
      {"a best.h5 that could not be written is not compared with", test_unsaved_best},
      {"best.h5 comes after the running checkpoint; the end waits for both", test_best},
      {"a signal ends the wait, and a save still works afterwards", test_signal},
      {"a running save can be given up for something newer", test_given_up},
      {"on a full disk all but the replay is saved, and the log says so", test_partial},
  };
  return unit_run("saving", cases, sizeof cases / sizeof *cases);
}
