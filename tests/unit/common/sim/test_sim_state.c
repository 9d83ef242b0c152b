// The bytes of a simulator's state: what is put is got back in the same order, files too, or a reason says why not.
#include "common/env/channel.h"
#include "common/sim/sim_state.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 16 }; // bytes before what is put, where the episode has no case
static char case_text[SIM_STATE_TEXT];

static void says(const struct sim_state *state, const char *text) {
  CU_ASSERT_PTR_NOT_NULL(strstr(state->why, text));
  if (!strstr(state->why, text)) fprintf(stderr, "\n    \"%s\" does not say \"%s\"\n", state->why, text);
}

static void test_order(void) {
  struct sim_state state = {0}, other = {0};
  enum { COUNT = 50000 };
  uint64_t seed = 0;
  for (int round = 0; round < 2; round++) { // the second one begins anew
    CU_ASSERT_EQUAL(sim_state_begin(&state, 77, ""), 0);
    for (int i = 0; i < COUNT; i++) CU_ASSERT_EQUAL_FATAL(sim_state_put(&state, &i, sizeof i), 0);
    CU_ASSERT_EQUAL(sim_state_put(&state, NULL, 0), 0);
  }
  CU_ASSERT_EQUAL(state.size, HEAD + COUNT * sizeof(int));
  CU_ASSERT_EQUAL(sim_state_open(&other, state.bytes, state.size, &seed, case_text), 0);
  CU_ASSERT_EQUAL(seed, 77);
  CU_ASSERT_EQUAL(sim_state_left(&other), COUNT * sizeof(int));
  for (int i = 0; i < COUNT; i++) {
    int got = -1;
    CU_ASSERT_EQUAL_FATAL(sim_state_get(&other, &got, sizeof got), 0);
    CU_ASSERT_EQUAL_FATAL(got, i);
  }
  CU_ASSERT_EQUAL(sim_state_get(&other, NULL, 0), 0);
  CU_ASSERT_EQUAL(sim_state_close(&other), 0);
  sim_state_release(&state);
  sim_state_release(&other);
}

// The case of an episode is in its state, which other bytes cannot make longer than it may be.
static void test_case(void) {
  struct sim_state state = {0};
  uint64_t seed = 0, huge = SIM_STATE_TEXT;
  double number = 3;
  sim_state_begin(&state, 5, "long length=2");
  sim_state_put(&state, &number, sizeof number);
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, state.size, &seed, case_text), 0);
  CU_ASSERT_EQUAL(seed, 5);
  CU_ASSERT_STRING_EQUAL(case_text, "long length=2");
  CU_ASSERT_EQUAL(sim_state_left(&state), sizeof number);
  sim_state_get(&state, &number, sizeof number);
  CU_ASSERT_EQUAL(sim_state_close(&state), 0);
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, HEAD + 12, &seed, case_text), -1);
  says(&state, "are no state");
  memcpy(state.bytes + HEAD, &huge, sizeof huge);
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, state.size, &seed, case_text), -1);
  sim_state_begin(&state, 5, "");
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, state.size, &seed, case_text), 0);
  CU_ASSERT_STRING_EQUAL(case_text, "");
  sim_state_release(&state);
}

static void test_differ(void) {
  struct sim_state state = {0};
  uint64_t seed = 0;
  double numbers[2] = {1, 2};
  sim_state_begin(&state, 1, "");
  sim_state_put(&state, numbers, sizeof numbers);
  const size_t size = state.size;
  sim_state_open(&state, state.bytes, size, &seed, case_text);
  sim_state_get(&state, numbers, sizeof *numbers);
  CU_ASSERT_EQUAL(sim_state_close(&state), -1);
  says(&state, "left 8 of the 16 bytes");
  sim_state_open(&state, state.bytes, size, &seed, case_text);
  CU_ASSERT_STRING_EQUAL(state.why, "");
  sim_state_get(&state, numbers, sizeof *numbers);
  CU_ASSERT_EQUAL(sim_state_get(&state, numbers, sizeof numbers), -1);
  CU_ASSERT(numbers[0] == 0 && numbers[1] == 0);
  says(&state, "asks for 16 bytes where 8 of the 16 are left");
  CU_ASSERT_EQUAL(sim_state_get(&state, numbers, sizeof *numbers), -1); // after a failure there is nothing to get
  CU_ASSERT_EQUAL(sim_state_refuse(&state, "later"), -1);
  says(&state, "asks for 16 bytes");
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, HEAD - 1, &seed, case_text), -1);
  says(&state, "these 15 bytes are no state");
  CU_ASSERT_EQUAL(sim_state_open(&state, NULL, 0, &seed, case_text), -1);
  memset(state.bytes, 0xff, size);
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, size, &seed, case_text), -1);
  sim_state_release(&state);
}

