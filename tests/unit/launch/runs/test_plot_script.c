#include "launch/runs/plot_script.h"
#include "launch/runs/run_set.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static char *script_of(const struct run_set *runs, struct plot_request request) {
  char *text = NULL;
  size_t size;
  FILE *stream = open_memstream(&text, &size);
  request.runs = runs;
  CU_ASSERT_EQUAL(plot_script_write(&request, stream, NULL), STATUS_OK);
  fclose(stream);
  return text;
}

struct scene {
  char *directory, *path[3];
  struct run_set runs;
};

static void scene_init(struct scene *s, const char *third) {
  *s = (struct scene){.directory = unit_tmpdir()};
  s->path[0] = runs_make(s->directory, "a", "seed: 1", 40, -500);
  s->path[1] = runs_make(s->directory, "b", "seed: 2", 40, -300);
  s->path[2] = runs_make(s->directory, "c", third, 20, -400);
  const char *paths[] = {s->path[0], s->path[1], s->path[2]};
  CU_ASSERT_EQUAL_FATAL(run_set_read("plot", paths, 3, false, &s->runs, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  run_set_release(&s->runs);
  for (int i = 0; i < 3; i++) free(s->path[i]);
  unit_tmpdir_remove(s->directory);
}

static void test_curves(void) {
  struct scene s;
  scene_init(&s, "utd: 2");
  char *text = script_of(&s.runs, (struct plot_request){.format = "png"});
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "set terminal pngcairo"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "'Pendulum-v1: return'"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "$return_mean0 << EOD\n0.1 -400 "));               // mean of -500 and -300
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "$eval_return_mean0 << EOD\n0.2 -389 -530.42"));   // ... minus 200 / sqrt 2
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "$eval_return_mean1 << EOD\n0.2 -389 -389 -389")); // one run
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "'utd 1 (2 runs)'"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "'utd 2'"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "set format x '%gk'"));
  free(text);
  text = script_of(&s.runs, (struct plot_request){.format = "pdf", .time = true});
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "set terminal pdfcairo"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "'time, s'"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "$return_mean0 << EOD\n1 -400 "));
  free(text);
  scene_release(&s);
}

static void test_sheet(void) {
  struct scene s;
  scene_init(&s, "utd: 2");
  char *text = script_of(&s.runs, (struct plot_request){.format = "svg", .sheet = true});
  static const char *const parts[] = {
      "$critic_loss0 << EOD\n0.1 1.5 1.5 1.5", "$entropy1 <<",  "$policy_lag_mean0 << EOD\n0.1 7.5",
      "$actor_wait1 << EOD\n0.1 20 20 20",     "'critic loss'", "'actors wait, % of their time'"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, parts[i]));
  free(text);
  scene_release(&s);
}

static void test_hostile(void) {
  struct scene s;
  scene_init(&s, "env: \"it's '; system('touch x'); '\"");
  char *text = script_of(&s.runs, (struct plot_request){.format = "svg"});
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "'it''s ''; system(''touch x''); '''"));
  free(text);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"learning curves have mean and band of each group", test_curves},
      {"the sheet has a panel for each measure", test_sheet},
      {"no text of a configuration ends its quotes", test_hostile},
  };
  return unit_run("plot_script", cases, sizeof cases / sizeof *cases);
}
