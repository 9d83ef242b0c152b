#include "launch/cli/presets.h"

#include <string.h>

const char *presets_find(const char *env_name) {
  if (strncmp(env_name, "gym:", 4) == 0) env_name += 4; // Gymnasium has the same tasks
  const size_t length = strcspn(env_name, "?");         // arguments may follow
  for (size_t i = 0; i < presets_count; i++) {
    const char *name = presets_table[i].name;
    if (strlen(name) == length && strncmp(name, env_name, length) == 0) return presets_table[i].text;
  }
  return NULL;
}
