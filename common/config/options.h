// All options of corsac, in one table (options_table.c): name, type, default, range, resume rule, help. The command
// line
// (--batch-size), YAML (batch_size), `corsac options`, --help, /config in a checkpoint, the rule on resume and the
// suggestions for a misspelt key all come from it.
#ifndef CORSAC_COMMON_CONFIG_OPTIONS_H
#define CORSAC_COMMON_CONFIG_OPTIONS_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>
#include <stdio.h>

enum option_type {
  OPTION_TEXT,
  OPTION_BOOL,
  OPTION_COUNT,
  OPTION_NUMBER,
  OPTION_AUTO,
  OPTION_ENTROPY,
  OPTION_WIDTHS,
  OPTION_NUMBERS,
  OPTION_CHOICE,
  OPTION_LINES // the path of a file of lines, or these lines themselves
};

enum option_rule {
  OPTION_FIXED,      // a resumed run keeps it; another value is an error
  OPTION_FREE,       // a resumed run may change it
  OPTION_FREE_ASYNC, // free in async mode, fixed in sync mode
  OPTION_INVOCATION  // belongs to one start and not to the job (run_dir, config, resume, recipe)
};

struct option {
  const char *name; // batch_size; on the command line --batch-size
  enum option_type type;
  enum option_rule rule;
  size_t offset;            // in struct config
  const char *default_text; // parsed like a user's value
  double low, high;         // of COUNT, NUMBER, AUTO, ENTROPY, WIDTHS, NUMBERS: the range, both ends allowed
  const char *choices;      // of CHOICE: "a|b|c"
  const char *group, *help; // help: one line, with units
};

size_t options_count(void);

// The options in the order of the table; NULL past its end.
const struct option *options_at(size_t index);

// By its YAML name; NULL if unknown.
const struct option *options_find(const char *name);

// The known name that is nearest by edit distance, or NULL if none is near.
const char *options_suggest(const char *name);

void options_defaults(struct config *config);

// Parses text into *field, which is of the option's type. where: "--batch-size", or "run.yaml:3: batch_size"; the
// message begins with it and says the range or the form that would be right. Fails with STATUS_USAGE.
enum status option_parse(const struct option *option, void *field, const char *text, const char *where,
                         struct error *error);

// The same into the option's field of config.
enum status option_set(const struct option *option, struct config *config, const char *text, const char *where,
                       struct error *error);

// Writes the value as option_set takes it. Doubles round-trip (%.17g where %g does not).
void option_get(const struct option *option, const struct config *config, char *text, size_t size);

// Writes "256,256", as option_get does for an option of this type.
void option_format_widths(const struct config_widths *widths, char *text, size_t size);

// An option that a command line gave, with its text.
struct option_given {
  const struct option *option;
  const char *text; // points into argv, or a literal
};
enum { OPTIONS_MAX_GIVEN = 128 };

// Reads --name value, --name=value and, for a BOOL, --name and --no-name, from argv[0] on, in their order. given has
// room for OPTIONS_MAX_GIVEN. An unknown option is an error that names the nearest one.
enum status options_parse(int argc, char **argv, struct option_given *given, size_t *count, struct error *error);

enum status options_apply(const struct option_given *given, size_t count, struct config *config, struct error *error);

// Reads YAML over what config holds: a mapping of option names to scalars (WIDTHS and NUMBERS may be sequences). An
// empty value means the option's default. Errors (STATUS_USAGE; STATUS_IO where the file cannot be read) name file,
// line, key and the nearest known key.
enum status options_read_yaml(const char *path, struct config *config, struct error *error);
enum status options_parse_yaml(const char *text, size_t length, const char *name, struct config *config,
                               struct error *error);

// Writes every option of the table as YAML that options_parse_yaml reads back to the same struct. config, resume
// and recipe, which no file may give, are written as "". Returns the length without the terminator, as snprintf does;
// text may be NULL with size 0.
size_t options_format_yaml(const struct config *config, char *text, size_t size);

// Checks what concerns several options: target_subset <= critics, utd > 0 in sync, env given ... STATUS_USAGE with the
// names of both keys.
enum status options_check(const struct config *config, struct error *error);

// The part of it that concerns networks, which is asked of a file's configuration too.
enum status options_check_networks(const struct config *config, struct error *error);

// Whether the environment is a program of its own below the actor: exec:, gym:, pettingzoo:, fmi: (unless its task says
// otherwise), or a plugin with isolate.
bool options_has_child(const struct config *config);

// Whether --isolate would change something: the environment is a plugin that one actor runs in its own process.
bool options_can_isolate(const struct config *config);

// Whether a resume of this job has to keep the option's value.
bool options_is_fixed(const struct option *option, const struct config *config);

// Applies the resume rule. `now` is the saved configuration with the given options applied. A fixed option that changed
// is an error that names the key and both values, and says what to do.
enum status options_check_resume(const struct config *saved, const struct config *now, struct error *error);

// Prints the options of a group, or of all groups where it is NULL, each with its default and range.
void options_print_help(FILE *out, const char *group);

#endif
