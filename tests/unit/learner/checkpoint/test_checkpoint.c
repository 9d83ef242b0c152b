#include "learner/checkpoint/checkpoint.h"
#include "common/base/log.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "tests/support/h5_compare.h"
#include "tests/support/reference.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory; // of this case

static void write_small(const char *path, const struct config *config, uint64_t seed, uint32_t rows) {
  struct job job;
  struct error error = {0};
  small_job_init(&job, config);
  small_job_fill(&job, seed, rows);
  if (checkpoint_write(path, &job, CHECKPOINT_ALL, &error) != STATUS_OK) CU_FAIL(error.text);
  job_release(&job);
}

// Reads into a new job of this configuration.
static enum status try_read(const char *path, const struct config *config, struct error *error) {
  struct job job;
  bool has_replay;
  small_job_init(&job, config);
  const enum status status = checkpoint_read(path, &job, &has_replay, error);
  job_release(&job);
  return status;
}

// --- what goes in comes out ---

// w[o][i] of one of the policy's layers.
static float policy_weight(const struct sac *sac, uint32_t l, size_t o, size_t i) {
  const struct mlp *net = &sac->policy_net;
  return sac->policy[net->layer[l].weight + linalg_weight_index(mlp_shape(net, l), o, i)];
}

static void test_round_trip(void) {
  static const char *const times[] = {"@created", "/learner/seconds", NULL};
  struct config config = small_config();
  struct job first, second;
  struct error error = {0};
  bool has_replay = false;
  small_job_init(&first, &config);
  small_job_fill(&first, 1, 13);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  small_job_init(&second, &config);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &second, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_TRUE(has_replay);

  // Every field, against the job and not only against the file.
  CU_ASSERT_EQUAL(memcmp(&first.metrics, &second.metrics, sizeof first.metrics), 0);
  CU_ASSERT_EQUAL(memcmp(&first.limiter, &second.limiter, sizeof first.limiter), 0);
  CU_ASSERT_EQUAL(second.sac.updates, first.sac.updates);
  CU_ASSERT_EQUAL(memcmp(&first.sac.alpha_adam, &second.sac.alpha_adam, sizeof first.sac.alpha_adam), 0);
  CU_ASSERT_EQUAL(second.sac.log_alpha, first.sac.log_alpha);
  CU_ASSERT_EQUAL(second.sac.policy_adam.step, first.sac.policy_adam.step);
  CU_ASSERT_EQUAL(memcmp(first.sac.policy, second.sac.policy, first.sac.policy_net.parameters * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(first.sac.critics.targets, second.sac.critics.targets, first.sac.critics.size * sizeof(real)),
                  0);
  CU_ASSERT_EQUAL(second.episodes, first.episodes);
  CU_ASSERT_EQUAL(second.policy_version, first.policy_version);
  CU_ASSERT_EQUAL(second.evaluations, first.evaluations);
  CU_ASSERT_EQUAL(second.dropped, first.dropped);
  CU_ASSERT_TRUE(second.exact);
  CU_ASSERT_EQUAL(second.next_log, first.next_log);
  CU_ASSERT_EQUAL(second.next_eval, first.next_eval);
  CU_ASSERT_EQUAL(second.next_checkpoint, first.next_checkpoint);
  CU_ASSERT_EQUAL(second.best_return, first.best_return);
  CU_ASSERT_DOUBLE_EQUAL(job_seconds(&second), job_seconds(&first), 60);
  CU_ASSERT(job_seconds(&second) > 999);
  CU_ASSERT_EQUAL(second.normalizer.count, 13);
  CU_ASSERT_EQUAL(second.normalizer.m2[2], first.normalizer.m2[2]);
  CU_ASSERT_EQUAL_FATAL(replay_size(second.replay), 13);
  CU_ASSERT_EQUAL(replay_cursor(second.replay), 13);
  const struct snapshot *running = &second.environments[0];
  CU_ASSERT_TRUE(running->live);
  CU_ASSERT_TRUE(running->exact);
  CU_ASSERT_EQUAL(running->window, 2);
  CU_ASSERT_EQUAL(running->state.size, 11);
  CU_ASSERT_EQUAL(memcmp(running->state.data, first.environments[0].state.data, 11), 0);
  CU_ASSERT_EQUAL(running->window_version[1], first.environments[0].window_version[1]);
  CU_ASSERT_TRUE_FATAL(!second.environments[1].live);
  CU_ASSERT_EQUAL(second.environments[1].episode, first.environments[1].episode);
  CU_ASSERT_TRUE_FATAL(second.environments[2].live);
  CU_ASSERT_EQUAL(second.environments[2].window, 0);
  CU_ASSERT_TRUE(second.environments[2].exact);

  UNIT_STATUS(checkpoint_write(unit_in(directory, "b.h5"), &second, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "b.h5"), &error), STATUS_OK, &error);
  job_release(&first);
  job_release(&second);
}

