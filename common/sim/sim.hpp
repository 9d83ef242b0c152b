// corsac/sim.h for C++11: the same calls with vectors and exceptions. It needs only this header and libcorsac_sim.
//
//   corsac::sim sim({"cart", 4, {-1}, {1}, 500});
//   while (sim.wanted()) {                  // an episode
//     ... start from sim.seed() ...
//     sim.begin(obs);
//     while (sim.acting()) {
//       ... advance with sim.action()[0] ...
//       sim.step(obs, reward, flags);
//     }
//   }
//
// A spec with save and load lets a resumed run go on in the middle of an episode:
//
//   spec.save = [&](corsac::sim &sim) { sim.put(cart); };
//   spec.load = [&](corsac::sim &sim) { sim.get(cart); };
#ifndef CORSAC_SIM_HPP
#define CORSAC_SIM_HPP

#include "sim.h"

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace corsac {

class sim;

struct sim_spec {
  std::string name;
  std::uint32_t obs_dim;
  std::vector<double> action_low, action_high; // one number for each component of the action
  std::uint32_t max_episode_steps;             // 0: no limit
  std::vector<std::string> info_names;         // of values that are only reported
  std::vector<std::uint8_t> info_rules;        // of enum corsac_info_rule, one for each name; none: all are means
  // Both, or neither. An exception is their way to fail; its text goes to corsac.
  std::function<void(sim &)> save, load;
  std::uint32_t agents = 1; // of several, obs and action are those of all, one behind the other; see sim::agents

  sim_spec(std::string task, std::uint32_t observation, std::vector<double> low, std::vector<double> high,
           std::uint32_t most_steps = 0, std::vector<std::string> infos = {},
           std::vector<std::uint8_t> rules = {})
      : name(std::move(task)), obs_dim(observation), action_low(std::move(low)), action_high(std::move(high)),
        max_episode_steps(most_steps), info_names(std::move(infos)), info_rules(std::move(rules)) {}
};

// Throws std::invalid_argument where sizes do not match, std::runtime_error where corsac cannot be reached.
class sim {
public:
  explicit sim(const sim_spec &spec) : agents_(spec.agents > 1 ? spec.agents : 1), obs_dim_(std::size_t(agents_) * spec.obs_dim), info_dim_(spec.info_names.size()) {
    if (spec.action_low.size() != spec.action_high.size())
      throw std::invalid_argument("corsac::sim: action_low and action_high have different sizes");
    if (!spec.info_rules.empty() && spec.info_rules.size() != spec.info_names.size())
      throw std::invalid_argument("corsac::sim: info_rules and info_names have different sizes");
    std::vector<const char *> names;
    for (const std::string &name : spec.info_names) names.push_back(name.c_str());
    corsac_sim_spec c = corsac_sim_spec();
    c.size = sizeof c;
    c.name = spec.name.c_str();
    c.obs_dim = spec.obs_dim;
    c.act_dim = static_cast<std::uint32_t>(spec.action_low.size());
    c.max_episode_steps = spec.max_episode_steps;
    c.action_low = spec.action_low.data();
    c.action_high = spec.action_high.data();
    c.info_dim = static_cast<std::uint32_t>(names.size());
    c.info_names = names.data();
    c.info_rules = spec.info_rules.empty() ? nullptr : spec.info_rules.data();
    if (!spec.save != !spec.load) throw std::invalid_argument("corsac::sim: save and load come together");
    save_ = spec.save;
    load_ = spec.load;
    c.save = save_ ? call_save : nullptr;
    c.load = load_ ? call_load : nullptr;
    c.user = this;
    c.agents = spec.agents;
    action_.resize(agents_ * spec.action_low.size());
    sim_ = corsac_sim_open(&c);
    if (!sim_) throw std::runtime_error("corsac::sim: open failed (stderr says why)");
  }
  ~sim() { corsac_sim_close(sim_); }
  sim(const sim &) = delete;
  sim &operator=(const sim &) = delete;

  bool wanted() const { return next_ == CORSAC_SIM_BEGIN; } // begin() comes next
  bool acting() const { return next_ == CORSAC_SIM_ACT; }   // step() with action() comes next
  std::uint64_t seed() const { return corsac_sim_seed(sim_); }
  std::uint64_t episode() const { return corsac_sim_episode(sim_); }     // of the episode that begins next: its number,
  std::uint64_t env_steps() const { return corsac_sim_env_steps(sim_); } // and the steps that the job has made
  std::string case_text() const { return corsac_sim_case(sim_); } // and its case; "": there are none
  const std::vector<float> &action() const { return action_; }

  void begin(const std::vector<float> &obs) {
    check(obs);
    take(corsac_sim_begin(sim_, obs.data(), action_.data()));
  }
  void step(const std::vector<float> &obs, double reward, int flags = 0) {
    check(obs);
    take(corsac_sim_step(sim_, obs.data(), reward, flags, action_.data()));
  }
  // Of several agents, before begin (rewards: none) and step: their rewards, and CORSAC_PRESENT and so on of each; no
  // flags: all are there.
  void agents(const std::vector<double> &rewards, const std::vector<std::uint8_t> &flags = {}) {
    if ((!rewards.empty() && rewards.size() != agents_) || (!flags.empty() && flags.size() != agents_))
      throw std::invalid_argument("corsac::sim: agents has not as many rewards or flags as agents");
    corsac_sim_agents(sim_, rewards.empty() ? nullptr : rewards.data(), flags.empty() ? nullptr : flags.data());
  }
  void info(const std::vector<double> &values) {
    if (values.size() != info_dim_) throw std::invalid_argument("corsac::sim: info has not as many values as names");
    corsac_sim_info(sim_, values.data());
  }

  // For save and load: objects that may be copied byte for byte, vectors of them with their length, restart files.
  template <class T> void put(const T &object) {
    static_assert(std::is_trivially_copyable<T>::value, "corsac::sim::put: put its members");
    done(corsac_sim_put(sim_, &object, sizeof object));
  }
  template <class T> void get(T &object) {
    static_assert(std::is_trivially_copyable<T>::value, "corsac::sim::get: get its members");
    done(corsac_sim_get(sim_, &object, sizeof object));
  }
  template <class T> void put(const std::vector<T> &objects) {
    static_assert(std::is_trivially_copyable<T>::value, "corsac::sim::put: put its members");
    put(static_cast<std::uint64_t>(objects.size()));
    done(corsac_sim_put(sim_, objects.data(), objects.size() * sizeof(T)));
  }
  template <class T> void get(std::vector<T> &objects) {
    static_assert(std::is_trivially_copyable<T>::value, "corsac::sim::get: get its members");
    std::uint64_t size;
    get(size);
    if (size > corsac_sim_left(sim_) / sizeof(T)) throw std::runtime_error("a vector is longer than what is left of it");
    objects.resize(static_cast<std::size_t>(size));
    done(corsac_sim_get(sim_, objects.data(), objects.size() * sizeof(T)));
  }
  void put_file(const std::string &path) { done(corsac_sim_put_file(sim_, path.c_str())); }
  void get_file(const std::string &path) { done(corsac_sim_get_file(sim_, path.c_str())); }
  bool resumes() const { return corsac_sim_resumes(sim_) != 0; } // begin() will call load: the start may be left out

  void fail(const std::string &why) { next_ = corsac_sim_fail(sim_, why.c_str()); }

private:
  void check(const std::vector<float> &obs) const {
    if (obs.size() != obs_dim_) throw std::invalid_argument("corsac::sim: an observation has not obs_dim components");
  }
  static void done(int result) {
    if (result < 0) throw std::runtime_error(""); // corsac knows why
  }
  // No exception may pass through the library, which is C.
  int call(const std::function<void(sim &)> &function) noexcept {
    try {
      function(*this);
      return 0;
    } catch (const std::exception &error) {
      return *error.what() ? corsac_sim_fail(sim_, error.what()) : -1;
    } catch (...) {
      return corsac_sim_fail(sim_, "an exception that is no std::exception");
    }
  }
  static int call_save(corsac_sim *, void *user) { return static_cast<sim *>(user)->call(static_cast<sim *>(user)->save_); }
  static int call_load(corsac_sim *, void *user) { return static_cast<sim *>(user)->call(static_cast<sim *>(user)->load_); }
  void take(int next) {
    next_ = next;
    if (next < 0) throw std::runtime_error("corsac::sim: failed (stderr says why)");
  }

  std::size_t agents_, obs_dim_, info_dim_; // obs_dim_: of all agents together
  std::vector<float> action_;
  std::function<void(sim &)> save_, load_;
  int next_ = CORSAC_SIM_BEGIN;
  corsac_sim *sim_ = nullptr;
};

} // namespace corsac

#endif
