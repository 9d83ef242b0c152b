// Building a text in a buffer of a fixed size.
#ifndef CORSAC_COMMON_BASE_TEXT_H
#define CORSAC_COMMON_BASE_TEXT_H

#include <stddef.h>

// Formats behind the first `used` characters of text (size bytes, which may be 0). Returns the new number of
// characters. It counts those that did not fit, as snprintf's result does, and may be passed as `used` again.
size_t text_append(char *text, size_t size, size_t used, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
