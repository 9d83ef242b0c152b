#include "actor/environment_impl.h"

#include "actor/action_limits.h"
#include "common/wire/message.h"
#include <string.h>

static enum status check_spec(const struct environment *environment, const struct corsac_env_spec *spec,
                              struct error *error) {
  if (spec->obs_dim == 0 || spec->obs_dim > WIRE_MAX_DIM)
    return environment_fail(environment, STATUS_FAILED, error, "create set obs_dim to %u; it has to be 1 to %d",
                            spec->obs_dim, WIRE_MAX_DIM);
  if (spec->act_dim == 0 || spec->act_dim > WIRE_MAX_DIM)
    return environment_fail(environment, STATUS_FAILED, error, "create set act_dim to %u; it has to be 1 to %d",
                            spec->act_dim, WIRE_MAX_DIM);
  if (!spec->action_low || !spec->action_high)
    return environment_fail(environment, STATUS_FAILED, error, "create set no %s",
                            spec->action_low ? "action_high" : "action_low");
  return STATUS_OK;
}

// Makes the arrays that hold an action and its bounds.
static enum status take_bounds(struct environment *environment, const struct corsac_env_spec *spec,
                               struct error *error) {
  const size_t dim = spec->act_dim;
  environment->scaled = memory_alloc(environment->agents * dim, sizeof(float), "an environment's action", error);
  environment->bounds = memory_alloc(2 * dim, sizeof(double), "an environment's action", error);
  if (!environment->scaled || !environment->bounds) return STATUS_MEMORY;
  environment->action_low = environment->bounds;
  environment->action_high = environment->bounds + dim;
  struct error why = {0};
  const enum status status =
      action_limits_find(environment->kind->config, spec, environment->bounds, environment->bounds + dim, &why);
  return status == STATUS_OK ? STATUS_OK : environment_fail(environment, status, error, "%s", why.text);
}

// An option replaces the environment's own limit, which counts its own steps.
static void take_limits(struct environment *environment, const struct corsac_env_spec *spec) {
  const struct config *config = environment->kind->config;
  const uint32_t skip = config && config->frame_skip > 1 ? (uint32_t)config->frame_skip : 1;
  const uint32_t asked = config ? (uint32_t)config->max_episode_steps : 0, own = spec->max_episode_steps;
  environment->frame_skip = skip;
  environment->max_episode_steps = asked > 0 ? asked : own / skip + (own % skip > 0);
}

static enum status check_info(const struct environment *environment, const struct corsac_env_spec *spec,
                              struct error *error) {
  if (spec->info_dim == 0) return STATUS_OK;
  if (spec->info_dim > WIRE_INFO || !spec->info_names || !environment->kind->abi->info)
    return environment_fail(environment, STATUS_FAILED, error,
                            "create set info_dim to %u: it may be up to %d, and needs info_names and the function info",
                            spec->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    if (spec->info_rules && spec->info_rules[i] > CORSAC_INFO_MAX)
      return environment_fail(
          environment, STATUS_FAILED, error,
          "create set the rule of value %u of info to %d; known are CORSAC_INFO_MEAN (0), CORSAC_INFO_LAST (1) "
          "and CORSAC_INFO_MAX (2)",
          i, spec->info_rules[i]);
    if (!spec->info_names[i] || !message_is_info_name(spec->info_names[i]))
      return environment_fail(environment, STATUS_FAILED, error,
                              "create named value %u of info \"%.40s\": a name has 1 to %d of a-z, 0-9 and _", i,
                              spec->info_names[i] ? spec->info_names[i] : "", WIRE_INFO_NAME - 1);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(spec->info_names[i], spec->info_names[k]) == 0)
        return environment_fail(environment, STATUS_FAILED, error, "create named two values of info \"%s\"",
                                spec->info_names[i]);
  }
  return STATUS_OK;
}

enum status environment_take_spec(struct environment *environment, const struct corsac_env_spec *spec,
                                  struct error *error) {
  enum status status = check_spec(environment, spec, error);
  if (status == STATUS_OK) status = check_info(environment, spec, error);
  environment->obs_dim = spec->obs_dim;
  environment->act_dim = spec->act_dim;
  if (status == STATUS_OK) status = environment_agents_init(environment, spec->agents, error);
  if (status == STATUS_OK) status = take_bounds(environment, spec, error);
  if (status != STATUS_OK) return status;
  take_limits(environment, spec);
  environment->info_dim = spec->info_dim;
  environment->info_names = spec->info_names;
  if (spec->info_rules && spec->info_dim > 0) memcpy(environment->info_rules, spec->info_rules, spec->info_dim);
  return STATUS_OK;
}
