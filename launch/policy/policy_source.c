#include "launch/policy/policy_source.h"

#include "common/config/options.h"
#include "learner/storage/policy_checkpoint.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Where the run's directory is now: its name in the configuration is from the directory where the run was started.
static void find_run(const char *file, struct config *config) {
  char path[FILE_PATH];
  const char *slash = strrchr(file, '/');
  const int length = slash ? (int)(slash - file) : 1;
  const char *directory = slash ? file : ".";
  if (length == 0 || (size_t)length >= sizeof config->run_dir) return;
  if (snprintf(path, sizeof path, "%.*s/config.yaml", length, directory) < (int)sizeof path && file_allows(path, F_OK))
    snprintf(config->run_dir, sizeof config->run_dir, "%.*s", length, directory);
}

static enum status read_config(struct policy_source *source, const struct policy_source_request *request,
                               struct error *error) {
  struct config *config = &source->config;
  enum status status = checkpoint_parse_config(source->file, &source->info, config, error);
  if (status != STATUS_OK) return status;
  find_run(source->file, config);
  source->other_env = request->env != NULL;
  if (request->env) status = option_set(options_find("env"), config, request->env, "--env", error);
  if (status == STATUS_OK && request->seed)
    status = option_set(options_find("seed"), config, request->seed, "--seed", error);
  return status;
}

// Checks what can be checked without the file.
static enum status check_request(const struct policy_source_request *request, struct error *error) {
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

enum status policy_source_read(struct policy_source *source, const struct policy_source_request *request,
                               struct error *error) {
  *source = (struct policy_source){0};
  enum status status = check_request(request, error);
  if (status == STATUS_OK) status = run_newest_checkpoint(request->path, false, source->file, error);
  if (status == STATUS_OK) status = checkpoint_read_info(source->file, &source->info, error);
  if (status == STATUS_OK) status = read_config(source, request, error);
  if (status == STATUS_OK)
    status =
        checkpoint_read_policy(source->file, &source->info, &source->config, &source->weights, &source->shape, error);
  return status;
}

enum status policy_source_open_environment(struct policy_source *source, struct error *error) {
  const char *env = source->config.env;
  const enum status status = environment_kind_open(&source->kind, env, &source->config, error);
  if (status != STATUS_OK && !source->other_env)
    error_prefix(error, "%s was trained in %s (--env can name another)", source->file, env);
  return status;
}

enum status policy_source_check_bounds(const struct policy_source *source, const char *name, const double *low,
                                       const double *high, struct error *error) {
  const struct message_hello *shape = &source->shape;
  for (uint32_t i = 0; i < shape->act_dim; i++) {
    if (low[i] == shape->action_low[i] && high[i] == shape->action_high[i]) continue;
    return error_set(error, STATUS_MISMATCH,
                     "%s: action %u of %s goes from %g to %g, but the policy was trained in %s with %g to %g",
                     source->file, i, name, low[i], high[i], shape->environment, shape->action_low[i],
                     shape->action_high[i]);
  }
  return STATUS_OK;
}

void policy_source_explain_failure(const struct policy_source *source, struct error *error) {
  if (source->other_env || !strchr(source->config.env, '/')) return;
  error_prefix(error,
               "%s was trained in %s (paths are from the directory where that was started; --env can name another)",
               source->file, source->config.env);
}

void policy_source_release(struct policy_source *source) {
  environment_kind_close(&source->kind);
  policy_weights_release(&source->weights);
  message_hello_release(&source->shape);
  checkpoint_info_release(&source->info);
}
