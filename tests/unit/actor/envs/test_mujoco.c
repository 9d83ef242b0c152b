// The MuJoCo tasks against Gymnasium's trajectories (tests/data/mujoco_trajectories.py), and what every environment
// promises. Needs libmujoco where install-deps.sh puts it, or in $MUJOCO_DIR. With $MUJOCO_TRAJECTORIES a file that was
// made on this machine with the same libmujoco takes the place of the recorded sample, and then everything agrees to
// 1e-9.
#include "actor/environment.h"
#include "actor/envs/mujoco.h"
#include "actor/envs/registry.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DIM = 400, MAX_STATE = 64 };

static struct config config; // where libmujoco is

// --- trajectories ---

struct reader {
  const char *at, *end;
};
static void take(struct reader *reader, void *values, size_t size) {
  CU_ASSERT_FATAL((size_t)(reader->end - reader->at) >= size);
  memcpy(values, reader->at, size);
  reader->at += size;
}

struct comparison {
  double obs, reward;      // the greatest relative differences
  size_t steps, other_obs; // numbers that are not the same bits
  size_t other_reward;
};

static double apart(double a, double b) { return fabs(a - b) / fmax(1, fmax(fabs(a), fabs(b))); }

static void compare_obs(const float *obs, const float *expected, uint32_t count, struct comparison *comparison) {
  for (uint32_t i = 0; i < count; i++) {
    comparison->other_obs += memcmp(&obs[i], &expected[i], sizeof *obs) != 0;
    comparison->obs = fmax(comparison->obs, apart((double)obs[i], (double)expected[i]));
  }
}

