// Expressions over variables.
#include "actor/fmi/expression.h"
#include "tests/support/unit.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double x = 3, level = 0.5;

static double *find(const char *name, void *who) {
  CU_ASSERT_PTR_EQUAL(who, &x);
  return strcmp(name, "x") == 0 ? &x : strcmp(name, "tank.h[1]") == 0 ? &level : NULL;
}

static void test_name(void) {
  struct error error = {0};
  struct expression *expression = expression_create("tank.h[1]", find, &x, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(expression);
  level = 0.75;
  CU_ASSERT_EQUAL(expression_value(expression), 0.75);
  level = 0.5;
  expression_destroy(expression);
}

static void test_values(void) {
  static const struct {
    const char *text;
    double value;
  } cases[] = {{"-(x - 1)^2", -4},
               {"2*x+1e-1", 6.1},
               {"x*.5 + 2.5*tank.h[1]", 2.75},
               {"x > 2 && tank.h[1] < 1", 1},
               {"x > 4 ? 1 : -x", -3},
               {"abs(-x) + sqrt(4) + min(1, x) + max(1, x)", 9}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    struct expression *expression = expression_create(cases[i].text, find, &x, &error);
    if (!expression) printf("%s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(expression);
    CU_ASSERT_DOUBLE_EQUAL(expression_value(expression), cases[i].value, 1e-12);
    x = 1; // the value is that of now
    CU_ASSERT(fabs(expression_value(expression) - cases[i].value) > 0.5);
    x = 3;
    expression_destroy(expression);
  }
}

static void test_refused(void) {
  static const char *const cases[][2] = {{"y", "no variable is called \"y\""},
                                         {"x + tank.h[2]", "no variable is called \"tank.h[2]\""},
                                         {"x +", "\"x +\" is no valid expression: "},
                                         {"", "is no valid expression"},
                                         {"(x", "is no valid expression"},
                                         {"f(x)", ""},
                                         {"system(1)", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    CU_ASSERT_PTR_NULL(expression_create(cases[i][0], find, &x, &error));
    CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
    CU_ASSERT(error_says(&error, cases[i][1]));
  }
}

// The address sanitizer knows no C++ library that was opened at run time, and stops where that throws.
#ifdef __SANITIZE_ADDRESS__
enum { CAN_THROW = 0 };
#else
enum { CAN_THROW = 1 };
#endif

int main(void) {
  static const struct unit_case cases[] = {{"a name needs no muParser", test_name},
                                           {"expressions have the value of now", test_values},
                                           {"what is no expression is refused with a reason", test_refused}};
  const bool whole = dlopen(MUPARSER_LIBRARY, RTLD_NOW);
  if (!whole) printf("skipped: expressions, because %s is not installed\n", MUPARSER_LIBRARY);
  return unit_run("expression", cases, whole ? sizeof cases / sizeof *cases - 1 + CAN_THROW : 1);
}
