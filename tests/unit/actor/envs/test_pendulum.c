#include "actor/envs/registry.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

struct state { // what save writes
  uint64_t version;
  double theta, theta_dot;
};

static void set_state(void *self, double theta, double theta_dot) {
  struct state state = {1, theta, theta_dot};
  CU_ASSERT_EQUAL_FATAL(env_pendulum.load(self, &state, sizeof state), 0);
}

static void *create(struct corsac_env_spec *spec) {
  struct corsac_env_config config = {.size = sizeof config, .id = "Pendulum-v1", .args = "", .comm = -1};
  char text[100];
  *spec = (struct corsac_env_spec){.size = sizeof *spec};
  void *self = env_pendulum.create(&config, spec, text, sizeof text);
  CU_ASSERT_FATAL(self != NULL);
  return self;
}

// NumPy's sin and cos may differ from the C library's in the last bit of a double, and the pendulum carries that on. So
// a float32 may round the other way, and a reward agrees to 1e-9.
static void test_trajectories(void) { CU_ASSERT_EQUAL(trajectories_check(&env_pendulum, set_state, 1, 1e-9), 500); }

static void test_spec(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  CU_ASSERT_EQUAL(spec.obs_dim, 3);
  CU_ASSERT_EQUAL(spec.act_dim, 1);
  CU_ASSERT_EQUAL(spec.max_episode_steps, 200);
  CU_ASSERT_EQUAL(spec.action_low[0], -2);
  CU_ASSERT_EQUAL(spec.action_high[0], 2);
  env_pendulum.destroy(self);
  struct corsac_env_config config = {.size = sizeof config, .id = "Pendulum-v1", .args = "fast", .comm = -1};
  char text[100] = "";
  CU_ASSERT_PTR_NULL(env_pendulum.create(&config, &spec, text, sizeof text));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "fast"));
}

static void test_reset(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  double least = 9, most = -9, slowest = 9, fastest = -9;
  for (uint64_t seed = 0; seed < 2000; seed++) {
    float obs[3], again[3];
    struct state state;
    CU_ASSERT_EQUAL(env_pendulum.reset(self, seed, obs), 0);
    CU_ASSERT_EQUAL(env_pendulum.save(self, &state, sizeof state), sizeof state);
    least = fmin(least, state.theta), most = fmax(most, state.theta);
    slowest = fmin(slowest, state.theta_dot), fastest = fmax(fastest, state.theta_dot);
    CU_ASSERT_EQUAL(obs[0], (float)cos(state.theta));
    CU_ASSERT_EQUAL(obs[1], (float)sin(state.theta));
    CU_ASSERT_EQUAL(obs[2], (float)state.theta_dot);
    env_pendulum.reset(self, seed, again);
    CU_ASSERT_EQUAL(memcmp(obs, again, sizeof obs), 0);
  }
  CU_ASSERT_TRUE(least >= -3.1415927);
  CU_ASSERT_TRUE(least < -3.1);
  CU_ASSERT_TRUE(most <= 3.1415927);
  CU_ASSERT_TRUE(most > 3.1);
  CU_ASSERT_TRUE(slowest >= -1);
  CU_ASSERT_TRUE(slowest < -0.99);
  CU_ASSERT_TRUE(fastest <= 1);
  CU_ASSERT_TRUE(fastest > 0.99);
  env_pendulum.destroy(self);
}

static void test_save(void) {
  struct corsac_env_spec spec;
  void *one = create(&spec), *other = create(&spec);
  float obs[3], obs_other[3], action = 1.25f;
  double reward, reward_other;
  struct state state;
  env_pendulum.reset(one, 11, obs);
  for (int i = 0; i < 7; i++) env_pendulum.step(one, &action, obs, &reward);
  char small[sizeof state - 1] = "untouched";
  CU_ASSERT_EQUAL(env_pendulum.save(one, small, sizeof small), sizeof state);
  CU_ASSERT_STRING_EQUAL(small, "untouched");
  CU_ASSERT_EQUAL(env_pendulum.save(one, &state, sizeof state), sizeof state);
  CU_ASSERT_EQUAL(env_pendulum.load(other, &state, sizeof state), 0);
  for (int i = 0; i < 50; i++) {
    env_pendulum.step(one, &action, obs, &reward);
    env_pendulum.step(other, &action, obs_other, &reward_other);
    CU_ASSERT_EQUAL_FATAL(memcmp(obs, obs_other, sizeof obs), 0);
    CU_ASSERT_EQUAL(reward, reward_other);
  }
  CU_ASSERT(env_pendulum.load(other, &state, sizeof state - 1) < 0);
  state.version++;
  CU_ASSERT(env_pendulum.load(other, &state, sizeof state) < 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(env_pendulum.error(other), "Pendulum-v1"));
  state.version--;
  state.theta = NAN;
  CU_ASSERT(env_pendulum.load(other, &state, sizeof state) < 0);
  env_pendulum.destroy(one);
  env_pendulum.destroy(other);
}

static void test_clip(void) {
  struct corsac_env_spec spec;
  void *self = create(&spec);
  float obs[3], inside[3], strong = 100, most = 2;
  double reward, reward_inside;
  set_state(self, 1, 7.9);
  env_pendulum.step(self, &strong, obs, &reward);
  set_state(self, 1, 7.9);
  env_pendulum.step(self, &most, inside, &reward_inside);
  CU_ASSERT_EQUAL_FATAL(memcmp(obs, inside, sizeof obs), 0);
  CU_ASSERT_EQUAL(reward, reward_inside);
  CU_ASSERT_EQUAL(obs[2], 8);
  env_pendulum.destroy(self);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"trajectories are Gymnasium's", test_trajectories},
      {"dimensions, bounds and limit are Gymnasium's; arguments are refused", test_spec},
      {"a reset depends on the seed alone and covers Gymnasium's ranges", test_reset},
      {"a saved state continues bit for bit; a damaged one is refused", test_save},
      {"torque and speed are clipped", test_clip},
  };
  return unit_run("pendulum", cases, sizeof cases / sizeof *cases);
}
