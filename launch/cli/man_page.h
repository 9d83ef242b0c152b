// Manual pages, man(7): of the program, of a command's help, and of a topic's Markdown.
#ifndef CORSAC_LAUNCH_CLI_MAN_PAGE_H
#define CORSAC_LAUNCH_CLI_MAN_PAGE_H

#include "common/base/status.h"
#include <stdio.h>

// One page: what its parts are made of. NULL: the page has no such part, except for the name: the program's own page.
struct man_page {
  const char *name;     // corsac-NAME
  const char *summary;  // one line for the section NAME
  const char *help;     // a command's help
  const char *markdown; // a topic's text
};

void man_page_print(FILE *out, const struct man_page *page);

#endif