// The sums of named values go on, unless the environment has others by now: that must not end a run.
static void test_named_values(void) {
  struct config config = small_config();
  struct job first, second;
  struct error error = {0};
  bool has_replay;
  small_job_init(&first, &config);
  small_job_fill(&first, 1, 13);
  first.environment.info_dim = 2;
  first.metrics.info_count[1] = 5;
  first.metrics.info_sum[1] = 0.5;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "info.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  for (uint32_t info_dim = 0; info_dim < 4; info_dim++) {
    small_job_init(&second, &config);
    second.environment.info_dim = info_dim;
    UNIT_STATUS(checkpoint_read(unit_in(directory, "info.h5"), &second, &has_replay, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(second.metrics.info_count[1], info_dim == 2 ? 5 : 0);
    CU_ASSERT_EQUAL(second.metrics.info_sum[1], info_dim == 2 ? 0.5 : 0);
    job_release(&second);
  }
  job_release(&first);
}

static void test_info(void) {
  struct config config = small_config(), read;
  struct checkpoint_info info;
  struct error error = {0};
  config.learner_threads = 2;
  write_small(unit_in(directory, "a.h5"), &config, 1, 13);
  UNIT_STATUS_FATAL(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(info.format_version, 1);
  CU_ASSERT_EQUAL(info.learner_threads, 2);
  CU_ASSERT_TRUE_FATAL(info.exact);
  CU_ASSERT_TRUE(info.resumable);
  CU_ASSERT_EQUAL(info.obs_dim, SMALL_OBS);
  CU_ASSERT_EQUAL(info.act_dim, SMALL_ACT);
  CU_ASSERT_EQUAL(info.replay_size, 13);
  CU_ASSERT_EQUAL(info.replay_capacity, SMALL_CAPACITY);
  CU_ASSERT_STRING_EQUAL_FATAL(info.environment, "Small-v0");
  CU_ASSERT_STRING_EQUAL(info.blas_core, linalg_core_name());
  CU_ASSERT_TRUE_FATAL(strlen(info.created) >= 20);
  CU_ASSERT_TRUE(info.program_version[0]);
  // 3-8-6-4 and two of 5-8-6-1
  CU_ASSERT_EQUAL(info.parameters, (3 * 8 + 8 + 8 * 6 + 6 + 6 * 4 + 4) + 2 * (5 * 8 + 8 + 8 * 6 + 6 + 6 + 1));
  options_defaults(&read);
  UNIT_STATUS(options_parse_yaml(info.config, strlen(info.config), "info", &read, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.n_step, 3);
  CU_ASSERT_EQUAL(read.seed, 7);
  CU_ASSERT_EQUAL(read.hidden.width[1], 6);
  checkpoint_info_release(&info);
}

static void test_without_replay(void) {
  struct config config = small_config();
  struct checkpoint_info info;
  for (int way = 0; way < 2; way++) {
    struct job job;
    struct error error = {0};
    bool has_replay = true;
    config.checkpoint_replay = way == 0;
    small_job_init(&job, &config);
    small_job_fill(&job, 1, 13);
    const enum checkpoint_content content = way == 0 ? CHECKPOINT_NO_REPLAY : CHECKPOINT_ALL;
    UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, content, &error), STATUS_OK, &error);
    UNIT_STATUS(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE_FATAL(!info.exact);
    CU_ASSERT_TRUE_FATAL(info.resumable);
    CU_ASSERT_EQUAL(info.replay_capacity, 0);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE_FATAL(!has_replay);
    CU_ASSERT_TRUE(!job.exact);
    checkpoint_info_release(&info);
    job_release(&job);
  }
}

static void test_layer_norm_and_inexact(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  bool has_replay;
  config.critic_layer_norm = true;
  config.critics = 3;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 1);
  job.exact = false;
  real *before = memory_alloc(job.sac.critics.size, sizeof *before, "copy", &error);
  memcpy(before, job.sac.critics.parameters, job.sac.critics.size * sizeof *before);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  memset(job.sac.critics.parameters, 0, job.sac.critics.size * sizeof *before);
  job.exact = true;
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(before, job.sac.critics.parameters, job.sac.critics.size * sizeof *before), 0);
  CU_ASSERT_FALSE(job.exact);
  memory_free(before);
  job_release(&job);
}

