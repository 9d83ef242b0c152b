#include "common/base/launcher_variables.h"

#include <stddef.h>
#include <string.h>

bool launcher_variable(const char *variable) {
  static const char *const prefixes[] = {"OMPI_", "PMIX_", "PMI_", "PRTE_"};
  if (strncmp(variable, "OMPI_ALLOW_RUN_AS_ROOT", 22) == 0) return false;
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) return true;
  return false;
}
