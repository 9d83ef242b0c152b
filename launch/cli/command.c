#include "launch/cli/command.h"

#include "common/base/streams.h"

#include <stdio.h>
#include <stdlib.h>

int command_fail(const struct error *error) {
  fprintf(streams_error(), "corsac: %s\n", error->text);
  return status_exit_code(error->status);
}

bool command_first_rank(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *rank = getenv(names[i]);
    if (rank && *rank) return strtoul(rank, NULL, 10) == 0;
  }
  return true;
}
