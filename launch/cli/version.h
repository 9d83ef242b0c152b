// What `corsac --version` says.
#ifndef CORSAC_LAUNCH_CLI_VERSION_H
#define CORSAC_LAUNCH_CLI_VERSION_H

#include <stdbool.h>
#include <stdio.h>

// "corsac 0.1.0"; verbose: also what it was built with and what it runs on, a line each: what a bug report needs.
void version_print(FILE *out, bool verbose);
#endif
