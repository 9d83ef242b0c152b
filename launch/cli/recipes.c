#include "launch/cli/recipes.h"

#include "common/base/suggest.h"
#include "common/config/options.h"

#include <stdio.h>
#include <string.h>

const struct embedded *recipes_find(const char *name) {
  for (size_t i = 0; i < recipes_count; i++)
    if (strcmp(recipes_table[i].name, name) == 0) return &recipes_table[i];
  return NULL;
}

static bool ends_in(const char *text, const char *ending) {
  const size_t length = strlen(text), tail = strlen(ending);
  return length > tail && strcmp(text + length - tail, ending) == 0;
}

bool recipes_is_path(const char *recipe) {
  return strchr(recipe, '/') || ends_in(recipe, ".yaml") || ends_in(recipe, ".yml");
}

enum status recipes_unknown(const char *name, struct error *error) {
  struct suggestion suggestion = {.word = name};
  char names[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < recipes_count; i++) {
    suggest_try(&suggestion, recipes_table[i].name, 3);
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", recipes_table[i].name);
  }
  if (suggestion.name)
    return error_set(error, STATUS_USAGE, "there is no recipe '%.100s'; did you mean %s?", name, suggestion.name);
  return error_set(error, STATUS_USAGE,
                   "there is no recipe '%.100s'; there are %s, and files of your own: --recipe ./FILE.yaml", name,
                   names);
}

enum status recipes_apply(const char *recipe, struct config *config, struct error *error) {
  if (!*recipe) return STATUS_OK;
  const struct embedded *known = recipes_find(recipe);
  if (!known)
    return recipes_is_path(recipe) ? options_read_yaml(recipe, config, error) : recipes_unknown(recipe, error);
  char name[64];
  snprintf(name, sizeof name, "recipe %s", known->name);
  return options_parse_yaml(known->text, strlen(known->text), name, config, error);
}

// Copies the rest of the line that begins with `start`.
static void copy_line(const char *text, const char *start, char *line, size_t size) {
  const char *at = strncmp(text, start, strlen(start)) == 0 ? text : NULL;
  if (at) at += strlen(start);
  snprintf(line, size, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
}

void recipes_words(const struct embedded *recipe, struct recipe_words *words) {
  const char *second = strchr(recipe->text, '\n');
  copy_line(recipe->text, "# ", words->what, sizeof words->what);
  copy_line(second ? second + 1 : "", "# When it pays: ", words->pays, sizeof words->pays);
}
