#include "learner/run/status_line.h"

#include "common/base/clock.h"
#include "common/base/digits.h"
#include "common/base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void status_line_add_return(struct status_line *line, double value) {
  line->trend[line->returns++ % STATUS_LINE_TREND] = value;
}

struct status_line_style status_line_style(void) {
  const char *forbidden = getenv("NO_COLOR"), *locale = getenv("LC_ALL");
  if (!locale || !locale[0]) locale = getenv("LC_CTYPE");
  if (!locale || !locale[0]) locale = getenv("LANG");
  return (struct status_line_style){.width = log_terminal_width(),
                                    .colour = !forbidden || !forbidden[0],
                                    .unicode = locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"))};
}

// 1234567 as "1,234,567".
static void format_count(uint64_t value, char *text, size_t size) {
  char digits[32];
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
  digits_group(digits, text, size);
}

// The newest returns as bars between the least and the greatest of them. In ASCII a word instead: whether the newer
// half's mean lies above or below the older half's.
static void format_trend(const struct status_line *line, bool unicode, char *text, size_t size) {
  static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const unsigned count = line->returns < STATUS_LINE_TREND ? line->returns : STATUS_LINE_TREND;
  double low = INFINITY, high = -INFINITY, half[2] = {0, 0};
  size_t used = 0;
  text[0] = '\0';
  if (count < 2) return;
  for (unsigned i = 0; i < count; i++) {
    const double value = line->trend[(line->returns - count + i) % STATUS_LINE_TREND];
    low = fmin(low, value);
    high = fmax(high, value);
    half[2 * i >= count] += value / (2 * i >= count ? count - (count + 1) / 2 : (count + 1) / 2);
  }
  const double range = high - low, change = half[1] - half[0];
  if (!unicode) {
    snprintf(text, size, " %s", change > 0.1 * range ? "up" : change < -0.1 * range ? "down" : "level");
    return;
  }
  used += (size_t)snprintf(text, size, " ");
  for (unsigned i = 0; i < count && used + 4 < size; i++) {
    const double value = line->trend[(line->returns - count + i) % STATUS_LINE_TREND];
    const int bar = range > 0 ? (int)fmin(7, 8 * (value - low) / range) : 3;
    used += (size_t)snprintf(text + used, size - used, "%s", bars[bar]);
  }
}

// A part of the line. A part without text is left out, and so are those with the highest `drop` until the line fits.
enum look { PLAIN, BOLD, DIM, ALARM };
struct part {
  char text[96];
  enum look look;
  int drop; // 0 to PARTS - 1
};
enum { PARTS = 11 };

static size_t columns(const char *text) {
  size_t count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
  return count;
}

static void fill_progress(const struct status_line *line, bool unicode, struct part *part) {
  char steps[32], total[32];
  format_count(line->steps, steps, sizeof steps);
  format_count(line->total, total, sizeof total);
  const double share = line->total ? fmin(1, (double)line->steps / (double)line->total) : 1;
  part[0] = (struct part){.look = BOLD, .drop = 0};
  snprintf(part[0].text, sizeof part[0].text, "%.0f %%", floor(100 * share));
  part[1] = (struct part){.look = DIM, .drop = 6};
  snprintf(part[1].text, sizeof part[1].text, "%s of %s steps", steps, total);
  part[2] = (struct part){.look = BOLD, .drop = 1};
  part[3] = (struct part){.look = PLAIN, .drop = 4};
  if (line->returns == 0) return;
  snprintf(part[2].text, sizeof part[2].text, "return %.4g", line->trend[(line->returns - 1) % STATUS_LINE_TREND]);
  format_trend(line, unicode, part[3].text, sizeof part[3].text);
}

static void fill_rates(const struct status_line *line, struct part *part) {
  char steps[32];
  part[0] = (struct part){.look = PLAIN, .drop = 3};
  if (isfinite(line->steps_per_s)) {
    format_count((uint64_t)fmax(0, line->steps_per_s), steps, sizeof steps);
    snprintf(part[0].text, sizeof part[0].text, "%s steps/s", steps);
  }
  part[1] = (struct part){.look = DIM, .drop = 7};
  if (isfinite(line->utd)) snprintf(part[1].text, sizeof part[1].text, "utd %.2f", line->utd);
  part[2] = (struct part){.look = DIM, .drop = 8};
  if (isfinite(line->lag)) snprintf(part[2].text, sizeof part[2].text, "lag %.3g", line->lag);
}

static void fill_actors(const struct status_line *line, struct part *part) {
  const bool missing = line->actors_lost > 0 || line->actors_alive < line->actors;
  *part = (struct part){.look = missing ? ALARM : DIM, .drop = missing ? 2 : 5};
  snprintf(part->text, sizeof part->text, "actors %u/%u", line->actors_alive, line->actors);
  const size_t used = strlen(part->text);
  if (line->actors_lost > 0) snprintf(part->text + used, sizeof part->text - used, " (%u failed)", line->actors_lost);
}

static void fill_times(const struct status_line *line, struct part *part) {
  char time[32];
  part[0] = (struct part){.look = PLAIN, .drop = 2};
  if (isfinite(line->seconds_left)) {
    clock_format_duration(line->seconds_left, time, sizeof time);
    snprintf(part[0].text, sizeof part[0].text, "%s left", time);
  }
  part[1] = (struct part){.look = DIM, .drop = 9};
  if (isfinite(line->seconds_to_checkpoint)) {
    clock_format_duration(line->seconds_to_checkpoint, time, sizeof time);
    snprintf(part[1].text, sizeof part[1].text, "checkpoint in %s", time);
  }
}

// Returns the blanks before a part: two, and none before the trend, which brings its own.
static size_t gap(const struct part part[PARTS], int i, bool first) { return first || part[i].text[0] == ' ' ? 0 : 2; }

static size_t width_of(const struct part part[PARTS]) {
  size_t width = 0;
  for (int i = 0; i < PARTS; i++)
    if (part[i].text[0]) width += columns(part[i].text) + gap(part, i, width == 0);
  return width;
}

size_t status_line_format(const struct status_line *line, const struct status_line_style *style,
                          char text[STATUS_LINE_SIZE]) {
  static const char *const begins[] = {"", "\033[1m", "\033[2m", "\033[31m"};
  struct part part[PARTS];
  fill_progress(line, style->unicode, part);
  fill_rates(line, part + 4);
  fill_actors(line, part + 7);
  fill_times(line, part + 8);
  part[10] = (struct part){.look = ALARM, .drop = 3};
  snprintf(part[10].text, sizeof part[10].text, "%s", line->wait);
  for (int drop = PARTS - 1; drop >= 0 && width_of(part) > style->width; drop--)
    for (int i = 0; i < PARTS; i++)
      if (part[i].drop == drop) part[i].text[0] = '\0';
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < PARTS; i++) {
    if (!part[i].text[0]) continue;
    const bool drawn = style->colour && part[i].look != PLAIN;
    used += (size_t)snprintf(text + used, STATUS_LINE_SIZE - used, "%*s%s%s%s", (int)gap(part, i, used == 0), "",
                             drawn ? begins[part[i].look] : "", part[i].text, drawn ? "\033[0m" : "");
    if (used >= STATUS_LINE_SIZE) return STATUS_LINE_SIZE - 1;
  }
  return used;
}
