// Long text on a terminal goes through $PAGER, or through less where that is installed.
#ifndef CORSAC_LAUNCH_CLI_PAGER_H
#define CORSAC_LAUNCH_CLI_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct pager {
  FILE *out;      // where the text is written: the pager, or standard output
  bool terminal;  // it is read on a terminal that knows escape sequences
  size_t columns; // of the terminal, 0 elsewhere
};

struct pager pager_begin(void);

// Waits until the reader has closed the pager. One that was closed early is no error.
void pager_end(struct pager *pager);

#endif
