#include "common/base/printable.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_shown(uint32_t code) {
  const bool line_break = code == 0x2028 || code == 0x2029, surrogate = code >= 0xd800 && code < 0xe000;
  const bool turns = code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069);
  const bool special = code == 0xfeff || code == 0xfffe || code == 0xffff || code > 0x10ffff;
  return !line_break && !surrogate && !turns && !special;
}

size_t printable_length(const char *text) {
  uint32_t code = (unsigned char)text[0];
  if (code < 0x80) return code >= 0x20 && code != 0x7f ? 1 : 0;
  const size_t length = code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : 2;
  static const uint32_t first[] = {0, 0, 0xa0, 0x800, 0x10000}; // smaller codes are overlong; 80..9f are controls
  if (code < 0xc2 || code > 0xf4) return 0;
  code &= 0x7fu >> length;
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3f);
  }
  return code >= first[length] && is_shown(code) ? length : 0;
}

// Spells a byte that is not printable, as C does.
static size_t spell(char spelt[PRINTABLE_CHARACTER], char byte) {
  static const char plain[] = "\n\t\r", letters[] = "ntr";
  const char *at = strchr(plain, byte);
  return (size_t)(at ? snprintf(spelt, PRINTABLE_CHARACTER, "\\%c", letters[at - plain])
                     : snprintf(spelt, PRINTABLE_CHARACTER, "\\x%02x", (unsigned char)byte));
}

size_t printable_next(const char **text, char shown[PRINTABLE_CHARACTER]) {
  const char *at = *text;
  if (!*at) return 0;
  const size_t length = printable_length(at);
  *text += length ? length : 1;
  if (!length) return spell(shown, *at);
  memcpy(shown, at, length);
  return length;
}

size_t printable_copy(char *out, size_t size, const char *from) {
  size_t used = 0, length;
  char shown[PRINTABLE_CHARACTER];
  while ((length = printable_next(&from, shown)) > 0 && used + length < size) {
    memcpy(out + used, shown, length);
    used += length;
  }
  out[used] = '\0';
  return used;
}

void printable_vprint(FILE *out, const char *format, va_list arguments) {
  char *message = NULL, shown[PRINTABLE_CHARACTER];
  if (vasprintf(&message, format, arguments) < 0) return;
  const char *at = message;
  for (size_t length; (length = printable_next(&at, shown)) > 0;) fwrite(shown, 1, length, out);
  fputc('\n', out);
  free(message);
}

void printable_print(FILE *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printable_vprint(out, format, arguments);
  va_end(arguments);
}
