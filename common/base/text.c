#include "common/base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

size_t text_append(char *text, size_t size, size_t used, const char *format, ...) {
  const bool fits = used < size;
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(fits ? text + used : NULL, fits ? size - used : 0, format, arguments);
  va_end(arguments);
  return length > 0 ? used + (size_t)length : used;
}
