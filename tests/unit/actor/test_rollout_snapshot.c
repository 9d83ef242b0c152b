#include "actor/rollout.h"
#include "tests/support/environments.h"
#include "tests/support/rollouts.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <string.h>

static const struct config config = {.seed = 3, .gamma = 0.9, .n_step = 3, .hidden = {2, {16, 16}}};
static const struct config one_step = {.seed = 3, .gamma = 0.9, .n_step = 1, .hidden = {2, {16, 16}}};

static const struct config history = {.seed = 3, .gamma = 0.9, .n_step = 3, .history = 4, .hidden = {2, {16, 16}}};

// Steps, then moves every environment into a new rollout and continues both.
static void snapshot_continues(const char *name, const struct config *with, int steps, bool live) {
  struct rollout_run run, other;
  struct error error = {0};
  rollout_run_begin(&run, name, with, 1, 3, 5);
  rollout_run_begin(&other, name, with, 1, 3, 5);
  rollout_run_steps(&other, 5); // what it did before does not matter
  transition_batch_clear(&other.batch);
  rollout_run_steps(&run, steps);
  for (uint32_t i = 0; i < 3; i++) {
    struct snapshot snapshot;
    UNIT_STATUS_FATAL(snapshot_init_for(&snapshot, with, run.batch.obs_dim, run.batch.act_dim, 1, &error), STATUS_OK,
                      &error);
    UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(snapshot.environment, 1 + i);
    CU_ASSERT_EQUAL(snapshot.steps, (uint64_t)steps);
    CU_ASSERT_TRUE(snapshot.exact);
    CU_ASSERT_EQUAL(snapshot.live, live);
    CU_ASSERT_EQUAL(snapshot.window, (live ? config_row_steps(with) - 1 : 0));
    UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
    snapshot_release(&snapshot);
  }
  uint32_t from = run.batch.rows;
  rollout_run_steps(&run, 210);
  rollout_run_steps(&other, 210);
  for (uint32_t i = 1; i <= 3; i++) {
    CU_ASSERT(rollout_rows_agree(&run.batch, from, &other.batch, i) >= 208);
    CU_ASSERT(rollout_episodes_agree(&run.batch, &other.batch, i) >= 1);
    CU_ASSERT_EQUAL(run.batch.progress[i - 1].episode, other.batch.progress[i - 1].episode);
    CU_ASSERT_EQUAL(run.batch.progress[i - 1].steps, other.batch.progress[i - 1].steps);
  }
  rollout_run_end(&run);
  rollout_run_end(&other);
}

static void test_snapshot(void) {
  const struct config *const configs[] = {&config, &history};
  for (int c = 0; c < 2; c++) {
    snapshot_continues("Pendulum-v1", configs[c], 57, true);
    snapshot_continues("counter", configs[c], 13, true);
    snapshot_continues("counter", configs[c], 2, true);   // in a history's begin
    snapshot_continues("counter", configs[c], 20, false); // between two episodes
    snapshot_continues("no_save", configs[c], 20, false);
  }
}

// A save that breaks the rules counts as none. Each environment gives one warning, and does not fail.
static void test_bad_saves(void) {
  static const char *const how[] = {"bad_save-huge", "bad_save-negative", "bad_save-grow"};
  for (int h = 0; h < 3; h++) {
    struct rollout_run run;
    struct error error = {0};
    struct snapshot snapshot;
    const struct message_env_failure *env_failure;
    rollout_run_begin(&run, how[h], &one_step, 0, 2, 5);
    rollout_run_steps(&run, 4);
    UNIT_STATUS_FATAL(snapshot_init(&snapshot, 1, 1, 0, &error), STATUS_OK, &error);
    for (int times = 0; times < 2; times++) {
      for (uint32_t i = 0; i < 2; i++) {
        UNIT_STATUS(rollout_snapshot(run.rollout, i, &snapshot, &error), STATUS_OK, &error);
        CU_ASSERT_TRUE_FATAL(!snapshot.live);
        CU_ASSERT_TRUE_FATAL(!snapshot.exact);
        CU_ASSERT_EQUAL(snapshot.steps, 4);
        CU_ASSERT_EQUAL(snapshot.state.size, 0);
      }
      for (uint32_t i = 0; i < 2 && times == 0; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(env_failure = rollout_env_failure(run.rollout));
        CU_ASSERT_EQUAL(env_failure->environment, i);
        CU_ASSERT_EQUAL(env_failure->in_a_row, 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, "bad_save"));
        CU_ASSERT_PTR_NOT_NULL(strstr(env_failure->text, h == 2 ? "save asked for"
                                                         : h    ? "returned -5"
                                                                : "save wants 9223"));
      }
      CU_ASSERT_PTR_NULL(rollout_env_failure(run.rollout));
    }
    rollout_run_steps(&run, 8); // the environments are unharmed
    CU_ASSERT_EQUAL(run.batch.progress[1].steps, 12);
    snapshot_release(&snapshot);
    rollout_run_end(&run);
  }
}

