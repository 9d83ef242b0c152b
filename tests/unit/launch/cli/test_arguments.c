#include "launch/cli/arguments.h"
#include "tests/support/unit.h"
#include <string.h>

struct parsed {
  bool json;
  const char *env, *operand;
  struct error error;
};

static enum status parse(struct parsed *parsed, bool with_operand, int argc, char **argv) {
  *parsed = (struct parsed){0};
  const struct argument known[] = {{"json", &parsed->json, NULL}, {"env", NULL, &parsed->env}};
  return arguments_parse(argc, argv, "eval", known, 2, with_operand ? &parsed->operand : NULL, &parsed->error);
}
#define PARSE(parsed, with_operand, ...)                                                                               \
  parse(parsed, with_operand, (int)(sizeof(char *[]){__VA_ARGS__} / sizeof(char *)), (char *[]){__VA_ARGS__})

static void test_reads(void) {
  struct parsed parsed;
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "runs/a", "--env", "Pendulum-v1", "--json"), STATUS_OK);
  CU_ASSERT(parsed.json);
  CU_ASSERT_STRING_EQUAL(parsed.env, "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(parsed.operand, "runs/a");
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--env=x=y", "runs/b"), STATUS_OK);
  CU_ASSERT(!parsed.json);
  CU_ASSERT_STRING_EQUAL(parsed.env, "x=y");
  CU_ASSERT_STRING_EQUAL(parsed.operand, "runs/b");
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--env", "-1"), STATUS_OK); // the value's owner judges it
  CU_ASSERT_STRING_EQUAL(parsed.env, "-1");
  CU_ASSERT_PTR_NULL(parsed.operand);
  CU_ASSERT_EQUAL(parse(&parsed, false, 0, NULL), STATUS_OK);
}

static void test_refuses(void) {
  struct parsed parsed;
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "runs/a", "--jsn"), STATUS_USAGE);
  CU_ASSERT_TRUE(error_says(&parsed.error, "--jsn (did you mean --json?)"));
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--elephant=5"), STATUS_USAGE);
  CU_ASSERT_TRUE(error_says(&parsed.error, "--elephant; see `corsac help eval`"));
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--json=1"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--env"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--env", "--json"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "-j"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "--=x"), STATUS_USAGE);
  CU_ASSERT_EQUAL(PARSE(&parsed, true, "runs/a", "runs/b"), STATUS_USAGE);
  CU_ASSERT_TRUE(error_says(&parsed.error, "runs/b"));
  CU_ASSERT_EQUAL(PARSE(&parsed, false, "runs/a"), STATUS_USAGE);
  CU_ASSERT_EQUAL(
      PARSE(&parsed, true, "--a-name-that-is-much-longer-than-any-option-of-any-subcommand-will-ever-be-and-then-some"),
      STATUS_USAGE);
}

static void test_values(void) {
  struct error error = {0};
  uint32_t count = 7;
  double number = 0.5;
  CU_ASSERT_EQUAL(arguments_integer("nodes", NULL, 1, 9, &count, &error), STATUS_OK);
  CU_ASSERT_EQUAL(arguments_number("seconds", NULL, 1, 9, &number, &error), STATUS_OK);
  CU_ASSERT_EQUAL(count, 7);
  CU_ASSERT_EQUAL(number, 0.5);
  CU_ASSERT_EQUAL(arguments_integer("nodes", "4294967295", 1, UINT32_MAX, &count, &error), STATUS_OK);
  CU_ASSERT_EQUAL(count, UINT32_MAX);
  CU_ASSERT_EQUAL(arguments_integer("nodes", "1e3", 1000, 1000, &count, &error), STATUS_OK);
  CU_ASSERT_EQUAL(count, 1000);
  CU_ASSERT_EQUAL(arguments_number("seconds", "1e-3", 0.001, 60, &number, &error), STATUS_OK);
  CU_ASSERT_EQUAL(number, 0.001);
  const char *const wrong[] = {"", "0", "10", "-1", " 5", "5x", "1.5", "4294967297", "1e30", "nine"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    error = (struct error){0};
    CU_ASSERT_EQUAL(arguments_integer("nodes", wrong[i], 1, 9, &count, &error), STATUS_USAGE);
    CU_ASSERT_TRUE(error_says(&error, "--nodes: must be an integer from 1 to 9, not \""));
  }
  error = (struct error){0};
  CU_ASSERT_EQUAL(arguments_number("seconds", "61", 0.001, 60, &number, &error), STATUS_USAGE);
  CU_ASSERT_TRUE(error_says(&error, "--seconds: must be a number from 0.001 to 60, not \"61\""));
  CU_ASSERT_EQUAL(count, 1000);
  CU_ASSERT_EQUAL(number, 0.001);
}

static void test_many(void) {
  const char *output = NULL, *words[2] = {NULL, NULL};
  bool sheet = false;
  const struct argument known[] = {{"o", NULL, &output}, {"sheet", &sheet, NULL}};
  struct operands operands = {.values = words, .limit = 2, .count = 9};
  struct error error = {0};
  char *some[] = {"runs/a", "-o", "x.png", "--sheet", "runs/b"}, *three[] = {"a", "b", "c"}, *letter[] = {"-s"},
       *word[] = {"--o", "x"}, *last[] = {"a", "-o"};
  UNIT_STATUS(arguments_parse_many(5, some, "plot", known, 2, &operands, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(operands.count, 2);
  CU_ASSERT_TRUE_FATAL(sheet);
  CU_ASSERT_STRING_EQUAL_FATAL(words[1], "runs/b");
  CU_ASSERT_STRING_EQUAL(output, "x.png");
  UNIT_STATUS(arguments_parse_many(0, NULL, "plot", known, 2, &operands, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(operands.count, 0);
  const struct {
    int count;
    char **arguments;
    const char *says;
  } wrong[] = {{3, three, "unexpected argument 'c'"},
               {1, letter, "no option -s"},
               {2, word, "no option --o"},
               {2, last, "-o needs a value"}};
  for (int i = 0; i < 4; i++) {
    error = (struct error){0};
    UNIT_STATUS(arguments_parse_many(wrong[i].count, wrong[i].arguments, "plot", known, 2, &operands, &error),
                STATUS_USAGE, &error);
    CU_ASSERT_TRUE(error_says(&error, wrong[i].says));
  }
}

static void test_nearest(void) {
  static const char *const names[] = {"train", "eval", "inspect", "envs", "options"};
  CU_ASSERT_STRING_EQUAL(arguments_suggest("trian", names, 5), "train");
  CU_ASSERT_STRING_EQUAL(arguments_suggest("evaluate", names, 5), "eval");
  CU_ASSERT_STRING_EQUAL(arguments_suggest("option", names, 5), "options");
  CU_ASSERT_STRING_EQUAL(arguments_suggest("env", names, 5), "envs");
  CU_ASSERT_STRING_EQUAL(arguments_suggest("inspekt", names, 5), "inspect");
  CU_ASSERT_PTR_NULL(arguments_suggest("zebra", names, 5));
  CU_ASSERT_PTR_NULL(arguments_suggest("", names, 5));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"flags, values in both forms and one operand are read", test_reads},
      {"everything else is refused with a message that names it", test_refuses},
      {"a value of a command is read as an option is, with its range", test_values},
      {"several operands, and options of one letter", test_many},
      {"a misspelt word finds the one that was meant, a strange one none", test_nearest}};
  return unit_run("arguments", cases, sizeof cases / sizeof *cases);
}