// The row `steps` insertions ago, as its reward.
static float reward_ago(const struct replay *replay, size_t ago) {
  float obs[SMALL_OBS], action[SMALL_ACT], reward, next_obs[SMALL_OBS], discount;
  float *const columns[REPLAY_COLUMNS] = {obs, action, &reward, next_obs, &discount};
  const size_t capacity = replay_capacity(replay);
  replay_read_rows(replay, (replay_cursor(replay) + capacity - ago) % capacity, 1, columns);
  return reward;
}

static void test_other_capacity(void) {
  struct config config = small_config(), larger = small_config(), smaller = small_config();
  struct error error = {0};
  struct job full, other;
  bool has_replay;
  larger.replay_capacity = SMALL_CAPACITY + 7;
  smaller.replay_capacity = SMALL_CAPACITY - 1;
  small_job_init(&full, &config);
  small_job_fill(&full, 1, SMALL_CAPACITY + 6);
  CU_ASSERT_EQUAL(replay_cursor(full.replay), 6);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &full, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  small_job_init(&other, &larger);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &other, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(replay_size(other.replay), SMALL_CAPACITY);
  CU_ASSERT_EQUAL(replay_cursor(other.replay), SMALL_CAPACITY);
  for (size_t ago = 1; ago <= SMALL_CAPACITY; ago++) {
    CU_ASSERT_EQUAL(reward_ago(other.replay, ago), reward_ago(full.replay, ago));
  }
  job_release(&other);
  UNIT_STATUS(try_read(unit_in(directory, "a.h5"), &smaller, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/replay holds 20 rows, this configuration has room for 19 (replay_capacity)"));
  job_release(&full);
}

static void test_other_environments(void) {
  struct config config = small_config(), other = small_config();
  struct error error = {0};
  struct job job;
  bool has_replay;
  config.sync = other.sync = false;
  write_small(unit_in(directory, "a.h5"), &config, 1, 3);
  other.envs = SMALL_ENVS + 2;
  small_job_init(&job, &other);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE(job.environments[2].steps > 0);
  CU_ASSERT_EQUAL(job.environments[3].steps, 0);
  CU_ASSERT_EQUAL(job.environments[4].episode, 0);
  job_release(&job);
  other.envs = 1;
  UNIT_STATUS(try_read(unit_in(directory, "a.h5"), &other, &error), STATUS_OK, &error);
  other.sync = true;
  UNIT_STATUS(try_read(unit_in(directory, "a.h5"), &other, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/actors/1 is there, this configuration has none (envs: fixed on resume in sync mode)"));
  other.envs = SMALL_ENVS + 1;
  error_clear(&error);
  UNIT_STATUS(try_read(unit_in(directory, "a.h5"), &other, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/actors/3/steps is missing"));
}

static void test_policy_file(void) {
  struct config config = small_config();
  struct job job;
  struct error error = {0};
  struct policy_weights saved, read;
  struct message_hello hello;
  struct checkpoint_info info;
  bool has_replay;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 9);
  UNIT_STATUS(policy_weights_init(&saved, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), &error), STATUS_OK, &error);
  job_export_policy(&job, &saved);
  saved.version = 77;
  const char *path = unit_in(directory, "best.h5");
  UNIT_STATUS(checkpoint_write_policy(path, &job, &saved, &job.normalizer, 4321, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_info(path, &info, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(!info.resumable);
  CU_ASSERT_TRUE_FATAL(!info.exact);
  CU_ASSERT_EQUAL(info.env_steps, 4321);
  CU_ASSERT_EQUAL(info.policy_version, 77);
  UNIT_STATUS_FATAL(checkpoint_read_policy(path, &info, &config, &read, &hello, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.version, 77);
  CU_ASSERT_TRUE_FATAL(read.normalize);
  CU_ASSERT_EQUAL(read.obs_dim, SMALL_OBS);
  CU_ASSERT_EQUAL(memcmp(read.values, saved.values, saved.parameters * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(read.scale, saved.scale, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(read.shift, saved.shift, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(hello.action_low[1], -2.5);
  CU_ASSERT_EQUAL(hello.action_high[0], 2.25);
  CU_ASSERT_EQUAL(hello.act_dim, SMALL_ACT);
  CU_ASSERT_STRING_EQUAL(hello.environment, "Small-v0");
  policy_weights_release(&read);
  message_hello_release(&hello);

  UNIT_STATUS(checkpoint_read(path, &job, &has_replay, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_says(&error, "nothing to resume"));
  error_clear(&error);
  config.hidden.width[0] = 9;
  UNIT_STATUS(checkpoint_read_policy(path, &info, &config, &read, &hello, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/policy/layer0/weight is 8x3, this configuration needs 9x3"));
  CU_ASSERT_TRUE_FATAL(!read.values);
  CU_ASSERT_TRUE(!hello.action_low);
  checkpoint_info_release(&info);

  // The policy of a whole checkpoint is read alike.
  error_clear(&error);
  config.hidden.width[0] = 8;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_policy(unit_in(directory, "a.h5"), &info, &config, &read, &hello, &error),
                    STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.version, job.policy_version);
  CU_ASSERT_EQUAL(read.values[5], policy_weight(&job.sac, 0, 1, 2));
  policy_weights_release(&read);
  message_hello_release(&hello);
  checkpoint_info_release(&info);
  policy_weights_release(&saved);
  job_release(&job);
}

// --- the layout that others read ---

static bool has_filter(hid_t dataset, H5Z_filter_t wanted) {
  const hid_t properties = H5Dget_create_plist(dataset);
  const int filters = H5Pget_nfilters(properties);
  bool found = false;
  for (int i = 0; i < filters; i++) {
    unsigned flags, config;
    size_t values = 0;
    found |= H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, &config) == wanted;
  }
  H5Pclose(properties);
  return found;
}

static void check_dataset(hid_t file, const char *name, hid_t type, int rank, hsize_t rows, hsize_t columns) {
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  if (dataset < 0) fprintf(stderr, "  %s is missing\n", name);
  CU_ASSERT_FATAL(dataset >= 0);
  const hid_t space = H5Dget_space(dataset), is = H5Dget_type(dataset);
  hsize_t dim[2] = {0, 0};
  CU_ASSERT_EQUAL_FATAL(H5Sget_simple_extent_ndims(space), rank);
  H5Sget_simple_extent_dims(space, dim, NULL);
  CU_ASSERT_EQUAL(dim[0], rows);
  CU_ASSERT_TRUE(rank == 1 || dim[1] == columns);
  CU_ASSERT(H5Tequal(is, type) > 0);
  CU_ASSERT_TRUE(has_filter(dataset, H5Z_FILTER_FLETCHER32));
  H5Sclose(space);
  H5Tclose(is);
  H5Dclose(dataset);
}

static void test_layout(void) {
  struct config config = small_config();
  config.critic_layer_norm = true;
  write_small(unit_in(directory, "a.h5"), &config, 1, 13);
  const hid_t file = H5Fopen(unit_in(directory, "a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  CU_ASSERT_FATAL(file >= 0);
  static const char *const attributes[] = {"format_version", "program_version", "created", "env_steps",
                                           "updates",        "episodes",        "exact",   "policy_version",
                                           "blas_core",      "learner_threads"};
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
    CU_ASSERT(H5Aexists(file, attributes[i]) > 0);
  }
  static const char *const of_env[] = {"id", "obs_dim", "act_dim"};
  for (size_t i = 0; i < 3; i++) {
    CU_ASSERT(H5Aexists_by_name(file, "env", of_env[i], H5P_DEFAULT) > 0);
  }
  const hid_t f32 = H5T_IEEE_F32LE, f64 = H5T_IEEE_F64LE, u64 = H5T_STD_U64LE, u32 = H5T_STD_U32LE, u8 = H5T_STD_U8LE;
  const struct {
    const char *name;
    hid_t type;
    int rank;
    hsize_t rows, columns;
  } expected[] = {
      {"/env/action_low", f64, 1, 2, 0},
      {"/env/action_high", f64, 1, 2, 0},
      {"/policy/layer0/weight", f32, 2, 8, 3},
      {"/policy/layer0/bias", f32, 1, 8, 0},
      {"/policy/layer1/weight", f32, 2, 6, 8},
      {"/policy/mean/weight", f32, 2, 2, 6},
      {"/policy/log_std/weight", f32, 2, 2, 6},
      {"/policy/mean/bias", f32, 1, 2, 0},
      {"/policy/log_std/bias", f32, 1, 2, 0},
      {"/critics/1/layer0/weight", f32, 2, 8, 5},
      {"/critics/1/layer1/norm_scale", f32, 1, 6, 0},
      {"/critics/1/layer0/norm_shift", f32, 1, 8, 0},
      {"/critics/0/q/weight", f32, 2, 1, 6},
      {"/targets/0/q/bias", f32, 1, 1, 0},
      {"/targets/1/layer1/bias", f32, 1, 6, 0},
      {"/optimizer/policy/m", f32, 1, 8 * 3 + 8 + 6 * 8 + 6 + 4 * 6 + 4, 0},
      {"/optimizer/critics/step", u64, 1, 1, 0},
      {"/optimizer/alpha/v", f64, 1, 1, 0},
      {"/temperature/log_alpha", f64, 1, 1, 0},
      {"/normalizer/count", u64, 1, 1, 0},
      {"/normalizer/mean", f64, 1, 3, 0},
      {"/normalizer/m2", f64, 1, 3, 0},
      {"/limiter/base_updates", u64, 1, 1, 0},
      {"/replay/obs", f32, 2, 13, 3},
      {"/replay/action", f32, 2, 13, 2},
      {"/replay/reward", f32, 1, 13, 0},
      {"/replay/next_obs", f32, 2, 13, 3},
      {"/replay/discount", f32, 1, 13, 0},
      {"/replay/cursor", u64, 1, 1, 0},
      {"/replay/size", u64, 1, 1, 0},
      {"/actors/0/obs", f32, 1, 3, 0},
      {"/actors/0/window_obs", f32, 2, 2, 3},
      {"/actors/0/window_version", u64, 1, 2, 0},
      {"/actors/0/episode_length", u32, 1, 1, 0},
      {"/actors/0/state", u8, 1, 11, 0},
      {"/actors/1/steps", u64, 1, 1, 0},
      {"/actors/1/live", u8, 1, 1, 0},
      {"/actors/1/state", u8, 1, 0, 0},
      {"/learner/seconds", f64, 1, 1, 0},
      {"/learner/next_eval", u64, 1, 1, 0},
      {"/learner/best_return", f64, 1, 1, 0},
  };
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    check_dataset(file, expected[i].name, expected[i].type, expected[i].rank, expected[i].rows, expected[i].columns);

  // PyTorch's (out, in), and the last layer's rows split into mean and log_std.
  struct job job;
  float weight[2][6];
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 13);
  const hid_t dataset = H5Dopen2(file, "/policy/log_std/weight", H5P_DEFAULT);
  CU_ASSERT(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, weight) >= 0);
  for (size_t row = 0; row < 2; row++)
    for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(weight[row][i], policy_weight(&job.sac, 2, 2 + row, i));
  H5Dclose(dataset);
  H5Fclose(file);
  job_release(&job);
}

// --- what does not fit ---

static void test_mismatches(void) {
  struct config config = small_config();
  const char *path = unit_in(directory, "a.h5");
  write_small(path, &config, 1, 13);
  struct config wider = config, deeper = config, shallower = config, three = config, one = config, norm = config,
                window = config;
  wider.hidden.width[1] = 7;
  deeper.hidden = (struct config_widths){3, {8, 6, 6}};
  shallower.hidden = (struct config_widths){1, {8}};
  three.critics = 3;
  one.critics = 1;
  norm.critic_layer_norm = true;
  window.n_step = 2;
  const struct {
    const struct config *config;
    const char *text;
  } cases[] = {
      {&wider, "/policy/layer1/weight is 6x8, this configuration needs 7x8 (hidden: fixed on resume)"},
      {&deeper, "/policy/layer2/weight is missing, this configuration needs 6x6 (hidden: fixed on resume)"},
      {&shallower, "/policy/layer1 is there, this configuration has none (hidden"},
      {&three, "/critics/2/layer0/weight is missing"},
      {&one, "/critics/1 is there"},
      {&norm, "/critics/0/layer0/norm_scale is missing"},
      {&window, "/actors/0/window_reward has 2 rows, this configuration has room for 1 (n_step: fixed on resume)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    UNIT_STATUS(try_read(path, cases[i].config, &error), STATUS_MISMATCH, &error);
    CU_ASSERT_TRUE_FATAL(error_says(&error, cases[i].text));
    CU_ASSERT_TRUE(error_says(&error, path));
  }
  struct error error = {0};
  struct message_hello hello = small_hello(4, SMALL_ACT);
  struct job job;
  bool has_replay;
  UNIT_STATUS(job_init(&job, &config, &hello, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read(path, &job, &has_replay, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "(obs_dim 3, act_dim 2)"));
  CU_ASSERT_TRUE(error_says(&error, "has obs_dim 4 and act_dim 2"));
  job_release(&job);
}

// Gives the file to HDF5 for a change.
static hid_t edit(const char *path) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, access);
  H5Pclose(access);
  return file;
}

static void replace_dataset(const char *path, const char *name, hid_t type, int rank, const hsize_t *dim) {
  const hid_t file = edit(path), space = H5Screate_simple(rank, dim, NULL);
  const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[3];
  for (int i = 0; i < rank; i++) chunk[i] = dim[i] < 1 << 14 ? dim[i] : 1 << 14;
  if (rank > 0) {
    CU_ASSERT_TRUE_FATAL(H5Pset_chunk(layout, rank, chunk) >= 0);
    CU_ASSERT_TRUE(H5Pset_fletcher32(layout) >= 0);
  }
  CU_ASSERT(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
  const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  CU_ASSERT(dataset >= 0);
  H5Dclose(dataset);
  H5Pclose(layout);
  H5Sclose(space);
  H5Fclose(file);
}

static void set_attribute(const char *path, const char *object, const char *name, uint64_t value) {
  const hid_t file = edit(path), owner = H5Oopen(file, object, H5P_DEFAULT);
  const hid_t attribute =
      H5Aopen(owner, name, H5P_DEFAULT); // 1.10.8 cannot write one that was opened by its owner's name
  CU_ASSERT(H5Awrite(attribute, H5T_NATIVE_UINT64, &value) >= 0);
  H5Aclose(attribute);
  H5Oclose(owner);
  H5Fclose(file);
}

static void test_made_up(void) {
  const struct config config = small_config();
  const hsize_t huge[2] = {1ull << 40, 1ull << 20}, three[3] = {1, 1, 1}, eight[2] = {8, 3}, long_one[1] = {1ull << 50};
  const struct {
    const char *name;
    hid_t type;
    int rank;
    const hsize_t *dim;
    const char *text;
  } cases[] = {
      {"policy/layer0/weight", H5T_IEEE_F32LE, 2, huge, "is 1099511627776x1048576, this configuration needs 8x3"},
      {"policy/layer0/weight", H5T_IEEE_F32LE, 3, three, "is of rank 3"},
      {"policy/layer0/weight", H5T_STD_I32LE, 2, eight, "holds no floating-point numbers"},
      {"policy/layer0/weight", H5T_IEEE_F32LE, 0, three, "/policy/layer0/weight has no checksum"},
      {"policy/layer0/weight", H5T_IEEE_F64LE, 2, eight, "holds floating-point numbers of another size"},
      {"policy/layer0/weight", H5T_IEEE_F32BE, 2, eight, "holds floating-point numbers of another size, sign or byte"},
      {"limiter/steps", H5T_STD_I64LE, 1, three, "/limiter/steps holds integers of another size, sign or byte order"},
      {"critics/1/q/bias", H5T_IEEE_F32LE, 1, three, "/critics/1/q/bias: 0 of its 1 chunks are stored"},
      {"limiter/steps", H5T_IEEE_F32LE, 1, three, "/limiter/steps holds no integers"},
      {"actors/0/state", H5T_STD_U8LE, 1, long_one, "/actors/0/state of 1125899906842624 bytes"},
      {"actors/0/window_reward", H5T_IEEE_F32LE, 1, long_one, "has 1125899906842624 rows"},
      {"actors/0/window_reward", H5T_IEEE_F32LE, 0, three, "/actors/0/window_reward has no checksum"},
      {"replay/size", H5T_STD_U64LE, 1, huge, "/replay/size is 1099511627776"},
      {"replay/obs", H5T_IEEE_F32LE, 2, huge, "/replay/obs is 1099511627776x1048576"},
      {"config", H5T_STD_U64LE, 1, three, "/config holds no text"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    write_small(unit_in(directory, "a.h5"), &config, 1, 13);
    replace_dataset(unit_in(directory, "a.h5"), cases[i].name, cases[i].type, cases[i].rank, cases[i].dim);
    const enum status status = try_read(unit_in(directory, "a.h5"), &config, &error);
    CU_ASSERT(status == STATUS_MISMATCH || status == STATUS_FORMAT);
    CU_ASSERT(error_says(&error, cases[i].text));
    // Its bytes are not there either, which verification sees.
    if (strcmp(cases[i].name, "config") != 0)
      CU_ASSERT(checkpoint_verify(unit_in(directory, "a.h5"), NULL) != STATUS_OK);
  }
}

static void test_other_files(void) {
  const struct config config = small_config();
  struct checkpoint_info info;
  struct error error = {0};
  const char *path = unit_in(directory, "a.h5");
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, path));
  CU_ASSERT_TRUE(error_says(&error, "No such file"));
  CU_ASSERT_EQUAL(checkpoint_verify(directory, NULL), STATUS_FORMAT);
  unit_write_file(path, "", 0);
  error_clear(&error);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "is empty"));
  unit_write_file(path, "steps: 12\n", 10);
  error_clear(&error);
  UNIT_STATUS(checkpoint_read_info(path, &info, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "no HDF5 file"));
  CU_ASSERT_TRUE(!info.config);

  H5Fclose(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  error_clear(&error);
  UNIT_STATUS(try_read(path, &config, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "no checkpoint of corsac"));

  write_small(path, &config, 1, 3);
  set_attribute(path, "/", "format_version", 2);
  for (int way = 0; way < 3; way++) {
    error_clear(&error);
    const enum status status = way == 0   ? checkpoint_read_info(path, &info, &error)
                               : way == 1 ? checkpoint_verify(path, &error)
                                          : try_read(path, &config, &error);
    CU_ASSERT_EQUAL(status, STATUS_MISMATCH);
    CU_ASSERT(error_says(&error, "written by format 2, this program reads 1"));
  }
  write_small(path, &config, 1, 3);
  set_attribute(path, "env", "obs_dim", 1ull << 40);
  CU_ASSERT_EQUAL(checkpoint_read_info(path, &info, NULL), STATUS_FORMAT);
  set_attribute(path, "env", "obs_dim", 0);
  CU_ASSERT_EQUAL(checkpoint_read_info(path, &info, NULL), STATUS_FORMAT);
}

// --- damage ---

static void test_truncated(void) {
  const struct config config = small_config();
  const char *path = unit_in(directory, "a.h5");
  size_t size;
  write_small(path, &config, 1, 13);
  char *bytes = unit_read_file(path, &size);
  const size_t step = size / 97 + 1;
  for (size_t keep = 1; keep < size; keep += step) {
    struct error error = {0};
    unit_write_file(path, bytes, keep);
    CU_ASSERT(checkpoint_verify(path, &error) != STATUS_OK);
    CU_ASSERT(error_says(&error, path));
    CU_ASSERT(try_read(path, &config, NULL) != STATUS_OK);
  }
  unit_write_file(path, bytes, size - 1);
  CU_ASSERT(checkpoint_verify(path, NULL) != STATUS_OK);
  free(bytes);
}

// Every bit of the superblock, and many of the rest; fewer where each allocation is slow.
#ifdef __SANITIZE_ADDRESS__
enum { SUPERBLOCK = 12, RANDOM_FLIPS = 60 };
#else
enum { SUPERBLOCK = 48, RANDOM_FLIPS = 600 };
#endif
static void test_bit_flips(void) {
  const struct config config = small_config();
  const char *path = unit_in(directory, "a.h5"), *good = unit_in(directory, "good.h5");
  struct numbers numbers = {11};
  size_t size;
  int found = 0, harmless = 0;
  write_small(path, &config, 1, 13);
  char *bytes = unit_read_file(path, &size);
  unit_write_file(good, bytes, size);
  for (uint64_t flip = 0; flip < SUPERBLOCK * 8 + RANDOM_FLIPS; flip++) {
    const uint64_t bit = flip < SUPERBLOCK * 8 ? flip : numbers_word(&numbers) % (8 * size);
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    unit_write_file(path, bytes, size);
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    struct error error = {0};
    const bool verified = checkpoint_verify(path, &error) == STATUS_OK;
    if (!verified) {
      CU_ASSERT(error_says(&error, path));
      found++;
      continue;
    }
    const int differences = h5_compare(good, path, NULL);
    if (differences != 0) fprintf(stderr, "  bit %llu makes a difference\n", (unsigned long long)bit);
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT_EQUAL(try_read(path, &config, NULL), STATUS_OK);
    harmless++;
  }
  CU_ASSERT(found > harmless); // else the flips were not where the data is
  printf("%d found, %d in gaps ", found, harmless);
  free(bytes);
}

// --- writing that fails ---

// A save of this job over a good one fails with this text: the good one stays, nothing else does, and the next save
// works.
static void check_failing_save(const char *path, const struct job *job, const char *text, void (*relieve)(void)) {
  struct error error = {0};
  size_t before, after;
  char temporary[4096 + 8], *good = unit_read_file(path, &before);
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  for (int again = 0; again < 3; again++) { // the library must not keep anything of a file that failed
    error_clear(&error);
    UNIT_STATUS(checkpoint_write(path, job, CHECKPOINT_ALL, &error), STATUS_IO, &error);
    CU_ASSERT_TRUE_FATAL(error_says(&error, text));
    CU_ASSERT_TRUE(error_says(&error, path));
    CU_ASSERT_FALSE(unit_exists(temporary));
  }
  char *still = unit_read_file(path, &after);
  CU_ASSERT_PTR_NOT_NULL_FATAL(still);
  CU_ASSERT_EQUAL(before, after);
  CU_ASSERT_EQUAL(memcmp(good, still, after), 0);
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(good);
  free(still);
  relieve();
  error_clear(&error);
  UNIT_STATUS(checkpoint_write(path, job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_OK, &error);
}

static struct rlimit limit_before;
static void lift_limit(void) { setrlimit(RLIMIT_FSIZE, &limit_before); }

// A limit on the size of files stands for a disk that is full at different moments of a save.
static void test_no_room(void) {
  static const rlim_t limits[] = {0, 1, 5000, 30000, 100000, 400000, 700000};
  struct config config = small_config();
  struct job large;
  config.replay_capacity = 20000;
  small_job_init(&large, &config);
  small_job_fill(&large, 1, 20000); // 900 KB
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit_before);
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    const struct config small = small_config();
    write_small(unit_in(directory, "a.h5"), &small, 1, 3);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], limit_before.rlim_max});
    check_failing_save(unit_in(directory, "a.h5"), &large, "File too large", lift_limit);
  }
  job_release(&large);
}

static char filler[4096];
static void remove_filler(void) { unlink(filler); }
static void fill_disk(size_t bytes) {
  static const char block[4096];
  const int file = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  for (size_t done = 0; done < bytes && write(file, block, sizeof block) > 0; done += sizeof block) continue;
  close(file);
}

static void test_full_disk(void) {
  char *mounted = unit_in(directory, "disk");
  mkdir(mounted, 0777);
  if (mount("none", mounted, "tmpfs", 0, "size=2m") != 0) {
    printf("skipped: no tmpfs can be mounted here ");
    CU_PASS("needs root");
    return;
  }
  struct config config = small_config();
  struct job job;
  char path[4096];
  config.replay_capacity = 20000;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 20000);
  snprintf(path, sizeof path, "%s/a.h5", mounted);
  snprintf(filler, sizeof filler, "%s/filler", mounted);
  struct config small = small_config();
  write_small(path, &small, 1, 3);
  // The disk has room for a part of the file, or for nothing.
  for (int way = 0; way < 2; way++) {
    fill_disk(way == 0 ? 1500000 : SIZE_MAX);
    check_failing_save(path, &job, "No space left on device", remove_filler);
    write_small(path, &small, 1, 3);
  }
  job_release(&job);
  CU_ASSERT_EQUAL(umount(mounted), 0);
}

static void test_no_directory(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  small_job_init(&job, &config);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "none/a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_IO, &error);
  CU_ASSERT(error_says(&error, "none/a.h5: cannot be written: No such file or directory"));
  job_release(&job);
}

// --- size ---

static void test_pieces(void) {
  struct config config = small_config(), larger;
  struct job job, read;
  struct error error = {0};
  bool has_replay;
  config.replay_capacity = 300001; // more than one chunk in each column, and a last one that is not full
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 300001 + 123456);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "a.h5"), &error), STATUS_OK, &error);
  larger = config;
  larger.replay_capacity = 400000;
  for (int way = 0; way < 2; way++) {
    small_job_init(&read, way == 0 ? &config : &larger);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &read, &has_replay, &error), STATUS_OK, &error);
    int wrong = 0;
    for (size_t ago = 1; ago <= 300001; ago++) wrong += reward_ago(read.replay, ago) != reward_ago(job.replay, ago);
    CU_ASSERT_EQUAL(wrong, 0);
    job_release(&read);
  }
  job_release(&job);
}