static void test_snapshot_without_state(void) {
  struct rollout_run run, other;
  struct error error = {0};
  struct snapshot snapshot;
  rollout_run_begin(&run, "no_save", &one_step, 0, 1, 5);
  rollout_run_begin(&other, "no_save", &one_step, 0, 1, 5);
  rollout_run_steps(&run, 34);
  UNIT_STATUS_FATAL(snapshot_init(&snapshot, 1, 1, 0, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_snapshot(run.rollout, 0, &snapshot, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(!snapshot.live);
  CU_ASSERT_TRUE_FATAL(!snapshot.exact);
  CU_ASSERT_EQUAL(snapshot.steps, 34);
  CU_ASSERT_EQUAL(snapshot.episode, 4);
  CU_ASSERT_EQUAL(snapshot.state.size, 0);
  UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
  rollout_run_steps(&other, 10);
  CU_ASSERT_EQUAL(other.batch.progress[0].steps, 44);
  CU_ASSERT_EQUAL(other.batch.progress[0].episode, 5);
  CU_ASSERT_EQUAL(other.batch.episodes, 1);
  CU_ASSERT_EQUAL(other.batch.episode[0].episode, 4);
  CU_ASSERT_EQUAL(other.batch.episode[0].length, 10);
  rollout_run_steps(&run, 7); // both rollouts begin the next episode alike
  CU_ASSERT_EQUAL(memcmp(run.batch.obs + 40, other.batch.obs, sizeof(float)), 0);

  snapshot.live = true; // in the middle of episode 4, without the state that this environment cannot give
  UNIT_STATUS(rollout_restore(other.rollout, &snapshot, &error), STATUS_OK, &error);
  rollout_run_steps(&other, 1);
  CU_ASSERT_EQUAL(other.batch.progress[0].episode, 5);
  snapshot_release(&snapshot);
  rollout_run_end(&run);
  rollout_run_end(&other);
}

static void test_restore_refused(void) {
  struct rollout_run run;
  struct error error = {0};
  struct snapshot snapshot;
  rollout_run_begin(&run, "Pendulum-v1", &config, 4, 2, 5);
  rollout_run_steps(&run, 5);
  UNIT_STATUS_FATAL(snapshot_init(&snapshot, 3, 1, 2, &error), STATUS_OK, &error);
  UNIT_STATUS(rollout_snapshot(run.rollout, 1, &snapshot, &error), STATUS_OK, &error);
  snapshot.environment = 6;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "environment 6 came to an actor that has environments 4 to 5"));
  error_clear(&error);
  snapshot.environment = 3;
  CU_ASSERT_EQUAL(rollout_restore(run.rollout, &snapshot, NULL), STATUS_MISMATCH);
  snapshot.environment = 5;
  snapshot.obs_dim = 4;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "obs_dim 4"));
  error_clear(&error);
  snapshot.obs_dim = 3;
  snapshot.state.size--;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "environment 5 (training): load of"));
  error_clear(&error);
  snapshot.state.size = 0;
  UNIT_STATUS(rollout_restore(run.rollout, &snapshot, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "holds no state"));
  snapshot_release(&snapshot);
  rollout_run_end(&run);
}

