#include "common/config/options.h"
#include "launch/cli/recipes.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_valid(void) {
  CU_ASSERT(recipes_count >= 4);
  for (size_t i = 0; i < recipes_count; i++) {
    struct config config, defaults;
    struct error error = {0};
    struct recipe_words words;
    options_defaults(&defaults);
    config = defaults;
    UNIT_STATUS_FATAL(recipes_apply(recipes_table[i].name, &config, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(memcmp(&config, &defaults, sizeof config) == 0, strcmp(recipes_table[i].name, "sac") == 0);
    recipes_words(&recipes_table[i], &words);
    CU_ASSERT(strlen(words.what) > 20);
    CU_ASSERT(strlen(words.pays) > 20);
    CU_ASSERT_TRUE(strstr(recipes_table[i].text, "arXiv:") || strstr(recipes_table[i].text, "https://")); // its source
    // What belongs to the task is the preset's.
    CU_ASSERT_STRING_EQUAL(config.env, "");
    CU_ASSERT_EQUAL(config.env_steps, defaults.env_steps);
    CU_ASSERT_EQUAL(config.learning_starts, defaults.learning_starts);
    CU_ASSERT_EQUAL(config.eval_every, defaults.eval_every);
    snprintf(config.env, sizeof config.env, "Pendulum-v1");
    UNIT_STATUS(options_check(&config, &error), STATUS_OK, &error);
  }
}

static void test_names(void) {
  struct config config;
  struct error error = {0};
  options_defaults(&config);
  UNIT_STATUS(recipes_apply("", &config, &error), STATUS_OK, &error);
  UNIT_STATUS(recipes_apply("xcq", &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "there is no recipe 'xcq'; did you mean xqc?");
  error_clear(&error);
  UNIT_STATUS(recipes_apply("rainbow", &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "flashsac, redq, sac, xqc-small, xqc"));
  error_clear(&error);
  UNIT_STATUS(recipes_apply("absent.yaml", &config, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "absent.yaml"));
  CU_ASSERT_EQUAL(config.critics, 2);
}

static void test_own_file(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "mine");
  struct config config;
  struct error error = {0};
  options_defaults(&config);
  FILE *file = fopen(path, "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  fputs("critics: 5\n", file);
  fclose(file);
  UNIT_STATUS(recipes_apply(path, &config, &error), STATUS_OK, &error); // it has a slash
  CU_ASSERT_EQUAL(config.critics, 5);
  file = fopen(path, "w");
  fputs("recipe: xqc\n", file);
  fclose(file);
  UNIT_STATUS(recipes_apply(path, &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "mine:1: recipe: goes on the command line, not into a file"));
  free(path);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every recipe is a valid configuration that leaves alone what belongs to the task", test_valid},
      {"a recipe is found by its name, and a misspelt one finds its neighbour", test_names},
      {"a path is a recipe of one's own", test_own_file},
  };
  return unit_run("recipes", cases, sizeof cases / sizeof *cases);
}
