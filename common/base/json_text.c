#include "common/base/json_text.h"

#include "common/base/printable.h"

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