static void test_loan_cuts(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 2, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct rollout_run run;
  struct environment *lent;
  float obs[3];
  rollout_run_begin(&run, "no_save", &with, 0, 1, 5);
  rollout_run_steps(&run, 2);
  CU_ASSERT_PTR_NULL(rollout_lend(run.rollout, false, &run.batch)); // its episode cannot be saved
  const uint32_t rows = run.batch.rows;
  lent = rollout_lend(run.rollout, true, &run.batch);
  CU_ASSERT_PTR_NOT_NULL_FATAL(lent);
  CU_ASSERT_EQUAL(run.batch.rows, rows + 1); // what the window held
  CU_ASSERT_EQUAL(environment_reset(lent, 1, obs, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(rollout_take_back(run.rollout, &run.batch, NULL), STATUS_OK);
  rollout_run_steps(&run, 1);
  CU_ASSERT_EQUAL(run.batch.progress[0].episode, 1);
  rollout_run_end(&run);
}

// A borrower may break the instance. Snapshots during the loan are of where it was before.
static void test_loan_resumes(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 2, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct environment *lent;
  float obs[3];
  struct rollout_run kept;
  struct snapshot snapshot, during;
  rollout_run_begin(&kept, "Pendulum-v1", &with, 0, 1, 5);
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, 3, 1, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&during, 3, 1, 1, NULL), STATUS_OK);
  rollout_run_steps(&kept, 7);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &snapshot, NULL), STATUS_OK);
  lent = rollout_lend(kept.rollout, false, &kept.batch);
  CU_ASSERT_PTR_NOT_NULL_FATAL(lent);
  CU_ASSERT_EQUAL(environment_reset(lent, 9, obs, NULL), STATUS_OK);
  environment_destroy(lent);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &during, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(during.state.size, snapshot.state.size);
  CU_ASSERT_EQUAL(memcmp(during.state.data, snapshot.state.data, snapshot.state.size), 0);
  CU_ASSERT_EQUAL(rollout_take_back(kept.rollout, &kept.batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(rollout_snapshot(kept.rollout, 0, &during, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(during.state.data, snapshot.state.data, snapshot.state.size), 0);
  CU_ASSERT_TRUE_FATAL(during.live);
  CU_ASSERT_TRUE_FATAL(during.exact);
  CU_ASSERT_EQUAL(during.episode, 0);
  CU_ASSERT_EQUAL(during.episode_length, 7);
  snapshot_release(&snapshot);
  snapshot_release(&during);
  rollout_run_end(&kept);
}

// Calls the kind's own create, but fails the first `refusals` times.
static int refusals;
static void *create_refused(const struct environment_kind *kind, const struct corsac_env_config *what,
                            struct corsac_env_spec *spec, char *error, size_t size) {
  if (refusals-- <= 0) return kind->abi->create(what, spec, error, size);
  snprintf(error, size, "no licence");
  return NULL;
}

// The borrower breaks the instance, and no new one can be made for the running episode at first.
static void test_loan_fails(void) {
  const struct config with = {.seed = 3, .gamma = 0.5, .n_step = 2, .hidden = {2, {16, 16}}, .env_max_failures = 3};
  struct rollout_run run;
  struct error error = {0};
  rollout_run_begin(&run, "Pendulum-v1", &with, 0, 1, 5);
  rollout_run_steps(&run, 7);
  environment_destroy(rollout_lend(run.rollout, false, &run.batch));
  run.kind.create = create_refused;
  refusals = 1;
  UNIT_STATUS(rollout_take_back(run.rollout, &run.batch, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(run.batch.rows, 7); // the window is closed
  CU_ASSERT_PTR_NOT_NULL(rollout_env_failure(run.rollout));
  rollout_run_steps(&run, 1);
  CU_ASSERT_EQUAL(run.batch.progress[0].steps, 8);
  CU_ASSERT_EQUAL(run.batch.progress[0].episode, 1); // a new episode has begun, with a reset
  rollout_run_steps(&run, 199);
  CU_ASSERT_EQUAL(run.batch.episodes, 1);
  CU_ASSERT_EQUAL(run.batch.episode[0].length, 200);
  rollout_run_end(&run);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a snapshot continues bit for bit", test_snapshot},
      {"a save that breaks its rules costs the exact resume, with one warning", test_bad_saves},
      {"an environment without a saved state begins the next episode", test_snapshot_without_state},
      {"a snapshot that does not fit is refused", test_restore_refused},
      {"a loan cuts an episode that cannot be saved, if it has to begin now", test_loan_cuts},
      {"after a loan the environment is where it was, even if the borrower broke it", test_loan_resumes},
      {"an episode that cannot be resumed after a loan is cut, and a new one begins", test_loan_fails},
  };
  return unit_run("rollout_snapshot", cases, sizeof cases / sizeof *cases);
}
