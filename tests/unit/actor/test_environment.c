#include "actor/environment.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

// --- an environment whose answers each case chooses ---

static struct {
  uint32_t obs_dim, act_dim, most; // most: max_episode_steps
  const double *low, *high;
  float obs[3];
  double reward;
  int reset_result, step_result, load_result;
  const char *reason; // of error()
  int64_t save_size;
  int save_growth;              // bytes more that each call of save wants
  float action[2];              // what step got
  char args[64], case_text[64]; // what create and set_case got
  int case_result;              // of set_case
  int alive;                    // created and not destroyed
} fake;

static const double low[2] = {-2, 0.1}, high[2] = {2, 0.4};

static void *fake_create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                         size_t size) {
  (void)error, (void)size;
  snprintf(fake.args, sizeof fake.args, "%s", config->args);
  spec->obs_dim = fake.obs_dim;
  spec->act_dim = fake.act_dim;
  spec->max_episode_steps = fake.most;
  spec->action_low = fake.low;
  spec->action_high = fake.high;
  fake.alive++;
  return &fake;
}
static void fake_destroy(void *self) { (void)self, fake.alive--; }
static int fake_reset(void *self, uint64_t seed, float *obs) {
  (void)self, (void)seed;
  memcpy(obs, fake.obs, sizeof fake.obs);
  return fake.reset_result;
}
static int fake_step(void *self, const float *action, float *obs, double *reward) {
  (void)self;
  memcpy(fake.action, action, sizeof fake.action);
  memcpy(obs, fake.obs, sizeof fake.obs);
  *reward = fake.reward;
  return fake.step_result;
}
static const char *fake_error(void *self) { return (void)self, fake.reason; }
static int64_t fake_save(void *self, void *buffer, size_t size) {
  (void)self;
  int64_t need = fake.save_size;
  fake.save_size += fake.save_growth;
  if (need > 0 && size >= (size_t)need) memset(buffer, 'S', (size_t)need);
  return need;
}
static int fake_load(void *self, const void *buffer, size_t size) {
  (void)self;
  return size > 0 && *(const char *)buffer == 'S' ? fake.load_result : -1;
}

static int fake_set_case(void *self, const char *args) {
  (void)self;
  snprintf(fake.case_text, sizeof fake.case_text, "%s", args);
  return fake.case_result;
}

static const struct corsac_env fake_abi = {.abi = CORSAC_ENV_ABI,
                                           .size = sizeof fake_abi,
                                           .name = "fake",
                                           .create = fake_create,
                                           .reset = fake_reset,
                                           .step = fake_step,
                                           .destroy = fake_destroy,
                                           .error = fake_error,
                                           .save = fake_save,
                                           .load = fake_load,
                                           .set_case = fake_set_case};
static const struct environment_kind fake_kind = {.abi = &fake_abi, .id = "/somewhere/fake.so"};

static void fake_begin(struct environment *environment) {
  memset(&fake, 0, sizeof fake);
  fake.obs_dim = 3;
  fake.act_dim = 2;
  fake.low = low;
  fake.high = high;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_create(environment, &fake_kind, 5, true, &error), STATUS_OK, &error);
}

static void fake_end(struct environment *environment) {
  environment_destroy(environment);
  CU_ASSERT_EQUAL(fake.alive, 0);
}

// --- instances ---

static void create_fails(const char *plugin, const char *args, const char *text) {
  char env[4096];
  struct environment_kind kind;
  struct environment environment;
  struct error error = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env(plugin, args, env, sizeof env), NULL, &error), STATUS_OK,
                    &error);
  UNIT_STATUS(environment_create(&environment, &kind, 3, false, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, plugin));
  CU_ASSERT(error_says(&error, "environment 3 (training): create"));
  CU_ASSERT(error_says(&error, text));
  environment_destroy(&environment);
  environment_kind_close(&kind);
}

static void test_create_fails(void) {
  create_fails("fail_create", NULL, "no licence for the solver");
  create_fails("fail_create", "silent", "gave no reason");
  create_fails("zero_dim", NULL, "obs_dim to 0");
  create_fails("bad_bounds", NULL, "action component 1 to [3, 3]");
}

static void spec_refused_by(enum status status, const char *text) {
  struct environment environment;
  struct error error = {0};
  UNIT_STATUS(environment_create(&environment, &fake_kind, 0, false, &error), status, &error);
  CU_ASSERT(error_says(&error, text));
  CU_ASSERT_EQUAL(fake.alive, 0);
}

static void spec_refused(const char *text) { spec_refused_by(STATUS_FAILED, text); }

