#include "launch/cli/version.h"

#include "common/base/version.h"
#include "common/nn/linalg.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static char *print(bool verbose) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  version_print(out, verbose);
  fclose(out);
  return text;
}

static void test_short(void) {
  char *text = print(false);
  CU_ASSERT_STRING_EQUAL(text, "corsac " CORSAC_VERSION "\n");
  free(text);
}

// The line of this name, whose text begins with the prefix.
static bool has_line(const char *text, const char *name, const char *prefix) {
  char start[128];
  snprintf(start, sizeof start, "\n  %-12s %s", name, prefix);
  return strstr(text, start) != NULL;
}

static void test_verbose(void) {
  char *text = print(true);
  CU_ASSERT_EQUAL(strncmp(text, "corsac " CORSAC_VERSION "\n", strlen("corsac " CORSAC_VERSION "\n")), 0);
  CU_ASSERT_TRUE(has_line(text, "MPI", "Open MPI v"));
  CU_ASSERT_TRUE(has_line(text, "BLAS", "OpenBLAS "));
  CU_ASSERT_TRUE(has_line(text, "BLAS kernel", linalg_core_name()));
  CU_ASSERT_TRUE(has_line(text, "own kernels", ""));
  CU_ASSERT_TRUE(has_line(text, "HDF5", "1."));
  CU_ASSERT_TRUE(has_line(text, "compiler", ""));
  CU_ASSERT_TRUE(has_line(text, "flags", "-std=c11 -O"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, __VERSION__));
  free(text);
}

int main(void) {
  static const struct unit_case cases[] = {{"--version is one line", test_short},
                                           {"verbose: libraries, kernels, compiler and flags", test_verbose}};
  return unit_run("version", cases, sizeof cases / sizeof *cases);
}
