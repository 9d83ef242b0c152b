#include "launch/cli/version.h"

#include "common/base/version.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "learner/storage/checkpoint_head.h"

#include <mpi.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef CORSAC_FLAGS // the Makefile defines it for this file alone
#define CORSAC_FLAGS "unknown"
#endif
#ifdef __clang__
#define COMPILER "" // its __VERSION__ contains its name
#else
#define COMPILER "gcc "
#endif

static void line(FILE *out, const char *name, const char *value) { fprintf(out, "  %-12s %s\n", name, value); }

// MPI tells its version before MPI_Init, too. Some implementations give several lines; the first one has it.
static void print_mpi(FILE *out) {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "gives no version");
  text[strcspn(text, "\n")] = 0;
  line(out, "MPI", text);
}

void version_print(FILE *out, bool verbose) {
  fprintf(out, "corsac %s\n", CORSAC_VERSION);
  if (!verbose) return;
  char text[256];
  struct utsname machine;
  print_mpi(out);
  line(out, "BLAS", linalg_library());
  line(out, "BLAS kernel", linalg_core_name());
  line(out, "own kernels", tiles_best()->name);
  checkpoint_library(text, sizeof text);
  line(out, "HDF5", text);
  line(out, "compiler", COMPILER __VERSION__);
  line(out, "flags", CORSAC_FLAGS);
  if (uname(&machine) != 0) return;
  snprintf(text, sizeof text, "%.60s %.100s, %.60s", machine.sysname, machine.release, machine.machine);
  line(out, "system", text);
}
