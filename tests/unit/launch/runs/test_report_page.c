#include "launch/runs/report_page.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static char *page_of(const char *const *paths, size_t count) {
  struct run_set runs = {0};
  struct error error = {0};
  char *text = NULL;
  size_t size;
  UNIT_STATUS_FATAL(run_set_read("report", paths, count, true, &runs, &error), STATUS_OK, &error);
  FILE *page = open_memstream(&text, &size);
  UNIT_STATUS(report_page_write(&runs, page, &error), STATUS_OK, &error);
  fclose(page);
  run_set_release(&runs);
  return text;
}

// Pendulum-v1 has a preset: options as it sets them are no differences.
static void test_one(void) {
  char *directory = unit_tmpdir(), *run = runs_make(directory, "it's <run>", "seed: 7\nutd: 2", 30, -300);
  const char *paths[] = {run};
  char *text = page_of(paths, 1);
  static const char *const parts[] = {"<h1>Pendulum-v1",
                                      "it&#39;s &lt;run&gt;",
                                      "What is not as in",
                                      ">utd<",
                                      "<h2>Learning</h2>",
                                      "<svg",
                                      "<h2>Checkpoints</h2>",
                                      "None yet.",
                                      "2 failures of environments",
                                      "tensorboard --logdir",
                                      "&#39;\\&#39;&#39;s &lt;run"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, parts[i]));
  CU_ASSERT_FALSE_FATAL(strstr(text, "<run>"));
  CU_ASSERT_FALSE(strstr(text, "nan"));
  free(text), free(run);
  unit_tmpdir_remove(directory);
}

static void test_empty(void) {
  char *directory = unit_tmpdir(), *run = runs_make(directory, "run", "seed: 7", 0, 0);
  const char *paths[] = {run};
  char *text = page_of(paths, 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "metrics.csv has no rows yet"));
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "state unknown"));
  CU_ASSERT_FALSE(strstr(text, "<svg"));
  free(text), free(run);
  unit_tmpdir_remove(directory);
}

static void test_several(void) {
  char *directory = unit_tmpdir(), *a = runs_make(directory, "a", "seed: 1", 20, -300),
       *b = runs_make(directory, "b", "seed: 2", 20, -200), *c = runs_make(directory, "c", "utd: 2", 20, -100);
  const char *paths[] = {a, b, c};
  char *text = page_of(paths, 3);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "<h1>3 runs</h1>"));
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "utd 2"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "one standard deviation"));
  free(text), free(a), free(b), free(c);
  unit_tmpdir_remove(directory);
}

static void test_base(void) {
  struct config config, base;
  bool has_preset;
  options_defaults(&config);
  strcpy(config.env, "Pendulum-v1");
  CU_ASSERT_EQUAL(report_page_base(&config, &base, &has_preset, NULL), STATUS_OK);
  CU_ASSERT_TRUE_FATAL(has_preset);
  CU_ASSERT_TRUE(base.batch_size != config.batch_size);
  strcpy(config.env, "./solver.so");
  CU_ASSERT_EQUAL(report_page_base(&config, &base, &has_preset, NULL), STATUS_OK);
  CU_ASSERT_FALSE_FATAL(has_preset);
  CU_ASSERT_EQUAL(base.batch_size, config.batch_size);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a page has all its parts, and every text is escaped", test_one},
      {"a run that has only begun has a page too", test_empty},
      {"several runs stand side by side, grouped", test_several},
      {"a run is compared with its environment's preset, or with the defaults", test_base},
  };
  return unit_run("report_page", cases, sizeof cases / sizeof *cases);
}
