#include "launch/cli/json.h"

#include "common/base/streams.h"

#include <stdio.h>

enum status json_print(json_t *value, struct error *error) {
  if (!value) return error_set(error, STATUS_FAILED, "no JSON: a number is not finite, or memory ran out");
  enum status status = STATUS_OK;
  if (json_dumpf(value, streams_output(), JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0 ||
      putc('\n', streams_output()) == EOF)
    status = error_set(error, STATUS_IO, "cannot write to standard output");
  json_decref(value);
  return status;
}

json_t *json_count(uint64_t value) {
  char text[32];
  if (value <= INT64_MAX) return json_integer((json_int_t)value);
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  return json_string(text);
}
