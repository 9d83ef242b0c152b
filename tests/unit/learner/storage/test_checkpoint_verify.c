// A checkpoint that verifies can be used: verifying checks whatever loading needs.
#include "learner/storage/checkpoint_verify.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/run/run_directory.h"
#include "learner/storage/policy_file.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory, *good, *path; // of this case; good: a file to spoil, path: its copy

static hid_t edit(void) {
  copy_file(good, path);
  return small_checkpoint_edit(path);
}

static void write_job(const char *to, const struct config *config, bool policy_only) {
  struct error error = {0};
  struct job job;
  struct policy_weights weights;
  small_job_init(&job, config);
  small_job_fill(&job, 1, 13);
  job.environment.info_dim = 2;
  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, mlp_dense_size(&job.sac.acting_net), NULL), STATUS_OK);
  job_export_policy(&job, &weights);
  const enum status status =
      policy_only
          ? checkpoint_write_policy(
                to, &job,
                &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = 5}, &error)
          : checkpoint_write(to, &job, CHECKPOINT_ALL, &error);
  CU_ASSERT_EQUAL(status, STATUS_OK);
  policy_weights_release(&weights);
  job_release(&job);
}

// --- what is missing ---

enum { MOST = 600 };
struct names {
  int count;
  bool attribute[MOST];
  char object[MOST][128], name[MOST][64];
};

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info, void *data) {
  struct names *names = data;
  (void)object, (void)info;
  names->attribute[names->count] = true;
  memcpy(names->object[names->count], names->object[names->count - 1], 128);
  snprintf(names->name[names->count++], 64, "%s", name);
  return 0;
}

// Every object, and every attribute of it. Of the second critic, target and actor only the group: its parts are those
// of the first one.
static herr_t add_object(hid_t root, const char *name, const H5O_info_t *info, void *data) {
  struct names *names = data;
  (void)info;
  if (strstr(name, "/1/")) return 0;
  CU_ASSERT_FATAL(names->count < MOST - 20);
  snprintf(names->object[names->count], 128, "%s", name);
  names->attribute[names->count++] = false;
  return H5Aiterate_by_name(root, name, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_attribute, names, H5P_DEFAULT);
}

// What older files lack.
static bool may_be_missing(const char *object, const char *attribute) {
  static const char *const later[] = {
      "learner/env_failures",      "learner/eval_cut",          "learner/eval_steps", "learner/last_transitions",
      "learner/agents_return_sum", "learner/policy_weight_sum", "limiter/transitions"};
  if (strcmp(attribute, "eval_return") == 0) return true;
  for (size_t i = 0; i < sizeof later / sizeof *later; i++)
    if (strcmp(object, later[i]) == 0) return true;
  return strncmp(object, "actors/", 7) == 0 && strstr(object, "/info_number"); // of the named values' rules
}

static enum status load(const struct config *config, bool policy_only, struct error *error) {
  struct job job;
  bool has_replay;
  struct trained_policy policy;
  if (policy_only) {
    const enum status status = policy_file_read(path, &policy, error);
    trained_policy_release(&policy);
    return status;
  }
  small_job_init(&job, config);
  job.environment.info_dim = 2;
  const enum status status = checkpoint_read(path, &job, &has_replay, error);
  job_release(&job);
  return status;
}

static void check_missing(const struct config *config, bool policy_only) {
  static struct names names;
  write_job(good, config, policy_only);
  names.count = 0;
  hid_t file = H5Fopen(good, H5F_ACC_RDONLY, H5P_DEFAULT);
  CU_ASSERT(H5Ovisit1(file, H5_INDEX_NAME, H5_ITER_NATIVE, add_object, &names) >= 0);
  H5Fclose(file);
  CU_ASSERT(names.count > (policy_only ? 25 : 90));
  for (int i = 0; i < names.count; i++) {
    const char *object = names.object[i];
    struct error error = {0}, loading = {0};
    if (!names.attribute[i] && strcmp(object, ".") == 0) continue;
    file = edit();
    if (names.attribute[i]) CU_ASSERT(H5Adelete_by_name(file, object, names.name[i], H5P_DEFAULT) >= 0);
    if (!names.attribute[i]) CU_ASSERT(H5Ldelete(file, object, H5P_DEFAULT) >= 0);
    H5Fclose(file);
    const enum status status = checkpoint_verify(path, &error);
    if (status == STATUS_OK) {
      if (!may_be_missing(object, names.name[i]))
        fprintf(stderr, "  without %s %s it is called good\n", object, names.name[i]);
      CU_ASSERT(may_be_missing(object, names.name[i]));
      CU_ASSERT_EQUAL(load(config, policy_only, &loading), STATUS_OK);
    } else {
      CU_ASSERT_TRUE_FATAL(checkpoint_is_damage(status));
      CU_ASSERT_TRUE(error_says(&error, path));
      CU_ASSERT(strstr(error.text, "missing") || strstr(error.text, "no format_version"));
    }
  }
}