// All steps of one task from the file; they come in the order in which Gymnasium made them.
static struct comparison play_task(struct reader *reader, char name[32]) {
  struct comparison comparison = {0};
  struct environment_kind kind;
  struct environment environment;
  struct error error = {0};
  uint32_t dim[4], record, flags[2], length = 0; // nq nv obs_dim act_dim
  double qpos[MAX_STATE], qvel[MAX_STATE], reward, expected_reward;
  float action[MAX_STATE], obs[MAX_DIM], expected[MAX_DIM];
  take(reader, name, 32);
  take(reader, dim, sizeof dim);
  CU_ASSERT_TRUE_FATAL(dim[0] <= MAX_STATE);
  CU_ASSERT_TRUE_FATAL(dim[1] <= MAX_STATE);
  CU_ASSERT_TRUE_FATAL(dim[2] <= MAX_DIM);
  CU_ASSERT_TRUE_FATAL(dim[3] <= MAX_STATE);
  UNIT_STATUS_FATAL(environment_kind_open(&kind, name, &config, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(environment_create(&environment, &kind, 0, false, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(environment.obs_dim, dim[2]);
  CU_ASSERT_EQUAL_FATAL(environment.act_dim, dim[3]);
  for (take(reader, &record, sizeof record); record != 0; take(reader, &record, sizeof record)) {
    if (record == 1) {
      take(reader, qpos, dim[0] * sizeof *qpos);
      take(reader, qvel, dim[1] * sizeof *qvel);
      mujoco_begin(environment.self, qpos, qvel, obs);
      length = 0;
    } else {
      take(reader, action, dim[3] * sizeof *action);
    }
    const int result = record == 1 ? 0 : kind.abi->step(environment.self, action, obs, &reward);
    take(reader, expected, dim[2] * sizeof *expected);
    compare_obs(obs, expected, dim[2], &comparison);
    if (record == 1) continue;
    take(reader, &expected_reward, sizeof expected_reward);
    take(reader, flags, sizeof flags);
    comparison.other_reward += reward != expected_reward;
    comparison.reward = fmax(comparison.reward, apart(reward, expected_reward));
    CU_ASSERT_EQUAL(result, flags[0] ? CORSAC_TERMINATED : 0);
    length++;
    CU_ASSERT_EQUAL(flags[1], length == environment.max_episode_steps); // where the host truncates
    comparison.steps++;
  }
  environment_destroy(&environment);
  environment_kind_close(&kind);
  return comparison;
}

// Tasks that use functions which NumPy may round otherwise than C, depending on the processor: sin, cos, np.linalg.norm
// (BLAS), np.einsum. There a float32 may round the other way, and a reward agrees to 1e-9.
static bool may_round_otherwise(const char *name) {
  static const char *const tasks[] = {"Humanoid-v5", "Reacher-v5", "Pusher-v5", "InvertedDoublePendulum-v5"};
  bool may = false;
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) may |= strcmp(name, tasks[i]) == 0;
  return may;
}

// A file that was made on this machine agrees bit for bit, except in those tasks. A recorded one was made on another
// processor, where libmujoco's arithmetic may differ in the last bit; a contact enlarges that in a few steps.
static void test_trajectories(void) {
  const char *live = getenv("MUJOCO_TRAJECTORIES");
  const double obs_limit = live ? 1.2e-7 : 1e-3, reward_limit = live ? 1e-9 : 1e-3;
  size_t size, tasks = 0;
  char *bytes = unit_read_file(live ? live : "tests/data/mujoco_trajectories.bin", &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
  struct reader reader = {bytes, bytes + size};
  uint32_t version;
  take(&reader, &version, sizeof version);
  struct error error = {0};
  struct mujoco *mujoco = mujoco_open(&mujoco_tasks[0], config.mujoco_dir, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mujoco);
  const bool same_version = (uint32_t)mujoco->version() == version;
  if (!same_version)
    printf("skipped: trajectories, because they are MuJoCo %u's, and this is %d\n", version, mujoco->version());
  mujoco_close(mujoco);
  while (same_version && reader.at < reader.end) {
    char name[32];
    const struct comparison c = play_task(&reader, name);
    printf("    %-26s %5zu steps; of other bits: %zu numbers of observations (to %.1e), %zu rewards (to %.1e)\n", name,
           c.steps, c.other_obs, c.obs, c.other_reward, c.reward);
    CU_ASSERT(!live || may_round_otherwise(name) || c.other_obs + c.other_reward == 0);
    CU_ASSERT(c.obs <= obs_limit);
    CU_ASSERT(c.reward <= reward_limit);
    tasks++;
  }
  CU_ASSERT_EQUAL(tasks, same_version ? mujoco_task_count : 0);
  free(bytes);
}

// --- what the ABI promises ---

static void open_environment(const char *name, struct environment_kind *kind, struct environment *environment,
                             uint32_t count) {
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(kind, name, &config, NULL), STATUS_OK);
  for (uint32_t i = 0; i < count; i++)
    CU_ASSERT_EQUAL_FATAL(environment_create(&environment[i], kind, i, false, NULL), STATUS_OK);
}

static void draw_action(struct random *random, const struct environment *environment, float *action) {
  for (uint32_t i = 0; i < environment->act_dim; i++) action[i] = (float)(2 * random_uniform(random) - 1);
}

// 100 steps, a save into another instance of the same kind that was elsewhere, 100 more of both.
static void check_save(const char *name) {
  struct environment_kind kind;
  struct environment environment[2];
  struct random random = random_stream(5, RANDOM_WARMUP, 0, 0);
  float action[MAX_STATE], obs[2][MAX_DIM];
  double reward[2];
  int flags[2];
  struct buffer state = {0};
  open_environment(name, &kind, environment, 2);
  for (int i = 0; i < 2; i++) environment_reset(&environment[i], (uint64_t)i, obs[i], NULL);
  for (int i = 0; i < 100; i++) {
    draw_action(&random, &environment[0], action);
    environment_step(&environment[0], action, obs[0], &reward[0], &flags[0], NULL);
  }
  CU_ASSERT_TRUE_FATAL(environment_save(&environment[0], &state));
  CU_ASSERT_EQUAL(environment_load(&environment[1], state.data, state.size, NULL), STATUS_OK);
  for (int i = 0; i < 100; i++) {
    draw_action(&random, &environment[0], action);
    for (int k = 0; k < 2; k++)
      CU_ASSERT_EQUAL(environment_step(&environment[k], action, obs[k], &reward[k], &flags[k], NULL), STATUS_OK);
    CU_ASSERT(memcmp(obs[0], obs[1], environment[0].obs_dim * sizeof(float)) == 0);
    CU_ASSERT_EQUAL(reward[0], reward[1]);
    CU_ASSERT_EQUAL(flags[0], flags[1]);
  }
  struct error error = {0};
  UNIT_STATUS(environment_load(&environment[1], state.data, state.size - 1, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "not a saved state"));
  error = (struct error){0};
  state.data[4] ^= 1;
  UNIT_STATUS(environment_load(&environment[1], state.data, state.size, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "another version of MuJoCo"));
  state.data[4] ^= 1;
  error = (struct error){0};
  memset(state.data + state.size - 8, 0xff, 8);
  UNIT_STATUS(environment_load(&environment[1], state.data, state.size, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "not finite"));
  buffer_release(&state);
  for (int i = 0; i < 2; i++) environment_destroy(&environment[i]);
  environment_kind_close(&kind);
}

static void test_save(void) {
  for (size_t i = 0; i < mujoco_task_count; i++) check_save(mujoco_tasks[i].name);
}

// Positions and velocities at the beginning of many episodes: their range is the published one.
static void check_reset(const struct mujoco_task *task) {
  struct environment_kind kind;
  struct environment environment;
  float obs[MAX_DIM], again[MAX_DIM];
  open_environment(task->name, &kind, &environment, 1);
  const struct mujoco_instance *instance = environment.self;
  double most_q = 0, most_v = 0, squares = 0;
  enum { EPISODES = 300 };
  for (uint64_t seed = 0; seed < EPISODES; seed++) {
    CU_ASSERT_EQUAL(environment_reset(&environment, seed, obs, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_reset(&environment, seed, again, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(obs, again, environment.obs_dim * sizeof *obs), 0);
    for (int i = 0; i < 2; i++) most_q = fmax(most_q, fabs(instance->view.qpos[i] - instance->qpos0[i]));
    most_v = fmax(most_v, fabs(instance->view.qvel[0]));
    squares += instance->view.qvel[0] * instance->view.qvel[0];
  }
  CU_ASSERT_TRUE(most_q <= task->position_noise);
  CU_ASSERT_TRUE(most_q >= 0.95 * task->position_noise);
  if (task->normal_velocity) {
    CU_ASSERT(fabs(sqrt(squares / EPISODES) / task->velocity_noise - 1) < 0.15);
  } else {
    CU_ASSERT_TRUE(most_v <= task->velocity_noise);
    CU_ASSERT_TRUE(most_v > 0.95 * task->velocity_noise);
  }
  environment_destroy(&environment);
  environment_kind_close(&kind);
}

static void test_reset(void) {
  for (size_t i = 0; i < mujoco_task_count; i++) check_reset(&mujoco_tasks[i]);
}

static void test_spec(void) {
  for (size_t i = 0; i < mujoco_task_count; i++) {
    struct environment_kind kind;
    struct environment environment;
    open_environment(mujoco_tasks[i].name, &kind, &environment, 1);
    CU_ASSERT_PTR_EQUAL(kind.abi, registry_find(mujoco_tasks[i].name));
    const bool humanoid = strncmp(mujoco_tasks[i].name, "Humanoid", 8) == 0;
    CU_ASSERT(!humanoid || environment.action_high[16] == (double)0.4f);
    CU_ASSERT_EQUAL(environment.action_low[0], -environment.action_high[0]);
    CU_ASSERT(environment_can_save(&environment));
    environment_destroy(&environment);
    environment_kind_close(&kind);
  }
  struct environment_kind kind;
  struct environment environment;
  struct error error = {0};
  UNIT_STATUS(environment_kind_open(&kind, "Hopper-v5:fast", &config, &error), STATUS_OK, &error);
  UNIT_STATUS(environment_create(&environment, &kind, 0, false, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "\"fast\""));
  environment_kind_close(&kind);
}

// --- without libmujoco ---

static void test_absent(void) {
  struct config elsewhere = {0};
  struct environment_kind kind;
  struct error error = {0};
  char *directory = unit_tmpdir();
  snprintf(elsewhere.mujoco_dir, sizeof elsewhere.mujoco_dir, "%s", directory);
  UNIT_STATUS(environment_kind_open(&kind, "Ant-v5", &elsewhere, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "libmujoco.so is not in"));
  CU_ASSERT_TRUE(error_says(&error, directory));
  CU_ASSERT_TRUE(error_says(&error, "install-deps.sh mujoco"));
  char *path = unit_path(directory, "libmujoco.so");
  unit_write_file(path, "no library", 10);
  error = (struct error){0};
  UNIT_STATUS(environment_kind_open(&kind, "Ant-v5", &elsewhere, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "cannot be loaded"));
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_directory(void) {
  char path[64];
  CU_ASSERT(mujoco_directory("/opt/mujoco", path, sizeof path));
  CU_ASSERT_STRING_EQUAL(path, "/opt/mujoco");
  setenv("XDG_DATA_HOME", "/data", 1);
  CU_ASSERT(mujoco_directory("", path, sizeof path));
  CU_ASSERT_STRING_EQUAL(path, "/data/corsac/mujoco");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", "/home/me", 1);
  CU_ASSERT(mujoco_directory(NULL, path, sizeof path));
  CU_ASSERT_STRING_EQUAL(path, "/home/me/.local/share/corsac/mujoco");
  CU_ASSERT(!mujoco_directory(NULL, path, 20));
  unsetenv("HOME");
  CU_ASSERT(!mujoco_directory(NULL, path, sizeof path));
}

// libgcc's unwinder takes memory under its own lock once libmujoco has registered frames with it, so the address
// sanitizer must not unwind with it in malloc: the test starts itself again without that option of the Makefile's.
static void unwind_fast(char **argv) {
  const char *options = getenv("ASAN_OPTIONS");
  char text[500];
  if (!options || strlen(options) >= sizeof text || !strstr(options, "fast_unwind_on_malloc=0")) return;
  snprintf(text, sizeof text, "%s", options);
  strstr(text, "fast_unwind_on_malloc=0")[strlen("fast_unwind_on_malloc=")] = '1';
  setenv("ASAN_OPTIONS", text, 1);
  execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
  (void)argc;
  unwind_fast(argv);
  static const struct unit_case absent[] = {
      {"without libmujoco the message says what is missing", test_absent},
      {"libmujoco is looked for in the right directory", test_directory},
  };
  static const struct unit_case all[] = {
      {"trajectories are Gymnasium's", test_trajectories},
      {"dimensions and bounds are Gymnasium's; arguments are refused", test_spec},
      {"a reset depends on the seed alone and covers the published ranges", test_reset},
      {"a saved state continues bit for bit; a damaged one is refused", test_save},
      {"without libmujoco the message says what is missing", test_absent},
      {"libmujoco is looked for in the right directory", test_directory},
  };
  const char *given = getenv("MUJOCO_DIR");
  struct error error = {0};
  if (given) snprintf(config.mujoco_dir, sizeof config.mujoco_dir, "%s", given);
  struct mujoco *mujoco = mujoco_open(&mujoco_tasks[0], given, &error);
  mujoco_close(mujoco);
  if (mujoco) return unit_run("mujoco", all, sizeof all / sizeof *all);
  printf("skipped: the MuJoCo tasks, because %s\n", error.text);
  return unit_run("mujoco", absent, sizeof absent / sizeof *absent);
}
