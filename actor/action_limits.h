// The bounds of an environment's actions: its own, or those of the options action_low and action_high.
#ifndef CORSAC_ACTOR_ACTION_LIMITS_H
#define CORSAC_ACTOR_ACTION_LIMITS_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/env/env.h"

// Writes both bounds of each action component, low (act_dim) and high (act_dim). config may be NULL: no option is
// given. A bound that the environment leaves infinite needs an option. An option may narrow a finite bound, not widen
// it.
//   STATUS_FAILED   the environment's own bounds are wrong
//   STATUS_USAGE    the options are wrong, or missing: the message names them
enum status action_limits_find(const struct config *config, const struct corsac_env_spec *spec, double *low,
                               double *high, struct error *error);
#endif
