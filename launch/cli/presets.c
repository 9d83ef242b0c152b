#include "launch/cli/presets.h"

#include <string.h>

const char *presets_find(const char *env_name) {
  if (strncmp(env_name, "gym:", 4) == 0) env_name += 4; // Gymnasium has the same tasks
  for (size_t i = 0; i < presets_count; i++)
    if (strcmp(presets_table[i].name, env_name) == 0) return presets_table[i].text;
  return NULL;
}
