// Parts of a page that stands alone: it needs no network, and suits light and dark screens and a phone.
#ifndef CORSAC_LAUNCH_RUNS_HTML_H
#define CORSAC_LAUNCH_RUNS_HTML_H

#include <stdio.h>

// Writes any text so that an element or a quoted attribute shows it as it is. Bytes that are not printable become \n or
// \xNN (common/base/printable.h).
void html_text(FILE *page, const char *text);

// The same of a formatted text.
void html_printf(FILE *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

void html_begin(FILE *page, const char *title);
void html_end(FILE *page);
#endif
