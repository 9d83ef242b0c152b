#include "actor/action_limits.h"

#include "common/base/action_bounds.h"
#include "common/base/plural.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>

// The largest float stands for infinity in many programs.
static bool is_unbounded(double bound) { return fabs(bound) >= (double)FLT_MAX; }

static enum status check_count(const char *option, const struct config_numbers *numbers, uint32_t act_dim,
                               struct error *error) {
  if (numbers->count <= 1 || numbers->count == act_dim) return STATUS_OK;
  return error_set(error, STATUS_USAGE, "%s has %u numbers, but an action has %u component%s: give one for all, or %u",
                   option, numbers->count, act_dim, plural(act_dim), act_dim);
}

// The option's number for component i, or the environment's own bound.
static double pick(const struct config_numbers *numbers, uint32_t i, double own) {
  if (!numbers || numbers->count == 0) return own;
  return numbers->value[numbers->count > 1 ? i : 0];
}

static enum status check_component(uint32_t i, const struct corsac_env_spec *spec, double low, double high,
                                   struct error *error) {
  const double own_low = spec->action_low[i], own_high = spec->action_high[i];
  if (isnan(own_low) || isnan(own_high) || own_low >= own_high)
    return error_set(error, STATUS_FAILED,
                     "create set the bounds of action component %u to [%g, %g]; " ACTION_BOUNDS_RULE, i, own_low,
                     own_high);
  if (is_unbounded(low) || is_unbounded(high))
    return error_set(error, STATUS_USAGE,
                     "action component %u is unbounded, [%g, %g]; bounds have to be finite: give them by --action-low "
                     "and --action-high (one number for all, or %u with commas between them)",
                     i, low, high, spec->act_dim);
  if (low < own_low || high > own_high)
    return error_set(error, STATUS_USAGE,
                     "%s %g of action component %u lies outside of the environment's own bounds, [%g, %g]",
                     low < own_low ? "action_low" : "action_high", low < own_low ? low : high, i, own_low, own_high);
  if (action_bounds_are_good(low, high)) return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "action_low and action_high give action component %u the bounds [%g, %g]; " ACTION_BOUNDS_RULE, i,
                   low, high);
}

enum status action_limits_find(const struct config *config, const struct corsac_env_spec *spec, double *low,
                               double *high, struct error *error) {
  const struct config_numbers *const lower = config ? &config->action_low : NULL, *const upper =
                                                                                      config ? &config->action_high
                                                                                             : NULL;
  enum status status = STATUS_OK;
  if (config) status = check_count("action_low", lower, spec->act_dim, error);
  if (config && status == STATUS_OK) status = check_count("action_high", upper, spec->act_dim, error);
  for (uint32_t i = 0; i < spec->act_dim && status == STATUS_OK; i++) {
    low[i] = pick(lower, i, spec->action_low[i]);
    high[i] = pick(upper, i, spec->action_high[i]);
    status = check_component(i, spec, low[i], high[i], error);
  }
  return status;
}
