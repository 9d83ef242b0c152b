// Files that lead out of themselves, bring filters or lack stored data are refused by everything that reads, before
// anything is opened.
#include "learner/storage/h5_guard.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/transition_file.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/storage/policy_file.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *directory, *good, *path, *fifo; // of this case; good: a whole checkpoint, path: its copy

static hid_t edit(void) {
  copy_file(good, path);
  return small_checkpoint_edit(path);
}

// Each way of reading that needs it: all of it, the policy, the replay.
enum { VERIFY = 1, POLICY = 2, REPLAY = 4, LOAD = 8 };
static void refused(int ways, const char *text) {
  struct config config = small_config();
  struct job job;
  for (int way = VERIFY; way <= LOAD; way *= 2) {
    struct error error = {0};
    struct trained_policy policy = {0};
    struct transitions_taken taken;
    bool has_replay;
    if (!(ways & way)) continue;
    small_job_init(&job, &config);
    const enum status status = way == VERIFY   ? checkpoint_verify(path, &error)
                               : way == POLICY ? policy_file_read(path, &policy, &error)
                               : way == REPLAY ? checkpoint_read_transitions(path, &job, &taken, &error)
                                               : checkpoint_read(path, &job, &has_replay, &error);
    CU_ASSERT_EQUAL(status, STATUS_FORMAT);
    CU_ASSERT_TRUE_FATAL(error_says(&error, text));
    CU_ASSERT_TRUE(error_says(&error, path));
    trained_policy_release(&policy);
    job_release(&job);
  }
}

