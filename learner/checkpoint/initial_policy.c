#include "learner/checkpoint/initial_policy.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "common/nn/mlp_sphere.h"
#include "common/nn/networks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void format_widths(const struct mlp *net, char *text, size_t size) {
  struct config_widths widths = {.count = net->hidden_count};
  memcpy(widths.width, net->hidden, sizeof net->hidden);
  option_format_widths(&widths, text, size);
}

// A clamp of other bounds is the user's to choose. A tanh of other bounds makes another deviation of the same output.
static enum status check_head(const struct trained_policy *policy, const struct log_std_form *ours,
                              struct error *error) {
  const struct log_std_form *its = &policy->form;
  if (its->smooth == ours->smooth && (!its->smooth || (its->low == ours->low && its->high == ours->high)))
    return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "init_policy: the policy of %s has log_std_form %s from %g to %g, this run is to have %s from %g to "
                   "%g: leave --log-std-form, --log-std-min and --log-std-max out",
                   policy->file, its->smooth ? "tanh" : "clamp", its->low, its->high, ours->smooth ? "tanh" : "clamp",
                   ours->low, ours->high);
}

static enum status check_history(const struct trained_policy *policy, const struct job *job, struct error *error) {
  const struct history ours = history_of(&job->config, policy->obs_dim, policy->act_dim), *its = &policy->history;
  char has[64], wanted[64];
  if (its->length == ours.length && (its->length == 1 || its->actions == ours.actions)) return STATUS_OK;
  history_format(its, has, sizeof has);
  history_format(&ours, wanted, sizeof wanted);
  return error_set(error, STATUS_USAGE,
                   "init_policy: the policy of %s has %s, this run is to have %s: leave --history and "
                   "--history-actions out",
                   policy->file, has, wanted);
}

static enum status check_shape(const struct trained_policy *policy, const struct job *job, struct error *error) {
  const struct message_hello *environment = &job->environment;
  const struct mlp *its = &policy->net, *ours = &job->sac.policy_net;
  if (policy->obs_dim != environment->obs_dim || policy->act_dim != environment->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "init_policy: %s is a policy for obs_dim %u and act_dim %u (%s), but %s has %u and %u",
                     policy->file, policy->obs_dim, policy->act_dim, policy->environment, environment->environment,
                     environment->obs_dim, environment->act_dim);
  if (check_history(policy, job, error) != STATUS_OK) return STATUS_USAGE;
  if (its->hidden_count != ours->hidden_count || memcmp(its->hidden, ours->hidden, sizeof its->hidden) != 0) {
    const char *option = job->config.policy_hidden.count > 0 ? "--policy-hidden" : "--hidden";
    char theirs[128], wanted[128];
    format_widths(its, theirs, sizeof theirs);
    format_widths(ours, wanted, sizeof wanted);
    return error_set(error, STATUS_USAGE,
                     "init_policy: the policy of %s has hidden layers %s, this run is to have %s: leave %s out, or "
                     "give %s %s",
                     policy->file, theirs, wanted, option, option, theirs);
  }
  if (ours->batch)
    return error_set(error, STATUS_USAGE,
                     "init_policy: %s holds what acts, without the statistics that batch norm goes on from: give "
                     "--policy-norm none",
                     policy->file);
  if (its->residual != ours->residual || its->rms != ours->rms ||
      (its->residual && (its->expansion != ours->expansion || its->folded)))
    return error_set(error, STATUS_USAGE,
                     "init_policy: the policy of %s is %s%s network, which is not what network, expansion, output_norm "
                     "and policy_norm say",
                     policy->file, its->residual ? "a residual" : "a dense", its->rms ? ", RMS-normalised" : "");
  if (check_head(policy, &job->sac.log_std, error) != STATUS_OK) return STATUS_USAGE;
  if (policy->weights.normalize == job->config.normalize_observations) return STATUS_OK;
  return error_set(error, STATUS_USAGE, "init_policy: the policy of %s acts on %s observations: %s", policy->file,
                   policy->weights.normalize ? "normalised" : "raw",
                   policy->weights.normalize ? "give --normalize-observations, or leave --no-normalize-observations out"
                                             : "leave --normalize-observations out");
}

// With unit_weights the first update puts the policy on the sphere. A policy that is not there already would act
// otherwise from then on.
static enum status check_sphere(const struct trained_policy *policy, const struct job *job, struct error *error) {
  const struct mlp *net = &policy->net;
  const float *weights = policy->weights.values;
  if (!job->config.unit_weights) return STATUS_OK;
  float *there = memory_alloc(net->parameters, sizeof *there, "a network", error);
  if (!there) return STATUS_MEMORY;
  memcpy(there, weights, net->parameters * sizeof *there);
  mlp_project(net, there, 0, 1);

  double length = 1; // of the first row whose own is another one; all weights of a row are scaled alike
  for (size_t i = 0; i < net->parameters && length == 1; i++)
    if (fabs((double)weights[i] - (double)there[i]) > 1e-3 * fabs((double)there[i]))
      length = (double)weights[i] / (double)there[i];
  memory_free(there);
  if (length == 1) return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "init_policy: the policy of %s has rows of weights whose length is not 1 (one has %.3g), and the "
                   "first update with unit_weights would rescale them: give --no-unit-weights",
                   policy->file, length);
}

// Other bounds are only warned of: the policy may still be a good beginning for the task.
static void compare_bounds(const struct trained_policy *policy, const struct message_hello *environment) {
  const size_t bytes = policy->act_dim * sizeof(double);
  if (memcmp(policy->action_low, environment->action_low, bytes) != 0 ||
      memcmp(policy->action_high, environment->action_high, bytes) != 0)
    log_warn("init_policy: the action bounds of %s are not those of %s: the policy's actions are stretched to these",
             policy->file, environment->environment);
}

enum status initial_policy_take(const struct trained_policy *policy, struct job *job, struct error *error) {
  enum status status = check_shape(policy, job, error);
  if (status == STATUS_OK) status = check_sphere(policy, job, error);
  if (status != STATUS_OK) return status;
  compare_bounds(policy, &job->environment);
  mlp_import(&job->sac.policy_net, policy->weights.values, job->sac.policy);
  if (policy->weights.normalize) normalizer_copy(&job->normalizer, &policy->normalizer);
  sac_refresh(&job->sac);
  job->policy_version = 1; // 0 means random actions
  return STATUS_OK;
}
