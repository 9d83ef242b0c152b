#include "common/config/options.h"
#include "tests/support/unit.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct config config_default(void) {
  struct config config;
  options_defaults(&config);
  return config;
}

static void test_defaults(void) {
  struct config config = config_default();
  CU_ASSERT_STRING_EQUAL(config.env, "");
  CU_ASSERT_EQUAL(config.seed, 1);
  CU_ASSERT_EQUAL(config.env_steps, 1000000);
  CU_ASSERT_TRUE_FATAL(!config.sync);
  CU_ASSERT_TRUE(config.checkpoint_replay);
  CU_ASSERT_EQUAL(config.hidden.count, 2);
  CU_ASSERT_EQUAL(config.hidden.width[0], 256);
  CU_ASSERT_EQUAL(config.hidden.width[1], 256);
  CU_ASSERT_EQUAL(config.gamma, 0.99);
  CU_ASSERT_TRUE_FATAL(config.alpha.is_auto);
  CU_ASSERT_TRUE(config.target_entropy.is_auto);
  CU_ASSERT_EQUAL(config.replay_capacity, 1000000);
  CU_ASSERT_EQUAL(config.send_seconds, 0.1);
  CU_ASSERT_STRING_EQUAL(config.log_level, "info");
}

static void test_table(void) {
  CU_ASSERT(options_count() <= OPTIONS_MAX_GIVEN);
  CU_ASSERT_PTR_NULL(options_at(options_count()));
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    CU_ASSERT_PTR_EQUAL(options_find(option->name), option); // so no name is there twice
    for (const char *c = option->name; *c; c++) CU_ASSERT(islower(*c) || *c == '_');
    for (size_t k = 0; k < i; k++) CU_ASSERT_NOT_EQUAL(option->offset, options_at(k)->offset);
    CU_ASSERT(strlen(option->help) > 5);
    // A group is one run of the table.
    if (i > 0 && strcmp(option->group, options_at(i - 1)->group) != 0) {
      for (size_t k = 0; k < i; k++) CU_ASSERT_STRING_NOT_EQUAL(options_at(k)->group, option->group);
    }
  }
  CU_ASSERT_PTR_NULL(options_find("batch-size"));
  CU_ASSERT_PTR_NULL(options_find(""));
}

// What option_set made of text, as option_get shows it; "error" if it was refused, and then the field must be as it
// was.
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

static void test_values(void) {
  static const char *const cases[][3] = {
      // counts
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
      // numbers
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
      // auto
      {"alpha", "auto", "auto"},
      {"alpha", "0.2", "0.2"},
      {"alpha", "-1", "error"},
      {"alpha", "automatic", "error"},
      {"target_entropy", "-3", "-3"},
      // switches
      {"sync", "true", "true"},
      {"sync", "On", "true"},
      {"sync", "1", "true"},
      {"checkpoint_replay", "no", "false"},
      {"sync", "2", "error"},
      {"sync", "", "error"},
      // widths
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
      // choices
      {"log_level", "debug", "debug"},
      {"log_level", "debu", "error"},
      {"log_level", "warn|info", "error"},
      {"log_level", "", "error"},
      // text
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
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *got = set(cases[i][0], cases[i][1]);
    if (strcmp(got, cases[i][2]) != 0) {
      printf("\n    %s %s: %s, expected %s\n", cases[i][0], cases[i][1], got, cases[i][2]);
    }
    CU_ASSERT_STRING_EQUAL(got, cases[i][2]);
  }
  char text[CONFIG_TEXT + 1];
  memset(text, 'x', sizeof text);
  text[CONFIG_TEXT] = '\0';
  CU_ASSERT_STRING_EQUAL(set("run_dir", text), "error");
  text[CONFIG_TEXT - 1] = '\0';
  CU_ASSERT_STRING_EQUAL(set("run_dir", text), text);
}

// What help prints as the range of an option, as two texts that option_set understands. false: it has none.
static bool printed_range(const struct option *option, char low[64], char high[64]) {
  char *text = NULL, name[64], at[80];
  size_t size;
  FILE *out = open_memstream(&text, &size);
  options_print_help(out, option->group);
  fclose(out);
  snprintf(name, sizeof name, "%s", option->name);
  for (char *c = name; *c; c++) *c = *c == '_' ? '-' : *c;
  snprintf(at, sizeof at, "--%s%s ", option->type == OPTION_BOOL ? "[no-]" : "", name);
  const char *place = strstr(text, at), *end = strstr(place, "; on resume");
  if (!end || end > strstr(place, "]")) end = strstr(place, "; of one start");
  const char *default_end = strstr(place, "[default "), *range = place;
  bool found = false;
  for (const char *to = default_end; to && to < end && !found; to = strstr(to + 1, " to ")) { // the last part
    range = to;
    while (*range != ';' && *range != '[') range--;
    found = sscanf(range, "; %60[^ ] to %60[^;]", low, high) == 2;
  }
  free(text);
  if (found && strcmp(high, "2^53") == 0) snprintf(high, 64, "9007199254740992");
  if (found && strcmp(high, "2^64 - 1") == 0) snprintf(high, 64, "18446744073709551615");
  return found;
}

