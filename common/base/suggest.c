#include "common/base/suggest.h"
#include <ctype.h>
#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static char plain(char c) { return c == '-' ? '_' : (char)tolower((unsigned char)c); }

static bool same(char a, char b) { return plain(a) == plain(b); }

size_t suggest_distance(const char *a, const char *b) {
  size_t rows[3][SUGGEST_WORD], length = strlen(b);
  size_t *before = rows[0], *above = rows[1], *row = rows[2];
  if (strlen(a) >= SUGGEST_WORD || length >= SUGGEST_WORD) return SUGGEST_WORD;
  for (size_t j = 0; j <= length; j++) row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t *recycled = before;
    before = above, above = row, row = recycled;
    row[0] = i;
    for (size_t j = 1; j <= length; j++) {
      row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + !same(a[i - 1], b[j - 1]));
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[j] = smaller(row[j], before[j - 2] + 1);
    }
  }
  return row[length];
}

bool suggest_begins(const char *a, const char *b, size_t least) {
  const size_t shorter = smaller(strlen(a), strlen(b));
  if (shorter < least) return false;
  for (size_t i = 0; i < shorter; i++) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

void suggest_try(struct suggestion *suggestion, const char *name, size_t least) {
  const size_t length = strlen(suggestion->word), limit = smaller(3, 1 + length / 4);
  const bool begins = least > 0 && suggest_begins(suggestion->word, name, least);
  const size_t distance = begins ? 1 : suggest_distance(suggestion->word, name);
  if (distance > limit || distance >= strlen(name) || (suggestion->name && distance >= suggestion->distance)) return;
  suggestion->name = name;
  suggestion->distance = distance;
}
