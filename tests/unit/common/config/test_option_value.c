#include "common/config/options.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct config config_default(void) {
  struct config config;
  options_defaults(&config);
  return config;
}

// Sets the option in the defaults. Returns its value as option_get shows it, or "error" if option_set refused the text,
// which then must leave the configuration as it was.
static const char *set(const char *name, const char *text) {
  static char result[CONFIG_TEXT];
  struct config config = config_default(), before = config;
  struct error error = {0};
  const struct option *option = options_find(name);
  CU_ASSERT_PTR_NOT_NULL_FATAL(option);
  if (option_set(option, &config, text, "here", &error) != STATUS_OK) {
    CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
    CU_ASSERT_NSTRING_EQUAL(error.text, "here: must be ", 14);
    CU_ASSERT_EQUAL(memcmp(&config, &before, sizeof config), 0);
    return "error";
  }
  option_get(option, &config, result, sizeof result);
  return result;
}

// An option, a text, and what becomes of it.
typedef const char *value_case[3];

static void check_values(const value_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *got = set(cases[i][0], cases[i][1]);
    if (strcmp(got, cases[i][2]) != 0) {
      printf("\n    %s %s: %s, expected %s\n", cases[i][0], cases[i][1], got, cases[i][2]);
    }
    CU_ASSERT_STRING_EQUAL(got, cases[i][2]);
  }
}
#define CHECK_VALUES(cases) check_values(cases, sizeof(cases) / sizeof *(cases))

static void test_counts(void) {
  static const value_case cases[] = {
      {"batch_size", "100", "100"},
      {"batch_size", "1", "1"},
      {"batch_size", "0", "error"},
      {"batch_size", "1048576", "1048576"},
      {"batch_size", "1048577", "error"},
      {"batch_size", "-3", "error"},
      {"batch_size", "", "error"},
      {"batch_size", "abc", "error"},
      {"batch_size", "12x", "error"},
      {"batch_size", " 12", "error"},
      {"batch_size", "0x10", "error"},
      {"batch_size", "2.5", "error"},
      {"batch_size", "2.5e1", "25"},
      {"env_steps", "1e6", "1000000"},
      {"env_steps", "1_000_000", "1000000"},
      {"env_steps", "1_0e0_2", "1000"},
      {"env_steps", "_1", "error"},
      {"env_steps", "1_", "error"},
      {"env_steps", "1__0", "error"},
      {"env_steps", "1e-1", "error"},
      {"env_steps", "1e400", "error"},
      {"env_steps", "1e", "error"},
      {"env_steps", "9007199254740992", "9007199254740992"},
      {"env_steps", "1e16", "error"},
      {"env_steps", "9007199254740993", "error"}, // 2^53 + 1, which as a double is 2^53
      {"env_steps", "9007199254740993.0", "error"},
      {"env_steps", "9007199254740992.0", "9007199254740992"},
      {"env_steps", "9.007199254740993e15", "error"},
      {"env_steps", "1.0", "1"},
      {"env_steps", "+5", "5"},
      {"env_steps", "007", "7"},
      {"env_steps", "10e-1", "1"},
      {"env_steps", "0.00000012e8", "12"},
      {"env_steps", "1e9223372036854775807", "error"},
      {"env_steps", "1e-9223372036854775808", "error"},
      {"env_steps", "1e", "error"},
      {"env_steps", "e5", "error"},
      {"env_steps", ".", "error"},
      {"env_steps", "1.2.3", "error"},
      {"env_steps", "+-5", "error"},
      {"env_steps", "-0", "error"},
      {"env_steps", "nan", "error"},
      {"env_steps", "inf", "error"},
      {"env_steps", " 5", "error"},
      {"env_steps", "5 ", "error"},
      {"env_steps", "1000000000000000000000000000000000000000000000000000000000000000000000000000000000", "error"},
      {"seed", "18446744073709551615.0", "18446744073709551615"},
      {"seed", "1.8446744073709551615e19", "18446744073709551615"},
      {"seed", "9007199254740993", "9007199254740993"},
      {"seed", "1e400", "error"},
      {"seed", "0e400", "0"},
      {"seed", "18446744073709551615", "18446744073709551615"},
      {"seed", "18446744073709551616", "error"},
      {"seed", "0", "0"},
  };
  CHECK_VALUES(cases);
}

