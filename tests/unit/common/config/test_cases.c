// The text of a cases file, which case an episode plays, and how the text goes through an option and YAML.
#include "common/config/cases.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FOUR[] = "a x=1\nb x=2\nc x=3\nd\n";

static struct config with(const char *cases, const char *per) {
  struct config config;
  options_defaults(&config);
  snprintf(config.cases, sizeof config.cases, "%s", cases);
  snprintf(config.cases_per, sizeof config.cases_per, "%s", per);
  return config;
}

static void test_text(void) {
  static const struct {
    const char *text, *cases;
  } good[] = {
      {"a x=1\nb x=2\n", "a x=1\nb x=2\n"},
      {"\n# a comment\n  a x=1  \r\n\t# another\n\nb\tx=2", "a x=1\nb x=2\n"},
      {"\xef\xbb\xbf"
       "caf\xc3\xa9 re=100\n",
       "caf\xc3\xa9 re=100\n"},
      {"alone", "alone\n"},
      {"a \"quoted, value\" #1\n", "a \"quoted, value\" #1\n"},
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char cases[CONFIG_CASES] = "before";
    struct error error = {0};
    UNIT_STATUS(cases_parse(good[i].text, strlen(good[i].text), "file", cases, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(cases, good[i].cases);
  }
}

static void refuses(const char *text, size_t size, const char *why) {
  char cases[CONFIG_CASES] = "before";
  struct error error = {0};
  UNIT_STATUS(cases_parse(text, size, "my.txt", cases, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_says(&error, "my.txt"));
  CU_ASSERT(error_says(&error, why));
  CU_ASSERT_STRING_EQUAL(cases, "before");
}

static void test_refused(void) {
  char *text = memory_alloc(2 * CONFIG_CASES, 1, "a test", NULL);
  refuses("", 0, "holds no case");
  refuses("# one\n\n  \n", 10, "holds no case");
  refuses("a x=1\nb\0c\n", 10, "line 2 holds a zero byte");
  refuses("a x=1\n\nb caf\xe9\n", 14, "line 3 has a byte that is not printable UTF-8, the 6th");
  refuses("a \033[31m\n", 8, "line 1 has a byte");
  refuses("a x=1\nb\na x=2\n", 14, "line 3 is a second case a, after line 1");
  refuses("a,b x=1\n", 8, "has no comma and no quote");
  refuses("\"a\" x=1\n", 8, "has no comma and no quote");
  refuses("name_that_is_too_long_to_be_a_column x\n", 39, "a name of 36 bytes");

  memset(text, 'x', CASES_LINE + 10);
  text[1] = ' ';
  refuses(text, CASES_LINE, "has 1024 bytes; a case may have 1023");
  refuses(text, CASES_LINE + 10, "a case may have 1023");
  size_t size = 0;
  for (int i = 0; i <= CONFIG_MAX_CASES; i++) size += (size_t)sprintf(text + size, "case%d\n", i);
  refuses(text, size, "line 129 is one case more than 128");
  size = 0;
  for (int i = 0; i < 20; i++) size += (size_t)sprintf(text + size, "%d %0*d\n", i, 1000, 0);
  refuses(text, size, "all cases together may have 16383 bytes");
  memory_free(text);
}

static void test_files(void) {
  char *directory = unit_tmpdir();
  const char *path = unit_in(directory, "cases.txt");
  struct config config = with(path, "environment");
  struct error error = {0};
  UNIT_STATUS(cases_load(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "cases.txt"));
  unit_write_file(path, "a x=1\n# b\nc\n", 12);
  UNIT_STATUS(cases_load(&config, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(config.cases, "a x=1\nc\n");
  unlink(path);
  UNIT_STATUS(cases_load(&config, &error), STATUS_OK, &error); // lines are no path
  snprintf(config.cases, sizeof config.cases, "%s", directory);
  UNIT_STATUS(cases_load(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "a directory, not a file"));
  *config.cases = 0;
  UNIT_STATUS(cases_load(&config, &error), STATUS_OK, &error);
  unit_tmpdir_remove(directory);
}

static void test_lines(void) {
  const struct config config = with(FOUR, "environment");
  char line[CASES_LINE], name[CASES_NAME], joined[CASES_ARGS];
  CU_ASSERT_EQUAL(cases_count(&config), 4);
  cases_line(&config, 1, line);
  CU_ASSERT_STRING_EQUAL(line, "b x=2");
  cases_name(&config, 1, name);
  CU_ASSERT_STRING_EQUAL(name, "b");
  cases_name(&config, 3, name);
  CU_ASSERT_STRING_EQUAL(name, "d");
  cases_join("", line, joined);
  CU_ASSERT_STRING_EQUAL(joined, "b x=2");
  cases_join("solver=fast", line, joined);
  CU_ASSERT_STRING_EQUAL(joined, "solver=fast b x=2");
  const struct config none = with("", "episode");
  CU_ASSERT_EQUAL(cases_count(&none), 0);
  CU_ASSERT_FALSE(cases_per_episode(&none));
}

static void test_turns(void) {
  struct config config = with(FOUR, "environment");
  for (uint64_t e = 0; e < 9; e++) {
    CU_ASSERT_EQUAL(cases_find(&config, false, e, 77), e % 4);
    CU_ASSERT_EQUAL(cases_find(&config, true, 77, e), e % 4);
  }
  snprintf(config.cases_per, sizeof config.cases_per, "episode");
  CU_ASSERT_EQUAL(cases_find(&config, true, 77, 6), 2);
}

// Each case comes about as often as the others, and a draw depends on seed, environment and episode alone.
static void test_draws(void) {
  struct config config = with(FOUR, "episode"), other = config;
  enum { EPISODES = 4000 };
  uint32_t counts[4] = {0}, by_seed = 0, by_environment = 0;
  other.seed = config.seed + 1;
  for (uint64_t e = 0; e < EPISODES; e++) {
    const uint32_t index = cases_find(&config, false, 3, e);
    CU_ASSERT_FATAL(index < 4);
    counts[index]++;
    by_seed += index != cases_find(&other, false, 3, e);
    by_environment += index != cases_find(&config, false, 4, e);
    CU_ASSERT_EQUAL_FATAL(index, cases_find(&config, false, 3, e));
  }
  for (int i = 0; i < 4; i++) CU_ASSERT(counts[i] > 850 && counts[i] < 1150); // 5 standard deviations
  CU_ASSERT(by_seed > 2800 && by_seed < 3200);
  CU_ASSERT(by_environment > 2800 && by_environment < 3200);
}

static void test_yaml(void) {
  struct config config = with(FOUR, "episode"), read;
  struct error error = {0};
  const size_t size = options_format_yaml(&config, NULL, 0);
  char *text = malloc(size + 1);
  CU_ASSERT_EQUAL(options_format_yaml(&config, text, size + 1), size);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ncases: |\n  a x=1\n  b x=2\n  c x=3\n  d\ncases_per: episode\n"));
  options_defaults(&read);
  UNIT_STATUS(options_parse_yaml(text, size, "text", &read, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(read.cases, FOUR);
  free(text);

  // Lines in a user's own file, and what is wrong with them.
  static const char own[] = "cases: |\n  # mine\n  a x=1\n\n  b\n", twice[] = "seed: 1\ncases: |\n  a x=1\n  a\n";
  options_defaults(&read);
  UNIT_STATUS(options_parse_yaml(own, sizeof own - 1, "own", &read, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(read.cases, "a x=1\nb\n");
  UNIT_STATUS(options_parse_yaml(twice, sizeof twice - 1, "own", &read, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "own:2: cases: line 2 is a second case a"));
}

static void test_rules(void) {
  struct config saved = with(FOUR, "episode"), now = saved;
  struct error error = {0};
  snprintf(saved.env, sizeof saved.env, "some.so");
  CU_ASSERT_EQUAL(options_check(&saved, &error), STATUS_OK);
  *saved.cases = 0;
  UNIT_STATUS(options_check(&saved, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "cases_per: episode draws a case for each episode, but there are no cases"));

  snprintf(saved.cases, sizeof saved.cases, "%s", FOUR);
  saved.sync = now.sync = true;
  snprintf(now.env, sizeof now.env, "some.so");
  UNIT_STATUS(options_check_resume(&saved, &now, &error), STATUS_OK, &error);
  now.cases[2] = 'y';
  UNIT_STATUS(options_check_resume(&saved, &now, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "cases: the run has other ones and a resume in sync mode cannot change them"));
  saved.sync = now.sync = false;
  UNIT_STATUS(options_check_resume(&saved, &now, &error), STATUS_OK, &error);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"empty lines, comments and blanks around a line are left out", test_text},
      {"a text that is no list of cases is refused with the line, and changes nothing", test_refused},
      {"a path becomes the lines of its file", test_files},
      {"a case has a line and a name, and stands behind the arguments of --env", test_lines},
      {"environments, and episodes of an evaluation, take the cases in turn", test_turns},
      {"an episode's case is drawn evenly, of seed, environment and episode", test_draws},
      {"YAML keeps the lines, and takes those of a user's own", test_yaml},
      {"cases_per episode needs cases, and a resume in sync mode keeps them", test_rules},
  };
  return unit_run("cases", cases, sizeof cases / sizeof *cases);
}
