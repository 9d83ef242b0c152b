#include "launch/cli/topics.h"

#include "launch/cli/markdown.h"

#include <string.h>

const char *topics_find(const char *name) {
  for (size_t i = 0; i < manual_count; i++)
    if (strcmp(manual_table[i].name, name) == 0) return manual_table[i].text;
  return NULL;
}

size_t topics_summary(const char *page, const char **summary) {
  struct markdown_block title;
  *summary = "";
  if (!markdown_next(&page, &title)) return 0;
  const char *colon = memchr(title.text, ':', title.length);
  const size_t skipped = colon && colon[1] == ' ' ? (size_t)(colon - title.text) + 2 : 0;
  *summary = title.text + skipped;
  return title.length - skipped;
}
