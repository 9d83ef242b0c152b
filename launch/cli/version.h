// What `corsac --version` prints.
#ifndef CORSAC_LAUNCH_CLI_VERSION_H
#define CORSAC_LAUNCH_CLI_VERSION_H

#include <stdbool.h>
#include <stdio.h>

// Prints "corsac 0.1.0". verbose: also what it was built with and what it runs on, for a bug report.
void version_print(FILE *out, bool verbose);

#endif