static void test_missing(void) {
  struct config config = small_config();
  check_missing(&config, false);
  config.critic_layer_norm = true; // other arrays, and environments that may come and go
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "bounded");
  config.sync = false;
  check_missing(&config, false);
  config.sync = true;
  check_missing(&config, true);
}

static void test_missing_of_recipes(void) {
  for (int kind = SMALL_PLAIN + 1; kind < SMALL_KINDS; kind++) {
    struct config config = small_config_of((enum small_kind)kind);
    if (kind == SMALL_RESIDUAL_BATCH) check_missing(&config, false); // it has every array that the others have
    check_missing(&config, true);
  }
}

// --- bad numbers ---

struct bad_number {
  const char *name;
  double value;
  const char *text;
};

static void check_numbers(const struct config *config, const struct bad_number *cases, size_t count) {
  write_job(good, config, false);
  for (size_t i = 0; i < count; i++) {
    struct error error = {0};
    const hid_t file = edit(), dataset = H5Dopen2(file, cases[i].name, H5P_DEFAULT), space = H5Dget_space(dataset);
    const hsize_t start[2] = {0, 0}, one[2] = {1, 1};
    const hid_t memory = H5Screate_simple(1, one, NULL);
    CU_ASSERT(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, one, NULL) >= 0);
    CU_ASSERT(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, &cases[i].value) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    CU_ASSERT(checkpoint_is_damage(checkpoint_verify(path, &error)));
    CU_ASSERT(error_says(&error, cases[i].text));
  }
}

static void test_numbers(void) {
  const struct bad_number cases[] = {
      {"policy/layer1/weight", NAN, "/policy/layer1/weight: number 0 is nan; it must be finite"},
      {"policy/log_std/bias", INFINITY, "/policy/log_std/bias: number 0 is inf; it must be finite"},
      {"critics/1/q/weight", -INFINITY, "/critics/1/q/weight: number 0 is -inf"},
      {"targets/0/layer0/bias", NAN, "/targets/0/layer0/bias: number 0 is nan"},
      {"optimizer/policy/m", INFINITY, "/optimizer/policy/m: number 0 is inf"},
      {"optimizer/critics/v", INFINITY, "/optimizer/critics/v: number 0 is inf"},
      {"optimizer/critics/v", -1, "/optimizer/critics/v: number 0 is -1; it must be finite and not negative"},
      {"optimizer/alpha/v", NAN, "/optimizer/alpha/v: number 0 is nan"},
      {"temperature/log_alpha", NAN, "/temperature/log_alpha: number 0 is nan"},
      {"temperature/log_alpha", 1000, "/temperature/log_alpha: number 0 is 1000; it must be from -700 to 700"},
      {"normalizer/mean", INFINITY, "/normalizer/mean: number 0 is inf"},
      {"normalizer/mean", 1e300, "/normalizer/mean: number 0 is 1e+300"},
      {"normalizer/m2", -1e-9, "/normalizer/m2: number 0 is -1e-09; it must be finite and not negative"},
      {"normalizer/m2", NAN, "/normalizer/m2: number 0 is nan"},
      {"env/action_low", NAN, "/env: the bounds of action 0 are [nan, 2.25]"},
      {"env/action_low", 3, "/env: the bounds of action 0 are [3, 2.25]"},
      {"learner/seconds", -1, "/learner/seconds: number 0 is -1"},
      {"learner/best_return", INFINITY, "/learner/best_return: number 0 is inf"},
      {"learner/best_return", NAN, "/learner/best_return: number 0 is nan"},
      {"replay/obs", NAN, "/replay/obs: number 0 is nan"},
      {"replay/action", 1.5, "/replay/action: number 0 is 1.5; it must be from -1 to 1"},
      {"replay/discount", -0.5, "/replay/discount: number 0 is -0.5; it must be from 0 to 1"},
      {"replay/reward", INFINITY, "/replay/reward: number 0 is inf"},
      {"actors/0/obs", NAN, "/actors/0/obs: number 0 is nan"},
      {"actors/0/window_reward", INFINITY, "/actors/0/window_reward: number 0 is inf"},
      {"actors/0/episode_return", NAN, "/actors/0/episode_return: number 0 is nan"},
      {"limiter/steps", 0x1p63, "/limiter/steps is 9223372036854775808, more than can be counted"},
      {"normalizer/count", 0x1p62, "/normalizer/count is"},
      {"rewards/mean", NAN, "/rewards/mean: number 0 is nan"},
      {"rewards/m2", -1, "/rewards/m2: number 0 is -1; it must be finite and not negative"},
      {"rewards/highest", -1, "/rewards/highest: number 0 is -1"},
      {"rewards/returns", INFINITY, "/rewards/returns: number 0 is inf"},
      {"rewards/count", 0x1p62, "/rewards/count is"},
      {"actors/1/live", 2, "/actors/1/live is 2, it must be 0 or 1"},
      {"limiter/updates", 17, "updates, /limiter"},
      {"replay/cursor", 1e6, "/replay makes no sense"},
      {"replay/cursor", 3, "/replay makes no sense"}, // it is not full
      {"replay/size", 1e6, "/replay makes no sense"},
  };
  struct config config = small_config();
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "deviation");
  check_numbers(&config, cases, sizeof cases / sizeof *cases);
}

