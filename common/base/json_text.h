// Texts in JSON, which is UTF-8: Jansson refuses any other.
#ifndef CORSAC_COMMON_BASE_JSON_TEXT_H
#define CORSAC_COMMON_BASE_JSON_TEXT_H

#include <jansson.h>

// A string of `text` as common/base/printable.h shows it. The caller owns it. NULL: not enough memory.
json_t *json_text(const char *text);

#endif