static void test_spec(void) {
  struct environment environment;
  fake_begin(&environment);
  fake_end(&environment);
  const double wild[2] = {0, NAN}, endless[2] = {5, INFINITY}, least[2] = {-2, -1.7e308}, most[2] = {2, 1.7e308};
  fake.act_dim = 0;
  spec_refused("act_dim to 0");
  fake.act_dim = 1u << 30;
  spec_refused("act_dim to 1073741824");
  fake.act_dim = 2;
  fake.low = NULL;
  spec_refused("no action_low");
  fake.low = wild;
  spec_refused("[nan, 0.4]");
  fake.low = low;
  fake.high = endless;
  spec_refused_by(STATUS_USAGE, "[0.1, inf]");
  fake.low = least;
  fake.high = most;
  spec_refused_by(STATUS_USAGE, "finite");
  fake.low = high;
  fake.high = low;
  spec_refused("component 0 to [2, -2]");
}

static void test_scaling(void) {
  struct environment environment;
  fake_begin(&environment);
  float obs[3];
  double reward;
  int flags;
  static const float actions[5] = {-1, -0.5f, 0, 0.25f, 1};
  for (int i = 0; i < 5; i++) {
    float action[2] = {actions[i], actions[i]};
    CU_ASSERT_EQUAL(environment_step(&environment, action, obs, &reward, &flags, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(fake.action[0], 2 * actions[i]);
    CU_ASSERT_DOUBLE_EQUAL((double)fake.action[1], 0.1 + ((double)actions[i] + 1) / 2 * 0.3, 1e-7);
    CU_ASSERT_TRUE((double)fake.action[1] >= low[1]);
    CU_ASSERT_TRUE((double)fake.action[1] <= high[1]); // as doubles: (float)0.4 > 0.4
    CU_ASSERT_EQUAL(environment.scaled[1], fake.action[1]);
  }
  fake_end(&environment);
}

// An environment that counts its own steps, gives a reward of 1, 2, 3 ..., and ends by itself at step `ends`.
static int counted, ends;
static int counting_step(void *self, const float *action, float *obs, double *reward) {
  const int result = fake_step(self, action, obs, reward);
  *reward = ++counted;
  return result < 0 ? result : counted == ends ? CORSAC_TERMINATED : 0;
}
static int counting_begin(void *self, const float *action) {
  (void)self;
  memcpy(fake.action, action, sizeof fake.action);
  return 0;
}
static int counting_end(void *self, float *obs, double *reward) {
  return counting_step(self, fake.action, obs, reward);
}

// One step of the host, whole or in halves.
static enum status skip_step(struct environment *environment, bool halves, double *reward, int *flags) {
  const float action[2] = {1, -1};
  float obs[3];
  enum status status = STATUS_OK;
  if (!halves) return environment_step(environment, action, obs, reward, flags, NULL);
  do {
    status = environment_step_begin(environment, action, NULL);
    if (status == STATUS_OK) status = environment_step_end(environment, obs, reward, flags, NULL);
  } while (status == STATUS_OK && environment_step_goes_on(environment));
  return status;
}

static void test_frame_skip(void) {
  const struct config config = {.frame_skip = 4};
  struct corsac_env abi = fake_abi;
  abi.step = counting_step;
  abi.step_begin = counting_begin;
  abi.step_end = counting_end;
  const struct environment_kind kind = {.abi = &abi, .id = "counting", .config = &config};
  for (int halves = 0; halves < 2; halves++) {
    struct environment environment;
    double reward;
    int flags;
    float obs[3];
    fake_begin(&environment), fake_end(&environment);
    UNIT_STATUS_FATAL(environment_create(&environment, &kind, 5, false, NULL), STATUS_OK, NULL);
    counted = 0, ends = 6;
    CU_ASSERT_EQUAL(environment_reset(&environment, 1, obs, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(skip_step(&environment, halves, &reward, &flags), STATUS_OK);
    CU_ASSERT_EQUAL(counted, 4);
    CU_ASSERT_EQUAL(reward, 1 + 2 + 3 + 4);
    CU_ASSERT_EQUAL(flags, 0);
    CU_ASSERT_EQUAL(fake.action[0], 2); // held, and scaled
    CU_ASSERT_EQUAL(skip_step(&environment, halves, &reward, &flags), STATUS_OK);
    CU_ASSERT_EQUAL(counted, 6); // it stops where the episode does
    CU_ASSERT_EQUAL(reward, 5 + 6);
    CU_ASSERT_EQUAL(flags, CORSAC_TERMINATED);
    CU_ASSERT_EQUAL(environment_reset(&environment, 2, obs, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(skip_step(&environment, halves, &reward, &flags), STATUS_OK);
    CU_ASSERT_EQUAL(reward, 7 + 8 + 9 + 10); // nothing of the last episode
    fake.step_result = -1;
    CU_ASSERT_EQUAL(skip_step(&environment, halves, &reward, &flags), STATUS_FAILED);
    CU_ASSERT_EQUAL(counted, 11); // and where a call fails
    CU_ASSERT_FALSE(environment_step_goes_on(&environment));
    fake_end(&environment);
  }
}

// max_episode_steps: the option's; else the environment's own, in steps of the host, rounded up.
static void test_step_limit(void) {
  static const struct {
    uint64_t skip, asked;
    uint32_t own, limit;
  } cases[] = {{1, 0, 200, 200}, {4, 0, 200, 50}, {3, 0, 200, 67}, {4, 0, 0, 0}, {1, 9, 200, 9}, {4, 500, 200, 500}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct config config = {.frame_skip = cases[i].skip, .max_episode_steps = cases[i].asked};
    const struct environment_kind kind = {.abi = &fake_abi, .id = "fake", .config = &config};
    struct environment environment;
    fake_begin(&environment), fake_end(&environment);
    fake.most = cases[i].own;
    UNIT_STATUS_FATAL(environment_create(&environment, &kind, 5, false, NULL), STATUS_OK, NULL);
    CU_ASSERT_EQUAL(environment.max_episode_steps, cases[i].limit);
    fake_end(&environment);
  }
}

static void test_step_returns(void) {
  struct environment environment;
  fake_begin(&environment);
  float obs[3], action[2] = {0, 0};
  double reward;
  int flags;
  fake.obs[1] = 4;
  fake.reward = -7.5;
  fake.step_result = CORSAC_TERMINATED | CORSAC_TRUNCATED;
  CU_ASSERT_EQUAL(environment_step(&environment, action, obs, &reward, &flags, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(obs[1], 4);
  CU_ASSERT_EQUAL(reward, -7.5);
  CU_ASSERT_EQUAL(flags, (CORSAC_TERMINATED | CORSAC_TRUNCATED));
  fake_end(&environment);
}

// Asserts that a step fails with this status and a message with this text.
static void step_fails(struct environment *environment, const float *action, enum status status, const char *text) {
  float obs[3];
  double reward;
  int flags;
  struct error error = {0};
  CU_ASSERT_EQUAL(environment_step(environment, action, obs, &reward, &flags, &error), status);
  CU_ASSERT(error_says(&error, "fake.so: environment 5 (evaluation): step "));
  CU_ASSERT(error_says(&error, text));
}

static void test_step_fails(void) {
  struct environment environment;
  fake_begin(&environment);
  static const float zero[2] = {0, 0}, wild[2] = {0, NAN};
  fake.obs[2] = INFINITY;
  step_fails(&environment, zero, STATUS_FAILED,
             "step 1 of the episode returned an observation that is not finite: component 2 is inf");
  fake.obs[2] = 0;
  fake.obs[0] = NAN;
  step_fails(&environment, zero, STATUS_FAILED, "component 0 is");
  fake.obs[0] = 0;
  fake.reward = -INFINITY;
  step_fails(&environment, zero, STATUS_FAILED,
             "step 3 of the episode returned a reward that is not a finite float: -inf");
  fake.reward = 1e39; // finite, but not as a float
  step_fails(&environment, zero, STATUS_FAILED, "1e+39");
  fake.reward = 0;
  fake.step_result = 4;
  step_fails(&environment, zero, STATUS_FAILED, "flags 4");
  fake.step_result = -3;
  step_fails(&environment, zero, STATUS_FAILED, "it returned -3 and gave no reason");
  fake.reason = "out of mesh";
  step_fails(&environment, zero, STATUS_FAILED, "step 7 of the episode failed: out of mesh");
  fake.step_result = 0;
  step_fails(&environment, wild, STATUS_PEER, "the policy's action is not finite: component 1 is nan");
  fake_end(&environment);
}

static void test_reset_fails(void) {
  struct environment environment;
  fake_begin(&environment);
  float obs[3];
  struct error error = {0};
  UNIT_STATUS(environment_reset(&environment, 9, obs, &error), STATUS_OK, &error);
  fake.obs[1] = NAN;
  UNIT_STATUS(environment_reset(&environment, 9, obs, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "environment 5 (evaluation): reset with seed 9 returned an observation"));
  CU_ASSERT(error_says(&error, "component 1 is nan"));
  error_clear(&error);
  fake.reset_result = -1;
  UNIT_STATUS(environment_reset(&environment, 9, obs, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "reset with seed 9 failed: it returned -1"));
  fake_end(&environment);
}

static void test_plugins_fail(void) {
  static const char *const cases[2][2] = {
      {"nan_obs", "step 3 of the episode returned an observation that is not finite: component 2"},
      {"fail_step", "step 5 of the episode failed: the solver diverged"}};
  for (int i = 0; i < 2; i++) {
    char env[4096];
    struct environment_kind kind;
    struct environment environment;
    struct error error = {0};
    float obs[3], action = 0;
    double reward;
    int flags, steps = 0;
    UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env(cases[i][0], NULL, env, sizeof env), NULL, &error),
                      STATUS_OK, &error);
    UNIT_STATUS_FATAL(environment_create(&environment, &kind, 0, false, &error), STATUS_OK, &error);
    UNIT_STATUS(environment_reset(&environment, 1, obs, &error), STATUS_OK, &error);
    while (steps < 10 && environment_step(&environment, &action, obs, &reward, &flags, &error) == STATUS_OK) steps++;
    CU_ASSERT_EQUAL(steps, i == 0 ? 2 : 4);
    CU_ASSERT(error_says(&error, cases[i][1]));
    environment_destroy(&environment);
    environment_kind_close(&kind);
  }
}

static void test_overlap(void) {
  char env[4096];
  struct environment_kind kind;
  struct environment both[2];
  struct error error = {0};
  float obs, action = 0;
  double reward;
  int flags;
  UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env("overlap", NULL, env, sizeof env), NULL, &error), STATUS_OK,
                    &error);
  for (int i = 0; i < 2; i++)
    UNIT_STATUS_FATAL(environment_create(&both[i], &kind, 0, false, &error), STATUS_OK, &error);
  for (int i = 0; i < 2; i++) UNIT_STATUS(environment_step_begin(&both[i], &action, &error), STATUS_OK, &error);
  for (int i = 0; i < 2; i++) {
    UNIT_STATUS(environment_step_end(&both[i], &obs, &reward, &flags, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(obs, 2);
  }
  UNIT_STATUS(environment_step(&both[0], &action, &obs, &reward, &flags, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(obs, 1);
  for (int i = 0; i < 2; i++) environment_destroy(&both[i]);
  environment_kind_close(&kind);
}

static void test_save(void) {
  struct environment environment;
  fake_begin(&environment);
  struct buffer state = {0};
  struct error error = {0};
  CU_ASSERT(environment_can_save(&environment));
  fake.save_size = -1; // an error
  CU_ASSERT_FALSE_FATAL(environment_save(&environment, &state));
  CU_ASSERT_EQUAL(state.size, 0);
  fake.save_size = 3000; // larger than the buffer, so save is called twice
  CU_ASSERT_TRUE_FATAL(environment_save(&environment, &state));
  CU_ASSERT_EQUAL(state.size, 3000);
  CU_ASSERT_EQUAL(state.data[0], 'S');
  CU_ASSERT_EQUAL(state.data[2999], 'S');
  fake.save_size = 10; // replaces what was there
  CU_ASSERT_TRUE_FATAL(environment_save(&environment, &state));
  CU_ASSERT_EQUAL(state.size, 10);
  UNIT_STATUS(environment_load(&environment, state.data, state.size, &error), STATUS_OK, &error);
  fake.load_result = -1;
  fake.reason = "another mesh";
  UNIT_STATUS(environment_load(&environment, state.data, state.size, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "load of 10 bytes failed: another mesh"));
  error_clear(&error);
  fake.save_size = 100000;
  fake.save_growth = 100000;
  CU_ASSERT_FALSE_FATAL(environment_save(&environment, &state)); // it costs the exact resume
  CU_ASSERT_EQUAL(state.size, 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(environment.unsaved, "more bytes each time"));
  fake.save_size = INT64_MAX;
  fake.save_growth = 0;
  CU_ASSERT_FALSE_FATAL(environment_save(&environment, &state));
  CU_ASSERT_PTR_NOT_NULL(strstr(environment.unsaved, "save wants 9223372036854775807 bytes"));
  fake.save_size = -5;
  CU_ASSERT_FALSE_FATAL(environment_save(&environment, &state));
  CU_ASSERT_PTR_NOT_NULL(strstr(environment.unsaved, "save returned -5"));
  buffer_release(&state);
  fake_end(&environment);
}

static void test_cannot_save(void) {
  char env[4096];
  struct environment_kind kind;
  struct environment environment;
  struct error error = {0};
  struct buffer state = {0};
  UNIT_STATUS_FATAL(environment_kind_open(&kind, plugin_env("no_save", NULL, env, sizeof env), NULL, &error), STATUS_OK,
                    &error);
  UNIT_STATUS_FATAL(environment_create(&environment, &kind, 0, false, &error), STATUS_OK, &error);
  CU_ASSERT(!environment_can_save(&environment));
  CU_ASSERT_FALSE(environment_save(&environment, &state));
  UNIT_STATUS(environment_load(&environment, "x", 1, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "has no load"));
  environment_destroy(&environment);
  environment_kind_close(&kind);
}

// The case that is an environment's own stands behind the arguments of --env, and each episode is told its case.
static void test_own_case(void) {
  struct config config = {.cases = "a x=1\nb x=2\nc x=3\n", .cases_per = "environment"};
  struct environment_kind kind = {.abi = &fake_abi, .id = "fake.so", .args = "fast", .config = &config};
  struct environment environment;
  struct error error = {0};
  float obs[3];
  fake_begin(&environment);
  environment_destroy(&environment);
  CU_ASSERT_STRING_EQUAL(fake.args, "");
  UNIT_STATUS_FATAL(environment_create(&environment, &kind, 4, false, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(fake.args, "fast b x=2");
  UNIT_STATUS(environment_reset(&environment, 1, obs, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(fake.case_text, "b x=2");
  CU_ASSERT_TRUE(environment_fits(&environment, false, 8));
  CU_ASSERT_TRUE(environment_fits(&environment, true, 7)); // an evaluation's episode 7 plays case 7 mod 3
  CU_ASSERT_FALSE(environment_fits(&environment, true, 8));
  fake_end(&environment);
}

static void test_case_of_episode(void) {
  struct config config = {.cases = "a x=1\nb x=2\nc x=3\n", .cases_per = "episode"};
  struct environment_kind kind = {.abi = &fake_abi, .id = "fake.so", .args = "fast", .config = &config};
  struct environment environment;
  struct error error = {0};
  struct buffer state = {0};
  float obs[3];
  fake_begin(&environment);
  environment_destroy(&environment);
  UNIT_STATUS_FATAL(environment_create(&environment, &kind, 4, true, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(fake.args, "fast");
  for (uint64_t episode = 0; episode < 5; episode++) {
    static const char *const expected[] = {"a x=1", "b x=2", "c x=3"};
    environment.guest.episode = episode;
    CU_ASSERT_TRUE(environment_fits(&environment, true, episode));
    UNIT_STATUS(environment_reset(&environment, 1, obs, &error), STATUS_OK, &error);
    CU_ASSERT_STRING_EQUAL(fake.case_text, expected[episode % 3]);
  }
  fake.save_size = 5;
  CU_ASSERT_TRUE(environment_save(&environment, &state));
  environment.guest.episode = 5;
  UNIT_STATUS(environment_load(&environment, state.data, state.size, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(fake.case_text, "c x=3");
  fake.case_result = -1;
  fake.reason = "no mesh for it";
  UNIT_STATUS(environment_reset(&environment, 1, obs, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_said(&error, "environment 4 (evaluation): set_case to c failed: no mesh for it"));
  buffer_release(&state);
  fake_end(&environment);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a create that fails or gives a bad spec says why", test_create_fails},
      {"dimensions and bounds are checked, and a refused instance destroyed", test_spec},
      {"frame_skip holds an action, sums rewards and stops at the end", test_frame_skip},
      {"max_episode_steps is the option's, or the environment's own", test_step_limit},
      {"actions reach the environment inside of its bounds", test_scaling},
      {"observation, reward and flags of a step are passed on", test_step_returns},
      {"a step that fails or returns a number that is not finite is named", test_step_fails},
      {"a reset that fails or returns a number that is not finite is named", test_reset_fails},
      {"plugins that fail in the middle of an episode are named", test_plugins_fail},
      {"steps in two halves overlap", test_overlap},
      {"an environment's own case stands behind its arguments", test_own_case},
      {"an episode is told its case, before its reset and before a load", test_case_of_episode},
      {"a state is saved whatever its size, and loaded", test_save},
      {"an environment without save saves nothing and loads nothing", test_cannot_save},
  };
  return unit_run("environment", cases, sizeof cases / sizeof *cases);
}
