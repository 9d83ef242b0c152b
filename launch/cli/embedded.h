// Text files that the build puts into the program (embed.sh makes the tables): launch/presets, launch/recipes,
// launch/cluster, launch/examples and launch/manual.
#ifndef CORSAC_LAUNCH_CLI_EMBEDDED_H
#define CORSAC_LAUNCH_CLI_EMBEDDED_H

#include <stddef.h>

struct embedded {
  const char *name; // the file's name without folder and ending
  const char *text; // its content
};

extern const struct embedded presets_table[], recipes_table[], cluster_table[], examples_table[], manual_table[];
extern const size_t presets_count, recipes_count, cluster_count, examples_count, manual_count;

#endif
