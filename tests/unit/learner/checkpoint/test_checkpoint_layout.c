// The layout that a checkpoint promises to other programs, and files that do not have it.
#include "learner/checkpoint/checkpoint.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

static char *directory; // of this case

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

static void check_attributes(hid_t file) {
  static const char *const attributes[] = {"format_version", "program_version", "created", "env_steps",
                                           "updates",        "episodes",        "exact",   "policy_version",
                                           "blas_core",      "learner_threads"};
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) CU_ASSERT(H5Aexists(file, attributes[i]) > 0);
  static const char *const of_env[] = {"id", "obs_dim", "act_dim"};
  for (size_t i = 0; i < 3; i++) CU_ASSERT(H5Aexists_by_name(file, "env", of_env[i], H5P_DEFAULT) > 0);
}

// In the file of a small job with layer norm.
static void check_datasets(hid_t file) {
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
      {"/rewards/count", u64, 1, 1, 0},
      {"/rewards/m2", f64, 1, 1, 0},
      {"/rewards/returns", f64, 1, SMALL_ENVS, 0},
      {"/rewards/last", u64, 1, SMALL_ENVS, 0},
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
      {"/actors/0/info_number", f64, 1, 2, 0},
      {"/actors/0/info_count", u64, 1, 2, 0},
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
}

// Weights are (out, in), as in PyTorch, and the rows of the last layer are divided between mean and log_std.
static void check_weights(hid_t file, const struct config *config) {
  struct job job;
  float weight[2][6];
  small_job_init(&job, config);
  small_job_fill(&job, 1, 13);
  const hid_t dataset = H5Dopen2(file, "/policy/log_std/weight", H5P_DEFAULT);
  CU_ASSERT(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, weight) >= 0);
  for (size_t row = 0; row < 2; row++)
    for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(weight[row][i], small_policy_weight(&job, 2, 2 + row, i));
  H5Dclose(dataset);
  job_release(&job);
}

static void test_layout(void) {
  struct config config = small_config();
  config.critic_layer_norm = true;
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "bounded");
  small_checkpoint_write(unit_in(directory, "a.h5"), &config, 1, 13);
  const hid_t file = H5Fopen(unit_in(directory, "a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  CU_ASSERT_FATAL(file >= 0);
  check_attributes(file);
  check_datasets(file);
  check_weights(file, &config);
  H5Fclose(file);
}

// --- what does not fit ---

static void test_mismatches(void) {
  struct config config = small_config();
  const char *path = unit_in(directory, "a.h5");
  small_checkpoint_write(path, &config, 1, 13);
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
      {&wider, "/policy/layer1/weight is 6x8, this configuration needs 7x8 (hidden, policy_hidden, history, network, "
               "expansion, policy_norm, output_norm: fixed on resume)"},
      {&deeper, "/policy/layer2/weight is missing, this configuration needs 6x6 (hidden, policy_hidden"},
      {&shallower, "/policy/layer1 is there, this configuration has none (hidden"},
      {&three, "/critics/2/layer0/weight is missing"},
      {&one, "/critics/1 is there"},
      {&norm, "/critics/0/layer0/norm_scale is missing"},
      {&window, "/actors/0/window_reward has 2 rows, this configuration has room for 1 (n_step: fixed on resume)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    UNIT_STATUS(small_checkpoint_read(path, cases[i].config, &error), STATUS_MISMATCH, &error);
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

static void replace_dataset(const char *path, const char *name, hid_t type, int rank, const hsize_t *dim) {
  const hid_t file = small_checkpoint_edit(path), space = H5Screate_simple(rank, dim, NULL);
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
  const hid_t file = small_checkpoint_edit(path), owner = H5Oopen(file, object, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(owner, name, H5P_DEFAULT); // H5Aopen_by_name's cannot be written in 1.10.8
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
    small_checkpoint_write(unit_in(directory, "a.h5"), &config, 1, 13);
    replace_dataset(unit_in(directory, "a.h5"), cases[i].name, cases[i].type, cases[i].rank, cases[i].dim);
    const enum status status = small_checkpoint_read(unit_in(directory, "a.h5"), &config, &error);
    CU_ASSERT(status == STATUS_MISMATCH || status == STATUS_FORMAT);
    CU_ASSERT(error_says(&error, cases[i].text));

    // Verifying also sees that its bytes are missing.
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
  UNIT_STATUS(small_checkpoint_read(path, &config, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "no checkpoint of corsac"));

  small_checkpoint_write(path, &config, 1, 3);
  set_attribute(path, "/", "format_version", 2);
  for (int way = 0; way < 3; way++) {
    error_clear(&error);
    const enum status status = way == 0   ? checkpoint_read_info(path, &info, &error)
                               : way == 1 ? checkpoint_verify(path, &error)
                                          : small_checkpoint_read(path, &config, &error);
    CU_ASSERT_EQUAL(status, STATUS_MISMATCH);
    CU_ASSERT(error_says(&error, "written by format 2, this program reads 1"));
  }
  small_checkpoint_write(path, &config, 1, 3);
  set_attribute(path, "env", "obs_dim", 1ull << 40);
  CU_ASSERT_EQUAL(checkpoint_read_info(path, &info, NULL), STATUS_FORMAT);
  set_attribute(path, "env", "obs_dim", 0);
  CU_ASSERT_EQUAL(checkpoint_read_info(path, &info, NULL), STATUS_FORMAT);
}

#define CASE(name)                                                                                                     \
  static void name##_alone(void) { run_in_directory(&directory, name); }
CASE(test_layout)
CASE(test_mismatches)
CASE(test_made_up)
CASE(test_other_files)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"names, shapes, types and checksums are those of the promised layout", test_layout_alone},
      {"a message about another shape says what it is, what it should be and why", test_mismatches_alone},
      {"made-up shapes and types are refused before memory of their size is allocated", test_made_up_alone},
      {"a file that is no checkpoint, or of another version, is refused with the reason", test_other_files_alone},
  };
  return unit_run("checkpoint_layout", cases, sizeof cases / sizeof *cases);
}
