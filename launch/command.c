#include "launch/command.h"

#include <stdio.h>

int command_fail(const struct error *error) {
  fprintf(stderr, "corsac: %s\n", error->text);
  return status_exit_code(error->status);
}
