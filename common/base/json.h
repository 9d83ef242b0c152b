// JSON as this program writes it: texts that Jansson accepts, counts that keep every bit, and printing.
#ifndef CORSAC_COMMON_BASE_JSON_H
#define CORSAC_COMMON_BASE_JSON_H

#include "common/base/status.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

// The caller owns what the makers return. NULL: no memory, or a number that is not finite, which JSON does not have.

// Makes a string of `text` as common/base/printable.h shows it: Jansson refuses what is no UTF-8.
json_t *json_text(const char *text);

// Makes a number of a count or a seed, or a string where it is above 2^63 - 1, Jansson's largest integer.
json_t *json_count(uint64_t value);

// Make an array of `count` numbers.
json_t *json_doubles(const double *values, size_t count);
json_t *json_floats(const float *values, size_t count);

// Prints the value and a newline on standard output (streams_output) and releases it. NULL, or a standard output that
// cannot be written, is an error. A double reads back to the same double.
enum status json_print(json_t *value, struct error *error);
#endif
