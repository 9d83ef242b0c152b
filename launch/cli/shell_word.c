#include "launch/cli/shell_word.h"

#include <stdio.h>
#include <string.h>

void shell_word(const char *text, char *word, size_t size) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  if (text[0] && text[strspn(text, plain)] == 0) {
    snprintf(word, size, "%s", text);
    return;
  }
  size_t used = (size_t)snprintf(word, size, "'");
  for (; *text && used + 6 < size; text++)
    if (*text == '\'')
      used += (size_t)snprintf(word + used, size - used, "'\\''");
    else
      word[used++] = *text;
  snprintf(word + used, size - used, "'");
}
