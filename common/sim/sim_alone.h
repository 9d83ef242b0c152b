// Plays the part of corsac for a simulator that is started by hand. The actions are random, or those of the trained
// policy that CORSAC_POLICY names.
#ifndef CORSAC_COMMON_SIM_SIM_ALONE_H
#define CORSAC_COMMON_SIM_SIM_ALONE_H

#include "common/sim/sim.h"

struct sim_alone;

// agents: of the spec, which may be too old to say so itself. NULL: not enough memory, or no such policy; the reason is
// on stderr.
struct sim_alone *sim_alone_create(const struct corsac_sim_spec *spec, uint32_t agents);

// NULL is fine.
void sim_alone_destroy(struct sim_alone *alone);

// The seed of the episode that begins next.
uint64_t sim_alone_seed(const struct sim_alone *alone);

// Episodes and steps so far.
uint64_t sim_alone_episode(const struct sim_alone *alone);
uint64_t sim_alone_steps(const struct sim_alone *alone);

// As corsac_sim_begin and corsac_sim_step. A number that is not finite fails, with the reason on stderr.
// agents (agents): their flags; only the observations of those that are there count. rewards (agents): only those of
// the agents that acted count.
int sim_alone_begin(struct sim_alone *alone, const float *obs, const uint8_t *agents, float *action);
int sim_alone_step(struct sim_alone *alone, const float *obs, const double *rewards, int flags, const uint8_t *agents,
                   float *action);
#endif
