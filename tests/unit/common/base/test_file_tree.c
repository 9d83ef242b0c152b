#include "common/base/file_tree.h"
#include "tests/support/unit.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct file_tree_waiting nobody;

// The C library's readdir, which fails after `entries_left` more entries, where that is not negative.
static int entries_left = -1;
struct dirent *readdir(DIR *directory) {
  union {
    void *object;
    struct dirent *(*function)(DIR *);
  } real = {.object = dlsym(RTLD_NEXT, "readdir")};
  if (entries_left == 0) {
    errno = EIO;
    return NULL;
  }
  if (entries_left > 0) entries_left--;
  return real.function(directory);
}

static void make_directory(const char *path, mode_t mode) {
  CU_ASSERT_EQUAL_FATAL(mkdir(path, 0777), 0);
  CU_ASSERT_EQUAL_FATAL(chmod(path, mode), 0);
}

static mode_t mode_of(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

// A case with files, modes and links, one of which leads out of it, to `outside`.
static char *make_case(const char *directory, const char *outside) {
  char *from = unit_path(directory, "case");
  make_directory(from, 0755);
  make_directory(unit_in(from, "mesh"), 0755);
  unit_write_file(unit_in(from, "mesh/grid"), "1 2 3\n", 6);
  unit_write_file(unit_in(from, "run.sh"), "#!/bin/sh\n", 10);
  CU_ASSERT_EQUAL(chmod(unit_in(from, "run.sh"), 0750), 0);
  CU_ASSERT_EQUAL(chmod(unit_in(from, "mesh/grid"), 0440), 0);
  CU_ASSERT_EQUAL(symlink("mesh/grid", unit_in(from, "grid")), 0);
  CU_ASSERT_EQUAL(symlink(outside, unit_in(from, "out")), 0);
  CU_ASSERT_EQUAL(symlink(outside, unit_in(from, "mesh/out")), 0);
  CU_ASSERT_EQUAL(symlink("nowhere", unit_in(from, "dangling")), 0);
  CU_ASSERT_EQUAL(chmod(unit_in(from, "mesh"), 0555), 0); // a directory that nobody may write to
  return from;
}

static bool leads_to(const char *path, const char *wanted) {
  char target[4096];
  const ssize_t length = readlink(path, target, sizeof target - 1);
  target[length > 0 ? length : 0] = 0;
  return strcmp(target, wanted) == 0;
}

static void test_copy(void) {
  struct error error = {0};
  char *directory = unit_tmpdir(), *outside = unit_path(directory, "outside"), *to = unit_path(directory, "to");
  make_directory(outside, 0755);
  unit_write_file(unit_in(outside, "precious"), "gold", 4);
  char *from = make_case(directory, outside);
  unit_write_file(unit_in(from, ".mark"), "x", 1);
  make_directory(to, 0700);
  UNIT_STATUS(file_tree_copy(from, to, ".mark", &error), STATUS_OK, &error);
  char *text = unit_read_file(unit_in(to, "mesh/grid"), NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_STRING_EQUAL(text, "1 2 3\n");
  CU_ASSERT_EQUAL(mode_of(unit_in(to, "mesh/grid")), 0440);
  CU_ASSERT_EQUAL(mode_of(unit_in(to, "run.sh")), 0750);
  CU_ASSERT_EQUAL(mode_of(unit_in(to, "mesh")), 0555);
  CU_ASSERT_EQUAL(mode_of(to), 0700);
  CU_ASSERT_TRUE(leads_to(unit_in(to, "grid"), "mesh/grid"));
  CU_ASSERT_TRUE(leads_to(unit_in(to, "out"), outside)); // the link, not what is behind it
  CU_ASSERT_TRUE(leads_to(unit_in(to, "dangling"), "nowhere"));
  CU_ASSERT_FALSE(unit_exists(unit_in(to, ".mark")));
  free(text);

  // What is outside survives the end of the copy and of the case.
  UNIT_STATUS(file_tree_remove(to, NULL, nobody, &error), STATUS_OK, &error);
  UNIT_STATUS(file_tree_remove(from, NULL, nobody, &error), STATUS_OK, &error);
  CU_ASSERT_FALSE(unit_exists(to));
  CU_ASSERT_FALSE(unit_exists(from));
  CU_ASSERT_TRUE(unit_exists(unit_in(outside, "precious")));
  free(from), free(to), free(outside);
  unit_tmpdir_remove(directory);
}

static void test_copy_fails(void) {
  struct error error = {0};
  char *directory = unit_tmpdir(), *from = unit_path(directory, "from"), *to = unit_path(directory, "to");
  UNIT_STATUS(file_tree_copy(from, to, NULL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "from: cannot be copied: No such file"));
  make_directory(from, 0755);
  UNIT_STATUS(file_tree_copy(from, to, NULL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "to: cannot be filled: No such file"));
  make_directory(to, 0755);
  CU_ASSERT_EQUAL(mkfifo(unit_in(from, "pipe"), 0666), 0);
  UNIT_STATUS(file_tree_copy(from, to, NULL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "from/pipe: cannot be copied: it is a pipe"));
  unlink(unit_in(from, "pipe"));
  unit_write_file(unit_in(from, "a"), "a", 1);
  unit_write_file(unit_in(to, "a"), "b", 1); // it writes over nothing
  UNIT_STATUS(file_tree_copy(from, to, NULL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "from/a: cannot be copied: File exists"));
  free(from), free(to);
  unit_tmpdir_remove(directory);
}

// A server of files that fails in the middle of a directory is no end of it.
static void test_unreadable(void) {
  struct error error = {0};
  char *directory = unit_tmpdir(), *from = unit_path(directory, "from"), *to = unit_path(directory, "to");
  make_directory(from, 0755);
  make_directory(to, 0755);
  for (int i = 0; i < 5; i++) unit_write_file(unit_in(from, (const char[]){(char)('a' + i), 0}), "x", 1);
  entries_left = 4;
  UNIT_STATUS(file_tree_copy(from, to, NULL, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "from: cannot be read: Input/output error"));
  entries_left = 4;
  UNIT_STATUS(file_tree_remove(from, NULL, nobody, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "from: cannot be read: Input/output error"));
  entries_left = -1;
  free(from), free(to);
  unit_tmpdir_remove(directory);
}

static void count(void *who) { ++*(int *)who; }

static void test_remove(void) {
  struct error error = {0};
  int waits = 0;
  char *directory = unit_tmpdir(), *link = unit_path(directory, "link"), *top = unit_path(directory, "top");
  char path[4096];
  make_directory(top, 0755);
  size_t used = (size_t)snprintf(path, sizeof path, "%s", top);
  for (int depth = 0; depth < 50; depth++) { // a deep tree, with files that nobody may touch
    used += (size_t)snprintf(path + used, sizeof path - used, "/d%d", depth);
    make_directory(path, 0755);
  }
  for (int i = 0; i < 1000; i++) {
    snprintf(path, sizeof path, "%s/%d", top, i);
    unit_write_file(path, "x", 1);
  }
  CU_ASSERT_EQUAL(chmod(unit_in(top, "d0"), 0), 0); // as a program may leave it
  CU_ASSERT_EQUAL(symlink(top, link), 0);
  UNIT_STATUS(file_tree_remove(link, NULL, nobody, &error), STATUS_IO, &error); // a link is no directory
  CU_ASSERT_TRUE(error_said(&error, "link: cannot be removed"));
  CU_ASSERT_TRUE(unit_exists(unit_in(top, "7")));
  UNIT_STATUS(file_tree_remove(top, "999", (struct file_tree_waiting){count, &waits}, &error), STATUS_OK, &error);
  CU_ASSERT_FALSE(unit_exists(top));
  CU_ASSERT(waits >= 1000);
  UNIT_STATUS(file_tree_remove(top, NULL, nobody, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "top: cannot be removed: No such file"));
  free(link), free(top);
  unit_tmpdir_remove(directory);
}

static void test_source(void) {
  struct error error = {0};
  char *directory = unit_tmpdir(), *from = unit_path(directory, "from"), *link = unit_path(directory, "link");
  UNIT_STATUS(file_tree_check_source(from, unit_in(directory, "to"), &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_said(&error, "from: No such file"));
  unit_write_file(from, "x", 1);
  UNIT_STATUS(file_tree_check_source(from, unit_in(directory, "to"), &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_said(&error, "from: is a file, not a directory"));
  unlink(from);
  make_directory(from, 0755);
  CU_ASSERT_EQUAL(symlink("from", link), 0);
  const char *const inside[] = {"from", "from/to", "from/not/yet/there", "link/to"};
  for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
    UNIT_STATUS(file_tree_check_source(from, unit_in(directory, inside[i]), &error), STATUS_USAGE, &error);
    CU_ASSERT_TRUE(error_said(&error, "would be copied into itself"));
  }
  UNIT_STATUS(file_tree_check_source(link, unit_in(from, "to"), &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_said(&error, "would be copied into itself"));
  UNIT_STATUS(file_tree_check_source(from, directory, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_said(&error, "where its copies would be"));
  const char *const beside[] = {"to", "from2", "fro", "not/yet/there"};
  for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
    UNIT_STATUS(file_tree_check_source(from, unit_in(directory, beside[i]), &error), STATUS_OK, &error);
  free(from), free(link);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a copy has the files, modes and links, and nothing from behind a link", test_copy},
      {"what cannot be copied is named, and nothing is written over", test_copy_fails},
      {"a directory that cannot be read to its end is named", test_unreadable},
      {"a tree of any depth and mode is removed, and no link is followed", test_remove},
      {"a source is a directory beside its copies", test_source},
  };
  return unit_run("file_tree", cases, sizeof cases / sizeof *cases);
}
