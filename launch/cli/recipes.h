// The recipes: launch/recipes/NAME.yaml, embedded by the build. A recipe is a file of options; a user's own file is one
// too.
#ifndef CORSAC_LAUNCH_CLI_RECIPES_H
#define CORSAC_LAUNCH_CLI_RECIPES_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "launch/cli/embedded.h"
#include <stdbool.h>

// NULL: there is none of that name.
const struct embedded *recipes_find(const char *name);

// Whether `recipe` is the path of a file: it has a slash, or ends in .yaml or .yml.
bool recipes_is_path(const char *recipe);

// Reads the options of `recipe` over what config holds: a name, or the path of a YAML file. "" is no recipe and
// changes nothing. STATUS_USAGE: an unknown name, with the nearest one, or a
// wrong file; STATUS_IO: the file cannot be read.
enum status recipes_apply(const char *recipe, struct config *config, struct error *error);

// Sets the message that `name` is no recipe. STATUS_USAGE.
enum status recipes_unknown(const char *name, struct error *error);

// What the comment of a recipe says: "# <what>" in its first line, "# When it pays: <pays>" in its second.
struct recipe_words {
  char what[160], pays[160];
};
void recipes_words(const struct embedded *recipe, struct recipe_words *words);

#endif
