#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/transport_loopback.h"
#include "learner/reporter.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACTORS = 2 };

struct scene {
  struct transport *ends[ACTORS + 1];
  struct job job;
  struct actor_table table;
  struct run_directory *run;
  struct metrics_file *file;
  struct reporter reporter;
  char *directory, *log;
};

static void scene_init(struct scene *s) {
  const struct config config = peer_config("envs: 2\nenv_steps: 1000\n");
  struct message_hello hello = peer_hello();
  char *base = unit_tmpdir();
  s->directory = base;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, &config, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, &config, s->ends[0], NULL), STATUS_OK);
  s->run = run_directory_create(base, NULL);
  s->file = metrics_file_open(base, metrics_header(), 0, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->run);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->file);
  reporter_init(&s->reporter, &s->job, s->run, s->file);
  s->log = unit_path(base, "log.txt");
  CU_ASSERT_EQUAL(log_open_file(s->log, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  log_close();
  metrics_file_close(s->file);
  run_directory_close(s->run);
  actor_table_release(&s->table);
  job_release(&s->job);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
  free(s->log);
  unit_tmpdir_remove(s->directory);
}

// How often the file says it; -1: it is not there.
static int says(const struct scene *s, const char *name, const char *what) {
  log_flush();
  char *path = unit_path(s->directory, name), *text = unit_read_file(path, NULL);
  int n = text ? 0 : -1;
  for (const char *at = text; at && (at = strstr(at, what)); at++) n++;
  free(path);
  free(text);
  return n;
}

static void test_rows(void) {
  struct scene s;
  scene_init(&s);
  s.job.limiter.steps = 123;
  s.job.limiter.updates = 45;
  s.reporter.next_line = 0;
  metrics_add_episode(&s.job.metrics, &s.job.config,
                      &(struct episode_record){.environment = 1, .length = 9, .episode_return = -77.5});
  reporter_row(&s.reporter, &s.job, &s.table);
  s.job.limiter.steps = 223;
  reporter_row(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "metrics.csv", "\n"), 3); // with the header
  CU_ASSERT_EQUAL(says(&s, "metrics.csv", ",123,45,"), 1);
  CU_ASSERT_EQUAL(says(&s, "metrics.csv", ",223,45,"), 1);
  CU_ASSERT_EQUAL(says(&s, "metrics.csv", "-77.5,-77.5,-77.5"), 1); // of the first row alone
  CU_ASSERT_EQUAL(s.job.metrics.rows, 2);
  CU_ASSERT_EQUAL(s.job.metrics.episodes, 0);
  CU_ASSERT_EQUAL(says(&s, "log.txt", "123/1000 steps"), 1);
  CU_ASSERT_EQUAL(says(&s, "log.txt", "223/1000 steps"), 0); // not two lines in a second
  CU_ASSERT_EQUAL(says(&s, "log.txt", "return -77.5"), 1);
  s.reporter.next_line = 0;
  s.table.entry[0].alive = false;
  reporter_row(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "log.txt", "actors 1/2"), 1);
  scene_release(&s);
}

static void test_status(void) {
  struct scene s;
  scene_init(&s);
  snprintf(s.reporter.checkpoint, sizeof s.reporter.checkpoint, "ckpt-7.h5");
  s.job.limiter.steps = 7;
  reporter_status(&s.reporter, &s.job, &s.table, "failed", 1, "the \"disk\"");
  CU_ASSERT_EQUAL(says(&s, "status.json", "\"failed\""), 1);
  CU_ASSERT_EQUAL(says(&s, "status.json", "ckpt-7.h5"), 1);
  CU_ASSERT_EQUAL(says(&s, "status.json", "the \\\"disk\\\""), 1);
  scene_release(&s);
}

static void test_poll(void) {
  struct scene s;
  scene_init(&s);
  reporter_poll(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "status.json", "\"running\""), 1);
  char *path = unit_path(s.directory, "status.json");
  unlink(path);
  reporter_poll(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "status.json", ""), -1); // it was not yet due
  s.reporter.next_status = 0;
  reporter_poll(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "status.json", "\"running\""), 1);
  free(path);
  scene_release(&s);
}

static void test_cannot_write(void) {
  struct scene s;
  scene_init(&s);
  char *aside = unit_tmpdir(), *target = unit_path(aside, "run");
  CU_ASSERT_EQUAL_FATAL(rename(s.directory, target), 0);
  reporter_status(&s.reporter, &s.job, &s.table, "running", -1, ""); // warns, and that is all
  CU_ASSERT_EQUAL_FATAL(rename(target, s.directory), 0);
  CU_ASSERT_EQUAL(says(&s, "log.txt", "status.json"), 1);
  unit_tmpdir_remove(aside);
  free(target);
  scene_release(&s);
}

static void test_learner_bound(void) {
  struct scene s;
  scene_init(&s);
  s.job.started = clock_now() - 10;
  s.job.metrics.actor_wait = 4; // of 2 x 10 s
  reporter_row(&s.reporter, &s.job, &s.table);
  CU_ASSERT_EQUAL(says(&s, "log.txt", "the learner is the limit"), 0);
  for (int i = 0; i < 3; i++) {
    s.job.metrics.last_seconds = 0;
    s.job.metrics.actor_wait = 15;
    reporter_row(&s.reporter, &s.job, &s.table);
  }
  CU_ASSERT_EQUAL(says(&s, "log.txt", "the learner is the limit: actors wait 7"),
                  1); // 75 %, or a little less; said once
  scene_release(&s);
}

int main(void) {
  setenv("TERM", "dumb", 1); // on a terminal lines give way to a live one
  log_init(0, LOG_INFO);
  static const struct unit_case cases[] = {
      {"rows go to metrics.csv, a line at most each second to the log", test_rows},
      {"status.json says how the job stands", test_status},
      {"status.json is refreshed at its own interval", test_poll},
      {"a status.json that cannot be written is a warning", test_cannot_write},
      {"the log says once that the learner is the limit", test_learner_bound},
  };
  return unit_run("reporter", cases, sizeof cases / sizeof *cases);
}
