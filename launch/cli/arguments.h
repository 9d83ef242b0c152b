// The arguments of every subcommand but `train`: a few flags and values of its own, and operands.
#ifndef CORSAC_LAUNCH_CLI_ARGUMENTS_H
#define CORSAC_LAUNCH_CLI_ARGUMENTS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One argument: --name sets *flag, or --name TEXT and --name=TEXT set *value. One of flag and value is NULL. A name of
// one letter is given with one dash: -o TEXT.
struct argument {
  const char *name;
  bool *flag;
  const char **value;
};
enum { ARGUMENTS_MAX_KNOWN = 24 };

// Reads arguments and at most one operand; operand NULL: none is allowed. What is not given stays as it was. Values
// point into argv. STATUS_USAGE with a message that names the argument, the most similar known one, and the help.
enum status arguments_parse(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                            const char **operand, struct error *error);

// The words that are no arguments.
struct operands {
  const char **values; // (limit)
  size_t limit;        // how many may be given
  size_t count;        // how many are
};

// The same with several operands: sets operands->count.
enum status arguments_parse_many(int argc, char **argv, const char *command, const struct argument *known, size_t count,
                                 struct operands *operands, struct error *error);

// Reads a value of a command's own, --name, as an option of corsac is read (1e5 is an integer, too). text NULL: *value
// stays as it was. STATUS_USAGE with a message that names the range.
enum status arguments_integer(const char *name, const char *text, uint32_t low, uint32_t high, uint32_t *value,
                              struct error *error);
enum status arguments_number(const char *name, const char *text, double low, double high, double *value,
                             struct error *error);

// The name that was probably meant, or NULL.
const char *arguments_suggest(const char *word, const char *const *names, size_t count);

#endif
