// Text files that the build puts into the program (embed.sh): a table for each kind.
#ifndef CORSAC_LAUNCH_CLI_EMBEDDED_H
#define CORSAC_LAUNCH_CLI_EMBEDDED_H

#include <stddef.h>

struct embedded {
  const char *name; // the file's, without folder and ending
  const char *text; // the file
};

extern const struct embedded presets_table[], cluster_table[], examples_table[], manual_table[];
extern const size_t presets_count, cluster_count, examples_count, manual_count;

#endif
