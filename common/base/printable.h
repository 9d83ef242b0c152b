// Texts that others wrote (a plugin's reason, a file's name, a message) as they may be shown: on one line, and without
// anything that a terminal or a reader of the log would take for an order. Escapes move the cursor or set a title, a
// newline forges a line of the log, and what is no UTF-8 makes JSON and HTML unreadable. The log (log.h), error
// messages (status.h), JSON and HTML pages pass all texts through here, so nobody else need.
#ifndef CORSAC_COMMON_BASE_PRINTABLE_H
#define CORSAC_COMMON_BASE_PRINTABLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

// Length of the UTF-8 character that begins at `text`; 0 at the end of the text, and if it is not printable: a control
// character, a line break, one that turns the direction of writing, or no UTF-8.
size_t printable_length(const char *text);

// Copies `from` into out (size, at least 1), which always ends with a 0. A byte that is not printable becomes \n, \t,
// \r or \xNN. What does not fit is left out, from a whole character on. Returns the length of `out`.
size_t printable_copy(char *out, size_t size, const char *from);

// The same for one character or byte: goes on in *text, returns how long what is shown for it is, 0 at the end.
enum { PRINTABLE_CHARACTER = 8 };
size_t printable_next(const char **text, char shown[PRINTABLE_CHARACTER]);

// Prints a line: the message as it may be shown, and a newline.
void printable_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void printable_vprint(FILE *out, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#endif
