// Water flows from one tank into the next and out; a pump and a valve bring both levels to the wanted ones.
// 4 observations (levels, wanted levels), 2 actions, 200 s.
//   g++ -std=c++17 -shared -fPIC -O2 -I build/include two_tanks.cpp -o two_tanks.so
//   corsac train --env ./two_tanks.so
#include <algorithm>
#include <cmath>
#include <corsac/env.h>
#include <cstdio>
#include <cstring>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>

namespace {

class two_tanks {
public:
  // pump 0 to 1 (its most is 0.02 m3/s), valve between the tanks 0.2 to 1 (open)
  static constexpr double low[2] = {0, 0.2}, high[2] = {1, 1};

  explicit two_tanks(const char *args) {
    if (*args) throw std::invalid_argument(std::string("it takes no arguments, and got \"") + args + "\"");
  }
  void reset(std::uint64_t seed, float *obs) {
    std::mt19937_64 random(seed); // everything random comes from the seed
    for (double &value : state) value = 0.2 + 0.6 * static_cast<double>(random() >> 11) * 0x1p-53;
    observe(obs);
  }
  int step(const float *action, float *obs, double *reward) {
    // Torricelli: a hole of area a under a level h lets a sqrt(2 g h) through; the tanks' floor is 0.1 m2.
    double &h1 = state[0], &h2 = state[1];
    for (int i = 0; i < 10; i++) {
      const double through = action[1] * 0.004 * std::sqrt(2 * 9.81 * h1), out = 0.003 * std::sqrt(2 * 9.81 * h2);
      h1 = std::clamp(h1 + 0.1 * (0.02 * action[0] - through) / 0.1, 0.0, 1.0);
      h2 = std::clamp(h2 + 0.1 * (through - out) / 0.1, 0.0, 1.0);
    }
    *reward = -std::abs(h1 - state[2]) - 2 * std::abs(h2 - state[3]);
    observe(obs);
    return 0; // never ends by itself: max_episode_steps truncates
  }
  double state[4]{}; // levels, wanted levels (m): all that changes in an episode
  std::string error;

private:
  void observe(float *obs) const { std::copy(std::begin(state), std::end(state), obs); }
};

two_tanks &self_of(void *data) { return *static_cast<two_tanks *>(data); }

// No exception may leave a function that C calls.
void *create(const corsac_env_config *config, corsac_env_spec *spec, char *error, std::size_t error_size) {
  try {
    spec->obs_dim = 4;
    spec->act_dim = 2;
    spec->max_episode_steps = 200;
    spec->action_low = two_tanks::low;
    spec->action_high = two_tanks::high;
    return new two_tanks(config->args);
  } catch (const std::exception &problem) {
    std::snprintf(error, error_size, "%s", problem.what());
    return nullptr;
  }
}
int reset(void *data, std::uint64_t seed, float *obs) { return self_of(data).reset(seed, obs), 0; }
int step(void *data, const float *action, float *obs, double *reward) {
  return self_of(data).step(action, obs, reward);
}
void destroy(void *data) { delete &self_of(data); }
const char *error(void *data) { return self_of(data).error.c_str(); }

// Optional: with save and load a resumed run goes on in the middle of an episode.
std::int64_t save(void *data, void *buffer, std::size_t size) {
  if (size >= sizeof self_of(data).state) std::memcpy(buffer, self_of(data).state, sizeof self_of(data).state);
  return sizeof self_of(data).state;
}
int load(void *data, const void *buffer, std::size_t size) {
  two_tanks &self = self_of(data);
  if (size == sizeof self.state) return std::memcpy(self.state, buffer, size), 0;
  self.error = "a state has another size than " + std::to_string(size) + " bytes";
  return -1;
}

} // namespace

extern "C" const struct corsac_env *corsac_env() {
  static const struct corsac_env env = [] {
    struct corsac_env all{}; // what is not set is absent
    all.abi = CORSAC_ENV_ABI, all.size = sizeof all, all.name = "two_tanks";
    all.create = create, all.reset = reset, all.step = step, all.destroy = destroy;
    all.error = error, all.save = save, all.load = load;
    return all;
  }();
  return &env;
}
