#include "launch/policy/policy_source.h"

#include "common/config/options.h"
#include <stdio.h>
#include <string.h>

static enum status read_config(struct trained *trained, const struct trained_request *request, struct error *error) {
  struct config *config = &trained->config;
  enum status status = checkpoint_parse_config(trained->file, &trained->info, config, error);
  if (status != STATUS_OK) return status;
  trained->other_env = request->env != NULL;
  if (request->env) status = option_set(options_find("env"), config, request->env, "--env", error);
  if (status == STATUS_OK && request->seed)
    status = option_set(options_find("seed"), config, request->seed, "--seed", error);
  return status;
}

// What can be said of the request without a file.
static enum status check_request(const struct trained_request *request, struct error *error) {
  struct config config;
  options_defaults(&config);
  if (request->env && !request->env[0])
    return error_set(error, STATUS_USAGE, "--env: is empty; `corsac envs` lists what there is");
  enum status status = STATUS_OK;
  if (request->env) status = option_set(options_find("env"), &config, request->env, "--env", error);
  if (status == STATUS_OK && request->seed)
    status = option_set(options_find("seed"), &config, request->seed, "--seed", error);
  return status;
}

enum status trained_read(struct trained *trained, const struct trained_request *request, struct error *error) {
  *trained = (struct trained){0};
  enum status status = check_request(request, error);
  if (status == STATUS_OK) status = run_newest_checkpoint(request->path, false, trained->file, error);
  if (status == STATUS_OK) status = checkpoint_read_info(trained->file, &trained->info, error);
  if (status == STATUS_OK) status = read_config(trained, request, error);
  if (status == STATUS_OK)
    status = checkpoint_read_policy(trained->file, &trained->info, &trained->config, &trained->weights, &trained->shape,
                                    error);
  return status;
}

enum status trained_open_environment(struct trained *trained, struct error *error) {
  const char *env = trained->config.env;
  const enum status status = environment_kind_open(&trained->kind, env, &trained->config, error);
  if (status != STATUS_OK && !trained->other_env)
    error_prefix(error, "%s was trained in %s (--env can name another)", trained->file, env);
  return status;
}

enum status trained_check_bounds(const struct trained *trained, const struct environment *environment,
                                 struct error *error) {
  const struct message_hello *shape = &trained->shape;
  for (uint32_t i = 0; i < shape->act_dim; i++) {
    const double low = environment->action_low[i], high = environment->action_high[i];
    if (low == shape->action_low[i] && high == shape->action_high[i]) continue;
    return error_set(error, STATUS_MISMATCH,
                     "%s: action %u of %s goes from %g to %g, but the policy was trained in %s with %g to %g",
                     trained->file, i, environment_kind_name(&trained->kind), low, high, shape->environment,
                     shape->action_low[i], shape->action_high[i]);
  }
  return STATUS_OK;
}

void trained_explain_failure(const struct trained *trained, struct error *error) {
  if (trained->other_env || !strchr(trained->config.env, '/')) return;
  error_prefix(error,
               "%s was trained in %s (paths are from the directory where that was started; --env can name another)",
               trained->file, trained->config.env);
}

void trained_release(struct trained *trained) {
  environment_kind_close(&trained->kind);
  policy_weights_release(&trained->weights);
  message_hello_release(&trained->shape);
  checkpoint_info_release(&trained->info);
}
