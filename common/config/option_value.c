// Values of options: from text into struct config, and from there to text.
#include "common/config/options_impl.h"
#include "common/base/printable.h"
#include "common/config/cases.h"
#include "common/base/suggest.h"
#include "common/base/text.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORD_SIZE = 64 }; // longer words are no numbers

// --- numbers, switches, lists ---

// Copies digits, sign, point and exponent; an underscore between two digits is left out. Returns false for any other
// character, so that blanks, hexadecimal numbers and "inf" are refused.
static bool clean_number(const char *text, char clean[WORD_SIZE]) {
  size_t used = 0;
  for (size_t i = 0; text[i]; i++) {
    if (text[i] == '_' && i > 0 && isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1])) continue;
    if (!strchr("0123456789+-.eE", text[i]) || used == WORD_SIZE - 1) return false;
    clean[used++] = text[i];
  }
  clean[used] = '\0';
  return used > 0;
}

static bool parse_number(const char *text, double *value) {
  char clean[WORD_SIZE], *end;
  if (!clean_number(text, clean)) return false;
  *value = strtod(clean, &end) + 0; // -0 becomes 0
  const bool underflowed = *value == 0 && strcspn(clean, "123456789") < strcspn(clean, "eE");
  return *end == '\0' && isfinite(*value) && !underflowed;
}

// Splits "25e2" into its digits without trailing zeros ("25") and the number of places that the integer has (4).
// Returns false where the text is no integer.
static bool split_integer(const char *text, char digits[WORD_SIZE], long *count, long *places) {
  long point = 0, exponent = 0;
  bool fraction = false;
  *count = 0;
  for (; isdigit((unsigned char)*text) || (*text == '.' && !fraction); text++) {
    fraction |= *text == '.';
    if (*text != '.') digits[(*count)++] = *text;
    point += *text != '.' && !fraction;
  }
  if (*count == 0) return false;
  if (*text == 'e' || *text == 'E') {
    if (!isdigit((unsigned char)text[1 + (text[1] == '+' || text[1] == '-')])) return false;
    char *end;
    exponent = strtol(text + 1, &end, 10);
    text = end;
    if (exponent < -2 * WORD_SIZE) exponent = -2 * WORD_SIZE; // a word has fewer digits than that
    if (exponent > 2 * WORD_SIZE) exponent = 2 * WORD_SIZE;
  }
  while (*count > 0 && digits[*count - 1] == '0') (*count)--;
  *places = *count == 0 ? 0 : point + exponent;
  return *text == '\0' && *places >= *count;
}

// 1000000, 1_000_000, 1e6 or 2.5e3. The integer is read digit by digit, since a double does not hold every integer.
static bool parse_count(const char *text, uint64_t *value) {
  char clean[WORD_SIZE], digits[WORD_SIZE];
  long count, places;
  if (!clean_number(text, clean) || !split_integer(clean + (clean[0] == '+'), digits, &count, &places)) return false;
  uint64_t result = 0;
  for (long i = 0; i < places; i++) {
    const uint64_t digit = i < count ? (uint64_t)(digits[i] - '0') : 0;
    if (result > (UINT64_MAX - digit) / 10) return false;
    result = 10 * result + digit;
  }
  *value = result;
  return true;
}

bool option_parse_bool(const char *text, bool *value) {
  static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
  for (int i = 0; i < 8; i++) {
    if (strcasecmp(text, words[i]) == 0) {
      *value = i >= 4;
      return true;
    }
  }
  return false;
}

// Compares integers as integers: as a double 2^53 + 1 would be 2^53. No uint64_t is above OPTION_ANY_SEED.
static bool in_range_exactly(const struct option *option, uint64_t value) {
  return value >= (uint64_t)option->low && (option->high == OPTION_ANY_SEED || value <= (uint64_t)option->high);
}

// Takes the next word of a list with commas. Blanks around a word are allowed. Returns false where there is no word
// that could be a number; *text is NULL after the last one.
static bool take_word(const char **text, char word[WORD_SIZE]) {
  *text += strspn(*text, " ");
  const size_t length = strcspn(*text, " ,");
  if (length >= WORD_SIZE) return false;
  memcpy(word, *text, length);
  word[length] = '\0';
  *text += length;
  *text += strspn(*text, " ");
  if (**text != '\0' && **text != ',') return false;
  *text = **text ? *text + 1 : NULL;
  return true;
}

static bool parse_widths(const struct option *option, const char *text, struct config_widths *widths) {
  *widths = (struct config_widths){0};
  if (!*text && !*option->default_text) return true; // empty: those of another option
  while (text) {
    char word[WORD_SIZE];
    uint64_t width;
    if (widths->count == CONFIG_MAX_HIDDEN || !take_word(&text, word)) return false;
    if (!parse_count(word, &width) || !in_range_exactly(option, width)) return false;
    widths->width[widths->count++] = (uint32_t)width;
  }
  return true;
}

static bool in_range(const struct option *option, double value) {
  return value >= option->low && value <= option->high;
}

