// Manual pages and the completion of bash, made of the commands' help and the table of options: `corsac help --man`,
// `corsac help --completion`.
#ifndef CORSAC_LAUNCH_CLI_MANUAL_H
#define CORSAC_LAUNCH_CLI_MANUAL_H

#include "common/base/status.h"
#include <stdio.h>

// man(7) of a help page (`text`); command NULL: of the program. summary: one line for NAME.
void manual_format(FILE *out, const char *command, const char *summary, const char *text);
// A page of the program's own: NULL, or a name that command_help knows.
enum status manual_page(FILE *out, const char *command, struct error *error);
// The function and its `complete` for bash.
enum status manual_completion(FILE *out, struct error *error);
// corsac help --man [NAME], --completion, --commands. Returns the exit status.
int command_manual(int argc, char **argv);
#endif
