// The built-in environments.
#ifndef CORSAC_ACTOR_ENVS_REGISTRY_H
#define CORSAC_ACTOR_ENVS_REGISTRY_H

#include "common/env/env.h"

// All of them, in the order of `corsac envs`. NULL: the index is too large.
size_t registry_count(void);
const struct corsac_env *registry_at(size_t index);

// NULL: there is no environment of this name. registry_suggest gives the most similar name, or NULL.
const struct corsac_env *registry_find(const char *name);
const char *registry_suggest(const char *name);

// Those of files of their own; the MuJoCo tasks are in mujoco.h.
extern const struct corsac_env env_pendulum;                // Pendulum-v1
extern const struct corsac_env env_mountain_car_continuous; // MountainCarContinuous-v0
#endif
