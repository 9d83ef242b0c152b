#include "launch/runs/svg_chart.h"

#include "launch/runs/html.h"

#include <math.h>

static const double LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 26, LABEL = 20;

// The ranges of both axes, and the rectangle of the picture that they fill.
struct frame {
  double x_low, x_high, y_low, y_high, y_step, left, right, top, bottom;
};

double svg_chart_step(double low, double high, int count) {
  const double rough = (high - low) / count, power = pow(10, floor(log10(rough))), share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

void svg_chart_number(double value, double step, double greatest, char *text, size_t size) {
  const double large = fabs(greatest);
  const double unit = large >= 1e9 ? 1e9 : large >= 1e6 ? 1e6 : large >= 1e4 ? 1e3 : 1;
  const int digits = (int)fmax(0, ceil(-log10(step / unit) - 1e-9));
  if (fabs(value) < step / 2)
    snprintf(text, size, "0");
  else
    snprintf(text, size, "%.*f%s", digits < 9 ? digits : 9, value / unit,
             unit == 1e9   ? "G"
             : unit == 1e6 ? "M"
             : unit == 1e3 ? "k"
                           : "");
}

static double at_x(const struct frame *frame, double x) {
  return frame->left + (x - frame->x_low) / (frame->x_high - frame->x_low) * (frame->right - frame->left);
}

static double at_y(const struct frame *frame, double y) {
  return frame->bottom - (y - frame->y_low) / (frame->y_high - frame->y_low) * (frame->bottom - frame->top);
}

// Chooses the ranges so that all lines and bands have room. Returns false where there is no point.
static bool fit(const struct svg_chart *chart, struct frame *frame) {
  double x = 0, low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < chart->lines; i++) {
    const struct curve *curve = chart->line[i].curve;
    for (size_t p = 0; p < curve->points; p++) {
      const double spread = chart->line[i].band ? curve->deviation[p] : 0;
      x = fmax(x, curve->x[p]);
      const double lowest = curve->mean[p] - spread;
      low = fmin(low, chart->from_zero && curve->mean[p] >= 0 ? fmax(lowest, 0) : lowest); // a band does not go below 0
      high = fmax(high, curve->mean[p] + spread);
    }
  }
  if (!(low <= high)) return false;
  if (chart->from_zero) low = fmin(low, 0), high = fmax(high, 0);
  if (chart->from_zero && high == low) high = 1;
  if (high - low < 1e-9 * fmax(fabs(high), 1e-9)) low -= fabs(low) / 2 + 0.5, high += fabs(high) / 2 + 0.5;
  const double step = svg_chart_step(low, high, 5);
  *frame = (struct frame){.x_high = x > 0 ? x : 1,
                          .y_low = step * floor(low / step + 1e-9),
                          .y_high = step * ceil(high / step - 1e-9),
                          .y_step = step,
                          .left = LEFT,
                          .right = chart->width - RIGHT,
                          .top = TOP,
                          .bottom = chart->height - BOTTOM - (chart->x_label ? LABEL : 0)};
  return true;
}

static void write_axes(FILE *page, const struct svg_chart *chart, const struct frame *frame) {
  char text[64];
  const double y_step = frame->y_step, y_most = fmax(fabs(frame->y_low), fabs(frame->y_high));
  const double x_step = svg_chart_step(frame->x_low, frame->x_high, chart->width / 110);
  for (int i = 0; i <= (int)round((frame->y_high - frame->y_low) / y_step); i++) {
    const double value = frame->y_low + i * y_step, y = at_y(frame, value);
    svg_chart_number(value, y_step, y_most, text, sizeof text);
    fprintf(page,
            "<path d=\"M%.1f %.1fH%.1f\" stroke=\"var(--line)\"/><text x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"end\">%s</text>\n",
            frame->left, y, frame->right, frame->left - 8, y + 4.5, text);
  }
  for (int i = 0; i * x_step <= frame->x_high * (1 + 1e-9); i++) {
    const double x = at_x(frame, i * x_step);
    svg_chart_number(i * x_step, x_step, frame->x_high, text, sizeof text);
    fprintf(
        page,
        "<path d=\"M%.1f %.1fv5\" stroke=\"var(--soft)\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
        x, frame->bottom, x, frame->bottom + 19, x > frame->right - 12 ? "end" : "middle", text);
  }
  fprintf(page, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"var(--soft)\"/>\n", frame->left, frame->bottom, frame->right);
  if (!chart->x_label) return;
  fprintf(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", (frame->left + frame->right) / 2,
          chart->height - 5);
  html_text(page, chart->x_label);
  fputs("</text>\n", page);
}

static void write_band(FILE *page, const struct curve *curve, const struct frame *frame, size_t colour) {
  fprintf(page, "<path fill=\"var(--c%zu)\" fill-opacity=\".18\" d=\"", colour % 8);
  for (size_t p = 0; p < curve->points; p++)
    fprintf(page, "%c%.1f %.1f", p ? 'L' : 'M', at_x(frame, curve->x[p]),
            at_y(frame, curve->mean[p] + curve->deviation[p]));
  for (size_t p = curve->points; p-- > 0;)
    fprintf(page, "L%.1f %.1f", at_x(frame, curve->x[p]),
            at_y(frame, fmax(frame->y_low, curve->mean[p] - curve->deviation[p])));
  fputs("Z\"/>\n", page);
}

static void write_line(FILE *page, const struct svg_chart_line *line, const struct frame *frame) {
  const struct curve *curve = line->curve;
  if (curve->points == 0) return;
  if (line->band) write_band(page, curve, frame, line->colour);
  fprintf(page,
          "<path fill=\"none\" stroke=\"var(--c%zu)\" stroke-width=\"%s\" stroke-opacity=\"%s\" "
          "stroke-linejoin=\"round\" d=\"",
          line->colour % 8, line->faint ? "1.3" : "2.2", line->faint ? ".45" : "1");
  for (size_t p = 0; p < curve->points; p++)
    fprintf(page, "%c%.1f %.1f", p ? 'L' : 'M', at_x(frame, curve->x[p]), at_y(frame, curve->mean[p]));
  fputs("\"/>\n", page);
  for (size_t p = 0; p < curve->points && (line->points || curve->points == 1); p++)
    fprintf(page, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.8\" fill=\"var(--c%zu)\"/>", at_x(frame, curve->x[p]),
            at_y(frame, curve->mean[p]), line->colour % 8);
}

void svg_chart_write(FILE *page, const struct svg_chart *chart) {
  struct frame frame;
  fprintf(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", chart->width, chart->height);
  html_text(page, chart->name);
  fputs("\">\n", page);
  if (fit(chart, &frame)) {
    write_axes(page, chart, &frame);
    for (size_t i = 0; i < chart->lines; i++) write_line(page, &chart->line[i], &frame);
  } else {
    fprintf(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">no values</text>\n", chart->width / 2,
            chart->height / 2);
  }
  fputs("</svg>\n", page);
}
