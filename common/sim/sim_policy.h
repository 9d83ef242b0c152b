// The policy that CORSAC_POLICY names, acting in a simulator alone. libcorsac_policy is opened at run time, so that a
// simulator that only trains needs nothing of it.
#ifndef CORSAC_COMMON_SIM_SIM_POLICY_H
#define CORSAC_COMMON_SIM_SIM_POLICY_H

#include "common/sim/sim.h"

struct sim_policy;
// NULL: no such library, no such policy, or one of another environment; stderr says what.
struct sim_policy *sim_policy_open(const char *file, const struct corsac_sim_spec *spec);
void sim_policy_close(struct sim_policy *policy); // NULL is fine
const char *sim_policy_file(const struct sim_policy *policy);
void sim_policy_act(struct sim_policy *policy, const float *obs, float *action); // obs is finite
#endif
