// For check_env_probe.c and check_env_agents.c only: how a probe makes a call and guards its buffers.
#ifndef CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_PROBE_H
#define CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_PROBE_H

#include "launch/environments/check_env.h"

enum { PROBE_GUARD = 64 };                                      // elements on each side of a buffer
static const uint64_t PROBE_REWARD_POISON = 0x7ff5c0dec0dec0de; // a NaN that no computation gives

void probe_begin_call(struct probe *probe, enum guest_function function, const char *name);
void probe_end_call(struct probe *probe);
bool probe_is_poison(const float *value); // it was not written

// Makes what only an instance of several agents has; for one it does nothing. False: it is wrong, and that is noted.
bool probe_agents_create(struct probe *probe, uint32_t agents);
void probe_agents_release(struct probe *probe);

// Notes before a step which agents act in it. Returns where the rewards go (agents).
double *probe_agents_begin(struct probe *probe);

// Asks the instance for its agents' flags, after a reset or a step.
void probe_agents_ask(struct probe *probe);

// Judges what they left, and sums up their rewards. where: the call, for messages.
bool probe_agents_judge(struct probe *probe, const char *where, bool stepped);
#endif
