#include "launch/train/announce.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/plural.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "launch/cli/resume_command.h"
#include "launch/cli/shell_word.h"
#include "launch/cli/update_cost.h"
#include "launch/train/affinity.h"
#include "launch/train/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

typedef unsigned long long count;

static void announce_settings(const struct setup *setup, const struct job *job, uint32_t actors) {
  const struct settings settings = {&job->config, &setup->saved, &job->limiter, replay_size(job->replay),
                                    actors,       setup->resume};
  char text[SETTINGS_DOUBTS][SETTINGS_TEXT], reports[SETTINGS_TEXT];
  settings_reports(&settings, reports);
  log_info("%s", reports);
  const size_t doubts = settings_doubts(&settings, text);
  for (size_t i = 0; i < doubts; i++) log_warn("%s", text[i]);
  if (job->limiter.steps >= job->config.env_steps)
    log_warn("env_steps is already reached (%llu of %llu), so no step is made; set --env-steps higher to go on",
             (count)job->limiter.steps, (count)job->config.env_steps);
}

void announce_start(const struct setup *setup, const struct job *job, uint32_t actors) {
  const struct config *config = &job->config;
  char agents[48] = "", seen[64] = "";
  if (job->slots) snprintf(agents, sizeof agents, " with %u agents in all", job_slots(job));
  if (config->history > 1)
    snprintf(seen, sizeof seen, ", history %llu: %u inputs", (count)config->history, job_input(job));
  log_info("corsac %s: %s (obs %u, act %u%s), %llu environment%s%s on %u actor%s, %s, backend %s (OpenBLAS %s), %llu "
           "learner thread%s",
           CORSAC_VERSION, job->environment.environment, job->environment.obs_dim, job->environment.act_dim, seen,
           (count)config->envs, plural(config->envs), agents, actors, plural(actors), config->sync ? "sync" : "async",
           config->backend, linalg_core_name(), (count)config->learner_threads, plural(config->learner_threads));
  if (setup->resume)
    log_info("resumed from %s at %llu step%s, %llu update%s", setup->checkpoint, (count)job->limiter.steps,
             plural(job->limiter.steps), (count)job->limiter.updates, plural(job->limiter.updates));
  log_info("run directory %s", config->run_dir);
  if (setup->recipe[0])
    log_info("recipe %s: each step takes %.3g times the arithmetic of plain SAC with two hidden layers of 256",
             setup->recipe, update_cost_of_step(config, job->environment.obs_dim, job->environment.act_dim));
  announce_settings(setup, job, actors);
  affinity_check(setup->wanted_threads, setup->ranks,
                 setup->resume && options_is_fixed(options_find("learner_threads"), config));
}

void announce_end(const struct job *job, const struct learner_outcome *outcome, int ranks) {
  char dir[4 * sizeof job->config.run_dir], program[4 * PATH_MAX], duration[32], command[RESUME_COMMAND_TEXT];
  const uint64_t steps = job->limiter.steps, updates = job->limiter.updates;
  const bool done = outcome->exit_code == EXIT_DONE;
  shell_word(job->config.run_dir, dir, sizeof dir);
  shell_word(program_invocation_name, program, sizeof program);
  clock_format_duration(job_seconds(job), duration, sizeof duration);

  log_status_line("");
  log_info("%s after %llu step%s, %llu update%s, %llu episode%s, %s", done ? "done" : "ended", (count)steps,
           plural(steps), (count)updates, plural(updates), (count)job->episodes, plural(job->episodes), duration);
  if (outcome->evaluated)
    log_info("the policy at %llu step%s has a mean return of %.2f over %llu episode%s%s", (count)outcome->last_steps,
             plural(outcome->last_steps), outcome->last_return, (count)job->config.eval_episodes,
             plural(job->config.eval_episodes), outcome->last_cut > 0 ? ", which did not all end" : "");
  if (!outcome->checkpoint[0]) return;

  log_info("newest checkpoint %s/%s", job->config.run_dir, outcome->checkpoint);
  log_info("evaluate:    %s eval %s", program, dir);
  log_info("look inside: %s inspect %s", program, dir);
  resume_command(job->config.run_dir, ranks, done ? steps : 0, command);
  log_info("go on:       %s", command);
}
