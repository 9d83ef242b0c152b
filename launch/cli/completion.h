// The completion of bash: commands, topics, options and their values.
#ifndef CORSAC_LAUNCH_CLI_COMPLETION_H
#define CORSAC_LAUNCH_CLI_COMPLETION_H

#include <stdio.h>

// Writes the function and its `complete`. It is made of the commands' help and of the table of options.
void completion_print(FILE *out);

#endif
