// How the subcommands print JSON.
#ifndef CORSAC_LAUNCH_JSON_H
#define CORSAC_LAUNCH_JSON_H

#include "common/base/status.h"
#include "learner/json_text.h"
#include <jansson.h>

// Prints the value and a newline on standard output (streams_output) and releases it. NULL, or a standard output that
// cannot be written, is an error. Numbers keep every bit: a double reads back to the same double.
enum status json_print(json_t *value, struct error *error);
#endif
