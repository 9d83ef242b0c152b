// Scratch directories: who may make, remove and keep them.
#include "actor/envs/scratch.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct file_tree_waiting nobody;

static enum status make(struct scratch *scratch, const char *directory, enum scratch_keep keep, struct error *error) {
  *scratch = (struct scratch){.lock = -1};
  return scratch_make(scratch, directory, "3", keep, nobody, error);
}

static void test_made_and_removed(void) {
  struct error error = {0};
  struct scratch scratch;
  char *directory = unit_tmpdir(), *work = unit_path(directory, "work"), *outside = unit_path(directory, "outside");
  CU_ASSERT_EQUAL(mkdir(outside, 0777), 0);
  unit_write_file(unit_in(outside, "precious"), "gold", 4);
  for (int i = 0; i < 3; i++) {
    UNIT_STATUS_FATAL(make(&scratch, work, SCRATCH_NEVER, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(scratch.path, unit_in(work, "3"));
    CU_ASSERT_TRUE(unit_exists(unit_in(work, "3/" SCRATCH_MARK)));
    CU_ASSERT_FALSE(unit_exists(unit_in(work, "3/result"))); // it is a new one each time
    unit_write_file(unit_in(work, "3/result"), "x", 1);
    CU_ASSERT_EQUAL(symlink(outside, unit_in(work, "3/out")), 0);
    scratch_end(&scratch, SCRATCH_NEVER, true, nobody);
    CU_ASSERT_STRING_EQUAL(scratch.path, "");
    CU_ASSERT_FALSE(unit_exists(unit_in(work, "3")));
    scratch_end(&scratch, SCRATCH_NEVER, true, nobody); // a second time does nothing
  }
  CU_ASSERT_FALSE(unit_exists(work)); // it was made for them
  CU_ASSERT_EQUAL(mkdir(work, 0777), 0);
  UNIT_STATUS_FATAL(make(&scratch, work, SCRATCH_NEVER, &error), STATUS_OK, &error);
  scratch_end(&scratch, SCRATCH_NEVER, false, nobody);
  CU_ASSERT_TRUE(unit_exists(work)); // it was there before
  CU_ASSERT_TRUE(unit_exists(unit_in(outside, "precious")));
  free(work), free(outside);
  unit_tmpdir_remove(directory);
}

static void test_kept(void) {
  static const struct {
    enum scratch_keep keep;
    bool failed;
    const char *kept; // the name of what stays
  } cases[] = {{SCRATCH_NEVER, false, NULL},       {SCRATCH_NEVER, true, NULL},    {SCRATCH_FAILED, false, NULL},
               {SCRATCH_FAILED, true, "3.failed"}, {SCRATCH_ALWAYS, false, "3.1"}, {SCRATCH_ALWAYS, true, "3.2"}};
  struct error error = {0};
  struct scratch scratch;
  char *directory = unit_tmpdir();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int again = 0; again < (cases[i].keep == SCRATCH_FAILED ? 2 : 1); again++) {
      UNIT_STATUS_FATAL(make(&scratch, directory, cases[i].keep, &error), STATUS_OK, &error);
      unit_write_file(unit_in(directory, "3/result"), again ? "new" : "old", 3);
      scratch_end(&scratch, cases[i].keep, cases[i].failed, nobody);
      CU_ASSERT_FALSE(unit_exists(unit_in(directory, "3")));
      if (!cases[i].kept) continue;
      char kept[64];
      snprintf(kept, sizeof kept, "%s/result", cases[i].kept);
      char *text = unit_read_file(unit_in(directory, kept), NULL);
      CU_ASSERT_PTR_NOT_NULL_FATAL(text);
      CU_ASSERT_STRING_EQUAL(text, again ? "new" : "old"); // of failed ones only the last stays
      free(text);
    }
  }
  CU_ASSERT_TRUE(unit_exists(unit_in(directory, "3.failed")));
  CU_ASSERT_FALSE(unit_exists(unit_in(directory, "3.3")));
  unit_tmpdir_remove(directory);
}

// What corsac did not make is refused, and left as it is.
static void test_others(void) {
  struct error error = {0};
  struct scratch scratch;
  char *directory = unit_tmpdir(), *theirs = unit_path(directory, "3"), *elsewhere = unit_path(directory, "elsewhere");
  CU_ASSERT_EQUAL(mkdir(theirs, 0777), 0);
  unit_write_file(unit_in(theirs, "precious"), "gold", 4);
  UNIT_STATUS(make(&scratch, directory, SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "/3 is there, and corsac did not make it"));
  CU_ASSERT_TRUE(unit_exists(unit_in(theirs, "precious")));

  // A link, even to a directory that corsac made.
  CU_ASSERT_EQUAL(rename(theirs, elsewhere), 0);
  unit_write_file(unit_in(elsewhere, SCRATCH_MARK), "x", 1);
  CU_ASSERT_EQUAL(symlink(elsewhere, theirs), 0);
  UNIT_STATUS(make(&scratch, directory, SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "corsac did not make it"));
  CU_ASSERT_TRUE(unit_exists(unit_in(elsewhere, "precious")));
  CU_ASSERT_EQUAL(unlink(theirs), 0);

  // A failed one is kept under a name that is somebody else's: it stays where it is.
  CU_ASSERT_EQUAL(mkdir(unit_in(directory, "3.failed"), 0777), 0);
  unit_write_file(unit_in(directory, "3.failed/precious"), "gold", 4);
  UNIT_STATUS_FATAL(make(&scratch, directory, SCRATCH_FAILED, &error), STATUS_OK, &error);
  scratch_end(&scratch, SCRATCH_FAILED, true, nobody); // logs a warning
  CU_ASSERT_TRUE(unit_exists(unit_in(directory, "3.failed/precious")));
  free(theirs), free(elsewhere);
  unit_tmpdir_remove(directory);
}

