// Pieces of a page that stands alone: no network, light and dark, readable on a phone.
#ifndef CORSAC_LAUNCH_RUNS_HTML_H
#define CORSAC_LAUNCH_RUNS_HTML_H

#include <stdio.h>

// text as itself, in an element or in a quoted attribute, whatever is in it. Control characters become blanks.
void html_text(FILE *page, const char *text);
void html_printf(FILE *page, const char *format, ...) __attribute__((format(printf, 2, 3))); // the result, escaped
void html_begin(FILE *page, const char *title);
void html_end(FILE *page);
#endif
