#include "learner/storage/trace_file.h"

#include "tests/support/unit.h"
#include <hdf5.h>
#include <stdlib.h>

enum { ROWS = 700, OBS = 3, ACT = 2, CRITICS = 2 };

static void fill(struct trace_table *table, uint32_t first, uint32_t end) {
  for (uint32_t i = first; i < end; i++) {
    const float f = (float)i, obs[OBS] = {f, f + 1, f + 2}, action[ACT] = {-f, f}, next[OBS] = {f + 3, f + 4, f + 5};
    const double reward = i / 3.0, log_probability = -(double)i, q[CRITICS] = {i * 2.0, i * 4.0};
    const uint32_t episode = i / 100, step = i % 100;
    const uint8_t terminated = step == 99, truncated = 0;
    const void *const row[TRACE_COLUMNS] = {
        &episode, &step, NULL, obs, action, &reward, next, &terminated, &truncated, &log_probability, q};
    CU_ASSERT_EQUAL(trace_table_add(table, row, NULL), STATUS_OK);
  }
}

static void test_table(void) {
  struct trace_table table;
  trace_table_init(&table, OBS, ACT, CRITICS);
  fill(&table, 0, 650);
  trace_table_cut(&table, 600);
  trace_table_cut(&table, 9999); // more than there are
  CU_ASSERT_EQUAL(table.rows, 600);
  fill(&table, 600, ROWS);
  CU_ASSERT_EQUAL(table.rows, ROWS);
  const float *obs = (const float *)(void *)table.column[TRACE_OBS].data;
  const double *q = (const double *)(void *)table.column[TRACE_Q].data;
  CU_ASSERT_EQUAL(table.column[TRACE_OBS].size, ROWS * OBS * sizeof(float));
  for (int i = 0; i < ROWS; i++) {
    CU_ASSERT_EQUAL(obs[i * OBS + 1], (float)i + 1);
    CU_ASSERT_EQUAL(q[i * CRITICS + 1], i * 4.0);
  }
  trace_table_release(&table);
}

static void test_write(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "trace.h5");
  struct trace_table table;
  trace_table_init(&table, OBS, ACT, 0);
  fill(&table, 0, ROWS);
  CU_ASSERT_EQUAL(trace_table_write(&table, path, "an environment", "a checkpoint", NULL), STATUS_OK);
  trace_table_release(&table);
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), reward = H5Dopen2(file, "reward", H5P_DEFAULT);
  double values[ROWS];
  CU_ASSERT_TRUE_FATAL(file >= 0);
  CU_ASSERT_TRUE_FATAL(reward >= 0);
  CU_ASSERT_TRUE(H5Dread(reward, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  for (int i = 0; i < ROWS; i++) CU_ASSERT_EQUAL(values[i], i / 3.0);
  CU_ASSERT_EQUAL(H5Lexists(file, "q", H5P_DEFAULT), 0); // no critics, no column
  CU_ASSERT_TRUE_FATAL(H5Lexists(file, "terminated", H5P_DEFAULT) > 0);
  CU_ASSERT_TRUE(H5Aexists(file, "env") > 0);
  H5Dclose(reward);
  H5Fclose(file);
  struct error error = {0};
  CU_ASSERT_NOT_EQUAL(trace_table_write(&table, "/nowhere/trace.h5", "", "", &error), STATUS_OK);
  CU_ASSERT_NOT_EQUAL(error.text[0], 0);
  free(path);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {{"rows are added and cut", test_table},
                                           {"the file has a dataset for each column", test_write}};
  return unit_run("checkpoint_trace", cases, sizeof cases / sizeof *cases);
}
