// How the subcommands print JSON.
#ifndef CORSAC_LAUNCH_CLI_JSON_H
#define CORSAC_LAUNCH_CLI_JSON_H

#include "common/base/status.h"
#include "common/base/json_text.h"
#include <jansson.h>
#include <stdint.h>

// Prints the value and a newline on standard output (streams_output) and releases it. NULL, or a standard output that
// cannot be written, is an error. Numbers keep every bit: a double reads back to the same double.
enum status json_print(json_t *value, struct error *error);
// A count or a seed, exactly: a number, or text where it is above 2^63 - 1, the most that a number of JSON has here.
json_t *json_count(uint64_t value);
#endif