static bool parse_numbers(const struct option *option, const char *text, struct config_numbers *numbers) {
  *numbers = (struct config_numbers){0};
  if (!*text) return true;
  while (text) {
    char word[WORD_SIZE];
    double value;
    if (numbers->count == CONFIG_MAX_NUMBERS || !take_word(&text, word)) return false;
    if (!parse_number(word, &value) || !in_range(option, value)) return false;
    numbers->value[numbers->count++] = value;
  }
  return true;
}

static bool is_choice(const char *choices, const char *text) {
  size_t length = strlen(text);
  while (*choices) {
    size_t next = strcspn(choices, "|");
    if (next == length && strncmp(choices, text, length) == 0) return true;
    choices += next + (choices[next] == '|');
  }
  return false;
}

const char *option_suggest_choice(const char *choices, const char *text, char words[OPTION_CHOICES_SIZE]) {
  struct suggestion suggestion = {.word = text};
  snprintf(words, OPTION_CHOICES_SIZE, "%s", choices);
  for (char *word = words, *next; word; word = next) {
    next = strchr(word, '|');
    if (next) *next++ = '\0';
    suggest_try(&suggestion, word, 3);
  }
  return suggestion.name;
}

// Printable UTF-8 that fits into the field.
static bool is_text(const char *text) {
  if (strlen(text) >= CONFIG_TEXT) return false;
  for (size_t length; *text; text += length) {
    length = printable_length(text);
    if (length == 0) return false;
  }
  return true;
}

// --- what a message says of a value ---

// Writes the fewest digits (6 at least) that read back to the same double.
static void format_number(double value, char *text, size_t size) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (strtod(text, NULL) == value) return;
  }
}

void option_describe_range(const struct option *option, char *text, size_t size) {
  char low[32], high[32];
  format_number(option->low, low, sizeof low);
  bool whole = option->type == OPTION_COUNT || option->type == OPTION_WIDTHS;
  if (whole)
    snprintf(high, sizeof high, "%.0f", option->high);
  else
    format_number(option->high, high, sizeof high);
  if (option->high == OPTION_ANY_SEED) snprintf(high, sizeof high, "2^64 - 1");
  if (option->high == OPTION_ANY_COUNT) snprintf(high, sizeof high, "2^53");
  snprintf(text, size, "%s to %s", low, high);
}

void option_describe_form(const struct option *option, char *text, size_t size) {
  char range[80];
  option_describe_range(option, range, sizeof range);
  switch (option->type) {
  case OPTION_TEXT:
    if (*option->default_text)
      snprintf(text, size, "printable UTF-8 text of 1 to %d bytes", CONFIG_TEXT - 1);
    else
      snprintf(text, size, "printable UTF-8 text of less than %d bytes", CONFIG_TEXT);
    break;
  case OPTION_BOOL: snprintf(text, size, "true or false"); break;
  case OPTION_COUNT: snprintf(text, size, "an integer from %s", range); break;
  case OPTION_NUMBER: snprintf(text, size, "a number from %s", range); break;
  case OPTION_AUTO: snprintf(text, size, "auto, or a number from %s", range); break;
  case OPTION_ENTROPY:
    snprintf(text, size, "auto, a number from %s, such a number for each action dimension (-0.5n), or sigma:0.15",
             range);
    break;
  case OPTION_WIDTHS:
    snprintf(text, size, "1 to %d integers from %s with commas between them", CONFIG_MAX_HIDDEN, range);
    if (!*option->default_text) text_append(text, size, strlen(text), ", or nothing");
    break;
  case OPTION_NUMBERS:
    snprintf(text, size, "1 to %d numbers from %s with commas between them, or nothing", CONFIG_MAX_NUMBERS, range);
    break;
  case OPTION_CHOICE: snprintf(text, size, "one of %s", option->choices); break;
  case OPTION_LINES: snprintf(text, size, "the path of a file, printable UTF-8 of less than %d bytes", CONFIG_TEXT);
  }
}

// --- the target of the entropy ---

static const char SIGMA[] = "sigma:";

// Reads auto, -3, -0.5n or sigma:0.15.
static bool parse_entropy(const struct option *option, const char *text, struct config_entropy *entropy) {
  const size_t length = strlen(text);
  char word[WORD_SIZE];
  *entropy = (struct config_entropy){.is_auto = strcasecmp(text, "auto") == 0};
  if (entropy->is_auto) return true;
  if (strncasecmp(text, SIGMA, sizeof SIGMA - 1) == 0) {
    entropy->form = CONFIG_ENTROPY_SIGMA;
    return parse_number(text + sizeof SIGMA - 1, &entropy->value) && entropy->value >= 1e-9 &&
           in_range(option, entropy->value);
  }
  if (length >= WORD_SIZE) return false;
  snprintf(word, sizeof word, "%s", text);
  if (length > 0 && (word[length - 1] == 'n' || word[length - 1] == 'N')) {
    entropy->form = CONFIG_ENTROPY_PER_ACTION;
    word[length - 1] = '\0';
  }
  return parse_number(word, &entropy->value) && in_range(option, entropy->value);
}

