// A chart as inline SVG, in the colours of the page around it (html.h).
#ifndef CORSAC_LAUNCH_RUNS_SVG_CHART_H
#define CORSAC_LAUNCH_RUNS_SVG_CHART_H

#include "launch/runs/curve.h"
#include <stdio.h>

enum { SVG_CHART_LINES = 32 };

struct svg_chart_line {
  const struct curve *curve;
  size_t colour; // of the page: --c0 to --c7
  bool faint, points, band;
};

struct svg_chart {
  const char *name;    // what a screen reader says
  const char *x_label; // NULL: none
  int width, height;
  size_t lines;
  struct svg_chart_line line[SVG_CHART_LINES];
  bool from_zero; // the vertical axis includes 0
};
void svg_chart_write(FILE *page, const struct svg_chart *chart);

// Returns the distance of about `count` ticks between low and high: 1, 2 or 5 times a power of ten.
double svg_chart_step(double low, double high, int count);

// Formats a tick's number as exactly as the step asks, in the unit of the axis' greatest number: "1500", "20k", "1.5M",
// "-0.2".
void svg_chart_number(double value, double step, double greatest, char *text, size_t size);
#endif
