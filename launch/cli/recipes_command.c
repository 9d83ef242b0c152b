// corsac recipes: every recipe with what it costs, or one as a file.
#include "common/base/json.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/recipes.h"
#include "launch/cli/update_cost.h"

#include <stdio.h>
#include <stdlib.h>

enum { OBS_DIM = 17, ACT_DIM = 6 }; // those of HalfCheetah-v5 and Walker2d-v5

struct row {
  const struct embedded *recipe;
  struct recipe_words words;
  double utd, flop, cost; // of an update; of a step, plain SAC's being 1
};

static enum status make_row(const struct embedded *recipe, struct row *row, struct error *error) {
  struct config config;
  options_defaults(&config);
  const enum status status = recipes_apply(recipe->name, &config, error);
  *row = (struct row){.recipe = recipe};
  if (status != STATUS_OK) return status;
  recipes_words(recipe, &row->words);
  row->utd = config.utd;
  row->flop = update_flop(&config, OBS_DIM, ACT_DIM);
  row->cost = update_cost_of_step(&config, OBS_DIM, ACT_DIM);
  return STATUS_OK;
}

static json_t *row_json(const struct row *row, bool text) {
  json_t *object = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "name", row->recipe->name, "what", row->words.what,
                             "pays", row->words.pays, "utd", row->utd, "flop_per_update", row->flop, "cost", row->cost);
  if (text) json_object_set_new(object, "yaml", json_string(row->recipe->text));
  return object;
}

static void print_row(const struct row *row) {
  printf("%-16s %5g %10.2f %8.1f\n    %s\n    When it pays: %s\n", row->recipe->name, row->utd, row->flop * 1e-9,
         row->cost, row->words.what, row->words.pays);
}

static int compare_cost(const void *left, const void *right) {
  const double a = ((const struct row *)left)->cost, b = ((const struct row *)right)->cost;
  return (a > b) - (a < b);
}

// The cheapest first.
static enum status list(bool json, struct row *row, struct error *error) {
  enum status status = STATUS_OK;
  for (size_t i = 0; i < recipes_count && status == STATUS_OK; i++)
    status = make_row(&recipes_table[i], &row[i], error);
  if (status != STATUS_OK) return status;
  qsort(row, recipes_count, sizeof *row, compare_cost);
  json_t *rows = json ? json_array() : NULL;
  if (!json) printf("%-16s %5s %10s %8s\n", "recipe", "utd", "Gflop", "cost");
  for (size_t i = 0; i < recipes_count; i++)
    if (json)
      json_array_append_new(rows, row_json(&row[i], false));
    else
      print_row(&row[i]);
  if (json) return json_print(rows, error);
  printf(
      "\nGflop: the matrix products of one update, obs_dim %d and act_dim %d. cost: arithmetic for each environment "
      "step,\nplain SAC with two hidden layers of 256 being 1. Your own: --recipe ./FILE.yaml. `corsac recipes NAME` "
      "shows one.\n",
      OBS_DIM, ACT_DIM);
  return STATUS_OK;
}

static enum status list_all(bool json, struct error *error) {
  struct row *rows = memory_alloc(recipes_count, sizeof *rows, "the list of recipes", error);
  const enum status status = rows ? list(json, rows, error) : STATUS_MEMORY;
  memory_free(rows);
  return status;
}

static enum status show(const char *name, bool json, struct error *error) {
  const struct embedded *recipe = recipes_find(name);
  struct row row;
  if (!recipe) return recipes_unknown(name, error);
  const enum status status = make_row(recipe, &row, error);
  if (status != STATUS_OK) return status;
  if (json) return json_print(row_json(&row, true), error);
  fputs(recipe->text, stdout);
  return STATUS_OK;
}

int command_recipes(int argc, char **argv) {
  struct error error = {0};
  bool json = false;
  const char *name = NULL;
  const struct argument known[] = {{"json", &json, NULL}};
  enum status status = arguments_parse(argc, argv, "recipes", known, 1, &name, &error);
  if (status == STATUS_OK) status = name ? show(name, json, &error) : list_all(json, &error);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
