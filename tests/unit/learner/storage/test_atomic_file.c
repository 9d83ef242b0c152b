#include "learner/storage/atomic_file.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_commit(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a"), temporary[ATOMIC_FILE_PATH];
  struct error error = {0};
  unit_write_file(path, "old", 3);
  UNIT_STATUS(atomic_file_begin(path, temporary, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(temporary + strlen(temporary) - strlen("/a.tmp"), "/a.tmp");
  unit_write_file(temporary, "newer", 5);
  UNIT_STATUS(atomic_file_commit(temporary, path, &error), STATUS_OK, &error);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_STRING_EQUAL(text, "newer");
  CU_ASSERT(access(temporary, F_OK) != 0);
  free(text);

  // In the working directory, without a slash.
  char before[4096];
  CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(before, sizeof before));
  CU_ASSERT_EQUAL(chdir(directory), 0);
  unit_write_file("b.tmp", "b", 1);
  UNIT_STATUS(atomic_file_commit("b.tmp", "b", &error), STATUS_OK, &error);
  CU_ASSERT(access("b", F_OK) == 0);
  unit_write_file("b.tmp", "newer", 5);
  UNIT_STATUS(atomic_file_replace("b.tmp", "b", &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(atomic_file_replace("b.tmp", "b", NULL), STATUS_IO); // it is gone
  text = unit_read_file("b", NULL);
  CU_ASSERT_STRING_EQUAL(text, "newer");
  free(text);
  CU_ASSERT_EQUAL(chdir(before), 0);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_failure(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a"), *temporary = unit_path(directory, "a.tmp");
  struct error error = {0};
  UNIT_STATUS(atomic_file_commit(temporary, path, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, path));
  CU_ASSERT_TRUE(error_says(&error, "No such file"));

  // What stands there cannot be replaced: it stays, the temporary file goes.
  unit_write_file(temporary, "new", 3);
  error_clear(&error);
  char *occupied = unit_path(directory, ".");
  UNIT_STATUS(atomic_file_commit(temporary, occupied, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE_FATAL(access(temporary, F_OK) != 0);
  CU_ASSERT_EQUAL(access(directory, F_OK), 0);
  char longer[2 * ATOMIC_FILE_PATH], room[ATOMIC_FILE_PATH];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  UNIT_STATUS(atomic_file_begin(longer, room, &error), STATUS_IO, &error);
  // A device would be replaced for the whole machine.
  error_clear(&error);
  UNIT_STATUS(atomic_file_begin("/dev/null", room, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "is a device"));
  error_clear(&error);
  UNIT_STATUS(atomic_file_begin(directory, room, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "is a directory"));
  UNIT_STATUS(atomic_file_begin(path, room, &error), STATUS_OK, &error);
  free(occupied);
  free(temporary);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_write(void) {
  char *directory = unit_tmpdir();
  struct error error = {0};
  for (int durable = 0; durable < 2; durable++) {
    UNIT_STATUS(atomic_file_write(unit_in(directory, "a"), "hello\n", 6, durable, &error), STATUS_OK, &error);
    UNIT_STATUS(atomic_file_write(unit_in(directory, "a"), "bye", 3, durable, &error), STATUS_OK, &error);
    char *text = unit_read_file(unit_in(directory, "a"), NULL);
    CU_ASSERT_STRING_EQUAL(text, "bye");
    free(text);
    CU_ASSERT_FALSE(unit_exists_in(directory, "a.tmp"));
    UNIT_STATUS(atomic_file_write(unit_in(directory, "none/a"), "x", 1, durable, &error), STATUS_IO, &error);
    CU_ASSERT(error_said(&error, "none/a"));
  }
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a committed file replaces the old one and leaves no other file", test_commit},
      {"a failed commit names the file, keeps the old one and removes the temporary one", test_failure},
      {"a small file is replaced whole", test_write},
  };
  return unit_run("atomic_file", cases, sizeof cases / sizeof *cases);
}
