#include "common/base/json.h"

#include "common/base/printable.h"
#include "common/base/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text) {
  const size_t size = 4 * strlen(text) + 1; // \xNN for each byte
  char *shown = malloc(size);
  if (!shown) return NULL;
  const size_t length = printable_copy(shown, size, text);
  json_t *string = json_stringn_nocheck(shown, length);
  free(shown);
  return string;
}

json_t *json_count(uint64_t value) {
  char text[32];
  if (value <= INT64_MAX) return json_integer((json_int_t)value);
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  return json_string(text);
}

// Takes `value` over. Returns the array, or NULL, and then the array is released.
static json_t *append(json_t *array, json_t *value) {
  if (array && json_array_append_new(array, value) == 0) return array;
  json_decref(array);
  return NULL;
}

json_t *json_doubles(const double *values, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count && array; i++) array = append(array, json_real(values[i]));
  return array;
}

json_t *json_floats(const float *values, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count && array; i++) array = append(array, json_real((double)values[i]));
  return array;
}

enum status json_print(json_t *value, struct error *error) {
  if (!value) return error_set(error, STATUS_FAILED, "no JSON: a number is not finite, or memory ran out");
  enum status status = STATUS_OK;
  if (json_dumpf(value, streams_output(), JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0 ||
      putc('\n', streams_output()) == EOF)
    status = error_set(error, STATUS_IO, "cannot write to standard output");
  json_decref(value);
  return status;
}