// A state that is larger than corsac takes is counted, so that corsac can name its size. Nothing of it is kept.
static void test_too_large(void) {
  static const char some[1000];
  struct sim_state state = {0};
  sim_state_begin(&state, 1, "");
  CU_ASSERT_EQUAL(sim_state_put(&state, NULL, CHANNEL_MAX_STATE), 0);
  CU_ASSERT_EQUAL(sim_state_put(&state, some, sizeof some), 0);
  CU_ASSERT_EQUAL(state.size, HEAD + CHANNEL_MAX_STATE + sizeof some);
  CU_ASSERT(state.capacity < 1000);
  sim_state_put(&state, NULL, SIZE_MAX - 5);
  CU_ASSERT_EQUAL(state.size, SIZE_MAX);
  sim_state_release(&state);
}

static void test_files(void) {
  char *directory = unit_tmpdir(), *from = unit_path(directory, "from"), *to = unit_path(directory, "to");
  struct sim_state state = {0};
  uint64_t seed = 0;
  int number = 5;
  enum { SIZE = 300000 };
  char *bytes = malloc(SIZE);
  for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * i);
  unit_write_file(from, bytes, SIZE);
  unit_write_file(to, "longer than nothing", 19);
  sim_state_begin(&state, 1, "");
  CU_ASSERT_EQUAL(sim_state_put_file(&state, from), 0);
  CU_ASSERT_EQUAL(sim_state_put(&state, &number, sizeof number), 0);
  unit_write_file(from, "", 0);
  CU_ASSERT_EQUAL(sim_state_put_file(&state, from), 0);
  CU_ASSERT_EQUAL(sim_state_open(&state, state.bytes, state.size, &seed, case_text), 0);
  CU_ASSERT_EQUAL(sim_state_get_file(&state, from), 0);
  number = 0;
  CU_ASSERT_EQUAL(sim_state_get(&state, &number, sizeof number), 0);
  CU_ASSERT_EQUAL(number, 5);
  CU_ASSERT_EQUAL(sim_state_get_file(&state, to), 0);
  CU_ASSERT_EQUAL(sim_state_close(&state), 0);
  size_t size = 0;
  char *read = unit_read_file(from, &size);
  CU_ASSERT_EQUAL_FATAL(size, SIZE);
  CU_ASSERT_EQUAL(memcmp(read, bytes, SIZE), 0);
  struct stat status;
  CU_ASSERT_EQUAL(stat(to, &status), 0);
  CU_ASSERT_EQUAL(status.st_size, 0);

  sim_state_begin(&state, 1, "");
  CU_ASSERT_EQUAL(sim_state_put_file(&state, "/no/file"), -1);
  says(&state, "/no/file: No such file");
  sim_state_begin(&state, 1, "");
  CU_ASSERT_EQUAL(sim_state_put_file(&state, directory), -1);
  says(&state, "no regular file");
  sim_state_begin(&state, 1, "");
  const uint64_t huge = UINT64_MAX;
  sim_state_put(&state, &huge, sizeof huge);
  sim_state_open(&state, state.bytes, state.size, &seed, case_text);
  CU_ASSERT_EQUAL(sim_state_get_file(&state, to), -1);
  says(&state, "asks for 18446744073709551615 bytes where 0");
  sim_state_begin(&state, 1, "");
  sim_state_put_file(&state, from);
  sim_state_open(&state, state.bytes, state.size, &seed, case_text);
  CU_ASSERT_EQUAL(sim_state_get_file(&state, "/no/file"), -1);
  says(&state, "/no/file: No such file");
  sim_state_release(&state);
  free(read);
  free(bytes);
  free(from);
  free(to);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"what is put is got, with the seed", test_order},
      {"an episode's case is in its state, which may lack one", test_case},
      {"a load that differs from the save is named, and gets zeros", test_differ},
      {"a state that is too large is only counted", test_too_large},
      {"a file is put and got with its content", test_files},
  };
  return unit_run("sim_state", cases, sizeof cases / sizeof *cases);
}
