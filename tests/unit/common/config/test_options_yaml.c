#include "common/base/random.h"
#include "common/config/options.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Parses text over the defaults; on failure the configuration must be as it was.
static enum status parse(const char *text, struct config *config, struct error *error) {
  struct config before;
  options_defaults(config);
  before = *config;
  enum status status = options_parse_yaml(text, strlen(text), "run.yaml", config, error);
  if (status != STATUS_OK) CU_ASSERT_EQUAL(memcmp(config, &before, sizeof before), 0);
  return status;
}

static void test_reads(void) {
  struct config config;
  struct error error = {0};
  UNIT_STATUS(parse("# a comment\n"
                    "env: exec:./solve --mesh fine\n"
                    "batch_size: 1_024 # and another\n"
                    "\"gamma\": '0.5'\n"
                    "hidden: [64, 32]\n"
                    "action_low: [-1, -2.5]\n"
                    "sync: Yes\n"
                    "run_dir: \"l\\u00e4ufe\"\n"
                    "target_entropy: -2.5\n",
                    &config, &error),
              STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_STRING_EQUAL(config.env, "exec:./solve --mesh fine");
  CU_ASSERT_EQUAL(config.batch_size, 1024);
  CU_ASSERT_EQUAL(config.gamma, 0.5);
  CU_ASSERT_EQUAL(config.hidden.count, 2);
  CU_ASSERT_EQUAL(config.hidden.width[0], 64);
  CU_ASSERT_EQUAL(config.hidden.width[1], 32);
  CU_ASSERT_EQUAL(config.action_low.count, 2);
  CU_ASSERT_EQUAL(config.action_low.value[1], -2.5);
  CU_ASSERT(config.sync);
  CU_ASSERT_STRING_EQUAL(config.run_dir, "l\xc3\xa4ufe");
  CU_ASSERT_TRUE_FATAL(!config.target_entropy.is_auto);
  CU_ASSERT_EQUAL(config.target_entropy.value, -2.5);
  CU_ASSERT_EQUAL(config.n_step, 1); // an option that is not given stays
  UNIT_STATUS(parse("{env: a, hidden: \"8,8,8\"}", &config, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(config.hidden.count, 3);
  UNIT_STATUS(parse("hidden:\n- 5\n", &config, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(config.hidden.count, 1);
  CU_ASSERT_EQUAL(config.hidden.width[0], 5);
}

static void test_empty(void) {
  static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "--- {}\n", "---\n...\n", "null"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct config config;
    struct error error = {0};
    UNIT_STATUS(parse(texts[i], &config, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(error.text, "");
  }
  struct config config;
  options_defaults(&config);
  config.batch_size = 5;
  config.hidden.count = 1;
  static const char text[] = "batch_size:\nhidden: ~\nenv: \"\"\n";
  CU_ASSERT_EQUAL(options_parse_yaml(text, strlen(text), "x", &config, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(config.batch_size, 256);
  CU_ASSERT_EQUAL(config.hidden.count, 2);
}

static void test_env_mapping(void) {
  static const char *const cases[][2] = {
      {"env: {id: Pendulum-v1}", "Pendulum-v1"},
      {"env:\n  id: gym:m:A-v0\n  g: 9.81\n  n: -3\n  fast: True\n  none:\n  who: ann\n",
       "gym:m:A-v0?g=9.81&n=-3&fast=true&none=null&who=ann"},
      {"env: {g: \"1\", id: gym:A-v0, s: a&b=5%, q: 'it \"is\"'}", "gym:A-v0?g=\"1\"&s=a%26b=5%25&q=\"it \\\"is\\\"\""},
      {"env: {id: gym:A-v0, l: [1, -2.5e3, x, [007]], d: {a: true, 'b c': null}}",
       "gym:A-v0?l=[1,-2.5e3,\"x\",[\"007\"]]&d={\"a\":true,\"b c\":null}"},
      {"env: {id: 'gym:A-v0?a=1', b: 2}", "gym:A-v0?a=1&b=2"},
      {"env: {id: 'pettingzoo:a.b_v4', n_walkers: 2}", "pettingzoo:a.b_v4?n_walkers=2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config, again;
    struct error error = {0};
    options_defaults(&config), options_defaults(&again);
    char text[16384];
    UNIT_STATUS(parse(cases[i][0], &config, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(config.env, cases[i][1]);
    options_format_yaml(&config, text, sizeof text);
    UNIT_STATUS(parse(text, &again, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(again.env, config.env);
  }
}

static void test_refused(void) {
  static const char *const cases[][2] = {
      {"env: a\nbatch_sise: 3\n", "run.yaml:2: batch_sise: there is no such option; did you mean batch_size?"},
      {"colour: red\n", "run.yaml:1: colour: there is no such option; `corsac options` lists them"},
      {"batch-size: 3\n", "run.yaml:1: batch-size: there is no such option; did you mean batch_size?"},
      {"\n\nbatch_size: 0\n", "run.yaml:3: batch_size: must be an integer from 1 to 1048576, not \"0\""},
      {"gamma: .nan\n", "run.yaml:1: gamma: must be a number from 0 to 1, not \".nan\""},
      {"gamma: ''\n", "run.yaml:1: gamma: must be a number from 0 to 1, not \"\""},
      {"seed: 1\ngamma: 1\nseed: 1\n", "run.yaml:3: seed: is given twice, first in line 1"},
      {"seed:\n  value: 1\n", "run.yaml:2: seed: must be a single value, not a mapping"},
      {"env:\n  g: 1\n",
       "run.yaml:3: env: a mapping needs id: gym:ID or pettingzoo:MODULE; the other keys are its arguments"},
      {"env: {id: Pendulum-v1, g: 1}\n",
       "run.yaml:1: env: only gym:ID and pettingzoo:MODULE take arguments by key, and id is Pendulum-v1"},
      {"env: {id: [gym:A]}\n", "run.yaml:1: env: id must be a text"},
      {"env: {id: gym:A, [a]: 1}\n", "run.yaml:1: env: a key must be a text"},
      {"env: {id: gym:A, a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}\n",
       "run.yaml:1: env: an argument nests 16 deep at most"},
      {"env: {id: &x gym:A, a: *x}\n",
       "run.yaml:1: env: an argument is a value, a sequence or a mapping, not an alias"},
      {"gamma: {a: 1}\n", "run.yaml:1: gamma: must be a single value, not a mapping"},
      {"seed: [1]\n", "run.yaml:1: seed: must be a single value, not a sequence"},
      {"hidden: [[1]]\n", "run.yaml:1: hidden: every element must be a number"},
      {"hidden: []\n",
       "run.yaml:1: hidden: must be 1 to 8 integers from 1 to 16384 with commas between them, not \"\""},
      {"seed: &a 1\nenvs: *a\n", "run.yaml:2: envs: must be a value, not an alias"},
      {"? [a]\n: 1\n", "run.yaml:1: a key must be the name of an option"},
      {"- env\n- seed\n", "run.yaml:1: the document must be a mapping, with lines of the form batch_size: 256"},
      {"batch_size 256\n", "run.yaml:1: the document must be a mapping, with lines of the form batch_size: 256"},
      {"seed: 1\n---\nseed: 2\n", "run.yaml:2: a second document begins here; there must be one"},
      {"config: other.yaml\n", "run.yaml:1: config: goes on the command line, not into a file"},
      {"resume: runs/a\n", "run.yaml:1: resume: goes on the command line, not into a file"},
      {"env: \"a\\0b\"\n", "run.yaml:1: env: holds a zero byte"},
      {"env: \"a\\nb\"\n", "run.yaml:1: env: must be printable UTF-8 text of less than 1024 bytes, not \"a\\nb\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    struct error error = {0};
    UNIT_STATUS(parse(cases[i][0], &config, &error), STATUS_USAGE, &error);
    if (strcmp(error.text, cases[i][1]) != 0) printf("\n    %s\n", error.text);
    CU_ASSERT_STRING_EQUAL(error.text, cases[i][1]);
    CU_ASSERT_EQUAL(parse(cases[i][0], &config, NULL), STATUS_USAGE);
  }
}

static void test_syntax(void) {
  static const char *const cases[][2] = {
      {"seed: 1\nhidden: [1, 2\ngamma: 1\n", "run.yaml:3: this is not YAML: "},
      {"seed: 1\n\tgamma: 1\n", "run.yaml:2: this is not YAML: "},
      {"env: \"open\n", "run.yaml:2: this is not YAML: "},
      {"env: \xff\n", "run.yaml: byte 6: this is not YAML: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    struct error error = {0};
    UNIT_STATUS(parse(cases[i][0], &config, &error), STATUS_USAGE, &error);
    if (strncmp(error.text, cases[i][1], strlen(cases[i][1])) != 0) printf("\n    %s\n", error.text);
    CU_ASSERT_NSTRING_EQUAL(error.text, cases[i][1], strlen(cases[i][1]));
    CU_ASSERT(strlen(error.text) > strlen(cases[i][1]));
  }
}

static void test_files(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a.yaml"), *absent = unit_path(directory, "b.yaml");
  struct config config, before;
  struct error error = {0};
  options_defaults(&config);
  unit_write_file(path, "seed: 9\n", 8);
  UNIT_STATUS(options_read_yaml(path, &config, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(config.seed, 9);
  before = config;
  unit_write_file(path, "seed: 3\nsead: 9\n", 16);
  UNIT_STATUS(options_read_yaml(path, &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_NSTRING_EQUAL(error.text, path, strlen(path));
  CU_ASSERT_STRING_EQUAL(error.text + strlen(path), ":2: sead: there is no such option; did you mean seed?");
  error_clear(&error);
  UNIT_STATUS(options_read_yaml(absent, &config, &error), STATUS_IO, &error);
  CU_ASSERT_NSTRING_EQUAL(error.text, absent, strlen(absent));
  CU_ASSERT_TRUE(error_says(&error, "No such file"));
  error_clear(&error);
  UNIT_STATUS(options_read_yaml(directory, &config, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "is a directory, not a file"));
  CU_ASSERT_EQUAL(memcmp(&config, &before, sizeof config), 0);
  free(path), free(absent), unit_tmpdir_remove(directory);
}

static char *format(const struct config *config, size_t *length) {
  *length = options_format_yaml(config, NULL, 0);
  char *text = malloc(*length + 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_EQUAL(options_format_yaml(config, text, *length + 1), *length);
  CU_ASSERT_EQUAL(strlen(text), *length);
  return text;
}

static bool equal(const struct config *a, const struct config *b) {
  for (size_t i = 0; i < options_count(); i++) {
    char one[CONFIG_TEXT], other[CONFIG_TEXT];
    option_get(options_at(i), a, one, sizeof one);
    option_get(options_at(i), b, other, sizeof other);
    if (strcmp(one, other) != 0) return false;
  }
  return true;
}

static void test_round_trip(void) {
  struct config config, back;
  size_t length;
  options_defaults(&config);
  snprintf(config.env, sizeof config.env, "exec:./a \"b\\c\" # 'd' {l\xc3\xa4ufe}: \xf0\x9f\xa6\x8a ");
  snprintf(config.run_dir, sizeof config.run_dir, "null");
  config.seed = UINT64_MAX;
  config.gamma = 1.0 / 3;
  config.sync = config.normalize_observations = true;
  config.hidden = (struct config_widths){.count = 3, .width = {1, 16384, 77}};
  config.action_high = (struct config_numbers){.count = 2, .value = {1.0 / 3, -1e-9}};
  config.alpha = (struct config_auto){.value = 0.1 + 0.2};
  config.target_entropy = (struct config_entropy){.value = -1e-17};
  config.tau = 1e-9;
  memcpy(config.log_level, "warn", 5);
  char *text = format(&config, &length);
  options_defaults(&back);
  struct error error = {0};
  UNIT_STATUS(options_parse_yaml(text, length, "x", &back, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT(equal(&config, &back));
  CU_ASSERT_EQUAL(back.gamma, config.gamma);
  CU_ASSERT_EQUAL(back.alpha.value, config.alpha.value);
  CU_ASSERT_EQUAL(back.seed, UINT64_MAX);
  size_t again_length;
  char *again = format(&back, &again_length);
  CU_ASSERT_STRING_EQUAL(text, again);
  // Where a configuration came from is not part of it.
  snprintf(config.config, sizeof config.config, "a.yaml");
  snprintf(config.resume, sizeof config.resume, "runs/a");
  free(again);
  again = format(&config, &again_length);
  CU_ASSERT_STRING_EQUAL(text, again);
  free(text), free(again);
}

static void test_format(void) {
  struct config config;
  size_t length;
  options_defaults(&config);
  char *text = format(&config, &length), cut[50];
  CU_ASSERT_EQUAL(options_format_yaml(&config, cut, sizeof cut), length);
  CU_ASSERT_EQUAL(strlen(cut), sizeof cut - 1);
  CU_ASSERT_NSTRING_EQUAL(cut, text, sizeof cut - 1);
  CU_ASSERT_NSTRING_EQUAL(text, "# job\nenv: \"\"\nseed: 1\n", 22);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n# networks\nhidden: 256,256\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nresume: \"\"\n"));
  for (size_t i = 0; i < options_count(); i++) {
    char line[80];
    snprintf(line, sizeof line, "\n%s: ", options_at(i)->name);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
  }
  free(text);
}

// Damage must never do more than be refused with a message.
static void test_damaged(void) {
  struct config config;
  size_t length, accepted = 0, refused = 0;
  options_defaults(&config);
  char *text = format(&config, &length), *damaged = malloc(length);
  CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
  for (uint64_t round = 0; round < 3000; round++) {
    struct random random = random_stream(1, RANDOM_INIT, 0, round);
    memcpy(damaged, text, length);
    for (uint32_t n = 1 + random_bounded(&random, 4); n > 0; n--) {
      static const char special[] = "[]{}:,-?&*!|>'\"%@`#\n\t \\~0e.\x80\xff";
      uint32_t at = random_bounded(&random, (uint32_t)length);
      damaged[at] = special[random_bounded(&random, sizeof special)];
    }
    struct error error = {0};
    struct config result = config;
    if (options_parse_yaml(damaged, length - random_bounded(&random, 9), "x", &result, &error) == STATUS_OK)
      accepted++;
    else
      refused += error.status == STATUS_USAGE && strlen(error.text) > 5;
  }
  CU_ASSERT_EQUAL(accepted + refused, 3000);
  CU_ASSERT_TRUE(accepted > 10);
  CU_ASSERT_TRUE(refused > 1000);
  free(text), free(damaged);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a mapping of options is read in YAML's ways to write it", test_reads},
      {"an empty document gives nothing, an empty value the default", test_empty},
      {"env as a mapping is an environment of Gymnasium with arguments", test_env_mapping},
      {"an invalid configuration is refused by file, line and key", test_refused},
      {"invalid YAML is refused by file and line", test_syntax},
      {"files are read, and named where they cannot be", test_files},
      {"a configuration reads back as it was written", test_round_trip},
      {"every option is written, in groups, as snprintf does", test_format},
      {"damaged text is refused with a message", test_damaged},
  };
  return unit_run("options_yaml", cases, sizeof cases / sizeof *cases);
}
