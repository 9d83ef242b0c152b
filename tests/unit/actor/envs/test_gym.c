// Where gym: finds its Python. tests/e2e/gym.sh says in GYM_TEST_PYTHON which Python has Gymnasium, and in
// GYM_TEST_TRAJECTORIES "ID=FILE ID=FILE ..." what Gymnasium does alone (tests/support/python/gym_trajectory.py): here
// the same actions go through the bridge. Without them that part is skipped.
#include "actor/envs/gym.h"
#include "actor/environment.h"
#include "actor/envs/supervisor.h"
#include "common/base/file.h"
#include "common/config/options.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory, kept_path[8192];

static void expect_words(const char *text, const char *words) {
  if (!strstr(text, words)) printf("no \"%s\" in: %s\n", words, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, words));
}

static void make_file(const char *name, mode_t mode) {
  static const char text[] = "#!/bin/sh\necho '9.8.7;'\n";
  char *path = unit_path(directory, name);
  unit_write_file(path, text, sizeof text - 1);
  CU_ASSERT_EQUAL(chmod(path, mode), 0);
  free(path);
}

static void expect_python(const char *given, const char *found) {
  struct gym gym;
  struct error error = {0};
  char path[128];
  UNIT_STATUS_FATAL(gym_find(&gym, given, &error), STATUS_OK, &error);
  snprintf(path, sizeof path, "%s/%s", directory, found);
  CU_ASSERT_STRING_EQUAL(gym.python, path);
  CU_ASSERT_PTR_NOT_NULL(strstr(gym.script, "/share/corsac/python/corsac_gym.py"));
  CU_ASSERT_EQUAL(access(gym.script, R_OK), 0);
}

static void expect_none(const char *given, const char *words) {
  struct gym gym;
  struct error error = {0};
  UNIT_STATUS(gym_find(&gym, given, &error), STATUS_IO, &error);
  expect_words(error.text, words);
  expect_words(error.text, "install-deps.sh gym");
}

static void test_python(void) {
  char path[1024];
  directory = unit_tmpdir();
  snprintf(kept_path, sizeof kept_path, "%s", getenv("PATH"));
  setenv("XDG_DATA_HOME", directory, 1);
  snprintf(path, sizeof path, "/nowhere:%s", directory);
  setenv("PATH", path, 1);

  expect_none(NULL, "there is no Python");
  make_file("python3", 0644); // not a program
  expect_none("", "there is no Python");
  make_file("python3", 0755);
  make_file("other", 0755);
  expect_python("", "python3");
  expect_python("other", "other");
  snprintf(path, sizeof path, "%s/other", directory);
  expect_python(path, "other");
  expect_none("missing", "--python missing");
  expect_none(directory, "there is no such program");
  const char *const parts[] = {"corsac", "corsac/python", "corsac/python/bin"};
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, parts[i]);
    CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
  }
  make_file("corsac/python/bin/python", 0755);
  expect_python(NULL, "corsac/python/bin/python"); // the Python of install-deps.sh gym comes first
}

// A child with a scratch directory starts there.
static void test_relative(void) {
  char before[1024];
  CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(before, sizeof before));
  CU_ASSERT_EQUAL_FATAL(chdir(directory), 0);
  file_begin();
  expect_python("./other", "./other");
  setenv("PATH", ".", 1);
  expect_python("other", "./other");
  CU_ASSERT_EQUAL(chdir(before), 0);
  file_begin();
}

static void test_version(void) {
  struct gym gym = {0};
  struct error error = {0};
  char version[16] = "";
  snprintf(gym.python, sizeof gym.python, "%s/other", directory);
  UNIT_STATUS(gym_version(&gym, version, sizeof version, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(version, "9.8.7");
  snprintf(gym.python, sizeof gym.python, "/bin/true");
  UNIT_STATUS(gym_version(&gym, version, sizeof version, &error), STATUS_IO, &error);
  expect_words(error.text, "/bin/true has no Gymnasium");
  setenv("PATH", kept_path, 1);
  unsetenv("XDG_DATA_HOME");
  unit_tmpdir_remove(directory);
}

// --- compared with Gymnasium itself ---

static bool read_numbers(FILE *file, double *numbers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (fscanf(file, "%la", &numbers[i]) != 1) return false;
  return true;
}

static uint32_t differing(const double *wanted, const float *obs, uint32_t count) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < count; i++) n += (float)wanted[i] != obs[i] || (double)(float)wanted[i] != wanted[i];
  return n;
}