static void test_in_use(void) {
  struct error error = {0};
  struct scratch first, second;
  char *directory = unit_tmpdir();
  UNIT_STATUS_FATAL(make(&first, directory, SCRATCH_NEVER, &error), STATUS_OK, &error);
  UNIT_STATUS(make(&second, directory, SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "/3 is in use by another job: process"));
  CU_ASSERT_TRUE(unit_exists(unit_in(directory, "3/" SCRATCH_MARK)));
  scratch_end(&first, SCRATCH_NEVER, false, nobody);
  UNIT_STATUS_FATAL(make(&second, directory, SCRATCH_NEVER, &error), STATUS_OK, &error);
  scratch_end(&second, SCRATCH_NEVER, false, nobody);
  unit_tmpdir_remove(directory);
}

// The directory of a job that was killed is one that failed.
static void test_left_behind(void) {
  static const enum scratch_keep keeps[] = {SCRATCH_NEVER, SCRATCH_FAILED, SCRATCH_ALWAYS};
  static const char *const kept[] = {NULL, "3.failed/half", "3.1/half"};
  for (int i = 0; i < 3; i++) {
    struct error error = {0};
    struct scratch scratch;
    char *directory = unit_tmpdir();
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
      if (make(&scratch, directory, keeps[i], &error) != STATUS_OK) _exit(1);
      unit_write_file(unit_in(directory, "3/half"), "x", 1);
      _exit(0);
    }
    int code = 1;
    CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
    CU_ASSERT_EQUAL(code, 0);
    CU_ASSERT_TRUE(unit_exists(unit_in(directory, "3/half")));
    UNIT_STATUS_FATAL(make(&scratch, directory, keeps[i], &error), STATUS_OK, &error);
    CU_ASSERT_FALSE(unit_exists(unit_in(directory, "3/half")));
    if (kept[i]) CU_ASSERT_TRUE(unit_exists(unit_in(directory, kept[i])));
    scratch_end(&scratch, SCRATCH_NEVER, false, nobody);
    unit_tmpdir_remove(directory);
  }
}

static void test_cannot(void) {
  struct error error = {0};
  struct scratch scratch;
  char *directory = unit_tmpdir(), *work = unit_path(directory, "work");
  UNIT_STATUS(make(&scratch, unit_in(directory, "not/there"), SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "not/there cannot be made: No such file"));
  unit_write_file(work, "x", 1);
  UNIT_STATUS(make(&scratch, work, SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "work/3 cannot be made: Not a directory"));
  CU_ASSERT_TRUE(unit_exists(work));
  // No space, no right: /proc takes no directory from anybody.
  UNIT_STATUS(make(&scratch, "/proc/self/corsac", SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "/proc/self/corsac cannot be made"));
  free(work);
  unit_tmpdir_remove(directory);
}

// One that corsac made, and that may not be taken over.
static void test_not_ours_to_open(void) {
  struct error error = {0};
  struct scratch scratch;
  char *directory = unit_tmpdir(), *left = unit_path(directory, "3"), *mark = unit_path(directory, "3/" SCRATCH_MARK);
  CU_ASSERT_EQUAL(mkdir(left, 0777), 0);
  CU_ASSERT_EQUAL(mkdir(mark, 0777), 0);
  UNIT_STATUS(make(&scratch, directory, SCRATCH_NEVER, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "/3 cannot be taken over: its .corsac cannot be opened: Is a directory"));
  CU_ASSERT_EQUAL(rmdir(mark), 0);
  unit_write_file(mark, "x", 1);
  CU_ASSERT_EQUAL(chmod(mark, 0), 0);
  CU_ASSERT_EQUAL(chmod(directory, 0755), 0);
  const uid_t user = geteuid();
  if (user == 0) CU_ASSERT_EQUAL(seteuid(65534), 0); // root may open everything
  const enum status status = make(&scratch, directory, SCRATCH_NEVER, &error);
  if (user == 0) CU_ASSERT_EQUAL(seteuid(user), 0);
  UNIT_STATUS(status, STATUS_IO, &error);
  CU_ASSERT_TRUE(error_said(&error, "/3 cannot be taken over: its .corsac cannot be opened: Permission denied"));
  free(left), free(mark);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"each start has a new directory, and its end removes nothing else", test_made_and_removed},
      {"scratch_keep decides what stays", test_kept},
      {"a directory of somebody else is refused and left alone", test_others},
      {"one that is in use is refused", test_in_use},
      {"one that was left behind is taken for failed", test_left_behind},
      {"what cannot be made is named", test_cannot},
      {"one whose mark cannot be opened is refused with the reason", test_not_ours_to_open},
  };
  return unit_run("scratch", cases, sizeof cases / sizeof *cases);
}
