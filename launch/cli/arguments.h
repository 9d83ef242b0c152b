// The arguments of every subcommand but `train`: a few flags and values of its own, and operands.
#ifndef CORSAC_LAUNCH_CLI_ARGUMENTS_H
#define CORSAC_LAUNCH_CLI_ARGUMENTS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

// One argument: --name sets *flag, or --name TEXT and --name=TEXT set *value. One of flag and value is NULL. A name of
// one letter is given with one dash: -o TEXT.
struct argument {
  const char *name;
  bool *flag;
  const char **value;
};
enum { ARGUMENTS_MAX_KNOWN = 16 };

// Reads arguments and at most one operand; operand NULL: none is allowed. What is not given stays as it was. Values
// point into argv. STATUS_USAGE with a message that names the argument, the most similar known one, and the help.
enum status arguments_parse(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                            const char **operand, struct error *error);

// The same with up to `limit` operands, *operand_count of them given.
enum status arguments_parse_many(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                                 const char **operands, size_t limit, size_t *operand_count, struct error *error);

// The name that was probably meant, or NULL.
const char *arguments_suggest(const char *word, const char *const *names, size_t count);

#endif