static void test_numbers(void) {
  static const value_case cases[] = {
      {"gamma", "0", "0"},
      {"gamma", "1", "1"},
      {"gamma", "1.0000001", "error"},
      {"gamma", "-1e-9", "error"},
      {"gamma", "nan", "error"},
      {"gamma", "-0", "0"},
      {"gamma", "1e-400", "error"}, // not 0
      {"gamma", "0e-400", "0"},
      {"gamma", "0x1p-1", "error"},
      {"gamma", "0.995", "0.995"},
      {"gamma", ".5", "0.5"},
      {"tau", "0", "error"},
      {"utd", "inf", "error"},
      {"utd", "1e999", "error"},
      {"utd", "1,5", "error"},
      {"lr_actor", "3e-4", "0.0003"},
      {"gamma", "0.333333333333333314829616256247", "0.3333333333333333"},
  };
  CHECK_VALUES(cases);
}

static void test_auto(void) {
  static const value_case cases[] = {
      {"alpha", "auto", "auto"},       {"alpha", "0.2", "0.2"},        {"alpha", "-1", "error"},
      {"alpha", "automatic", "error"}, {"target_entropy", "-3", "-3"},
  };
  CHECK_VALUES(cases);
}

static void test_entropies(void) {
  static const value_case cases[] = {
      {"target_entropy", "AUTO", "auto"},
      {"target_entropy", "-0.5n", "-0.5n"},
      {"target_entropy", "-.5N", "-0.5n"},
      {"target_entropy", "0n", "0n"},
      {"target_entropy", "sigma:0.15", "sigma:0.15"},
      {"target_entropy", "Sigma:1e-9", "sigma:1e-09"},
      {"target_entropy", "sigma:0.1000000000000000055", "sigma:0.1"},
      {"target_entropy", "sigma:0", "error"},
      {"target_entropy", "sigma:-1", "error"},
      {"target_entropy", "sigma:", "error"},
      {"target_entropy", "sigma", "error"},
      {"target_entropy", "sigma:1n", "error"},
      {"target_entropy", "sigma:1e7", "error"},
      {"target_entropy", "n", "error"},
      {"target_entropy", "-n", "error"},
      {"target_entropy", "-0.5 n", "error"},
      {"target_entropy", "-0.5nn", "error"},
      {"target_entropy", "-1e7n", "error"},
      {"target_entropy", "", "error"},
  };
  CHECK_VALUES(cases);
}

static void test_switches(void) {
  static const value_case cases[] = {
      {"sync", "true", "true"}, {"sync", "On", "true"}, {"sync", "1", "true"}, {"checkpoint_replay", "no", "false"},
      {"sync", "2", "error"},   {"sync", "", "error"},
  };
  CHECK_VALUES(cases);
}

static void test_widths(void) {
  static const value_case cases[] = {
      {"hidden", "64", "64"},
      {"hidden", "64, 32 ,16", "64,32,16"},
      {"hidden", "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,8"},
      {"hidden", "1,2,3,4,5,6,7,8,9", "error"},
      {"hidden", "64,,64", "error"},
      {"hidden", "64,", "error"},
      {"hidden", "64 64", "error"},
      {"hidden", "0", "error"},
      {"hidden", "16385", "error"},
      {"hidden", "", "error"},
      {"critic_hidden", "", ""},
      {"policy_hidden", "7", "7"},
      {"policy_hidden", ",", "error"},
      {"action_low", "", ""},
      {"action_low", "-1", "-1"},
      {"action_low", "-1.5, 2e-3 ,0", "-1.5,0.002,0"},
      {"action_low", "-1,,2", "error"},
      {"action_low", "1,2,", "error"},
      {"action_low", "1 2", "error"},
      {"action_low", "-inf", "error"},
      {"action_low", "1e31", "error"},
      {"action_low",
       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,"
       "41",
       "error"},
  };
  CHECK_VALUES(cases);
}

