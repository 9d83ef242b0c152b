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
  const char *name;
  const struct embedded *recipe; // NULL: a file of the user's
  struct recipe_words words;
  double utd, flop, cost; // of an update; of a step, plain SAC's being 1
};

static enum status make_row(const char *name, struct row *row, struct error *error) {
  struct config config;
  options_defaults(&config);
  *row = (struct row){.name = name, .recipe = recipes_find(name)};
  enum status status = recipes_apply(name, &config, error);
  if (status == STATUS_OK) status = options_check_networks(&config, error);
  if (status != STATUS_OK) return status;
  if (row->recipe) recipes_words(row->recipe, &row->words);
  row->utd = config.utd;
  row->flop = update_flop(&config, OBS_DIM, ACT_DIM);
  row->cost = update_cost_of_step(&config, OBS_DIM, ACT_DIM);
  return STATUS_OK;
}

// text: its file, too.
static json_t *row_json(const struct row *row, bool text) {
  json_t *object = json_pack("{s:o}", "name", json_text(row->name));
  if (row->recipe) {
    json_object_set_new(object, "what", json_string(row->words.what));
    json_object_set_new(object, "pays", json_string(row->words.pays));
  }
  json_object_set_new(object, "utd", json_real(row->utd));
  json_object_set_new(object, "flop_per_update", json_real(row->flop));
  json_object_set_new(object, "cost", json_real(row->cost));
  if (row->recipe && text) json_object_set_new(object, "yaml", json_string(row->recipe->text));
  return object;
}

static void print_head(void) { printf("%-16s %5s %10s %8s\n", "recipe", "utd", "Gflop", "cost"); }

static void print_row(const struct row *row) {
  printf("%-16s %5g %10.2f %8.1f\n", row->name, row->utd, row->flop * 1e-9, row->cost);
  if (row->recipe) printf("    %s\n    When it pays: %s\n", row->words.what, row->words.pays);
}

static int compare_cost(const void *left, const void *right) {
  const double a = ((const struct row *)left)->cost, b = ((const struct row *)right)->cost;
  return (a > b) - (a < b);
}

// The cheapest first.
static enum status list(bool json, struct row *row, struct error *error) {
  enum status status = STATUS_OK;
  for (size_t i = 0; i < recipes_count && status == STATUS_OK; i++)
    status = make_row(recipes_table[i].name, &row[i], error);
  if (status != STATUS_OK) return status;
  qsort(row, recipes_count, sizeof *row, compare_cost);
  json_t *rows = json ? json_array() : NULL;
  if (!json) print_head();
  for (size_t i = 0; i < recipes_count; i++)
    if (json)
      json_array_append_new(rows, row_json(&row[i], false));
    else
      print_row(&row[i]);
  if (json) return json_print(rows, error);
  printf("\nGflop: the matrix products of one update, obs_dim %d and act_dim %d. cost: arithmetic for each environment "
         "step,\nplain SAC with two hidden layers of 256 being 1. `corsac recipes NAME` prints one, `corsac recipes "
         "./FILE.yaml` the\ncost of your own.\n",
         OBS_DIM, ACT_DIM);
  return STATUS_OK;
}

static enum status list_all(bool json, struct error *error) {
  struct row *rows = memory_alloc(recipes_count, sizeof *rows, "the list of recipes", error);
  const enum status status = rows ? list(json, rows, error) : STATUS_MEMORY;
  memory_free(rows);
  return status;
}

// A recipe's file, or what the file of the user's own costs.
static enum status show(const char *name, bool json, struct error *error) {
  struct row row;
  if (!recipes_find(name) && !recipes_is_path(name)) return recipes_unknown(name, error);
  const enum status status = make_row(name, &row, error);
  if (status != STATUS_OK) return status;
  if (json) return json_print(row_json(&row, true), error);
  if (row.recipe) {
    fputs(row.recipe->text, stdout);
    return STATUS_OK;
  }
  print_head();
  print_row(&row);
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