static void test_numbers_of_recipes(void) {
  const struct bad_number cases[] = {
      {"policy/layer1/weight", NAN, "/policy/layer1/weight: number 0 is nan; it must be finite"},
      {"policy/rms/gain", INFINITY, "/policy/rms/gain: number 0 is inf"},
      {"training/policy/input/norm_scale", NAN, "/training/policy/input/norm_scale: number 0 is nan"},
      {"training/policy/layer2/variance", -1e-3, "/training/policy/layer2/variance: number 0 is -0.001"},
      {"training/policy/layer1/mean", INFINITY, "/training/policy/layer1/mean: number 0 is inf"},
      {"critics/1/layer2/norm_shift", NAN, "/critics/1/layer2/norm_shift: number 0 is nan"},
      {"critics/0/input/variance", -1, "/critics/0/input/variance: number 0 is -1"},
      {"targets/1/input/mean", NAN, "/targets/1/input/mean: number 0 is nan"},
      {"targets/0/rms/gain", NAN, "/targets/0/rms/gain: number 0 is nan"},
      {"critics/0/q/bias", NAN, "/critics/0/q/bias: number 0 is nan"},
  };
  struct config config = small_config_of(SMALL_RESIDUAL_BATCH);
  check_numbers(&config, cases, sizeof cases / sizeof *cases);
}

// A job with a number that could not be loaded is not saved, so that the checkpoint before it stays.
static void test_written(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  write_job(path, &config, false);
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 13);
  job.sac.critics_adam.v[0] = INFINITY;
  CU_ASSERT_NOT_EQUAL(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK);
  CU_ASSERT(error_says(&error, "/optimizer/critics/v: number 0 is inf"));
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  job_release(&job);
}

