#include "common/base/suggest.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_distance(void) {
  CU_ASSERT_EQUAL(suggest_distance("", ""), 0);
  CU_ASSERT_EQUAL(suggest_distance("train", ""), 5);
  CU_ASSERT_EQUAL(suggest_distance("", "train"), 5);
  CU_ASSERT_EQUAL(suggest_distance("kitten", "sitting"), 3);
  CU_ASSERT_EQUAL(suggest_distance("trian", "train"), 1); // a swap of neighbours
  CU_ASSERT_EQUAL(suggest_distance("Batch-Size", "batch_size"), 0);
  char longest[SUGGEST_WORD + 1];
  memset(longest, 'x', SUGGEST_WORD);
  longest[SUGGEST_WORD] = 0;
  CU_ASSERT_EQUAL(suggest_distance(longest, "x"), SUGGEST_WORD);
  CU_ASSERT_EQUAL(suggest_distance("x", longest), SUGGEST_WORD);
  CU_ASSERT_EQUAL(suggest_distance(longest + 1, "x"), SUGGEST_WORD - 2);
}

static void test_begins(void) {
  CU_ASSERT_TRUE(suggest_begins("evaluate", "eval", 3));
  CU_ASSERT_TRUE(suggest_begins("pendulum", "Pendulum-v1", 4));
  CU_ASSERT_FALSE(suggest_begins("ev", "eval", 3));
  CU_ASSERT_FALSE(suggest_begins("evil", "eval", 3));
}

static const char *nearest_of(const char *word, size_t least) {
  static const char *const names[] = {"train", "eval", "inspect", "envs", "options"};
  struct suggestion suggestion = {.word = word};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) suggest_try(&suggestion, names[i], least);
  return suggestion.name;
}

static void test_nearest(void) {
  CU_ASSERT_STRING_EQUAL(nearest_of("trian", 3), "train");
  CU_ASSERT_STRING_EQUAL(nearest_of("evaluate", 3), "eval");
  CU_ASSERT_STRING_EQUAL(nearest_of("env", 0), "envs");
  CU_ASSERT_STRING_EQUAL(nearest_of("enva", 0), "envs"); // and not eval, which is further
  CU_ASSERT_PTR_NULL(nearest_of("evaluate", 0));
  CU_ASSERT_PTR_NULL(nearest_of("zebra", 3));
  CU_ASSERT_PTR_NULL(nearest_of("", 3));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"distance counts slips, ignores case and dashes, and refuses long words", test_distance},
      {"a beginning counts from so many letters on", test_begins},
      {"the nearest name is found, or none where none is near", test_nearest},
  };
  return unit_run("nearest", cases, sizeof cases / sizeof *cases);
}
