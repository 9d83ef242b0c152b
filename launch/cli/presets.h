// The presets: launch/presets/<environment>.yaml, embedded by the build.
#ifndef CORSAC_LAUNCH_CLI_PRESETS_H
#define CORSAC_LAUNCH_CLI_PRESETS_H

#include "launch/cli/embedded.h"

// The text of the environment's preset, or NULL if it has none. gym:ID has the preset of ID.
const char *presets_find(const char *env_name);

#endif
