// The small layer over CUnit that every test program uses, and the few helpers that many tests need.
//
//   static void test_x(void) { CU_ASSERT_EQUAL(1 + 1, 2); }
//   int main(void) {
//     static const struct unit_case cases[] = {{"what is promised", test_x}};
//     return unit_run("file", cases, sizeof cases / sizeof *cases);
//   }
#ifndef CORSAC_TESTS_SUPPORT_UNIT_H
#define CORSAC_TESTS_SUPPORT_UNIT_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

#include <CUnit/CUnit.h>

struct unit_case {
  const char *promise; // what the case proves, as a sentence
  void (*run)(void);
};

// Runs the cases in order and prints CUnit's summary. Returns what main returns: 0, or 1 if a case failed or nothing
// was asserted.
int unit_run(const char *suite, const struct unit_case *cases, size_t count);

// The same on every rank between MPI_Init and MPI_Finalize; collective over MPI_COMM_WORLD. Rank 0 prints the summary,
// the others only their failures; the result is 1 on every rank if a case failed on any.
int unit_run_mpi(const char *suite, const struct unit_case *cases, size_t count);

// The call returns this status; where it does not, the assertion shows the error's text.
#define UNIT_STATUS(call, wanted, error)       unit_status((call), (wanted), (error), #call, __FILE__, __LINE__, false)
#define UNIT_STATUS_FATAL(call, wanted, error) unit_status((call), (wanted), (error), #call, __FILE__, __LINE__, true)
void unit_status(enum status status, enum status wanted, const struct error *error, const char *call, const char *file,
                 unsigned line, bool fatal);

// The message holds the text; prints both where it does not. error_said also clears the error, for the next call.
bool error_says(const struct error *error, const char *text);
bool error_said(struct error *error, const char *text);

// Makes an empty directory of this process under $TMPDIR or /tmp. Returns its path, to be given to unit_tmpdir_remove;
// leaves the program on failure.
char *unit_tmpdir(void);

// Removes the directory with all that is in it and frees the path.
void unit_tmpdir_remove(char *path);

// Returns "directory/name" in memory of the caller's.
char *unit_path(const char *directory, const char *name);

// The same in memory that the sixteenth call from now takes again.
char *unit_in(const char *directory, const char *name);

bool unit_exists(const char *path);
bool unit_exists_in(const char *directory, const char *name);

// Reads a whole file into memory of the caller's, with a 0 after it; size (may be NULL) gets its length. NULL if it
// cannot be read.
char *unit_read_file(const char *path, size_t *size);

// Sets the process's locale to one with a decimal comma; leaves the program where there is none. The thread's own
// locale, if it has one, stays.
void unit_set_comma_locale(void);

// Writes a whole file; leaves the program on failure.
void unit_write_file(const char *path, const void *data, size_t size);

#endif