// Returns the steps that were compared. The ABI is called as it is: so the actions are Gymnasium's to the bit.
static int compare(const struct environment *environment, FILE *file) {
  enum { MOST = 4096 };
  static double action[MOST], wanted[MOST];
  static float given[MOST], obs[MOST];
  const struct corsac_env *abi = environment->kind->abi;
  int steps = 0;
  char what[2];
  while (fscanf(file, "%1s", what) == 1) {
    unsigned long long seed = 0;
    double reward[2], got = 0; // and flags
    if (*what == 'R') {
      CU_ASSERT_EQUAL_FATAL(fscanf(file, "%llu", &seed), 1);
      CU_ASSERT_EQUAL_FATAL(abi->reset(environment->self, seed, obs), 0);
    } else {
      CU_ASSERT_TRUE_FATAL(read_numbers(file, action, environment->act_dim));
      CU_ASSERT_TRUE_FATAL(read_numbers(file, reward, 2));
      for (uint32_t i = 0; i < environment->act_dim; i++) given[i] = (float)action[i];
      CU_ASSERT_EQUAL_FATAL(abi->step(environment->self, given, obs, &got), (int)reward[1]);
      CU_ASSERT_EQUAL_FATAL(got, reward[0]);
      steps++;
    }
    CU_ASSERT_TRUE_FATAL(read_numbers(file, wanted, environment->obs_dim));
    CU_ASSERT_EQUAL_FATAL(differing(wanted, obs, environment->obs_dim), 0);
  }
  return steps;
}

static void compare_one(const char *id, const char *path) {
  struct config config;
  struct environment_kind kind;
  struct environment environment;
  struct error error = {0};
  char env[256];
  unsigned obs_dim = 0, act_dim = 0;
  options_defaults(&config);
  snprintf(config.python, sizeof config.python, "%s", getenv("GYM_TEST_PYTHON"));
  snprintf(env, sizeof env, "gym:%s", id);
  FILE *file = fopen(path, "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL_FATAL(fscanf(file, "%u %u", &obs_dim, &act_dim), 2);
  UNIT_STATUS_FATAL(environment_kind_open(&kind, env, &config, &error), STATUS_OK, &error);
  const enum status status = environment_create(&environment, &kind, 0, false, &error);
  if (status != STATUS_OK) printf("%s\n", error.text);
  CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(environment.obs_dim, obs_dim);
  CU_ASSERT_EQUAL_FATAL(environment.act_dim, act_dim);
  const int steps = compare(&environment, file);
  CU_ASSERT_TRUE(steps > 0);
  printf("%s: %d steps are Gymnasium's\n", env, steps);
  environment_destroy(&environment);
  environment_kind_close(&kind);
  fclose(file);
}

static void test_trajectories(void) {
  const char *given = getenv("GYM_TEST_TRAJECTORIES");
  if (!given || !getenv("GYM_TEST_PYTHON")) {
    printf("skipped: steps beside Gymnasium's, because GYM_TEST_PYTHON and GYM_TEST_TRAJECTORIES are not set "
           "(tests/e2e/gym.sh sets it)\n");
    return;
  }
  char text[4096], *rest = text;
  snprintf(text, sizeof text, "%s", given);
  for (char *word; (word = strsep(&rest, " "));) {
    char *equals = strchr(word, '=');
    if (!equals) continue;
    *equals = 0;
    compare_one(word, equals + 1);
  }
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv); // a child process begins with this program
  static const struct unit_case cases[] = {
      {"the right Python is taken, and a message says where there is none", test_python},
      {"a path that is not absolute becomes so", test_relative},
      {"a Python is asked for its Gymnasium", test_version},
      {"steps through the bridge are Gymnasium's, bit for bit", test_trajectories},
  };
  return unit_run("gym", cases, sizeof cases / sizeof *cases);
}
