#include "launch/runs/metrics_table.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status read_text(const char *text, struct metrics_table *table, struct error *error) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "metrics.csv");
  if (text) unit_write_file(path, text, strlen(text));
  const enum status status = metrics_table_read(directory, table, error);
  free(path);
  unit_tmpdir_remove(directory);
  return status;
}

static void test_rows(void) {
  struct metrics_table table;
  CU_ASSERT_EQUAL_FATAL(read_text("time_s,env_steps,x\n1,10,\n2,20,-1.5e3\n3,30,nan\n4,40,inf\n5,5", &table, NULL),
                        STATUS_OK);
  const double *steps = metrics_table_find(&table, "env_steps"), *x = metrics_table_find(&table, "x");
  CU_ASSERT_EQUAL_FATAL(table.rows, 4); // the last line is not complete
  CU_ASSERT_EQUAL(steps[0], 10);
  CU_ASSERT_EQUAL(steps[3], 40);
  CU_ASSERT_EQUAL(x[1], -1500);
  CU_ASSERT_TRUE_FATAL(isnan(x[0]));
  CU_ASSERT_TRUE_FATAL(isnan(x[2]));
  CU_ASSERT_TRUE(isnan(x[3]));
  CU_ASSERT_PTR_NULL(metrics_table_find(&table, "y"));
  metrics_table_release(&table);
}

static void test_many(void) {
  char *text = malloc(40000);
  size_t used = (size_t)sprintf(text, "time_s,env_steps\n");
  for (int i = 0; i < 1000; i++) used += (size_t)sprintf(text + used, "%d,%d\n", i, 2 * i);
  struct metrics_table table;
  CU_ASSERT_EQUAL_FATAL(read_text(text, &table, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(table.rows, 1000);
  for (int i = 0; i < 1000; i++) CU_ASSERT_EQUAL(metrics_table_find(&table, "env_steps")[i], 2 * i);
  metrics_table_release(&table);
  free(text);
}

static void test_nothing(void) {
  struct metrics_table table;
  CU_ASSERT_EQUAL_FATAL(read_text(NULL, &table, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(table.rows, 0);
  CU_ASSERT_EQUAL_FATAL(read_text("", &table, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(table.rows, 0);
  CU_ASSERT_EQUAL_FATAL(read_text("time_s,env_st", &table, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(table.rows, 0);
  CU_ASSERT_EQUAL_FATAL(read_text("time_s,env_steps\n", &table, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(table.rows, 0);
  metrics_table_release(&table);
}

// The run went on with other columns from step 30 on; the file before had come to 40.
static void test_set_aside(void) {
  char *directory = unit_tmpdir(), *old = unit_path(directory, "metrics.csv.1"),
       *now = unit_path(directory, "metrics.csv");
  const char before[] = "time_s,env_steps,a\n1,10,1\n2,20,2\n3,30,3\n4,40,4\n",
             after[] = "time_s,env_steps,b\n3,30,5\n";
  unit_write_file(old, before, sizeof before - 1);
  unit_write_file(now, after, sizeof after - 1);
  struct metrics_table table;
  CU_ASSERT_EQUAL_FATAL(metrics_table_read(directory, &table, NULL), STATUS_OK);
  const double *a = metrics_table_find(&table, "a"), *b = metrics_table_find(&table, "b");
  CU_ASSERT_EQUAL_FATAL(table.rows, 3);
  CU_ASSERT_EQUAL(a[0], 1);
  CU_ASSERT_EQUAL(a[1], 2);
  CU_ASSERT_TRUE_FATAL(isnan(a[2]));
  CU_ASSERT_TRUE_FATAL(isnan(b[0]));
  CU_ASSERT_TRUE_FATAL(isnan(b[1]));
  CU_ASSERT_EQUAL(b[2], 5);
  metrics_table_release(&table);
  free(old), free(now);
  unit_tmpdir_remove(directory);
}

static void test_not_a_table(void) {
  static const struct {
    const char *text, *says;
  } cases[] = {{"time_s,env_steps\n1,2,3\n", "metrics.csv: line 2: 3 columns, not the 2"},
               {"time_s,env_steps\n1,2\n1\n", "metrics.csv: line 3: 1 column, not the 2"},
               {"time_s,env_steps\n1,two\n", "metrics.csv: line 2: 'two' is no number"},
               {"hello\n", "metrics.csv: line 1: has no column env_steps"},
               {"a,,env_steps\n", "metrics.csv: line 1: '' is no name"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct metrics_table table;
    struct error error = {0};
    UNIT_STATUS(read_text(cases[i].text, &table, &error), STATUS_FORMAT, &error);
    CU_ASSERT_TRUE(error_says(&error, cases[i].says));
    CU_ASSERT_EQUAL(table.rows, 0);
    CU_ASSERT_EQUAL(table.columns, 0);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"cells are numbers, and NaN where there is none", test_rows},
      {"a table takes any number of rows", test_many},
      {"a run that has only begun is an empty table", test_nothing},
      {"files that were set aside come first, without the rows that a later file repeats", test_set_aside},
      {"the error names the line where a file is no such table", test_not_a_table},
  };
  return unit_run("metrics_table", cases, sizeof cases / sizeof *cases);
}
