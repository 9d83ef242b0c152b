#include "actor/envs/registry.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

static const struct corsac_env *const car = &env_mountain_car_continuous;

struct state { // what save writes
  uint64_t version;
  float position, velocity;
};

static void set_state(void *self, double position, double velocity) {
  struct state state = {1, (float)position, (float)velocity};
  CU_ASSERT_EQUAL_FATAL(car->load(self, &state, sizeof state), 0);
}

static void *create(struct corsac_env_spec *spec) {
  struct corsac_env_config config = {.size = sizeof config, .id = "MountainCarContinuous-v0", .args = "", .comm = -1};
  char text[100];
  *spec = (struct corsac_env_spec){.size = sizeof *spec};
  void *self = car->create(&config, spec, text, sizeof text);
  CU_ASSERT_FATAL(self != NULL);
  return self;
}

// Bit for bit: the state is float32, and a last bit of the cosine is lost in rounding to it.
static void test_trajectories(void) { CU_ASSERT_EQUAL(trajectories_check(car, set_state, 0, 0), 484); }

static void test_spec(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  CU_ASSERT_EQUAL(spec.obs_dim, 2);
  CU_ASSERT_EQUAL(spec.act_dim, 1);
  CU_ASSERT_EQUAL(spec.max_episode_steps, 999);
  CU_ASSERT_EQUAL(spec.action_low[0], -1);
  CU_ASSERT_EQUAL(spec.action_high[0], 1);
  car->destroy(self);
  struct corsac_env_config config = {.size = sizeof config, .id = "MountainCarContinuous-v0", .args = "x", .comm = -1};
  char text[100] = "";
  CU_ASSERT_PTR_NULL(car->create(&config, &spec, text, sizeof text));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "no arguments"));
}

static void test_reset(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  float least = 9, most = -9;
  for (uint64_t seed = 0; seed < 2000; seed++) {
    float obs[2], again[2];
    CU_ASSERT_EQUAL(car->reset(self, seed, obs), 0);
    CU_ASSERT_EQUAL(obs[1], 0);
    least = fminf(least, obs[0]), most = fmaxf(most, obs[0]);
    car->reset(self, seed, again);
    CU_ASSERT_EQUAL(memcmp(obs, again, sizeof obs), 0);
  }
  CU_ASSERT_TRUE(least >= -0.6f);
  CU_ASSERT_TRUE(least < -0.599f);
  CU_ASSERT_TRUE(most <= -0.4f);
  CU_ASSERT_TRUE(most > -0.401f);
  car->destroy(self);
}

static void test_goal(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  float obs[2], action = 0.5f;
  double reward;
  set_state(self, 0.44, 0.03);
  CU_ASSERT_EQUAL(car->step(self, &action, obs, &reward), CORSAC_TERMINATED);
  CU_ASSERT_DOUBLE_EQUAL(reward, 100 - 0.1 * 0.25, 1e-12);
  CU_ASSERT(obs[0] >= 0.45f);
  set_state(self, 0.55, -0.03); // behind the goal, but rolling back
  CU_ASSERT_EQUAL(car->step(self, &action, obs, &reward), 0);
  CU_ASSERT_DOUBLE_EQUAL(reward, -0.1 * 0.25, 1e-12);
  car->destroy(self);
}

static void test_save(void) {
  struct corsac_env_spec spec;
  void *one = create(&spec), *other = create(&spec);
  float obs[2], obs_other[2], action = 0.75f;
  double reward, reward_other;
  struct state state;
  car->reset(one, 5, obs);
  for (int i = 0; i < 9; i++) car->step(one, &action, obs, &reward);
  char small[sizeof state - 1] = "untouched";
  CU_ASSERT_EQUAL(car->save(one, small, sizeof small), sizeof state);
  CU_ASSERT_STRING_EQUAL(small, "untouched");
  CU_ASSERT_EQUAL(car->save(one, &state, sizeof state), sizeof state);
  CU_ASSERT_EQUAL(car->load(other, &state, sizeof state), 0);
  for (int i = 0; i < 50; i++) {
    car->step(one, &action, obs, &reward);
    car->step(other, &action, obs_other, &reward_other);
    CU_ASSERT_EQUAL_FATAL(memcmp(obs, obs_other, sizeof obs), 0);
    CU_ASSERT_EQUAL(reward, reward_other);
  }
  CU_ASSERT(car->load(other, &state, sizeof state + 1) < 0);
  state.version++;
  CU_ASSERT(car->load(other, &state, sizeof state) < 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(car->error(other), "MountainCarContinuous-v0"));
  state.version--;
  state.velocity = INFINITY;
  CU_ASSERT(car->load(other, &state, sizeof state) < 0);
  car->destroy(one);
  car->destroy(other);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"trajectories are Gymnasium's, bit for bit", test_trajectories},
      {"dimensions, bounds and limit are Gymnasium's; arguments are refused", test_spec},
      {"a reset depends on the seed alone and covers Gymnasium's range", test_reset},
      {"reaching the goal forwards ends the episode and earns 100", test_goal},
      {"a saved state continues bit for bit; a damaged one is refused", test_save},
  };
  return unit_run("mountain_car_continuous", cases, sizeof cases / sizeof *cases);
}
