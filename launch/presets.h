// The presets: launch/presets/<environment>.yaml, embedded by the build.
#ifndef CORSAC_LAUNCH_PRESETS_H
#define CORSAC_LAUNCH_PRESETS_H

#include <stddef.h>

struct preset {
  const char *name; // of the environment: the file's name without .yaml
  const char *text; // the file
};

extern const struct preset presets_table[];
extern const size_t presets_count;

// The text of the environment's preset, or NULL if it has none.
const char *presets_find(const char *env_name);

#endif
