#include "learner/run/status_line.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct status_line_style PLAIN_WIDE = {200, false, true};

static struct status_line a_line(void) {
  struct status_line line = {.steps = 1048576,
                             .total = 2000000,
                             .steps_per_s = 5573.4,
                             .utd = 1,
                             .lag = 7.512,
                             .actors_alive = 8,
                             .actors = 8,
                             .seconds_left = 170.7,
                             .seconds_to_checkpoint = 12.04};
  for (int i = 0; i < 20; i++) status_line_add_return(&line, -1600 + 80 * i);
  return line;
}

static size_t columns(const char *text) {
  size_t count = 0;
  for (; *text; text++) {
    if (*text == '\033')
      text = strchr(text, 'm');
    else
      count += ((unsigned char)*text & 0xc0) != 0x80;
  }
  return count;
}

static void test_whole(void) {
  const struct status_line line = a_line();
  char text[STATUS_LINE_SIZE];
  CU_ASSERT_EQUAL(status_line_format(&line, &PLAIN_WIDE, text), strlen(text));
  CU_ASSERT_STRING_EQUAL(text, "52 %  1,048,576 of 2,000,000 steps  return -80 ▁▁▂▃▃▄▅▆▆▇██  5,573 steps/s  utd 1.00  "
                               "lag 7.51  actors 8/8  2m 51s left  checkpoint in 12.0s");
  struct status_line waits = line;
  snprintf(waits.wait, sizeof waits.wait, "environment 3: reset for 41 s");
  status_line_format(&waits, &PLAIN_WIDE, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "checkpoint in 12.0s  environment 3: reset for 41 s"));
  const struct status_line_style ascii = {200, false, false};
  status_line_format(&line, &ascii, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return -80 up  5,573"));
  for (const char *at = text; *at; at++) {
    CU_ASSERT_TRUE(*at >= ' ');
    CU_ASSERT_TRUE(*at < 127);
  }
}

static void test_nothing_known(void) {
  const struct status_line line = {.total = 1000,
                                   .steps_per_s = NAN,
                                   .utd = NAN,
                                   .lag = NAN,
                                   .actors = 2,
                                   .actors_alive = 2,
                                   .seconds_left = NAN,
                                   .seconds_to_checkpoint = INFINITY};
  char text[STATUS_LINE_SIZE];
  status_line_format(&line, &PLAIN_WIDE, text);
  CU_ASSERT_STRING_EQUAL(text, "0 %  0 of 1,000 steps  actors 2/2");
}

static void test_trend(void) {
  struct status_line line = {.total = 1, .steps_per_s = NAN, .utd = NAN, .lag = NAN, .seconds_left = NAN};
  char text[STATUS_LINE_SIZE];
  const struct status_line_style ascii = {200, false, false};
  status_line_add_return(&line, 5);
  status_line_format(&line, &PLAIN_WIDE, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return 5  actors")); // one return has no trend
  status_line_add_return(&line, 5);
  status_line_format(&line, &PLAIN_WIDE, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return 5 ▄▄"));
  status_line_format(&line, &ascii, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return 5 level"));
  status_line_add_return(&line, 1);
  status_line_format(&line, &PLAIN_WIDE, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return 1 ██▁"));
  status_line_format(&line, &ascii, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return 1 down"));
}

// At every width and in every style it fits, and the least important parts go first.
static void test_widths(void) {
  struct status_line line = a_line();
  line.actors_alive = 7;
  line.actors_lost = 1;
  char text[STATUS_LINE_SIZE];
  for (unsigned width = 0; width < 200; width++)
    for (int style = 0; style < 4; style++) {
      const struct status_line_style drawn = {width, style & 1, style & 2};
      status_line_format(&line, &drawn, text);
      CU_ASSERT(columns(text) <= width);
      CU_ASSERT(drawn.colour || !strchr(text, '\033'));
      CU_ASSERT(!strstr(text, "checkpoint") || strstr(text, "lag"));
      CU_ASSERT(!strstr(text, "steps/s") || strstr(text, "return"));
    }
  const struct status_line_style narrow = {79, false, true};
  status_line_format(&line, &narrow, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "actors 7/8 (1 failed)"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "2m 51s left"));
}

static void test_colour(void) {
  struct status_line line = a_line();
  line.actors_lost = 2;
  const struct status_line_style style = {200, true, true};
  char text[STATUS_LINE_SIZE];
  status_line_format(&line, &style, text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\033[1mreturn -80\033[0m"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\033[31mactors 8/8 (2 failed)\033[0m"));
}

static void test_environment(void) {
  setenv("LC_ALL", "de_DE.UTF-8", 1);
  unsetenv("NO_COLOR");
  CU_ASSERT_TRUE_FATAL(status_line_style().unicode);
  CU_ASSERT_TRUE(status_line_style().colour);
  setenv("NO_COLOR", "", 1); // only a text forbids
  CU_ASSERT(status_line_style().colour);
  setenv("NO_COLOR", "1", 1);
  setenv("LC_ALL", "C", 1);
  CU_ASSERT_FALSE_FATAL(status_line_style().unicode);
  CU_ASSERT_FALSE(status_line_style().colour);
  CU_ASSERT(status_line_style().width > 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the line shows everything that is known, in UTF-8 or in ASCII", test_whole},
      {"what is not known is left out", test_nothing_known},
      {"the trend shows the newest returns between their extremes", test_trend},
      {"the line fits every width, and the least important parts are dropped first", test_widths},
      {"parts have colours, and failed actors are red", test_colour},
      {"NO_COLOR and the locale decide the style", test_environment},
  };
  return unit_run("status_line", cases, sizeof cases / sizeof *cases);
}
