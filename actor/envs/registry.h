// The built-in environments.
#ifndef CORSAC_ACTOR_ENVS_REGISTRY_H
#define CORSAC_ACTOR_ENVS_REGISTRY_H

#include "common/env/env.h"

size_t registry_count(void);
const struct corsac_env *registry_at(size_t index);       // in the order of `corsac envs`
const struct corsac_env *registry_find(const char *name); // NULL if unknown
const char *registry_suggest(const char *name);           // the nearest name, or NULL

extern const struct corsac_env env_pendulum;                // Pendulum-v1
extern const struct corsac_env env_mountain_car_continuous; // MountainCarContinuous-v0
#endif
