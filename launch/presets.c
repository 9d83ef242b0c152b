#include "launch/presets.h"

#include <string.h>

const char *presets_find(const char *env_name) {
  for (size_t i = 0; i < presets_count; i++)
    if (strcmp(presets_table[i].name, env_name) == 0) return presets_table[i].text;
  return NULL;
}
