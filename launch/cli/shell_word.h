// Words of commands that are shown to be copied into a shell.
#ifndef CORSAC_LAUNCH_CLI_SHELL_WORD_H
#define CORSAC_LAUNCH_CLI_SHELL_WORD_H

#include <stddef.h>

// text as one word of a POSIX shell: as it is, or 'quoted' where it has to be, each ' as '\''. Cut at size - 1 bytes:
// 4 for each of text's and 3 more are enough.
void shell_word(const char *text, char *word, size_t size);

#endif
