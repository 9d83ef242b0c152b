#include "tests/support/unit.h"

#include <errno.h>
#include <ftw.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "tests/support/unit_impl.h"

static void die(const char *what, const char *path) {
  fprintf(stderr, "tests/support/unit.c: %s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

int unit_register(const char *suite, const struct unit_case *cases, size_t count) {
  if (CU_initialize_registry() != CUE_SUCCESS) return 1;
  CU_pSuite registered = CU_add_suite(suite, NULL, NULL);
  if (!registered) return 1;
  for (size_t i = 0; i < count; i++)
    if (!CU_add_test(registered, cases[i].promise, cases[i].run)) return 1;
  return 0;
}

int unit_run(const char *suite, const struct unit_case *cases, size_t count) {
  setvbuf(stdout, NULL, _IOLBF, 0); // a crash must not swallow the name of the case
  int failed = unit_register(suite, cases, count);
  if (failed) {
    fprintf(stderr, "%s: %s\n", suite, CU_get_error_msg());
  } else {
    CU_basic_set_mode(CU_BRM_VERBOSE);
    failed = CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_failures() > 0 || CU_get_number_of_asserts() == 0;
  }
  CU_cleanup_registry();
  return failed;
}

void unit_status(enum status status, enum status wanted, const struct error *error, const char *call, const char *file,
                 unsigned line, bool fatal) {
  char text[2048];
  snprintf(text, sizeof text, "%s is %s, not %s: \"%s\"", call, status_name(status), status_name(wanted),
           error && status != STATUS_OK ? error->text : "");
  CU_assertImplementation(status == wanted, line, text, file, "", fatal);
}

bool error_says(const struct error *error, const char *text) {
  if (strstr(error->text, text)) return true;
  fprintf(stderr, "\n    the message does not say \"%s\": \"%s\"\n", text, error->text);
  return false;
}

bool error_said(struct error *error, const char *text) {
  const bool said = error_says(error, text);
  error_clear(error);
  return said;
}

char *unit_tmpdir(void) {
  const char *base = getenv("TMPDIR");
  char *path = unit_path(base && *base ? base : "/tmp", "corsac-test-XXXXXX");
  if (!mkdtemp(path)) die("cannot make the directory", path);
  return path;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)kind, (void)walk;
  return remove(path);
}

void unit_tmpdir_remove(char *path) {
  if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) die("cannot remove", path);
  free(path);
}

char *unit_path(const char *directory, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", directory, name) < 0) die("no memory for", name);
  return path;
}

char *unit_in(const char *directory, const char *name) {
  static char path[16][4096];
  static int next;
  next = (next + 1) % 16;
  snprintf(path[next], sizeof path[next], "%s/%s", directory, name);
  return path[next];
}

bool unit_exists(const char *path) { return access(path, F_OK) == 0; }
bool unit_exists_in(const char *directory, const char *name) { return unit_exists(unit_in(directory, name)); }

char *unit_read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *data = NULL;
  size_t length = 0, capacity = 0;
  do {
    if (capacity - length < 2) {
      capacity = capacity ? 2 * capacity : 4096;
      char *larger = realloc(data, capacity);
      if (!larger) die("no memory for", path);
      data = larger;
    }
    length += fread(data + length, 1, capacity - length - 1, file);
  } while (!feof(file) && !ferror(file));
  if (ferror(file)) {
    free(data);
    data = NULL;
  } else {
    data[length] = 0;
    if (size) *size = length;
  }
  fclose(file);
  return data;
}

void unit_set_comma_locale(void) {
  const char *locales = getenv("TEST_LOCALES"); // of `make check-unit`
  setenv("LOCPATH", locales ? locales : "build/locales", 1);
  if (!setlocale(LC_ALL, "de_DE.UTF-8")) die("no locale de_DE.UTF-8 (make check-unit makes it) in", getenv("LOCPATH"));
}

void unit_write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!file) die("cannot write", path);
  if (fwrite(data, 1, size, file) != size) die("cannot write", path);
  if (fclose(file) != 0) die("cannot write", path);
}
