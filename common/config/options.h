// One table of options: name, type, default, range, resume rule, help. The command line (--batch-size), YAML
// (batch_size), `corsac options`, /config in a checkpoint, the rule on resume and the suggestions for a misspelt key
// all come from it.
#ifndef CORSAC_COMMON_CONFIG_OPTIONS_H
#define CORSAC_COMMON_CONFIG_OPTIONS_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>
#include <stdio.h>

enum option_type { OPTION_TEXT, OPTION_BOOL, OPTION_COUNT, OPTION_NUMBER, OPTION_AUTO, OPTION_WIDTHS, OPTION_CHOICE };
enum option_rule {
  OPTION_FIXED,      // a resumed run keeps it; given again with another value it is an error
  OPTION_FREE,       // may change on resume
  OPTION_FREE_ASYNC, // may change on resume in async mode, fixed in sync
  OPTION_INVOCATION  // of one start, not of the job (run_dir, config, resume)
};

struct option {
  const char *name; // batch_size; on the command line --batch-size
  enum option_type type;
  enum option_rule rule;
  size_t offset;            // in struct config
  const char *default_text; // parsed like a user's value
  double low, high;         // COUNT and NUMBER: allowed range, both ends allowed
  const char *choices;      // CHOICE: "a|b|c"
  const char *group, *help; // help: one line, with units
};

size_t options_count(void);
const struct option *options_at(size_t index);
const struct option *options_find(const char *name); // by YAML name; NULL if unknown
const char *options_suggest(const char *name);       // the nearest known name by edit distance, or NULL if none is near

void options_defaults(struct config *config);
// Parses text into the option's field. where: "--batch-size", or "run.yaml:3: batch_size"; the message begins with it
// and says the range or the form that would be right. Fails with STATUS_USAGE.
enum status option_set(const struct option *option, struct config *config, const char *text, const char *where,
                       struct error *error);
// The value as option_set would take it. Doubles round-trip (%.17g where %g does not).
void option_get(const struct option *option, const struct config *config, char *text, size_t size);

// What a command line gave, in its order: option and text. Unknown ones fail and name the nearest.
struct option_given {
  const struct option *option;
  const char *text; // points into argv, or a literal
};
enum { OPTIONS_MAX_GIVEN = 128 };
// Reads --name value, --name=value and, for a BOOL, --name and --no-name, from argv[0] on; given holds
// OPTIONS_MAX_GIVEN. An argument that is no option is an error that names it.
enum status options_parse(int argc, char **argv, struct option_given *given, size_t *count, struct error *error);
enum status options_apply(const struct option_given *given, size_t count, struct config *config, struct error *error);

// YAML: a mapping of option names to scalars (hidden may be a sequence), put over what config holds; an empty one means
// the option's default. Errors (STATUS_USAGE; STATUS_IO where the file cannot be read) name file, line, key, and the
// nearest known key.
enum status options_read_yaml(const char *path, struct config *config, struct error *error);
enum status options_parse_yaml(const char *text, size_t length, const char *name, struct config *config,
                               struct error *error);
// Every option of the table, as YAML that options_parse_yaml reads back to the same struct; config and resume, which no
// file may give, are written as "". Returns the length without the terminator, as snprintf does; text may be NULL with
// size 0.
size_t options_format_yaml(const struct config *config, char *text, size_t size);

// What no single range can say: target_subset <= critics, utd > 0 in sync, env given ... STATUS_USAGE with the names of
// both keys.
enum status options_check(const struct config *config, struct error *error);
// Whether --isolate would do something: the environment is a plugin that runs in its actor's process, alone.
bool options_can_isolate(const struct config *config);
// Whether a resume of this job has to keep it.
bool options_is_fixed(const struct option *option, const struct config *config);
// Applies the resume rule: `now` is the saved configuration with the given options applied. A fixed one that changed is
// an error that names key, both values, and what to do.
enum status options_check_resume(const struct config *saved, const struct config *now, struct error *error);

void options_print_help(
    FILE *out, const char *group); // the options of a group, or of all groups where NULL, each with default and range

#endif
