#include "launch/policy/recording.h"

#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// An ffmpeg that keeps what it is given: its last argument is the file.
static const char SCRIPT[] = "#!/bin/sh\nfor last; do :; done\nexec cat >\"$last\"\n";

static char *fake(const char *directory) {
  char *program = unit_path(directory, "ffmpeg");
  unit_write_file(program, SCRIPT, sizeof SCRIPT - 1);
  chmod(program, 0755);
  return program;
}

static void with_path(const char *first, void (*run)(const char *directory)) {
  char *directory = unit_tmpdir(), path[4096], *old = strdup(getenv("PATH"));
  snprintf(path, sizeof path, "%s%s%s", first ? first : directory, first ? "" : ":", first ? "" : old);
  free(first ? NULL : fake(directory));
  setenv("PATH", path, 1);
  run(directory);
  setenv("PATH", old, 1);
  free(old);
  unit_tmpdir_remove(directory);
}

static void check_words(const char *path, enum status wanted, const char *words) {
  struct error error = {0};
  CU_ASSERT_EQUAL(recording_check(path, &error), wanted);
  CU_ASSERT_TRUE(error_says(&error, words));
}
static void check_refused(const char *directory) {
  char *film = unit_path(directory, "film.gif");
  check_words("film.avi", STATUS_USAGE, ".mp4 or .gif");
  check_words("/nowhere/film.mp4", STATUS_IO, "/nowhere/");
  check_words(film, STATUS_IO, "there is no ffmpeg in PATH");
  free(film);
}
static void test_refused(void) { with_path("/nowhere", check_refused); }

static void record(const char *directory) {
  enum { STEPS = 5, PICTURE = 400 * 400 * 3 + 15 }; // with "P6\n400 400\n255\n"
  const char *film = unit_in(directory, "film.mp4");
  struct config config = {.env_timeout = 20};
  struct recording recording;
  struct error error = {0};
  strcpy(config.env, "Pendulum-v1");
  UNIT_STATUS_FATAL(recording_open(&recording, film, &config, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(recording_begin(&recording, &error), STATUS_OK, &error);
  const float obs[3] = {1, 0, 0}, next[3] = {0, 1, 0}, action = 0.5f;
  for (uint32_t step = 0; step < STEPS; step++) {
    const struct evaluator_transition made = {.step = step, .obs = obs, .next_obs = next, .action = &action};
    UNIT_STATUS(recording_add(&recording, &made, &error), STATUS_OK, &error);
  }
  CU_ASSERT_FALSE(unit_exists(film)); // not before it is whole
  UNIT_STATUS(recording_end(&recording, &error), STATUS_OK, &error);
  recording_close(&recording);
  size_t size;
  char *data = unit_read_file(film, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(data);
  CU_ASSERT_EQUAL_FATAL(size, (STEPS + 1) * (size_t)PICTURE);
  CU_ASSERT_EQUAL(strncmp(data, "P6\n400 400\n255\n", 15), 0);
  CU_ASSERT_NOT_EQUAL(memcmp(data, data + PICTURE, PICTURE), 0);           // the reset, then the first step
  CU_ASSERT_EQUAL(memcmp(data + PICTURE, data + 2 * PICTURE, PICTURE), 0); // the same observation and action
  free(data);
}
static void test_record(void) { with_path(NULL, record); }

static void choose(const char *directory) {
  const char *film = unit_in(directory, "film.mp4");
  struct config config = {.env_timeout = 20};
  struct recording recording;
  struct error error = {0};
  strcpy(config.env, "Ant-v5");
  UNIT_STATUS(recording_open(&recording, film, &config, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(config.env, "gym:Ant-v5");
  CU_ASSERT_PTR_NOT_NULL(getenv("CORSAC_FRAMES"));
  recording_close(&recording);
  CU_ASSERT_PTR_NULL(getenv("CORSAC_FRAMES"));

  strcpy(config.env, "./solver.so");
  UNIT_STATUS(recording_open(&recording, film, &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "./solver.so has no pictures"));
  recording_close(&recording);
}
static void test_choose(void) { with_path(NULL, choose); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a name, a directory or a missing ffmpeg that forbids a film is an error at once", test_refused},
      {"every picture reaches ffmpeg, and the film appears whole", test_record},
      {"Gymnasium records a MuJoCo task, and an environment without pictures is named", test_choose}};
  return unit_run("recording", cases, sizeof cases / sizeof *cases);
}
