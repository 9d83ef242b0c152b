// Acts with a trained policy: prints its action at one observation, and eight actions drawn from its distribution. Then
// it acts in three steps of an episode in which nothing moves; only this goes with a policy that has a history.
//   gcc act.c $(pkg-config --cflags --libs corsac-policy) -o act
//   ./act runs/p1 1 0 0
#include <corsac/policy.h>
#include <stdio.h>
#include <stdlib.h>

static void print(const char *what, uint32_t count, const float *action) {
  printf("%s", what);
  for (uint32_t i = 0; i < count; i++) printf(" %.9g", (double)action[i]);
  printf("\n");
}

int main(int argc, char **argv) {
  char why[1024];
  struct corsac_policy *policy = corsac_policy_load(argc > 1 ? argv[1] : "runs/p1", why, sizeof why);
  if (!policy) {
    fprintf(stderr, "%s\n", why);
    return EXIT_FAILURE;
  }
  const uint32_t obs_dim = corsac_policy_obs_dim(policy), act_dim = corsac_policy_act_dim(policy);
  float *obs = calloc(obs_dim, sizeof *obs), *action = calloc(act_dim, sizeof *action);
  void *scratch = malloc(corsac_policy_scratch_size(policy)), *state = malloc(corsac_policy_state_size(policy));
  if (!obs || !action || !scratch || !state) return EXIT_FAILURE;
  for (uint32_t i = 0; i < obs_dim && (int)i + 2 < argc; i++) obs[i] = strtof(argv[i + 2], NULL);

  if (corsac_policy_act(policy, obs, action, scratch) == 0) print("act", act_dim, action);
  for (uint64_t draw = 0; draw < 8; draw++)
    if (corsac_policy_sample(policy, obs, 1, draw, action, scratch) == 0) print("sample", act_dim, action);

  corsac_policy_reset(policy, state);
  for (int t = 0; t < 3; t++) {
    corsac_policy_step(policy, state, obs, action, scratch);
    print("step", act_dim, action);
  }

  free(obs);
  free(action);
  free(scratch);
  free(state);
  corsac_policy_free(policy);
  return EXIT_SUCCESS;
}
