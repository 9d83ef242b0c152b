// Standard output and standard error as the program was given them, whatever an environment does to descriptors 0 to 2
// or to stdio's streams, which it may close or have a file of its own take the place of. Before streams_begin they are
// the plain ones.
#ifndef CORSAC_COMMON_BASE_STREAMS_H
#define CORSAC_COMMON_BASE_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

void streams_begin(void); // once, first of all; what is closed of 0 to 2 becomes /dev/null
// For a command whose standard output is a result: what an environment prints goes to standard error from here on.
void streams_keep_output(void);

FILE *streams_output(void);         // fully buffered, by lines on a terminal
FILE *streams_error(void);          // by lines
int streams_error_descriptor(void); // for what is written at once

// Which of 0 to 2 were closed meanwhile: they are what they were again. One that an environment has made something else
// on purpose, a log of its own, stays. mended: names are added, with a comma between them.
void streams_mend(char *mended, size_t size);

bool streams_write(int descriptor, const char *text, size_t size); // all of it, also where it is not to block
#endif
