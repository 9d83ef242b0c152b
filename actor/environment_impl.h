// Inside of an environment: what environment.c, environment_spec.c and environment_agents.c share.
#ifndef CORSAC_ACTOR_ENVIRONMENT_IMPL_H
#define CORSAC_ACTOR_ENVIRONMENT_IMPL_H

#include "actor/environment.h"

// "NAME: environment 3 (training): ..."; returns status.
__attribute__((format(printf, 4, 5))) enum status environment_fail(const struct environment *environment,
                                                                   enum status status, struct error *error,
                                                                   const char *format, ...);

// Checks what create() said of the instance, and takes it. STATUS_FAILED names what is wrong; the caller destroys the
// environment then.
enum status environment_take_spec(struct environment *environment, const struct corsac_env_spec *spec,
                                  struct error *error);

// --- environment_agents.c: what only an instance of several agents has. Nothing of it is called for one. ---

// Takes the number of agents and makes their arrays.
enum status environment_agents_init(struct environment *environment, uint32_t agents, struct error *error);
void environment_agents_release(struct environment *environment);

// Asks the instance for its agents' flags, within the guarded call of a reset or a step that went well.
void environment_agents_ask(struct environment *environment);

// Call it before the first frame of a step. Each agent that is PRESENT then acts in the step.
void environment_agents_begin(struct environment *environment);

// Checks the flags, and the observations (agents x obs_dim) of those that are there; the others' become 0. call: "reset
// with seed 3", "step 7 of the episode". STATUS_FAILED names the agent.
enum status environment_agents_take_reset(struct environment *environment, const char *call, float *obs,
                                          struct error *error);

// The same after a step of its own, whose rewards are added to reward (agents), or begin it. *changed: other agents are
// PRESENT than before.
enum status environment_agents_take_frame(struct environment *environment, const char *call, float *obs, double *reward,
                                          bool *changed, struct error *error);
#endif