static void test_choices(void) {
  static const value_case cases[] = {
      {"log_level", "debug", "debug"},
      {"log_level", "debu", "error"},
      {"log_level", "warn|info", "error"},
      {"log_level", "", "error"},
  };
  CHECK_VALUES(cases);
}

static void test_texts(void) {
  static const value_case cases[] = {
      {"channel_host", "", "error"},
      {"scratch", "", ""},
      {"env", "exec:./solve --mesh \"a b\"", "exec:./solve --mesh \"a b\""},
      {"env", "l\xc3\xa4ufe/\xf0\x9f\xa6\x8a", "l\xc3\xa4ufe/\xf0\x9f\xa6\x8a"},
      {"env", "a\nb", "error"},
      {"env", "a\x7f", "error"},
      {"env", "latin-1 \xe4", "error"},
      {"env", "cut \xe2\x82", "error"},
      {"env", "overlong \xc0\xaf", "error"},
      {"env", "surrogate \xed\xa0\x80", "error"},
      {"env", "line break \xe2\x80\xa8", "error"},
  };
  CHECK_VALUES(cases);
  char text[CONFIG_TEXT + 1];
  memset(text, 'x', sizeof text);
  text[CONFIG_TEXT] = '\0';
  CU_ASSERT_STRING_EQUAL(set("run_dir", text), "error");
  text[CONFIG_TEXT - 1] = '\0';
  CU_ASSERT_STRING_EQUAL(set("run_dir", text), text);
}

// Finds the range that help prints for an option, as two texts that option_set understands. Returns false if help
// prints none.
static bool printed_range(const struct option *option, char low[64], char high[64]) {
  char *text = NULL, name[64], at[80];
  size_t size;
  FILE *out = open_memstream(&text, &size);
  options_print_help(out, option->group);
  fclose(out);
  snprintf(name, sizeof name, "%s", option->name);
  for (char *c = name; *c; c++) *c = *c == '_' ? '-' : *c;
  snprintf(at, sizeof at, "--%s%s ", option->type == OPTION_BOOL ? "[no-]" : "", name);
  const char *entry = strstr(text, at), *end = strstr(entry, "; on resume");
  if (!end || end > strstr(entry, "]")) end = strstr(entry, "; of one start");
  const char *bracket = strstr(entry, "  [") + 2, *range = entry;
  bool found = false;
  for (const char *to = bracket; to && to < end && !found; to = strstr(to + 1, " to ")) { // the last part
    range = to;
    while (*range != ';' && *range != '[') range--;
    found = sscanf(range + 1, " %60[^ ] to %60[^;]", low, high) == 2;
  }
  free(text);
  if (found && strcmp(high, "2^53") == 0) snprintf(high, 64, "9007199254740992");
  if (found && strcmp(high, "2^64 - 1") == 0) snprintf(high, 64, "18446744073709551615");
  return found;
}

// option_set accepts both printed ends and refuses their neighbours outside the range.
static void test_printed_ranges(void) {
  size_t ranges = 0;
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    const bool whole = option->type == OPTION_COUNT || option->type == OPTION_WIDTHS;
    char low[64] = "", high[64] = "", below[80], above[80];
    CU_ASSERT_STRING_NOT_EQUAL(set(option->name, option->default_text), "error");
    const bool has_range = printed_range(option, low, high);
    CU_ASSERT_EQUAL(has_range, whole || option->type == OPTION_NUMBER || option->type == OPTION_AUTO ||
                                   option->type == OPTION_ENTROPY || option->type == OPTION_NUMBERS);
    if (!has_range) continue;
    ranges++;
    if (whole) {
      const unsigned long long least = strtoull(low, NULL, 10), most = strtoull(high, NULL, 10);
      snprintf(below, sizeof below, "%lld", (long long)least - 1);
      snprintf(above, sizeof above, most == UINT64_MAX ? "18446744073709551616" : "%llu", most + 1);
    } else {
      snprintf(below, sizeof below, "%.17g", nextafter(strtod(low, NULL), -INFINITY));
      snprintf(above, sizeof above, "%.17g", nextafter(strtod(high, NULL), INFINITY));
    }
    const char *const texts[4] = {low, high, below, above};
    for (int k = 0; k < 4; k++) {
      const bool refused = strcmp(set(option->name, texts[k]), "error") == 0;
      if (refused != (k >= 2)) printf("\n    %s %s\n", option->name, texts[k]);
      CU_ASSERT_EQUAL(refused, k >= 2);
    }
  }
  CU_ASSERT(ranges > 30);
}