// A running episode of two agents, whose windows are not the whole window.
static void test_windows(void) {
  const struct config config = small_config();
  struct error error = {0};
  struct job job;
  struct message_hello hello = small_hello_of_agents(2);
  UNIT_STATUS_FATAL(job_init(&job, &config, &hello, &error), STATUS_OK, &error);
  job.environments[1].live = true;
  job.environments[1].window = 3;
  job.environments[1].agent_window[0] = 1;
  job.environments[1].agent_window[1] = 2;
  UNIT_STATUS(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_OK, &error);
  job.environments[1].agent_window[1] = 1;
  UNIT_STATUS(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  CU_ASSERT(checkpoint_is_damage(checkpoint_verify(path, &error)));
  CU_ASSERT(error_says(&error, "/actors/1/agent_window has 2 transitions in all, its window 3"));
  job_release(&job);
}

static void set_text(hid_t file, const char *name, const char *text, size_t size) {
  const hsize_t one[1] = {1};
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, one, NULL), layout = H5Pcreate(H5P_DATASET_CREATE);
  CU_ASSERT_TRUE_FATAL(H5Tset_size(type, size) >= 0);
  CU_ASSERT_TRUE(H5Tset_cset(type, H5T_CSET_UTF8) >= 0);
  CU_ASSERT_TRUE_FATAL(H5Pset_chunk(layout, 1, one) >= 0);
  CU_ASSERT_TRUE(size == H5T_VARIABLE || H5Pset_fletcher32(layout) >= 0);
  CU_ASSERT(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
  const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  CU_ASSERT(dataset >= 0);
  if (text) CU_ASSERT(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0);
  H5Dclose(dataset);
  H5Pclose(layout);
  H5Sclose(space);
  H5Tclose(type);
}

static void test_config(void) {
  const struct {
    const char *text;
    size_t size;
    enum status status;
    const char *says;
  } cases[] = {{"hidden: a\n", 11, STATUS_FORMAT, "ckpt-2.h5:/config:1: hidden"},
               {"hidden: [1\n", 12, STATUS_FORMAT, "not YAML"},
               {"", 1, STATUS_FORMAT, "its configuration needs"}, // all defaults: other networks
               {NULL, 4, STATUS_FORMAT, "0 of its 1 chunks"},
               {NULL, H5T_VARIABLE, STATUS_FORMAT, "/config"}};
  struct config config = small_config();
  write_job(good, &config, false);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    const hid_t file = edit();
    set_text(file, "config", cases[i].text, cases[i].size);
    H5Fclose(file);
    CU_ASSERT_EQUAL(checkpoint_verify(path, &error), cases[i].status);
    CU_ASSERT(error_says(&error, cases[i].says));
  }

  // A key that only another version knows is no damage in a file of that version.
  struct error error = {0};
  const hid_t file = edit();
  set_text(file, "config", "warp_factor: 9\n", 16);
  const hid_t attribute = H5Aopen(file, "program_version", H5P_DEFAULT), type = H5Aget_type(attribute);
  char version[64] = "9.9.9";
  CU_ASSERT(H5Awrite(attribute, type, version) >= 0);
  H5Tclose(type);
  H5Aclose(attribute);
  H5Fclose(file);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "warp_factor"));
  CU_ASSERT_TRUE(error_says(&error, "written by corsac 9.9.9"));
}

// --- the newest ---

