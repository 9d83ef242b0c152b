// What explain says of a policy with a history, as text and as JSON.
#include "launch/policy/explain.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

enum { OBS = 2, ACT = 1, LONG = 40, MOST = LONG * (OBS + ACT) };

static const double low = -2, high = 2;

// An explanation whose slopes are 0 but for the two that are given.
struct scene {
  struct explanation shown;
  struct explain_path path;
  float obs[OBS];
  double slope[MOST], zero[2 * ACT];
};

static void scene_init(struct scene *s, uint32_t length, bool actions) {
  *s = (struct scene){.path = {.sigma = 1}};
  s->shown = (struct explanation){.file = "best.h5",
                                  .env = "Made-v0",
                                  .obs_dim = OBS,
                                  .dim = ACT,
                                  .obs = s->obs,
                                  .history = {length, OBS, ACT, actions},
                                  .slope = s->slope,
                                  .low = &low,
                                  .high = &high,
                                  .path = &s->path,
                                  .log_probability_gradient = s->zero,
                                  .log_probability_difference = s->zero};
}

// The text, which the caller frees.
static char *print(const struct scene *s) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  explain_print(out, &s->shown);
  fclose(out);
  return text;
}

static void expect(const struct scene *s, const char *const *lines, size_t count) {
  char *text = print(s);
  for (size_t i = 0; i < count; i++)
    if (!strstr(text, lines[i])) fprintf(stderr, "  no \"%s\" in:\n%s", lines[i], text);
  for (size_t i = 0; i < count; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, lines[i]));
  free(text);
}

static void test_parts(void) {
  static const char *const wanted[] = {
      "THE HISTORY of 3 observations: how far each part moves the mean",
      "\n  obs at t                    0     0.0 %   obs[0] at t                       0\n",
      "\n  action at t-1               3    36.0 %   action[0] at t-1                  3\n",
      "\n  obs at t-2                  4    64.0 %   obs[1] at t-2                     4\n"};
  struct scene s;
  scene_init(&s, 3, true);
  s.slope[1] = 4; // [o_{t-2} a_{t-2} o_{t-1} a_{t-1} o_t]
  s.slope[5] = 3;
  expect(&s, wanted, 4);
}

static void test_long(void) {
  static const char *const wanted[] = {"\n  obs at t-15                 4    64.0 %   obs[1] at t-15                   "
                                       " 4\n  all before                  3    36.0 "
                                       "%\n"};
  struct scene s;
  scene_init(&s, LONG, false);
  s.slope[(LONG - 1 - 15) * OBS + 1] = 4;
  s.slope[0] = 3;
  expect(&s, wanted, 1);
}

static void test_none(void) {
  struct scene s;
  scene_init(&s, 1, true);
  char *text = print(&s);
  CU_ASSERT_PTR_NULL(strstr(text, "HISTORY"));
  free(text);
  json_t *json = explain_json(&s.shown);
  CU_ASSERT_PTR_NOT_NULL_FATAL(json);
  CU_ASSERT_PTR_NULL(json_object_get(json, "history_slope"));
  json_decref(json);
}

static double at(const json_t *parts, size_t ago, const char *key, size_t i) {
  return json_number_value(json_array_get(json_object_get(json_array_get(parts, ago), key), i));
}

static void test_json(void) {
  struct scene s;
  scene_init(&s, 3, true);
  for (int i = 0; i < MOST; i++) s.slope[i] = i;
  json_t *json = explain_json(&s.shown);
  CU_ASSERT_PTR_NOT_NULL_FATAL(json);
  const json_t *parts = json_object_get(json, "history_slope");
  CU_ASSERT_EQUAL(json_array_size(parts), 3);
  CU_ASSERT_EQUAL(at(parts, 0, "obs", 1), 7);
  CU_ASSERT_PTR_NULL(json_object_get(json_array_get(parts, 0), "action"));
  CU_ASSERT_EQUAL(at(parts, 1, "obs", 0), 3);
  CU_ASSERT_EQUAL(at(parts, 1, "action", 0), 5);
  CU_ASSERT_EQUAL(at(parts, 2, "obs", 1), 1);
  CU_ASSERT_EQUAL(at(parts, 2, "action", 0), 2);
  json_decref(json);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"each observation and action of a history has a line, with its share and its largest component", test_parts},
      {"the far past of a long one has one line", test_long},
      {"without a history nothing is said of one", test_none},
      {"the JSON has the slopes of each", test_json},
  };
  return unit_run("explain_report", cases, sizeof cases / sizeof *cases);
}
