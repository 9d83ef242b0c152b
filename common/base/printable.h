// Makes foreign texts (a plugin's message, a file's name) safe to show. In such a text escapes could move the cursor or
// set a title, a newline could forge a line of the log, and invalid UTF-8 would make JSON and HTML unreadable. The log
// (log.h), error messages (status.h), JSON and HTML pages pass every text through here, so no other code has to.
#ifndef CORSAC_COMMON_BASE_PRINTABLE_H
#define CORSAC_COMMON_BASE_PRINTABLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

// The length of the UTF-8 character that begins at `text`. It is 0 at the end of the text and for what is not
// printable: a control character, a line break, a change of the direction of writing, invalid UTF-8.
size_t printable_length(const char *text);

// Copies `from` into out (size, at least 1), which always ends with a 0. A byte that is not printable becomes \n, \t,
// \r or \xNN. A text that does not fit is cut before a whole character. Returns the length of `out`.
size_t printable_copy(char *out, size_t size, const char *from);

// The same for one character or byte. Advances *text and returns the length of what is shown; 0 at the end.
enum { PRINTABLE_CHARACTER = 8 };
size_t printable_next(const char **text, char shown[PRINTABLE_CHARACTER]);

// Prints the printable form of the message and a newline.
void printable_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void printable_vprint(FILE *out, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#endif
