// Files that are damaged, and saves that fail: damage is found, and the file before stays.
#include "learner/checkpoint/checkpoint.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_verify.h"
#include "tests/support/h5_compare.h"
#include "tests/support/reference.h"
#include "tests/support/small_checkpoint.h"
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

// --- damage ---

static void test_truncated(void) {
  const struct config config = small_config();
  const char *path = unit_in(directory, "a.h5");
  size_t size;
  small_checkpoint_write(path, &config, 1, 13);
  char *bytes = unit_read_file(path, &size);
  const size_t step = size / 97 + 1;
  for (size_t keep = 1; keep < size; keep += step) {
    struct error error = {0};
    unit_write_file(path, bytes, keep);
    CU_ASSERT(checkpoint_verify(path, &error) != STATUS_OK);
    CU_ASSERT(error_says(&error, path));
    CU_ASSERT(small_checkpoint_read(path, &config, NULL) != STATUS_OK);
  }
  unit_write_file(path, bytes, size - 1);
  CU_ASSERT(checkpoint_verify(path, NULL) != STATUS_OK);
  free(bytes);
}

// All bits of the superblock and many of the rest are flipped; fewer where each allocation is slow.
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
  small_checkpoint_write(path, &config, 1, 13);
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
    CU_ASSERT_EQUAL(small_checkpoint_read(path, &config, NULL), STATUS_OK);
    harmless++;
  }
  CU_ASSERT(found > harmless); // otherwise the flips missed the data
  printf("%d found, %d in gaps ", found, harmless);
  free(bytes);
}

// --- writing that fails ---

// Saving this job over a good file fails with this text. The good file stays alone, and the next save works.
static void check_failing_save(const char *path, const struct job *job, const char *text, void (*relieve)(void)) {
  struct error error = {0};
  size_t before, after;
  char temporary[4096 + 8], *good = unit_read_file(path, &before);
  snprintf(temporary, sizeof temporary, "%s.tmp", path);

  // Several times, because HDF5 must not keep anything of a file that failed.
  for (int again = 0; again < 3; again++) {
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

// A limit on the size of files acts as a disk that is full at different moments of a save.
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
    small_checkpoint_write(unit_in(directory, "a.h5"), &small, 1, 3);
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
  small_checkpoint_write(path, &small, 1, 3);
  // The disk has room for a part of the file, or for nothing.
  for (int way = 0; way < 2; way++) {
    fill_disk(way == 0 ? 1500000 : SIZE_MAX);
    check_failing_save(path, &job, "No space left on device", remove_filler);
    small_checkpoint_write(path, &small, 1, 3);
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

#define CASE(name)                                                                                                     \
  static void name##_alone(void) { run_in_directory(&directory, name); }
CASE(test_truncated)
CASE(test_bit_flips)
CASE(test_no_room)
CASE(test_full_disk)
CASE(test_no_directory)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a file that is cut short is damaged, at any length", test_truncated_alone},
      {"a flipped bit is found, or makes no difference", test_bit_flips_alone},
      {"a save that runs out of space at any moment leaves the checkpoint before", test_no_room_alone},
      {"a save on a full disk says so and leaves the checkpoint before", test_full_disk_alone},
      {"a save names a directory that does not exist", test_no_directory_alone},
  };
  return unit_run("checkpoint_faults", cases, sizeof cases / sizeof *cases);
}
