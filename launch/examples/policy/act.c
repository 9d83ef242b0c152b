// Acts with a trained policy: prints its action at one observation, and eight actions drawn from its distribution.
//   gcc act.c $(pkg-config --cflags --libs corsac-policy) -o act
//   ./act runs/p1 1 0 0
#include <corsac/policy.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  char why[1024];
  struct corsac_policy *policy = corsac_policy_load(argc > 1 ? argv[1] : "runs/p1", why, sizeof why);
  if (!policy) {
    fprintf(stderr, "%s\n", why);
    return EXIT_FAILURE;
  }
  const uint32_t obs_dim = corsac_policy_obs_dim(policy), act_dim = corsac_policy_act_dim(policy);
  float *obs = calloc(obs_dim, sizeof *obs), *action = calloc(act_dim, sizeof *action);
  void *scratch = malloc(corsac_policy_scratch_size(policy));
  if (!obs || !action || !scratch) return EXIT_FAILURE;
  for (uint32_t i = 0; i < obs_dim && (int)i + 2 < argc; i++) obs[i] = strtof(argv[i + 2], NULL);

  corsac_policy_act(policy, obs, action, scratch);
  printf("act");
  for (uint32_t i = 0; i < act_dim; i++) printf(" %.9g", (double)action[i]);
  for (uint64_t draw = 0; draw < 8; draw++) {
    corsac_policy_sample(policy, obs, 1, draw, action, scratch);
    printf("\nsample");
    for (uint32_t i = 0; i < act_dim; i++) printf(" %.9g", (double)action[i]);
  }
  printf("\n");

  free(obs);
  free(action);
  free(scratch);
  corsac_policy_free(policy);
  return EXIT_SUCCESS;
}
