// The live line at the bottom of a terminal, as a pure function of what it shows.
#ifndef CORSAC_LEARNER_RUN_STATUS_LINE_H
#define CORSAC_LEARNER_RUN_STATUS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATUS_LINE_TREND = 12, STATUS_LINE_SIZE = 512 };

struct status_line {
  uint64_t steps, total;
  unsigned returns;                // how many there were; the newest STATUS_LINE_TREND are kept
  double trend[STATUS_LINE_TREND]; // mean returns of rows; return number n stands at n % STATUS_LINE_TREND
  double steps_per_s, utd, lag;    // NaN: not known yet, and left out
  uint32_t actors_alive, actors, actors_lost;
  double seconds_left, seconds_to_checkpoint; // not finite: not known
  char wait[64];                              // the call of an environment that takes long; "": none
};
void status_line_add_return(struct status_line *line, double value);

struct status_line_style {
  unsigned width; // columns
  bool colour, unicode;
};

// Returns the style of this terminal: its width, whether NO_COLOR (any text) forbids colours, and whether the locale's
// characters are UTF-8.
struct status_line_style status_line_style(void);

// Formats the line in at most style->width columns: the least important parts are left out until the rest fits. Returns
// the text's length.
size_t status_line_format(const struct status_line *line, const struct status_line_style *style,
                          char text[STATUS_LINE_SIZE]);
#endif
