// A page of Markdown as text for people: on a terminal, or in a file.
#ifndef CORSAC_LAUNCH_CLI_TERMINAL_PAGE_H
#define CORSAC_LAUNCH_CLI_TERMINAL_PAGE_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stdio.h>

// bold: headings and code are bold by escape sequences; else code keeps its backticks. columns: a paragraph with longer
// lines is filled anew; 0: every line stays as it was written.
enum status terminal_page_print(FILE *out, const char *markdown, bool bold, size_t columns, struct error *error);

#endif