static void test_message(void) {
  static const char *const cases[][3] = {
      {"batch_size", "x", "run.yaml:3: batch_size: must be an integer from 1 to 1048576, not \"x\""},
      {"gamma", "2", "run.yaml:3: batch_size: must be a number from 0 to 1, not \"2\""},
      {"seed", "-", "run.yaml:3: batch_size: must be an integer from 0 to 2^64 - 1, not \"-\""},
      {"sync", "x", "run.yaml:3: batch_size: must be true or false, not \"x\""},
      {"log_level", "x", "run.yaml:3: batch_size: must be one of error|warn|info|debug, not \"x\""},
      {"hidden", "x",
       "run.yaml:3: batch_size: must be 1 to 8 integers from 1 to 16384 with commas between them, not \"x\""},
      {"policy_hidden", "x",
       "run.yaml:3: batch_size: must be 1 to 8 integers from 1 to 16384 with commas between them, or nothing, not "
       "\"x\""},
      {"action_high", "x",
       "run.yaml:3: batch_size: must be 1 to 40 numbers from -1e+30 to 1e+30 with commas between them, or nothing, not "
       "\"x\""},
      {"target_entropy", "n",
       "run.yaml:3: batch_size: must be auto, a number from -1e+06 to 1e+06, such a number for each action dimension "
       "(-0.5n), or sigma:0.15, not \"n\""},
      {"log_level", "inf",
       "run.yaml:3: batch_size: must be one of error|warn|info|debug, not \"inf\"; did you mean info?"},
      {"log_level", "warning",
       "run.yaml:3: batch_size: must be one of error|warn|info|debug, not \"warning\"; did you mean warn?"},
      {"backend", "Tile",
       "run.yaml:3: batch_size: must be one of auto|tiles|openblas, not \"Tile\"; did you mean tiles?"},
      {"sync", "ture", "run.yaml:3: batch_size: must be true or false, not \"ture\"; did you mean true?"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config = config_default();
    struct error error = {0};
    option_set(options_find(cases[i][0]), &config, cases[i][1], "run.yaml:3: batch_size", &error);
    CU_ASSERT_STRING_EQUAL(error.text, cases[i][2]);
  }
}

static void test_round_trip(void) {
  struct config config = config_default(), back = config;
  const struct option *option = options_find("lr_actor");
  double value = 0.1;
  for (int i = 0; i < 1000; i++) {
    char text[64];
    value = value * 3.999 * (1 - value); // wanders over (0, 1) with all its digits
    config.lr_actor = value;
    option_get(option, &config, text, sizeof text);
    CU_ASSERT_EQUAL(option_set(option, &back, text, "", NULL), STATUS_OK);
    CU_ASSERT_EQUAL(back.lr_actor, value);
  }
  char small[4];
  config.hidden = (struct config_widths){.count = 2, .width = {256, 128}};
  option_get(options_find("hidden"), &config, small, sizeof small);
  CU_ASSERT_STRING_EQUAL(small, "256");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an integer is read to the last digit and kept within its range", test_counts},
      {"a number is read strictly and kept within its range", test_numbers},
      {"auto stands where a number may", test_auto},
      {"the target of the entropy has four forms", test_entropies},
      {"a switch takes the usual words for true and false", test_switches},
      {"widths are a list of integers", test_widths},
      {"a choice is one of its words", test_choices},
      {"a text is printable UTF-8 of a bounded length", test_texts},
      {"the printed ranges are those that are accepted, to the last integer", test_printed_ranges},
      {"the message for a refused value says what would be right", test_message},
      {"numbers read back to the last bit", test_round_trip},
  };
  return unit_run("option_value", cases, sizeof cases / sizeof *cases);
}
