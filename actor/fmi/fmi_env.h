// An FMU with a task as an environment.
#ifndef CORSAC_ACTOR_FMI_FMI_ENV_H
#define CORSAC_ACTOR_FMI_FMI_ENV_H

#include "common/env/env.h"

// Of the configuration, id is the directory of an unpacked FMU (or an FMU), args the path of its task file, or "".
extern const struct corsac_env env_fmi;

#endif
