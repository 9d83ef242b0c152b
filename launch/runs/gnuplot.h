// gnuplot as a child process.
#ifndef CORSAC_LAUNCH_RUNS_GNUPLOT_H
#define CORSAC_LAUNCH_RUNS_GNUPLOT_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdio.h>

// Runs a script through a pipe. What it draws becomes the file `output`, whole or not at all. STATUS_FAILED where
// gnuplot is missing (the error says how to install it), complains (the error holds its words), or takes longer than a
// minute.
enum status gnuplot_draw(const char *script, size_t size, const char *output, struct error *error);

// Writes `text` as a string of gnuplot's: no character in it ends the string.
void gnuplot_quote(FILE *script, const char *text);
#endif
