#include "launch/cli/arguments.h"

#include "common/base/suggest.h"
#include "common/config/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *arguments_suggest(const char *word, const char *const *names, size_t count) {
  struct suggestion suggestion = {.word = word};
  for (size_t i = 0; i < count; i++) suggest_try(&suggestion, names[i], 3); // "evaluate" for eval, "opt" for options
  return suggestion.name;
}

static enum status say_unknown(const char *text, size_t length, const char *command, const struct argument *known,
                               size_t count, struct error *error) {
  const char *names[ARGUMENTS_MAX_KNOWN];
  char word[SUGGEST_WORD] = "";
  for (size_t i = 0; i < count; i++) names[i] = known[i].name;
  if (length < sizeof word) memcpy(word, text, length);
  const char *suggestion = arguments_suggest(word, names, count);
  return error_set(error, STATUS_USAGE, "%s: there is no option --%.*s%s%s%s; see `corsac help %s`", command,
                   (int)(length < 100 ? length : 100), text, suggestion ? " (did you mean --" : "",
                   suggestion ? suggestion : "", suggestion ? "?)" : "", command);
}

// Reads the option at argv[0]. *used: how many arguments it took.
static enum status parse_option(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                                int *used, struct error *error) {
  const bool letter = argv[0][1] != '-';
  const char *name = argv[0] + (letter ? 1 : 2), *equals = letter ? NULL : strchr(name, '=');
  const size_t length = equals ? (size_t)(equals - name) : strlen(name);
  const struct argument *argument = NULL;
  for (size_t i = 0; i < count; i++)
    if (strlen(known[i].name) == length && memcmp(known[i].name, name, length) == 0 && letter == (length == 1))
      argument = &known[i];
  *used = 1;
  if (!argument && letter)
    return error_set(error, STATUS_USAGE, "%s: there is no option %.100s; see `corsac help %s`", command, argv[0],
                     command);
  if (!argument) return say_unknown(name, length, command, known, count, error);
  if (argument->flag && equals)
    return error_set(error, STATUS_USAGE, "%s: --%s takes no value", command, argument->name);
  if (argument->flag) {
    *argument->flag = true;
  } else if (equals) {
    *argument->value = equals + 1;
  } else if (argc < 2 || strncmp(argv[1], "--", 2) == 0) {
    return error_set(error, STATUS_USAGE, "%s: %s%s needs a value after it%s", command, letter ? "-" : "--",
                     argument->name, argc < 2 ? "" : "; one that begins with -- stands behind a =");
  } else {
    *argument->value = argv[1];
    *used = 2;
  }
  return STATUS_OK;
}

enum status arguments_parse_many(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                                 struct operands *operands, struct error *error) {
  assert(count <= ARGUMENTS_MAX_KNOWN);
  operands->count = 0;
  for (int i = 0, used = 1; i < argc; i += used) {
    used = 1;
    if (argv[i][0] == '-' && argv[i][1]) {
      const enum status status = parse_option(argc - i, argv + i, command, known, count, &used, error);
      if (status != STATUS_OK) return status;
    } else if (operands->count == operands->limit) {
      return error_set(error, STATUS_USAGE, "%s: unexpected argument '%.500s'; see `corsac help %s`", command, argv[i],
                       command);
    } else {
      operands->values[operands->count++] = argv[i];
    }
  }
  return STATUS_OK;
}

enum status arguments_parse(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                            const char **operand, struct error *error) {
  struct operands one = {.values = operand, .limit = operand ? 1 : 0};
  return arguments_parse_many(argc, argv, command, known, count, &one, error);
}

static enum status parse_value(const struct option *option, const char *text, void *value, struct error *error) {
  char where[80];
  snprintf(where, sizeof where, "--%s", option->name);
  return text ? option_parse(option, value, text, where, error) : STATUS_OK;
}

enum status arguments_integer(const char *name, const char *text, uint32_t low, uint32_t high, uint32_t *value,
                              struct error *error) {
  uint64_t wide = *value;
  const struct option option = {.name = name, .type = OPTION_COUNT, .low = low, .high = high};
  const enum status status = parse_value(&option, text, &wide, error);
  *value = (uint32_t)wide;
  return status;
}

enum status arguments_number(const char *name, const char *text, double low, double high, double *value,
                             struct error *error) {
  const struct option option = {.name = name, .type = OPTION_NUMBER, .low = low, .high = high};
  return parse_value(&option, text, value, error);
}
