// Standard output and standard error as the program got them. An environment may close or replace descriptors 0 to 2
// and stdio's streams; these do not change. Before streams_begin they are the plain ones.
#ifndef CORSAC_COMMON_BASE_STREAMS_H
#define CORSAC_COMMON_BASE_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// Call this once, before all else. A closed descriptor of 0 to 2 becomes /dev/null.
void streams_begin(void);

// For a command whose standard output is its result: from now on an environment's output goes to standard error.
void streams_keep_output(void);

// Fully buffered; on a terminal by lines.
FILE *streams_output(void);

// Buffered by lines.
FILE *streams_error(void);

// Standard error without a buffer.
int streams_error_descriptor(void);

// Restores those of 0 to 2 that were closed. One that an environment has redirected, to a log of its own, stays.
// Appends their names to `mended`, with commas between them.
void streams_mend(char *mended, size_t size);

// Writes all of the text, also to a descriptor that does not block. Returns false on failure.
bool streams_write(int descriptor, const char *text, size_t size);
#endif
