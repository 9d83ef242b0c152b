// The policy that CORSAC_POLICY names, for a simulator that is started by hand. libcorsac_policy is opened at run time,
// so a simulator that only trains does not need it.
#ifndef CORSAC_COMMON_SIM_SIM_POLICY_H
#define CORSAC_COMMON_SIM_SIM_POLICY_H

#include "common/sim/sim.h"

struct sim_policy;

// agents: that act with it, each by a state of its own. NULL: no such library, no such policy, or one of another
// environment; the reason is on stderr.
struct sim_policy *sim_policy_open(const char *file, const struct corsac_sim_spec *spec, uint32_t agents);

// NULL is fine.
void sim_policy_close(struct sim_policy *policy);

const char *sim_policy_file(const struct sim_policy *policy);

// Steps of the simulator for which an action is held, at least 1.
uint32_t sim_policy_frame_skip(const struct sim_policy *policy);

// An agent's episode begins with its next observation. To be called before the first one, too.
void sim_policy_reset(struct sim_policy *policy, uint32_t agent);

// obs has to be finite.
void sim_policy_act(struct sim_policy *policy, uint32_t agent, const float *obs, float *action);
#endif
