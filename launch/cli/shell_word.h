// Quotes words of commands, so that they can be copied into a shell.
#ifndef CORSAC_LAUNCH_CLI_SHELL_WORD_H
#define CORSAC_LAUNCH_CLI_SHELL_WORD_H

#include <stddef.h>

// Writes the text as one word of a POSIX shell: as it is, or 'quoted' where that is needed, each ' as '\''. The word is
// cut at size - 1 bytes; four times the text's length and 3 more are enough.
void shell_word(const char *text, char *word, size_t size);

#endif