static void test_newest(void) {
  struct config config = small_config();
  char found[FILE_PATH];
  struct error error = {0};
  char *before = unit_path(directory, "ckpt-1.h5");
  write_job(good, &config, false);
  copy_file(good, before);
  H5Fclose(edit());
  UNIT_STATUS(checkpoint_newest(directory, true, NULL, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, path);
  const hid_t file = edit();
  CU_ASSERT(H5Ldelete(file, "optimizer", H5P_DEFAULT) >= 0);
  H5Fclose(file);
  UNIT_STATUS(checkpoint_newest(directory, true, NULL, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, before);
  write_job(path, &config, true); // a policy where a job should be
  UNIT_STATUS(checkpoint_newest(directory, false, NULL, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, path);
  UNIT_STATUS(checkpoint_newest(directory, true, NULL, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, before);
  free(before);
}

// --- what cannot be judged ---

// Starts a process that has the file open for `seconds`: as h5py's 'r+' does, or with H5F_ACC_RDONLY as 'r' does. It
// has HDF5's lock or, not `locked`, HDF5's mark alone, as where HDF5_USE_FILE_LOCKING is FALSE.
static pid_t hold(unsigned flags, bool locked, double seconds) {
  int ends[2];
  char byte;
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, locked, false);
#endif
    const hid_t file = H5Fopen(path, flags, access);
    if (file < 0 || write(ends[1], "", 1) != 1) _exit(1);
    usleep((useconds_t)(seconds * 1e6));
    H5Fclose(file);
    _exit(0);
  }
  CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  close(ends[1]);
  return child;
}

static void end_holder(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void test_in_use(void) {
  struct config config = small_config();
  char *before = unit_path(directory, "ckpt-1.h5"), found[FILE_PATH];
  write_job(good, &config, false);
  copy_file(good, before);
  copy_file(good, path);
  for (int locked = 0; locked < 2; locked++) {
    struct error error = {0}, newest = {0};
    struct trained_policy policy;
    const pid_t child = hold(H5F_ACC_RDWR, locked, 600);
    const double began = clock_now();
    UNIT_STATUS(checkpoint_verify(path, &error), STATUS_IO, &error);
    CU_ASSERT(clock_now() - began > 1); // verifying waits for it
    CU_ASSERT_TRUE_FATAL(error_says(&error, path));
    CU_ASSERT_TRUE(error_says(&error, "in use by another program"));
    CU_ASSERT(!locked || error_says(&error, "HDF5's file lock"));

    // No older checkpoint takes its place when the newest is looked for.
    CU_ASSERT_EQUAL(run_newest_checkpoint(directory, true, found, &newest), STATUS_IO);
    CU_ASSERT_TRUE_FATAL(error_says(&newest, path));
    CU_ASSERT_TRUE(error_says(&newest, "in use"));
    error_clear(&error);
    if (locked) UNIT_STATUS(policy_file_read(path, &policy, &error), STATUS_IO, &error);
    if (locked) trained_policy_release(&policy);
    end_holder(child);
    copy_file(good, path); // the mark stays behind
  }
  const pid_t child = hold(H5F_ACC_RDWR, true, 0.5); // closes it in time
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  waitpid(child, NULL, 0);
  free(before);
}

static void test_read_by_others(void) {
  struct config config = small_config();
  write_job(path, &config, false);
  const pid_t child = hold(H5F_ACC_RDONLY, true, 600);
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  CU_ASSERT_EQUAL(flock(descriptor, LOCK_EX | LOCK_NB), -1); // it has its lock
  CU_ASSERT_EQUAL(checkpoint_verify(path, NULL), STATUS_OK);
  close(descriptor);
  end_holder(child);
}

static void test_not_readable(void) {
  struct config config = small_config();
  struct error error = {0};
  struct rlimit before;
  char found[FILE_PATH], *link = unit_path(directory, "ckpt-3.h5");
  write_job(good, &config, false);
  copy_file(good, path);
  getrlimit(RLIMIT_NOFILE, &before);
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, before.rlim_max}); // no descriptor is left
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_IO, &error);
  setrlimit(RLIMIT_NOFILE, &before);
  CU_ASSERT(error_says(&error, "Too many open files"));
  error_clear(&error);
  CU_ASSERT_EQUAL(symlink("/nowhere", link), 0); // as on a disk that is not mounted
  UNIT_STATUS(checkpoint_newest(directory, true, NULL, found, &error), STATUS_IO, &error);
  CU_ASSERT(error_says(&error, "ckpt-3.h5: cannot be read: No such file"));
  unlink(link);
  free(link);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  good = unit_path(directory, "good.h5");
  path = unit_path(directory, "ckpt-2.h5");
  run();
  CU_ASSERT_EQUAL(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(good);
  free(path);
  unit_tmpdir_remove(directory);
}
#define CASE(name)                                                                                                     \
  static void name##_alone(void) { alone(name); }
CASE(test_missing)
CASE(test_missing_of_recipes)
CASE(test_numbers_of_recipes)
CASE(test_numbers)
CASE(test_written)
CASE(test_windows)
CASE(test_config)
CASE(test_newest)
CASE(test_in_use)
CASE(test_read_by_others)
CASE(test_not_readable)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a file that lacks an object or an attribute is damaged, or can be loaded", test_missing_alone},
      {"so is one of networks with batch norm, residual blocks and RMS norm", test_missing_of_recipes_alone},
      {"running statistics and weights of such networks that training cannot continue from are damage",
       test_numbers_of_recipes_alone},
      {"numbers that training cannot continue from are damage", test_numbers_alone},
      {"such numbers are not saved", test_written_alone},
      {"windows of agents that are not the whole window are damage", test_windows_alone},
      {"a configuration that makes no sense is damage, but not one of another version", test_config_alone},
      {"the newest checkpoint that can be used is found", test_newest_alone},
      {"a file that another program writes to is waited for, then in use, and nothing older is taken",
       test_in_use_alone},
      {"a file that others read can be read", test_read_by_others_alone},
      {"a file that cannot be read now is not damaged", test_not_readable_alone},
  };
  return unit_run("checkpoint_verify", cases, sizeof cases / sizeof *cases);
}
