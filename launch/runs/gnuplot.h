// gnuplot as a child process.
#ifndef CORSAC_LAUNCH_RUNS_GNUPLOT_H
#define CORSAC_LAUNCH_RUNS_GNUPLOT_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdio.h>

// Runs a script through a pipe; what it draws becomes the file `output`, whole or not at all. STATUS_FAILED where
// gnuplot is not there (how to install it), ends with an error (its words), or takes longer than a minute.
enum status gnuplot_draw(const char *script, size_t size, const char *output, struct error *error);
// text as a string of gnuplot's that nothing in it can leave.
void gnuplot_quote(FILE *script, const char *text);
#endif
