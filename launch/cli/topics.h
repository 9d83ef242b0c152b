// The topics of the manual: launch/manual/TOPIC.md, embedded by the build.
#ifndef CORSAC_LAUNCH_CLI_TOPICS_H
#define CORSAC_LAUNCH_CLI_TOPICS_H

#include "launch/cli/embedded.h"

// The topic's page, NULL if there is none of this name.
const char *topics_find(const char *name);

// What the topic is about, one line: of its first heading "# Start: build corsac, ..." what stands after the colon.
// Returns the length.
size_t topics_summary(const char *page, const char **summary);

#endif
