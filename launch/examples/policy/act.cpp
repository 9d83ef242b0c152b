// Acts with a trained policy: prints its action at one observation, and eight actions drawn from its distribution. Then
// it acts in three steps of an episode in which nothing moves; only this goes with a policy that has a history.
//   g++ act.cpp $(pkg-config --cflags --libs corsac-policy) -o act
//   ./act runs/p1 1 0 0
#include <corsac/policy.h>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

static void print(const char *what, const std::vector<float> &action) {
  std::printf("%s", what);
  for (float a : action) std::printf(" %.9g", static_cast<double>(a));
  std::printf("\n");
}

int main(int argc, char **argv) {
  char why[1024];
  std::unique_ptr<corsac_policy, void (*)(corsac_policy *)> policy(
      corsac_policy_load(argc > 1 ? argv[1] : "runs/p1", why, sizeof why), corsac_policy_free);
  if (!policy) {
    std::fprintf(stderr, "%s\n", why);
    return EXIT_FAILURE;
  }
  std::vector<float> obs(corsac_policy_obs_dim(policy.get())), action(corsac_policy_act_dim(policy.get()));
  std::vector<char> scratch(corsac_policy_scratch_size(policy.get()));
  std::vector<float> state(corsac_policy_state_size(policy.get()) / sizeof(float));
  for (std::size_t i = 0; i < obs.size() && static_cast<int>(i) + 2 < argc; i++)
    obs[i] = std::strtof(argv[i + 2], nullptr);

  if (corsac_policy_act(policy.get(), obs.data(), action.data(), scratch.data()) == 0) print("act", action);
  for (std::uint64_t draw = 0; draw < 8; draw++)
    if (corsac_policy_sample(policy.get(), obs.data(), 1, draw, action.data(), scratch.data()) == 0)
      print("sample", action);

  corsac_policy_reset(policy.get(), state.data());
  for (int t = 0; t < 3; t++) {
    corsac_policy_step(policy.get(), state.data(), obs.data(), action.data(), scratch.data());
    print("step", action);
  }
  return EXIT_SUCCESS;
}
