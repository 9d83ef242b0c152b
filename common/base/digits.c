#include "common/base/digits.h"

#include <string.h>

void digits_group(const char *digits, char *text, size_t size) {
  const size_t length = strlen(digits);
  size_t used = 0;
  for (size_t i = 0; i < length && used + 2 < size; i++) {
    if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') text[used++] = ',';
    text[used++] = digits[i];
  }
  text[used] = '\0';
}