static void test_links(void) {
  for (int kind = 0; kind < 4; kind++) {
    static const char *const names[] = {"policy/mean", "policy/mean/weight", "replay/obs"};
    for (int n = 0; n < 3; n++) {
      const hid_t file = edit();
      CU_ASSERT(H5Ldelete(file, names[n], H5P_DEFAULT) >= 0);
      if (kind == 0) CU_ASSERT(H5Lcreate_soft("/env/action_low", file, names[n], H5P_DEFAULT, H5P_DEFAULT) >= 0);
      if (kind == 1) CU_ASSERT(H5Lcreate_external("/etc/passwd", "x", file, names[n], H5P_DEFAULT, H5P_DEFAULT) >= 0);
      if (kind == 2) CU_ASSERT(H5Lcreate_external(fifo, "x", file, names[n], H5P_DEFAULT, H5P_DEFAULT) >= 0);
      if (kind == 3) CU_ASSERT(H5Lcreate_soft("/nowhere", file, names[n], H5P_DEFAULT, H5P_DEFAULT) >= 0);
      H5Fclose(file);
      refused(VERIFY | LOAD | (n == 2 ? REPLAY : POLICY), kind % 3 == 0 ? "a soft link" : "a link into another file");
    }
  }
  const hid_t file = edit(); // also where nothing of ours is behind it
  CU_ASSERT(H5Lcreate_soft("/policy", file, "more", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refused(VERIFY | POLICY | REPLAY, "/more is a soft link");
}

static void test_attributes_behind_links(void) {
  const hid_t file = edit();
  CU_ASSERT(H5Ldelete(file, "env", H5P_DEFAULT) >= 0);
  CU_ASSERT(H5Lcreate_external(fifo, "x", file, "env", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refused(VERIFY | POLICY | LOAD, "/env is a link into another file");
}

static void test_names(void) {
  hid_t file = edit(); // two names of one object, and a group in itself
  CU_ASSERT(H5Ldelete(file, "targets", H5P_DEFAULT) >= 0);
  CU_ASSERT(H5Lcreate_hard(file, "critics", file, "targets", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refused(VERIFY, "has more than one name");
  file = edit();
  CU_ASSERT(H5Lcreate_hard(file, "policy", file, "policy/again", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refused(VERIFY, "has more than one name");
  file = edit();
  const hid_t type = H5Tcopy(H5T_NATIVE_INT);
  CU_ASSERT(H5Tcommit2(file, "learner/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Tclose(type);
  H5Fclose(file);
  refused(VERIFY, "/learner/type is neither a group nor an array");
}

// policy/mean/weight (2 x 6) stored as `layout` says, after what it holds where that can be.
static void store(hid_t file, hid_t layout) {
  static const float values[12] = {1};
  const hsize_t dim[2] = {2, 6};
  const hid_t space = H5Screate_simple(2, dim, NULL);
  CU_ASSERT(H5Ldelete(file, "policy/mean/weight", H5P_DEFAULT) >= 0);
  const hid_t dataset = H5Dcreate2(file, "policy/mean/weight", H5T_IEEE_F32LE, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  CU_ASSERT(dataset >= 0);
  const H5D_layout_t kind = H5Pget_layout(layout);
  if ((kind == H5D_CONTIGUOUS && H5Pget_external_count(layout) == 0) || kind == H5D_COMPACT)
    CU_ASSERT(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(layout);
  H5Fclose(file);
}

static void test_storage(void) {
  for (int kind = 0; kind < 7; kind++) {
    const hsize_t dim[2] = {2, 6}, most[2] = {H5S_UNLIMITED, 6};
    const hid_t file = edit(), layout = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, most);
    const unsigned values[1] = {3};
    CU_ASSERT(H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER) >= 0);
    if (kind == 0) CU_ASSERT(H5Pset_external(layout, "/etc/passwd", 0, 48) >= 0);
    if (kind == 1) CU_ASSERT(H5Pset_external(layout, fifo, 0, 48) >= 0);
    if (kind == 2) CU_ASSERT(H5Pset_virtual(layout, space, fifo, "x", space) >= 0);
    if (kind == 3) CU_ASSERT(H5Pset_layout(layout, H5D_CONTIGUOUS) >= 0);
    if (kind == 4) CU_ASSERT(H5Pset_layout(layout, H5D_COMPACT) >= 0);
    if (kind == 5) CU_ASSERT(H5Pset_chunk(layout, 2, dim) >= 0);
    if (kind == 6) // a filter whose code would have to be found
    {
      CU_ASSERT_TRUE_FATAL(H5Pset_chunk(layout, 2, dim) >= 0);
      CU_ASSERT_TRUE_FATAL(H5Pset_fletcher32(layout) >= 0);
      CU_ASSERT_TRUE(H5Pset_filter(layout, 32001, H5Z_FLAG_OPTIONAL, 1, values) >= 0);
    }
    H5Sclose(space);
    store(file, layout);
    refused(VERIFY | POLICY | LOAD, kind < 3   ? "/policy/mean/weight is stored in another file"
                                    : kind < 6 ? "/policy/mean/weight has no checksum"
                                               : "/policy/mean/weight is stored through filter 32001");
  }
}

// A chunk may say of itself that it was not filtered.
static void test_chunk_without_checksum(void) {
  static const float values[12] = {1, 2};
  const hsize_t origin[2] = {0, 0};
  const hid_t file = edit(), dataset = H5Dopen2(file, "policy/mean/weight", H5P_DEFAULT);
  CU_ASSERT(H5Dwrite_chunk(dataset, H5P_DEFAULT, 1, origin, sizeof values, values) >= 0);
  H5Dclose(dataset);
  H5Fclose(file);
  refused(VERIFY | POLICY | LOAD, "/policy/mean/weight: chunk 0 has no checksum");
}

// Logs of other programs need no checksum, but may not lead out of their file either.
static void test_other_logs(void) {
  for (int kind = 0; kind < 3; kind++) {
    const hsize_t dim[2] = {4, SMALL_OBS};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
    if (kind == 0) CU_ASSERT(H5Pset_external(layout, fifo, 0, 4 * SMALL_OBS * 4) >= 0);
    if (kind == 1) CU_ASSERT(H5Pset_virtual(layout, space, fifo, "x", space) >= 0);
    if (kind == 2) CU_ASSERT(H5Lcreate_external(fifo, "x", file, "obs", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    if (kind < 2) H5Dclose(H5Dcreate2(file, "obs", H5T_IEEE_F32LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(layout);
    H5Fclose(file);
    refused(REPLAY, kind == 2 ? "/obs is a link into another file" : "/obs is stored in another file");
  }
}

// The program's own way with filters is put back.
static void test_plugins(void) {
  struct h5 h5;
  unsigned before = 0, during = 1, after = 0;
  H5PLget_loading_state(&before);
  CU_ASSERT_EQUAL(h5_open(&h5, good, NULL), STATUS_OK);
  H5PLget_loading_state(&during);
  CU_ASSERT_EQUAL(h5_close(&h5), STATUS_OK);
  H5PLget_loading_state(&after);
  CU_ASSERT_TRUE(before != 0);
  CU_ASSERT_EQUAL(during, 0);
  CU_ASSERT_EQUAL(after, before);
}

static void alone(void (*run)(void)) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  directory = unit_tmpdir();
  good = unit_path(directory, "good.h5");
  path = unit_path(directory, "ckpt-1.h5");
  fifo = unit_path(directory, "fifo");
  CU_ASSERT_EQUAL(mkfifo(fifo, 0666), 0);
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 13);
  UNIT_STATUS_FATAL(checkpoint_write(good, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  job_release(&job);
  run();
  CU_ASSERT_EQUAL(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(good);
  free(path);
  free(fifo);
  unit_tmpdir_remove(directory);
}
#define CASE(name)                                                                                                     \
  static void name##_alone(void) { alone(name); }
CASE(test_links)
CASE(test_attributes_behind_links)
CASE(test_names)
CASE(test_storage)
CASE(test_chunk_without_checksum)
CASE(test_other_logs)
CASE(test_plugins)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"links are refused, and not followed into a pipe", test_links_alone},
      {"attributes behind a link are refused", test_attributes_behind_links_alone},
      {"an object with two names is refused", test_names_alone},
      {"arrays must be in the file, with checksums, and without filters that would be loaded", test_storage_alone},
      {"a chunk without its checksum is found", test_chunk_without_checksum_alone},
      {"logs of other programs may not lead out of their file", test_other_logs_alone},
      {"no filter is loaded while a file is open, and the program's setting is restored", test_plugins_alone},
  };
  return unit_run("h5_guard", cases, sizeof cases / sizeof *cases);
}
