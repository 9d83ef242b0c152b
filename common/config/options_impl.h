// What the files of the options share: options_table.c (the table), option_value.c (text to value and back), options.c
// (names, command line, rules, help).
#ifndef CORSAC_COMMON_CONFIG_OPTIONS_IMPL_H
#define CORSAC_COMMON_CONFIG_OPTIONS_IMPL_H

#include "common/config/options.h"
#include <stdbool.h>

// Values of option.high that messages write as powers of 2.
#define OPTION_ANY_COUNT 0x1p53 // every integer up to here is a double, in JSON and in HDF5 readers too
#define OPTION_ANY_SEED  0x1p64 // one more than the largest uint64_t

// "0 to 1": what the option allows.
void option_describe_range(const struct option *option, char *text, size_t size);

// "an integer from 1 to 64": what a value has to look like.
void option_describe_form(const struct option *option, char *text, size_t size);

// "true", "off", "1" ...; false where the text is none of these.
bool option_parse_bool(const char *text, bool *value);

// Which of "a|b|c" the text probably meant, or NULL. The result points into `words`.
enum { OPTION_CHOICES_SIZE = 128 };
const char *option_suggest_choice(const char *choices, const char *text, char words[OPTION_CHOICES_SIZE]);

#endif