static void format_entropy(const struct config_entropy *entropy, char *text, size_t size) {
  char number[32];
  format_number(entropy->value, number, sizeof number);
  if (entropy->is_auto)
    snprintf(text, size, "auto");
  else
    snprintf(text, size, "%s%s%s", entropy->form == CONFIG_ENTROPY_SIGMA ? SIGMA : "", number,
             entropy->form == CONFIG_ENTROPY_PER_ACTION ? "n" : "");
}

// --- a value of any type ---

enum status option_parse(const struct option *option, void *field, const char *text, const char *where,
                         struct error *error) {
  uint64_t count;
  double number;
  bool flag;
  struct config_widths widths;
  switch (option->type) {
  case OPTION_TEXT:
    if (!is_text(text) || (!*text && *option->default_text)) break; // no default: the empty text means something
    snprintf(field, CONFIG_TEXT, "%s", text);
    return STATUS_OK;
  case OPTION_BOOL:
    if (!option_parse_bool(text, &flag)) break;
    *(bool *)field = flag;
    return STATUS_OK;
  case OPTION_COUNT:
    if (!parse_count(text, &count) || !in_range_exactly(option, count)) break;
    *(uint64_t *)field = count;
    return STATUS_OK;
  case OPTION_NUMBER:
    if (!parse_number(text, &number) || !in_range(option, number)) break;
    *(double *)field = number;
    return STATUS_OK;
  case OPTION_AUTO: {
    bool is_auto = strcasecmp(text, "auto") == 0;
    if (!is_auto && (!parse_number(text, &number) || !in_range(option, number))) break;
    *(struct config_auto *)field = (struct config_auto){.is_auto = is_auto, .value = is_auto ? 0 : number};
    return STATUS_OK;
  }
  case OPTION_ENTROPY: {
    struct config_entropy entropy;
    if (!parse_entropy(option, text, &entropy)) break;
    *(struct config_entropy *)field = entropy;
    return STATUS_OK;
  }
  case OPTION_WIDTHS:
    if (!parse_widths(option, text, &widths)) break;
    *(struct config_widths *)field = widths;
    return STATUS_OK;
  case OPTION_NUMBERS: {
    struct config_numbers numbers;
    if (!parse_numbers(option, text, &numbers)) break;
    *(struct config_numbers *)field = numbers;
    return STATUS_OK;
  }
  case OPTION_CHOICE:
    if (!is_choice(option->choices, text)) break;
    snprintf(field, CONFIG_CHOICE, "%s", text);
    return STATUS_OK;
  case OPTION_LINES:
    if (strchr(text, '\n')) return cases_parse(text, strlen(text), where, field, error);
    if (!is_text(text)) break;
    strncpy(field, text, CONFIG_CASES); // pads with zeros
    return STATUS_OK;
  }
  char form[200], words[OPTION_CHOICES_SIZE];
  option_describe_form(option, form, sizeof form);
  const char *choices = option->type == OPTION_BOOL ? "true|false|yes|no|on|off" : option->choices;
  const char *near = choices ? option_suggest_choice(choices, text, words) : NULL;
  return error_set(error, STATUS_USAGE, "%s: must be %s, not \"%.100s\"%s%s%s", where, form, text,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

enum status option_set(const struct option *option, struct config *config, const char *text, const char *where,
                       struct error *error) {
  return option_parse(option, (char *)config + option->offset, text, where, error);
}

void option_format_widths(const struct config_widths *widths, char *text, size_t size) {
  size_t used = 0;
  if (size > 0) text[0] = '\0';
  for (uint32_t i = 0; i < widths->count; i++)
    used = text_append(text, size, used, "%s%" PRIu32, i ? "," : "", widths->width[i]);
}

static void format_numbers(const struct config_numbers *numbers, char *text, size_t size) {
  size_t used = 0;
  if (size > 0) text[0] = '\0';
  for (uint32_t i = 0; i < numbers->count; i++) {
    char number[32];
    format_number(numbers->value[i], number, sizeof number);
    used = text_append(text, size, used, "%s%s", i ? "," : "", number);
  }
}

void option_get(const struct option *option, const struct config *config, char *text, size_t size) {
  const void *field = (const char *)config + option->offset;
  switch (option->type) {
  case OPTION_TEXT:
  case OPTION_CHOICE:
  case OPTION_LINES: snprintf(text, size, "%s", (const char *)field); break;
  case OPTION_BOOL: snprintf(text, size, "%s", *(const bool *)field ? "true" : "false"); break;
  case OPTION_COUNT: snprintf(text, size, "%" PRIu64, *(const uint64_t *)field); break;
  case OPTION_NUMBER: format_number(*(const double *)field, text, size); break;
  case OPTION_AUTO: {
    const struct config_auto *value = field;
    if (value->is_auto)
      snprintf(text, size, "auto");
    else
      format_number(value->value, text, size);
    break;
  }
  case OPTION_ENTROPY: format_entropy(field, text, size); break;
  case OPTION_WIDTHS: option_format_widths(field, text, size); break;
  case OPTION_NUMBERS: format_numbers(field, text, size); break;
  }
}