// Both ends that are printed are taken, what lies beside them is not.
static void test_printed_ranges(void) {
  size_t ranges = 0;
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    const bool whole = option->type == OPTION_COUNT || option->type == OPTION_WIDTHS;
    char low[64] = "", high[64] = "", below[80], above[80];
    CU_ASSERT_STRING_NOT_EQUAL(set(option->name, option->default_text), "error");
    const bool has_range = printed_range(option, low, high);
    CU_ASSERT_EQUAL(has_range, whole || option->type == OPTION_NUMBER || option->type == OPTION_AUTO);
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

static void test_nearest(void) {
  static const char *const cases[][2] = {
      {"batch-sise", "batch_size"},
      {"bacth_size", "batch_size"},
      {"gama", "gamma"},
      {"Hidden", "hidden"},
      {"taw", "tau"},
      {"learner_thread", "learner_threads"},
      {"evn", "env"},
      {"checkpoint_evry", "checkpoint_every"},
      {"batch_size", "batch_size"},
      {"batch", "batch_size"},
      {"sync-mode", "sync"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *suggestion = options_suggest(cases[i][0]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(suggestion);
    CU_ASSERT_STRING_EQUAL(suggestion, cases[i][1]);
  }
  CU_ASSERT_PTR_NULL(options_suggest(""));
  CU_ASSERT_PTR_NULL(options_suggest("xy"));
  CU_ASSERT_PTR_NULL(options_suggest("colour_of_the_fox"));
  char text[5000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  CU_ASSERT_PTR_NULL(options_suggest(text));
}

// Parses words (NULL at the end) and applies them to the defaults.
static enum status apply(char **words, struct config *config, struct error *error) {
  int argc = 0;
  while (words[argc]) argc++;
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count = 99;
  *config = config_default();
  enum status status = options_parse(argc, words, given, &count, error);
  if (status != STATUS_OK) {
    CU_ASSERT_EQUAL(count, 99);
    return status;
  }
  return options_apply(given, count, config, error);
}
#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

static void test_command_line(void) {
  struct config config;
  struct error error = {0};
  UNIT_STATUS(
      apply(WORDS("--env", "Pendulum-v1", "--batch-size=100", "--learning_starts", "5e2", "--sync",
                  "--no-checkpoint-replay", "--target-entropy", "-1", "--run-dir=a=b", "--seed", "1", "--seed", "2"),
            &config, &error),
      STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_STRING_EQUAL(config.env, "Pendulum-v1");
  CU_ASSERT_EQUAL(config.batch_size, 100);
  CU_ASSERT_EQUAL(config.learning_starts, 500);
  CU_ASSERT(config.sync);
  CU_ASSERT(!config.checkpoint_replay);
  CU_ASSERT_TRUE_FATAL(!config.target_entropy.is_auto);
  CU_ASSERT_EQUAL(config.target_entropy.value, -1);
  CU_ASSERT_STRING_EQUAL(config.run_dir, "a=b");
  CU_ASSERT_EQUAL(config.seed, 2); // the last one counts
  // A switch takes a value too, and leaves alone what is none.
  UNIT_STATUS(apply(WORDS("--sync", "true", "--checkpoint-replay", "0", "--critic-layer-norm", "--seed", "3",
                          "--normalize-observations=yes"),
                    &config, &error),
              STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(config.sync);
  CU_ASSERT_TRUE_FATAL(!config.checkpoint_replay);
  CU_ASSERT_TRUE_FATAL(config.critic_layer_norm);
  CU_ASSERT_TRUE(config.normalize_observations);
  CU_ASSERT_EQUAL(config.seed, 3);
  UNIT_STATUS(apply((char *[]){NULL}, &config, &error), STATUS_OK, &error);
}

static void test_command_line_refused(void) {
  static const struct {
    char *words[4];
    const char *message;
  } cases[] = {
      {{"--batch-sise", "3"}, "--batch-sise: there is no such option; did you mean --batch-size?"},
      {{"--batch_sise=3"}, "--batch_sise: there is no such option; did you mean --batch-size?"},
      {{"--no-checkpoint-reply"},
       "--no-checkpoint-reply: there is no such option; did you mean --no-checkpoint-replay?"},
      {{"--colour"}, "--colour: there is no such option; `corsac options` lists them"},
      {{"runs/p1"}, "runs/p1: is no option; options are spelt --name VALUE"},
      {{"-n", "3"}, "-n: is no option; options are spelt --name VALUE"},
      {{"--"}, "--: is no option; options are spelt --name VALUE"},
      {{"--=3"}, "--: there is no such option; `corsac options` lists them"},
      {{"--sync", "ture"}, "--sync: must be true or false, not \"ture\"; did you mean true?"},
      {{"--sync", "maybe"}, "maybe: is no option; options are spelt --name VALUE"},
      {{"--batch-size"}, "--batch-size: needs a value: an integer from 1 to 1048576"},
      {{"--batch-size", "--sync"}, "--batch-size: needs a value: an integer from 1 to 1048576"},
      {{"--no-batch-size"},
       "--no-batch-size: --no- goes with a switch, without a value; --batch-size is spelt --batch-size VALUE"},
      {{"--batch-size", "0"}, "--batch-size: must be an integer from 1 to 1048576, not \"0\""},
      {{"--seed", "5", "--gamma=", NULL}, "--gamma: must be a number from 0 to 1, not \"\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    struct error error = {0};
    UNIT_STATUS(apply((char **)cases[i].words, &config, &error), STATUS_USAGE, &error);
    CU_ASSERT_STRING_EQUAL(error.text, cases[i].message);
    CU_ASSERT_EQUAL(config.seed, 1); // nothing of it is applied
  }
  char long_name[3000], *many[OPTIONS_MAX_GIVEN + 2] = {NULL};
  struct config config;
  struct error error = {0};
  memset(long_name, 'a', sizeof long_name);
  memcpy(long_name, "--", 2);
  long_name[sizeof long_name - 1] = '\0';
  UNIT_STATUS(apply(WORDS(long_name), &config, &error), STATUS_USAGE, &error);
  error_clear(&error);
  char sync[] = "--sync";
  for (int i = 0; i <= OPTIONS_MAX_GIVEN; i++) many[i] = sync;
  UNIT_STATUS(apply(many, &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "more than 128 options"));
}

static void test_check(void) {
  struct config good = config_default(), config;
  struct error error = {0};
  UNIT_STATUS(options_check(&good, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "--env NAME"));
  CU_ASSERT_TRUE(error_says(&error, "corsac envs"));
  snprintf(good.env, sizeof good.env, "Pendulum-v1");
  error_clear(&error);
  UNIT_STATUS(options_check(&good, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_OK);

  config = good;
  config.target_subset = 2;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.target_subset = 3;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "target_subset"));
  CU_ASSERT_TRUE(error_says(&error, "critics"));

  error_clear(&error);
  config = good;
  config.utd = 0;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.sync = true;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "utd"));
  CU_ASSERT_TRUE(error_says(&error, "sync"));

  error_clear(&error);
  config = good;
  config.replay_capacity = config.batch_size;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.replay_capacity--;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "batch_size"));
  CU_ASSERT_TRUE(error_says(&error, "replay_capacity"));
}

static void test_can_isolate(void) {
  static const struct {
    const char *env;
    bool isolate;
    uint64_t ranks;
    bool can;
  } cases[] = {
      {"./solver.so:a/b", false, 1, true}, {"solver.so", false, 1, true},      {"lib/solver", false, 1, true},
      {"./solver.so", true, 1, false},     {"./solver.so", false, 2, false},   {"Pendulum-v1", false, 1, false},
      {"exec:./solver", false, 1, false},  {"gym:Hopper-v5", false, 1, false}, {"so", false, 1, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config = config_default();
    snprintf(config.env, sizeof config.env, "%s", cases[i].env);
    config.isolate = cases[i].isolate;
    config.ranks_per_env = cases[i].ranks;
    CU_ASSERT_EQUAL(options_can_isolate(&config), cases[i].can);
  }
}

// Another value than the default for each option.
static const char *another_value(const struct option *option) {
  switch (option->type) {
  case OPTION_TEXT: return "other";
  case OPTION_BOOL: return strcmp(option->default_text, "true") == 0 ? "false" : "true";
  case OPTION_COUNT: return "7";
  case OPTION_NUMBER: return "0.5";
  case OPTION_AUTO: return "0.25";
  case OPTION_WIDTHS: return "256";
  case OPTION_CHOICE: return strcmp(option->name, "backend") == 0 ? "openblas" : "debug";
  }
  return "";
}

static void test_resume(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct config saved = config_default();
    saved.sync = sync;
    CU_ASSERT_EQUAL(options_check_resume(&saved, &saved, NULL), STATUS_OK);
    for (size_t i = 0; i < options_count(); i++) {
      const struct option *option = options_at(i);
      const char *value = strcmp(option->name, "sync") == 0 ? (sync ? "false" : "true") : another_value(option);
      struct config now = saved;
      struct error error = {0};
      CU_ASSERT_EQUAL(option_set(option, &now, value, "", NULL), STATUS_OK);
      bool refused = option->rule == OPTION_FIXED || (sync && option->rule == OPTION_FREE_ASYNC);
      CU_ASSERT_EQUAL(options_check_resume(&saved, &now, &error), refused ? STATUS_USAGE : STATUS_OK);
      CU_ASSERT_EQUAL(strstr(error.text, option->name) == error.text, refused);
      CU_ASSERT(!refused || strstr(error.text, value));
    }
  }
  struct config saved = config_default(), now = saved;
  struct error error = {0};
  now.n_step = 5;
  options_check_resume(&saved, &now, &error);
  CU_ASSERT_STRING_EQUAL(error.text,
                         "n_step: the run has 1 and a resume cannot change it to 5; leave it out, or start a new run");
}

static void test_rules(void) {
  static const struct {
    enum option_rule rule;
    const char *names[24];
  } cases[] = {
      {OPTION_FIXED,
       {"seed", "sync", "hidden", "critics", "target_subset", "critic_layer_norm", "normalize_observations", "n_step",
        "gamma", "replay_capacity", "learning_starts", "reward_scale", "alpha", "target_entropy"}},
      {OPTION_FREE,
       {"env",
        "env_steps",
        "max_hours",
        "checkpoint_every",
        "checkpoint_keep",
        "checkpoint_replay",
        "eval_every",
        "eval_episodes",
        "log_every",
        "log_level",
        "actor_timeout",
        "env_timeout",
        "env_max_failures",
        "isolate",
        "min_actors",
        "checkpoint_minutes",
        "python",
        "mujoco_dir",
        "tensorboard",
        "eval_max_steps",
        "eval_timeout"}},
      {OPTION_FREE_ASYNC,
       {"envs", "sync_steps", "learner_threads", "batch_size", "tau", "lr_actor", "lr_critic", "lr_alpha", "utd",
        "utd_slack", "send_steps", "send_seconds", "backend", "ranks_per_env"}},
      {OPTION_INVOCATION, {"run_dir", "config", "resume", "init_replay", "init_policy"}},
  };
  size_t seen = 0;
  for (int i = 0; i < 4; i++) {
    for (int k = 0; cases[i].names[k]; k++, seen++) {
      const struct option *option = options_find(cases[i].names[k]);
      CU_ASSERT_PTR_NOT_NULL_FATAL(option);
      CU_ASSERT_EQUAL(option->rule, cases[i].rule);
    }
  }
  CU_ASSERT_EQUAL(seen, options_count());
}

static void test_help(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  options_print_help(out, NULL);
  fclose(out);
  size_t longest = 0;
  for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
    size_t length = strcspn(line, "\n");
    longest = length > longest ? length : longest;
  }
  CU_ASSERT(longest <= 132);
  for (size_t i = 0; i < options_count(); i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, options_at(i)->help));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "--batch-size COUNT "));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "[default 256; 1 to 1048576; on resume: fixed in sync mode]"));
  free(text);
  out = open_memstream(&text, &size);
  options_print_help(out, "update");
  fclose(out);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "--gamma"));
  CU_ASSERT_PTR_NULL(strstr(text, "--utd"));
  free(text);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the defaults are the documented ones and in range", test_defaults},
      {"every option has a name and a field of its own, and a help line", test_table},
      {"values are read strictly and kept within their range", test_values},
      {"the printed ranges are those that are accepted, to the last integer", test_printed_ranges},
      {"a refused value is named with what would be right", test_message},
      {"numbers read back to the last bit", test_round_trip},
      {"a misspelt name finds its neighbour, a strange one none", test_nearest},
      {"the command line takes every spelling that is promised", test_command_line},
      {"a wrong command line is refused as a whole, by name", test_command_line_refused},
      {"what does not go together is refused", test_check},
      {"isolate is advised where it would do something", test_can_isolate},
      {"a resume keeps what is fixed and frees the rest", test_resume},
      {"each option has its rule on resume", test_rules},
      {"help shows every option or one group", test_help},
  };
  return unit_run("options", cases, sizeof cases / sizeof *cases);
}