static void in_own_directory(void (*run)(void)) {
  directory = unit_tmpdir();
  run();
  unit_tmpdir_remove(directory);
}
#define CASE(name)                                                                                                     \
  static void name##_alone(void) { in_own_directory(name); }
CASE(test_named_values)
CASE(test_round_trip)
CASE(test_info)
CASE(test_without_replay)
CASE(test_layer_norm_and_inexact)
CASE(test_other_capacity)
CASE(test_other_environments)
CASE(test_policy_file)
CASE(test_layout)
CASE(test_mismatches)
CASE(test_made_up)
CASE(test_other_files)
CASE(test_truncated)
CASE(test_bit_flips)
CASE(test_no_room)
CASE(test_full_disk)
CASE(test_no_directory)
CASE(test_pieces)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a job comes back whole, field by field", test_round_trip_alone},
      {"sums of named values go on, others begin anew", test_named_values_alone},
      {"the head tells what the file holds", test_info_alone},
      {"without replay a checkpoint is small, resumable and not exact", test_without_replay_alone},
      {"layer norm is saved, and what was not exact does not become so", test_layer_norm_and_inexact_alone},
      {"a replay of another capacity keeps its rows in order, or is refused", test_other_capacity_alone},
      {"async: environments may come and go; sync: not", test_other_environments_alone},
      {"a policy alone is saved and read for acting, and not resumed", test_policy_file_alone},
      {"names, shapes, types and checksums are those of the promised layout", test_layout_alone},
      {"another shape is named with what is, what should be and why", test_mismatches_alone},
      {"made-up shapes and types are refused before anything of their size is taken", test_made_up_alone},
      {"what is no checkpoint, or of another version, is refused in words", test_other_files_alone},
      {"a file cut short at any length is found out", test_truncated_alone},
      {"a flipped bit is found out, or makes no difference", test_bit_flips_alone},
      {"a save that runs out of room at any moment leaves the one before", test_no_room_alone},
      {"a full disk is named and leaves the checkpoint before", test_full_disk_alone},
      {"a directory that is not there is named", test_no_directory_alone},
      {"a replay of many chunks comes back row by row", test_pieces_alone},
  };
  return unit_run("checkpoint", cases, sizeof cases / sizeof *cases);
}
