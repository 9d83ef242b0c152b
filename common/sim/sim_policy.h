// The policy that CORSAC_POLICY names, for a simulator that is started by hand. libcorsac_policy is opened at run time,
// so a simulator that only trains does not need it.
#ifndef CORSAC_COMMON_SIM_SIM_POLICY_H
#define CORSAC_COMMON_SIM_SIM_POLICY_H

#include "common/sim/sim.h"

struct sim_policy;

// NULL: no such library, no such policy, or one of another environment; the reason is on stderr.
struct sim_policy *sim_policy_open(const char *file, const struct corsac_sim_spec *spec);

// NULL is fine.
void sim_policy_close(struct sim_policy *policy);

const char *sim_policy_file(const struct sim_policy *policy);

// obs has to be finite.
void sim_policy_act(struct sim_policy *policy, const float *obs, float *action);
#endif
