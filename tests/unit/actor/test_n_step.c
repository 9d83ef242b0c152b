#include "actor/n_step.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <float.h>
#include <string.h>

enum { CAPACITY = 64 };

static void begin(struct n_step *window, uint32_t n, double gamma, struct transition_batch *batch) {
  struct error error = {0};
  UNIT_STATUS_FATAL(n_step_init(window, n, gamma, 2, 1, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(transition_batch_init(batch, 2, 1, CAPACITY, CAPACITY, 4, &error), STATUS_OK, &error);
}

static void end(struct n_step *window, struct transition_batch *batch) {
  n_step_release(window);
  transition_batch_release(batch);
}

// Step t of an episode: obs [t, -t], action t/8, version 100 + t, next_obs [t + 1, -t - 1].
static void push(struct n_step *window, int t, float reward, bool terminated, bool truncated,
                 struct transition_batch *batch) {
  float x = (float)t, obs[2] = {x, -x}, next[2] = {x + 1, -x - 1}, action = x / 8;
  const struct n_step_transition transition = {.obs = obs,
                                               .action = &action,
                                               .reward = reward,
                                               .version = 100 + (uint64_t)t,
                                               .next_obs = next,
                                               .terminated = terminated,
                                               .truncated = truncated};
  n_step_push(window, &transition, 7, batch);
}

// Row `row` begins at step t and bootstraps from the observation `next`.
static void row_is(const struct transition_batch *batch, uint32_t row, int t, double reward, int next,
                   double discount) {
  CU_ASSERT_FATAL(row < batch->rows);
  CU_ASSERT_EQUAL(batch->environment[row], 7);
  CU_ASSERT_EQUAL(batch->version[row], 100 + (uint64_t)t);
  CU_ASSERT_EQUAL(batch->obs[2 * row], (float)t);
  CU_ASSERT_EQUAL(batch->obs[2 * row + 1], -(float)t);
  CU_ASSERT_EQUAL(batch->action[row], (float)t / 8);
  CU_ASSERT_EQUAL(batch->reward[row], (float)reward);
  CU_ASSERT_EQUAL(batch->next_obs[2 * row], (float)next);
  CU_ASSERT_EQUAL(batch->next_obs[2 * row + 1], -(float)next);
  CU_ASSERT_EQUAL(batch->discount[row], (float)discount);
}

static void test_one(void) {
  struct n_step window;
  struct transition_batch batch;
  begin(&window, 1, 0.99, &batch);
  push(&window, 0, 1.5f, false, false, &batch);
  push(&window, 1, -2, false, true, &batch);
  push(&window, 2, 3, true, false, &batch);
  push(&window, 3, 4, true, true, &batch);
  CU_ASSERT_EQUAL(batch.rows, 4);
  row_is(&batch, 0, 0, 1.5, 1, 0.99);
  row_is(&batch, 1, 1, -2, 2, 0.99); // truncated: still bootstraps
  row_is(&batch, 2, 2, 3, 3, 0);
  row_is(&batch, 3, 3, 4, 4, 0); // both: terminated
  CU_ASSERT_EQUAL(window.count, 0);
  end(&window, &batch);
}

// gamma = 1/2, n = 3, rewards 1 2 4 8 16:  0: 1 + 1 + 1;  1: 2 + 2 + 2;  2: 4 + 4 + 4;  tails 3: 8 + 8;  4: 16
static void test_tails(bool terminated) {
  struct n_step window;
  struct transition_batch batch;
  begin(&window, 3, 0.5, &batch);
  for (int t = 0; t < 5; t++) {
    push(&window, t, (float)(1 << t), t == 4 && terminated, t == 4, &batch);
    CU_ASSERT_EQUAL(batch.rows, t < 2 ? 0 : t < 4 ? (uint32_t)t - 1 : 5);
  }
  row_is(&batch, 0, 0, 3, 3, 0.125);
  row_is(&batch, 1, 1, 6, 4, 0.125);
  row_is(&batch, 2, 2, 12, 5, terminated ? 0 : 0.125);
  row_is(&batch, 3, 3, 16, 5, terminated ? 0 : 0.25);
  row_is(&batch, 4, 4, 16, 5, terminated ? 0 : 0.5);
  end(&window, &batch);
}

// After a failure the pending transitions bootstrap from the last good observation.
static void test_close(void) {
  struct n_step window;
  struct transition_batch batch;
  const float last[2] = {2, -2};
  begin(&window, 3, 0.5, &batch);
  push(&window, 0, 1, false, false, &batch);
  push(&window, 1, 2, false, false, &batch);
  n_step_close(&window, last, 7, &batch);
  CU_ASSERT_EQUAL(batch.rows, 2);
  row_is(&batch, 0, 0, 2, 2, 0.25);
  row_is(&batch, 1, 1, 2, 2, 0.5);
  n_step_close(&window, last, 7, &batch);
  CU_ASSERT_EQUAL(batch.rows, 2);
  end(&window, &batch);
}

static void test_truncated(void) { test_tails(false); }
static void test_terminated(void) { test_tails(true); }

static void test_episodes_apart(void) {
  struct n_step window;
  struct transition_batch batch;
  begin(&window, 3, 0.5, &batch);
  push(&window, 0, 1, false, false, &batch);
  push(&window, 1, 2, false, true, &batch); // shorter than n
  CU_ASSERT_EQUAL(batch.rows, 2);
  row_is(&batch, 0, 0, 2, 2, 0.25);
  row_is(&batch, 1, 1, 2, 2, 0.5);
  push(&window, 10, 64, false, false, &batch); // the next episode
  push(&window, 11, 64, false, false, &batch);
  CU_ASSERT_EQUAL(batch.rows, 2);
  push(&window, 12, 64, true, false, &batch);
  CU_ASSERT_EQUAL(batch.rows, 5);
  row_is(&batch, 2, 10, 64 + 32 + 16, 13, 0);
  n_step_clear(&window);
  push(&window, 20, 1, false, false, &batch);
  n_step_clear(&window); // a window that is dropped leaves no rows
  push(&window, 30, 5, true, false, &batch);
  CU_ASSERT_EQUAL(batch.rows, 6);
  row_is(&batch, 5, 30, 5, 31, 0);
  end(&window, &batch);
}

// 1 + 2^-30 - 1: lost in float, kept in double.
// Rewards are finite floats, and so is what goes into replay.
static void test_large(void) {
  struct n_step window;
  struct transition_batch batch;
  begin(&window, 3, 1, &batch);
  for (int t = 0; t < 6; t++) push(&window, t, t < 3 ? 3e38f : -3e38f, false, t == 5, &batch);
  row_is(&batch, 0, 0, (double)FLT_MAX, 3, 1);
  row_is(&batch, 3, 3, (double)-FLT_MAX, 6, 1);
  row_is(&batch, 5, 5, (double)-3e38f, 6, 1);
  end(&window, &batch);
}

static void test_double(void) {
  struct n_step window;
  struct transition_batch batch;
  begin(&window, 3, 1, &batch);
  push(&window, 0, 1, false, false, &batch);
  push(&window, 1, 0x1p-30f, false, false, &batch);
  push(&window, 2, -1, false, false, &batch);
  CU_ASSERT_EQUAL(batch.rows, 1);
  CU_ASSERT_EQUAL(batch.reward[0], 0x1p-30f);
  end(&window, &batch);
}

static void test_save(void) {
  for (int cut = 0; cut < 7; cut++) { // the oldest transition at each index of the ring
    struct n_step window, other;
    struct transition_batch batch, rest;
    struct snapshot snapshot;
    struct error error = {0};
    begin(&window, 4, 0.9, &batch);
    begin(&other, 4, 0.9, &rest);
    UNIT_STATUS_FATAL(snapshot_init(&snapshot, 2, 1, 3, &error), STATUS_OK, &error);
    push(&other, 50, 1, false, false, &rest); // the load drops it
    for (int t = 0; t < cut; t++) push(&window, t, (float)t, false, false, &batch);
    n_step_save(&window, &snapshot);
    CU_ASSERT_EQUAL(snapshot.window, cut < 3 ? (uint32_t)cut : 3);
    if (cut > 0) CU_ASSERT_EQUAL(snapshot.window_version[0], 100 + (uint64_t)(cut > 3 ? cut - 3 : 0));
    UNIT_STATUS(n_step_load(&other, &snapshot, 0, snapshot.window, &error), STATUS_OK, &error);
    uint32_t before = batch.rows;
    for (int t = cut; t < 12; t++) {
      push(&window, t, (float)t, t == 11, false, &batch);
      push(&other, t, (float)t, t == 11, false, &rest);
    }
    uint32_t rows = rest.rows;
    CU_ASSERT_EQUAL(batch.rows - before, rows);
    CU_ASSERT_EQUAL(memcmp(batch.obs + 2 * before, rest.obs, 2 * rows * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(batch.next_obs + 2 * before, rest.next_obs, 2 * rows * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(batch.action + before, rest.action, rows * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(batch.reward + before, rest.reward, rows * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(batch.discount + before, rest.discount, rows * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(batch.version + before, rest.version, rows * sizeof(uint64_t)), 0);
    snapshot_release(&snapshot);
    end(&window, &batch);
    end(&other, &rest);
  }
}

static void test_load_refused(void) {
  struct n_step window;
  struct transition_batch batch;
  struct snapshot snapshot;
  struct error error = {0};
  begin(&window, 3, 0.9, &batch);
  UNIT_STATUS_FATAL(snapshot_init(&snapshot, 2, 1, 5, &error), STATUS_OK, &error);
  snapshot.window = 3;
  UNIT_STATUS(n_step_load(&window, &snapshot, 0, snapshot.window, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "holds 3 transitions; with n_step 3 it holds at most 2"));
  error_clear(&error);
  snapshot.window = 1;
  snapshot.act_dim = 2;
  UNIT_STATUS(n_step_load(&window, &snapshot, 0, snapshot.window, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "act_dim 2"));
  snapshot_release(&snapshot);
  end(&window, &batch);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an episode that is cut keeps its good steps", test_close},
      {"n = 1 gives each step as it is; termination wins over truncation", test_one},
      {"n = 3, truncated: every tail bootstraps with its own gamma^k", test_truncated},
      {"n = 3, terminated: the last rows have no discount left", test_terminated},
      {"windows do not cross episodes", test_episodes_apart},
      {"sums of large rewards stay finite", test_large},
      {"rewards are summed in double", test_double},
      {"a window that is saved and loaded gives the same rows", test_save},
      {"a window that does not fit is refused", test_load_refused},
  };
  return unit_run("n_step", cases, sizeof cases / sizeof *cases);
}
