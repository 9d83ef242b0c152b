#include "common/base/log.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "launch/train/setup.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *directory; // of this program

// Words separated by spaces; @ stands for the program's directory.
struct words {
  char text[2048], *list[64];
  int count;
};
static void split(struct words *words, const char *line) {
  size_t used = 0;
  for (; *line; line++)
    used += (size_t)snprintf(words->text + used, sizeof words->text - used, *line == '@' ? "%s" : "%.1s",
                             *line == '@' ? directory : line);
  words->count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(words->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
    words->list[words->count++] = word;
  words->list[words->count] = NULL;
}

static enum status resolve(struct setup *setup, const char *line, uint32_t actors, struct error *error) {
  struct words words;
  split(&words, line);
  error_clear(error);
  const enum status status = setup_resolve(setup, words.count, words.list, actors, error);
  log_close();
  if (status != STATUS_OK) CU_ASSERT_PTR_NULL(setup->run);
  return status;
}

static bool exists(const char *name) {
  char *path = unit_path(directory, name);
  const bool found = access(path, F_OK) == 0;
  free(path);
  return found;
}

static void write_text(const char *name, const char *text) {
  char *path = unit_path(directory, name);
  unit_write_file(path, text, strlen(text));
  free(path);
}

// A finished tiny run of 60 steps in directory/name.
static void make_run(const char *name, const char *extra) {
  char line[512];
  struct words words;
  snprintf(line, sizeof line,
           "--env Pendulum-v1 --hidden 8 --batch-size 16 --learning-starts 30 --env-steps 60 --eval-every 50 "
           "--eval-episodes 1 "
           "--checkpoint-every 40 --log-level error --run-dir @/%s %s",
           name, extra);
  split(&words, line);
  CU_ASSERT_EQUAL_FATAL(job_run_alone((const char *const *)words.list, NULL), EXIT_DONE);
}

static void test_precedence(void) {
  struct setup setup;
  struct error error = {0};
  write_text("over.yaml", "gamma: 0.9\ntau: 0.02\nenv: Pendulum-v1\n");
  UNIT_STATUS_FATAL(resolve(&setup, "--config @/over.yaml --tau 0.03 --run-dir @/new", 3, &error), STATUS_OK, &error);
  const struct config *config = &setup.config;
  CU_ASSERT_EQUAL(config->n_step, 1);       // default
  CU_ASSERT_EQUAL(config->batch_size, 100); // the preset of the environment that the file names
  CU_ASSERT_EQUAL(config->gamma, 0.9);      // the file, over a default
  CU_ASSERT_EQUAL(config->tau, 0.03);       // the command line, over the file
  CU_ASSERT_EQUAL(config->envs, 3);         // one for each actor
  CU_ASSERT_TRUE_FATAL(!setup.resume);
  CU_ASSERT_TRUE(!setup.in_place);
  CU_ASSERT_STRING_EQUAL(config->config, ""); // of this start, not of the job
  struct config written;
  options_defaults(&written);
  char path[1024];
  snprintf(path, sizeof path, "%s/new/config.yaml", directory);
  UNIT_STATUS(options_read_yaml(path, &written, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(written.batch_size, 100);
  CU_ASSERT_EQUAL(written.gamma, 0.9);
  CU_ASSERT_EQUAL(written.tau, 0.03);
  CU_ASSERT_EQUAL(written.envs, 3);
  CU_ASSERT_TRUE(exists("new/log.txt"));
  struct setup second;
  CU_ASSERT_NOT_EQUAL(resolve(&second, "--env Pendulum-v1 --run-dir @/new", 1, &error), STATUS_OK); // it is not empty
  run_directory_close(setup.run);
}

// One command for a first and every later start.
static void test_auto(void) {
  struct setup setup;
  struct error error = {0};
  static const char again[] =
      "--env Pendulum-v1 --hidden 8 --batch-size 16 --learning-starts 30 --run-dir @/starts --resume auto",
                    more[] = "--env Pendulum-v1 --run-dir @/starts --resume auto --env-steps 90";
  UNIT_STATUS(resolve(&setup, "--env Pendulum-v1 --resume auto", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_says(&error, "--run-dir"));
  UNIT_STATUS_FATAL(resolve(&setup, again, 1, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(!setup.resume);
  CU_ASSERT_TRUE(!setup.begins_again);
  struct setup second; // while the first is alive
  CU_ASSERT_NOT_EQUAL(resolve(&second, again, 1, &error), STATUS_OK);
  CU_ASSERT(error_says(&error, "in use"));
  run_directory_close(setup.run);
  UNIT_STATUS_FATAL(resolve(&setup, again, 1, &error), STATUS_OK, &error); // it was killed before its first checkpoint
  CU_ASSERT_TRUE_FATAL(!setup.resume);
  CU_ASSERT_TRUE(setup.begins_again);
  run_directory_discard(setup.run);
  make_run("starts", "");
  UNIT_STATUS_FATAL(resolve(&setup, more, 1, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(setup.resume);
  CU_ASSERT_TRUE_FATAL(setup.in_place);
  CU_ASSERT_TRUE_FATAL(!setup.begins_again);
  CU_ASSERT_EQUAL(setup.steps, 60);
  CU_ASSERT_PTR_NOT_NULL(strstr(setup.config.run_dir, "/starts"));
  run_directory_close(setup.run);
  write_text("letters", "");
  UNIT_STATUS(resolve(&setup, "--env Pendulum-v1 --resume auto --run-dir @", 1, &error), STATUS_USAGE,
              &error); // not a run's
}

static void test_default_directory(void) {
  char old[4096];
  struct setup setup;
  struct error error = {0};
  CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(old, sizeof old));
  CU_ASSERT_EQUAL_FATAL(chdir(directory), 0);
  UNIT_STATUS(resolve(&setup, "--env some/where/solver.so:case=3", 1, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(strncmp(setup.config.run_dir, "runs/solver.so-2", 16), 0); // and the time
  run_directory_discard(setup.run);
  UNIT_STATUS(resolve(&setup, "--env exec:./bin/solver --run-dir @/x", 1, &error), STATUS_OK, &error);
  run_directory_discard(setup.run);
  UNIT_STATUS(resolve(&setup, "--env exec:./bin/solver", 1, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(strncmp(setup.config.run_dir, "runs/solver-2", 13), 0);
  run_directory_discard(setup.run);
  UNIT_STATUS(resolve(&setup, "--env exec:A=1;bin/solver.py", 1, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(strncmp(setup.config.run_dir, "runs/solver.py-2", 16), 0);
  run_directory_discard(setup.run);
  UNIT_STATUS(resolve(&setup, "--env gym:my_module:Mine-v0", 1, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(strncmp(setup.config.run_dir, "runs/Mine-v0-2", 14), 0);
  run_directory_discard(setup.run);
  CU_ASSERT_EQUAL_FATAL(chdir(old), 0);
}

static void test_bad_usage(void) {
  static const struct {
    const char *line, *says;
  } cases[] = {
      {"--run-dir @/bad", "env: none is given"},
      {"--env Pendulum-v1 --batch-sice 3 --run-dir @/bad", "--batch-size"},
      {"--env Pendulum-v1 --gamma 2 --run-dir @/bad", "--gamma"},
      {"--env Pendulum-v1 --critics 2 --target-subset 3 --run-dir @/bad", "target_subset"},
      {"--env Pendulum-v1 --sync --utd 0 --run-dir @/bad", "sync"},
      {"--env Pendulum-v1 --config @/absent.yaml --run-dir @/bad", "absent.yaml"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct setup setup;
    struct error error = {0};
    CU_ASSERT_NOT_EQUAL(resolve(&setup, cases[i].line, 1, &error), STATUS_OK);
    CU_ASSERT_EQUAL(status_exit_code(error.status), i == 5 ? EXIT_FAILED : EXIT_BAD_USAGE);
    CU_ASSERT_TRUE(error_says(&error, cases[i].says));
    CU_ASSERT_FALSE(exists("bad")); // nothing is left behind
  }
}

static void test_resume_in_place(void) {
  struct setup setup;
  struct error error = {0};
  make_run("place", "--gamma 0.95");
  UNIT_STATUS_FATAL(resolve(&setup, "--resume @/place --env-steps 500", 2, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(setup.resume);
  CU_ASSERT_TRUE(setup.in_place);
  CU_ASSERT_PTR_NOT_NULL(strstr(setup.checkpoint, "/place/ckpt-60.h5"));
  CU_ASSERT_EQUAL(setup.config.gamma, 0.95);
  CU_ASSERT_EQUAL(setup.config.env_steps, 500);
  CU_ASSERT_EQUAL(setup.saved.env_steps, 60);
  CU_ASSERT_EQUAL(setup.config.envs, 1); // the saved job's, not one for each actor
  CU_ASSERT_EQUAL(setup.config.hidden.count, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(setup.config.run_dir, "/place"));
  run_directory_close(setup.run);
  UNIT_STATUS(resolve(&setup, "--resume @/place --gamma 0.9", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "gamma"));
  CU_ASSERT_TRUE(error_says(&error, "0.95"));
  UNIT_STATUS(resolve(&setup, "--resume @/place --run-dir @/else", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "--run-dir"));
  CU_ASSERT_FALSE(exists("else"));
  CU_ASSERT_TRUE(exists("place/ckpt-60.h5")); // a refused resume leaves the run as it was
}

// What config.yaml in directory/name says of the backend.
static void check_written(const char *name, const char *backend) {
  char path[1024];
  struct config written;
  struct error error = {0};
  options_defaults(&written);
  snprintf(path, sizeof path, "%s/%s/config.yaml", directory, name);
  UNIT_STATUS(options_read_yaml(path, &written, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(written.backend, backend);
}

static void test_backend(void) {
  const char *best = tiles_are_fast() ? "tiles" : "openblas", *other = tiles_are_fast() ? "openblas" : "tiles";
  struct setup setup;
  struct error error = {0};
  UNIT_STATUS_FATAL(resolve(&setup, "--env Pendulum-v1 --run-dir @/auto", 1, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(setup.config.backend, best); // auto is no more
  run_directory_close(setup.run);
  check_written("auto", best);

  static const char *const modes[] = {"async", "sync"};
  for (int sync = 0; sync < 2; sync++) {
    char line[256];
    snprintf(line, sizeof line, "%s --backend %s", sync ? "--sync" : "", other);
    make_run(modes[sync], line);
    check_written(modes[sync], other);
    snprintf(line, sizeof line, "--resume @/%s --env-steps 90", modes[sync]);
    UNIT_STATUS_FATAL(resolve(&setup, line, 1, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(setup.config.backend, other); // the run's own, not what auto would take
    run_directory_close(setup.run);
    snprintf(line, sizeof line, "--resume @/%s --env-steps 90 --backend %s", modes[sync], best);
    if (sync) {
      UNIT_STATUS(resolve(&setup, line, 1, &error), STATUS_USAGE, &error);
      CU_ASSERT_TRUE(error_says(&error, "backend"));
      CU_ASSERT_TRUE(error_says(&error, other));
      check_written(modes[sync], other);
    } else {
      UNIT_STATUS_FATAL(resolve(&setup, line, 1, &error), STATUS_OK, &error);
      CU_ASSERT_STRING_EQUAL(setup.config.backend, best);
      run_directory_close(setup.run);
    }
  }
}

// A configuration that is given again does not contradict the run that it began.
static void test_resume_resolved(void) {
  static const char again[] = "--resume @/resolved --env-steps 90 --backend auto --learner-threads 0";
  struct setup setup;
  struct error error = {0};
  make_run("resolved", "--sync --backend openblas --learner-threads 2");
  UNIT_STATUS_FATAL(resolve(&setup, again, 1, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(setup.config.backend, "openblas");
  CU_ASSERT_EQUAL(setup.config.learner_threads, 2);
  run_directory_close(setup.run);
  UNIT_STATUS(resolve(&setup, "--resume @/resolved --backend tiles", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "backend: the run has openblas"));
  UNIT_STATUS(resolve(&setup, "--resume @/resolved --learner-threads 1", 1, &error), STATUS_USAGE, &error);
}

static void test_resume_file(void) {
  struct setup setup;
  struct error error = {0};
  make_run("file", "");
  UNIT_STATUS(resolve(&setup, "--resume @/file/ckpt-60.h5", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "--run-dir"));
  UNIT_STATUS(resolve(&setup, "--resume @/file/best.h5 --run-dir @/branch", 1, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "best.h5"));
  CU_ASSERT_FALSE(exists("branch"));
  UNIT_STATUS_FATAL(resolve(&setup, "--resume @/file/ckpt-60.h5 --run-dir @/branch", 1, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(setup.resume);
  CU_ASSERT_TRUE_FATAL(!setup.in_place);
  CU_ASSERT_TRUE(exists("branch/config.yaml"));
  run_directory_close(setup.run);
}

static void test_resume_done(void) {
  struct setup setup;
  struct error error = {0};
  make_run("over", "");
  static const char *const lines[] = {"--resume @/over", "--resume @/over --env-steps 40",
                                      "--env Pendulum-v1 --resume auto --run-dir @/over --env-steps 60"};
  static const char *const says[] = {"(60 of 60)", "(60 of 40)", "(60 of 60)"};
  for (int i = 0; i < 3; i++) {
    UNIT_STATUS(resolve(&setup, lines[i], 1, &error), STATUS_DONE, &error);
    CU_ASSERT_TRUE_FATAL(error_says(&error, "already reached env_steps"));
    CU_ASSERT_TRUE(error_says(&error, says[i]));
    CU_ASSERT_TRUE_FATAL(error_says(&error, "train --resume"));
    CU_ASSERT_TRUE(error_says(&error, "/over --env-steps 120"));
  }
  CU_ASSERT_FALSE(exists("over/lock"));
  // What was stopped there may have updates to make, or its last evaluation.
  write_text("over/status.json", "{\"state\": \"stopped\", \"env_steps\": 60}");
  UNIT_STATUS_FATAL(resolve(&setup, lines[0], 1, &error), STATUS_OK, &error);
  run_directory_close(setup.run);
}

static void test_damaged_newest(void) {
  struct setup setup;
  struct error error = {0};
  size_t size;
  make_run("damaged", "");
  char *path = unit_path(directory, "damaged/ckpt-60.h5"), *bytes = unit_read_file(path, &size);
  unit_write_file(path, bytes, size / 2);
  UNIT_STATUS_FATAL(resolve(&setup, "--resume @/damaged", 1, &error), STATUS_OK, &error);
  CU_ASSERT_PTR_NULL(strstr(setup.checkpoint, "ckpt-60.h5")); // the one before
  CU_ASSERT_PTR_NOT_NULL(strstr(setup.checkpoint, "ckpt-"));
  run_directory_close(setup.run);
  free(bytes);
  free(path);
  CU_ASSERT_NOT_EQUAL(resolve(&setup, "--resume @/nowhere", 1, &error), STATUS_OK);
  CU_ASSERT_TRUE(error_says(&error, "nowhere"));
}

// Runs a child that has the directory to itself for a moment, as another start has while it judges the lock, and puts
// the hidden checkpoint in place meanwhile: a job that ends saves it after the choice of a checkpoint and before the
// lock. Returns when the child has begun.
static pid_t save_meanwhile(const char *run) {
  int begun[2];
  char byte, *path = unit_path(directory, run), hidden[1200], place[1200];
  snprintf(hidden, sizeof hidden, "%s/../%s.hidden", path, run);
  snprintf(place, sizeof place, "%s/ckpt-60.h5", path);
  CU_ASSERT_EQUAL_FATAL(pipe(begun), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int guard = open(path, O_RDONLY | O_DIRECTORY);
    const bool locked = guard >= 0 && flock(guard, LOCK_EX) == 0 && write(begun[1], "", 1) == 1;
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    _exit(locked && rename(hidden, place) == 0 ? 0 : 1);
  }
  CU_ASSERT_EQUAL(read(begun[0], &byte, 1), 1);
  close(begun[0]), close(begun[1]);
  free(path);
  return child;
}

static void hide_newest(const char *run) {
  char from[1200], to[1200];
  snprintf(from, sizeof from, "%s/%s/ckpt-60.h5", directory, run);
  snprintf(to, sizeof to, "%s/%s.hidden", directory, run);
  CU_ASSERT_EQUAL_FATAL(rename(from, to), 0);
}

static void remove_checkpoints(const char *run) {
  char command[1200];
  snprintf(command, sizeof command, "rm %s/%s/ckpt-*.h5", directory, run);
  CU_ASSERT_EQUAL(system(command), 0);
}

static void expect_saved(pid_t child) {
  int how;
  CU_ASSERT_EQUAL(waitpid(child, &how, 0), child);
  CU_ASSERT_EQUAL(how, 0);
}

// A job ends in the directory while this start looks at it: its last checkpoint is good, and none of it is set aside.
static void test_saved_meanwhile(void) {
  static const char *const lines[] = {"--resume @/late --env-steps 90",
                                      "--env Pendulum-v1 --run-dir @/late --resume auto --env-steps 90"};
  struct setup setup;
  struct error error = {0};
  make_run("late", "");
  for (int i = 0; i < 4; i++) {
    hide_newest("late");
    if (i == 3) remove_checkpoints("late");
    const pid_t child = save_meanwhile("late");
    if (i == 2) { // the run is done
      UNIT_STATUS(resolve(&setup, "--resume @/late", 1, &error), STATUS_DONE, &error);
      CU_ASSERT_FALSE(exists("late/lock"));
    } else { // 3: there was no checkpoint at all
      UNIT_STATUS_FATAL(resolve(&setup, lines[i > 0], 1, &error), STATUS_OK, &error);
      CU_ASSERT_EQUAL(setup.steps, 60);
      CU_ASSERT_TRUE(setup.in_place);
      CU_ASSERT_FALSE(setup.begins_again);
      run_directory_close(setup.run);
      write_text("late/status.json", "{\"state\": \"done\", \"env_steps\": 60}");
    }
    expect_saved(child);
    CU_ASSERT_TRUE(exists("late/ckpt-60.h5"));
    CU_ASSERT_FALSE(exists("late/ckpt-60.h5.bad"));
  }
}

static void test_locked(void) {
  struct setup setup, second;
  struct error error = {0};
  make_run("locked", "");
  UNIT_STATUS_FATAL(resolve(&setup, "--resume @/locked --env-steps 90", 1, &error), STATUS_OK, &error);
  UNIT_STATUS(resolve(&second, "--resume @/locked --env-steps 90", 1, &error), STATUS_USAGE,
              &error); // another run is in it
  run_directory_close(setup.run);
}

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  directory = unit_tmpdir();
  static const struct unit_case cases[] = {
      {"resume auto begins, begins again, and goes on", test_auto},
      {"defaults, then the preset, then the file, then the command line", test_precedence},
      {"without --run-dir a directory is named after environment and time", test_default_directory},
      {"what cannot be is refused in words and leaves nothing behind", test_bad_usage},
      {"a run goes on in place with its own configuration", test_resume_in_place},
      {"backend auto becomes a name; a resume keeps it, and async may change it", test_backend},
      {"in sync mode auto and 0 are what the run has", test_resume_resolved},
      {"a run that has ended is left as it is, with what goes on", test_resume_done},
      {"one file needs a new directory; best.h5 cannot go on", test_resume_file},
      {"a damaged checkpoint gives way to the one before", test_damaged_newest},
      {"a checkpoint that is saved while a start looks is the one that goes on", test_saved_meanwhile},
      {"two cannot go on in the same directory", test_locked},
  };
  const int failed = unit_run("setup", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
