// A simulator without corsac: it gets random actions, so that it can be tried by hand, or those of the trained policy
// that CORSAC_POLICY names.
#ifndef CORSAC_COMMON_SIM_SIM_ALONE_H
#define CORSAC_COMMON_SIM_SIM_ALONE_H

#include "common/sim/sim.h"

struct sim_alone;
// NULL: not enough memory, or no such policy; stderr says it.
struct sim_alone *sim_alone_create(const struct corsac_sim_spec *spec);
void sim_alone_destroy(struct sim_alone *alone); // NULL is fine
uint64_t sim_alone_seed(const struct sim_alone *alone);
// As corsac_sim_begin and corsac_sim_step. What is not finite is said on stderr and fails.
int sim_alone_begin(struct sim_alone *alone, const float *obs, float *action);
int sim_alone_step(struct sim_alone *alone, const float *obs, double reward, int flags, float *action);
#endif
