#include "launch/train/settings.h"
#include "common/base/plural.h"

#include "common/config/cases.h"
#include "common/config/options.h"
#include "learner/sac/learning_rate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct doubts {
  const struct settings *of;
  size_t count;
  char (*text)[SETTINGS_TEXT];
};

__attribute__((format(printf, 2, 3))) static void doubt(struct doubts *doubts, const char *format, ...) {
  va_list arguments;
  if (doubts->count == SETTINGS_DOUBTS) return;
  va_start(arguments, format);
  vsnprintf(doubts->text[doubts->count++], SETTINGS_TEXT, format, arguments);
  va_end(arguments);
}

// Writes "VERB --sync-steps or --envs" with those of the two options that this job may still change; "" where it may
// change neither.
static const char *advise(const struct settings *settings, const char *verb, const char *first, const char *second,
                          char text[SETTINGS_TEXT]) {
  const char *const names[2] = {first, second};
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < 2; i++) {
    if (!names[i] || (settings->resumed && options_is_fixed(options_find(names[i]), settings->config))) continue;
    char spelt[64];
    snprintf(spelt, sizeof spelt, "%s", names[i]);
    for (char *c = spelt; *c; c++) *c = *c == '_' ? '-' : *c;
    used +=
        (size_t)snprintf(text + used, SETTINGS_TEXT - used, used ? " or --%s" : "%s --%s", used ? spelt : verb, spelt);
  }
  return text;
}

static unsigned long long n(uint64_t value) { return value; }

static uint64_t round_steps(const struct config *config) { return config->envs * config->sync_steps; }

uint64_t settings_end(const struct config *config, uint64_t steps) {
  if (!config->sync || steps >= config->env_steps) return config->env_steps;
  const uint64_t round = round_steps(config);
  return steps + (config->env_steps - steps + round - 1) / round * round;
}

// Sync mode makes whole rounds, so env_steps and the intervals may not be met exactly.
static void doubt_rounds(struct doubts *doubts, uint64_t end) {
  const struct config *config = doubts->of->config;
  char advice[SETTINGS_TEXT];
  if (!config->sync) return;
  const uint64_t round = round_steps(config),
                 every[3] = {config->log_every, config->eval_every, config->checkpoint_every};
  if (end > config->env_steps && end - config->env_steps > config->env_steps / 10) {
    advise(doubts->of, ", or lower", config->sync_steps > 1 ? "sync_steps" : NULL, config->envs > 1 ? "envs" : NULL,
           advice);
    doubt(doubts,
          "a round of sync mode is envs %llu x sync_steps %llu = %llu steps: %llu steps will be made, not env_steps "
          "%llu; set --env-steps to a multiple of %llu%s",
          n(config->envs), n(config->sync_steps), n(round), n(end), n(config->env_steps), n(round), advice);
  }
  static const char *const names[3] = {"log_every", "eval_every", "checkpoint_every"};
  for (int i = 0; i < 3; i++)
    if (every[i] > 0 && round >= 2 * every[i] && end > round)
      doubt(doubts, "%s %llu is less than a round of sync mode, which is %llu steps: it is once a round", names[i],
            n(every[i]), n(round));
}

// Whether the job makes any update, and from how many transitions.
static void doubt_learning(struct doubts *doubts, uint64_t end) {
  const struct settings *settings = doubts->of;
  const struct config *config = settings->config;
  const uint64_t base = settings->limiter->base_steps;
  struct rate_limiter last = *settings->limiter;
  char advice[SETTINGS_TEXT];
  if (settings->limiter->steps >= end) return;
  rate_limiter_add(&last, end - last.steps, end - last.steps); // a step makes one transition at least
  if (end <= base) {
    advise(settings, ", or lower", base == config->learning_starts ? "learning_starts" : NULL, NULL, advice);
    doubt(doubts,
          "nothing is learned: updates begin after %llu step%s (learning_starts %llu) and the job ends at %llu; set "
          "--env-steps above %llu%s",
          n(base), plural(base), n(config->learning_starts), n(end), n(base), advice);
  } else if (rate_limiter_owed(&last) == 0) {
    advise(settings, " or", "utd", NULL, advice);
    doubt(doubts,
          "nothing is learned: utd %g makes no update of the %llu step%s after learning_starts; raise --env-steps%s",
          config->utd, n(end - base), plural(end - base), advice);
  }
  const uint64_t first = settings->rows + (base > settings->limiter->steps ? base - settings->limiter->steps : 0);
  if (end > base && first < config->batch_size && !settings->resumed)
    doubt(doubts,
          "the first updates draw batches of %llu from only %llu transition%s: raise --learning-starts to "
          "%llu or lower --batch-size",
          n(config->batch_size), n(first), plural(first), n(config->batch_size));
}

static bool was_set(const struct settings *settings, const char *name, char value[CONFIG_TEXT]) {
  char before[CONFIG_TEXT];
  option_get(options_find(name), settings->before, before, sizeof before);
  option_get(options_find(name), settings->config, value, CONFIG_TEXT);
  return strcmp(before, value) != 0;
}

// Options that were set but have no effect because of another option.
static void doubt_idle(struct doubts *doubts) {
  const struct settings *settings = doubts->of;
  const struct config *config = settings->config;
  const bool residual = strcmp(config->network, "residual") == 0,
             categorical = strcmp(config->critic_loss, "categorical") == 0,
             bounded = strcmp(config->normalize_rewards, "bounded") == 0,
             constant = strcmp(config->lr_schedule, "constant") == 0,
             policy_batch = strcmp(config->policy_norm, "batch") == 0, child = options_has_child(config),
             own_hidden = config->critic_hidden.count > 0 && config->policy_hidden.count > 0;
  static const char no_child[] = "the environment is no process of its own; a plugin is with --isolate";
  const struct {
    bool idle;
    const char *name, *because;
  } pairs[] = {
      {!config->sync, "sync_steps", "only sync mode has rounds, and this run is async"},
      {config->sync, "utd_slack", "in sync mode actors are never ahead by more than a round"},
      {!config->sync && config->utd == 0, "utd_slack", "with utd 0 the learner runs free"},
      {config->sync, "min_actors", "sync mode needs every actor"},
      {!config->alpha.is_auto, "lr_alpha", "alpha is a number, so it is not learned"},
      {!config->alpha.is_auto, "target_entropy", "alpha is a number, so it is not learned"},
      {!config->alpha.is_auto, "alpha_start", "alpha is a number, so it is not learned"},
      {own_hidden, "hidden", "critic_hidden and policy_hidden are given"},
      {!residual, "expansion", "network is dense, so there are no blocks"},
      {!categorical, "value_atoms", "critic_loss is mse"},
      {!categorical, "value_min", "critic_loss is mse"},
      {!categorical && !bounded, "value_max", "critic_loss is mse"},
      {constant, "lr_final", "lr_schedule is constant"},
      {!policy_batch, "policy_joint", "policy_norm is not batch"},
      {config->eval_every == 0, "eval_episodes", "eval_every is 0, so there are no evaluations"},
      {config->history <= 1, "history_actions", "history is 1, so there are no actions of before"},
      {!child, "restart_each_episode", no_child},
      {!child, "scratch", no_child},
      {!child, "child_cores", no_child},
  };
  char value[CONFIG_TEXT];
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (pairs[i].idle && was_set(settings, pairs[i].name, value))
      doubt(doubts, "%s %.40s has no effect: %s", pairs[i].name, value, pairs[i].because);
  static const char *const timeouts[] = {"env_timeout", "create_timeout", "reset_timeout", "step_timeout"};
  for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++)
    if (options_can_isolate(config) && was_set(settings, timeouts[i], value))
      doubt(doubts,
            "%s %.40s cannot cut off a step of a plugin that runs in its actor's process; with --isolate it can",
            timeouts[i], value);
  if (!config->sync && config->min_actors > settings->actors)
    doubt(doubts, "min_actors %llu has no effect: the job has %u actor%s", n(config->min_actors), settings->actors,
          plural(settings->actors));
}

// A schedule of learning rates runs over env_steps, which a resume may change.
static void doubt_schedule(struct doubts *doubts) {
  const struct config *config = doubts->of->config;
  const struct learning_rate_schedule schedule = learning_rate_schedule_of(config);
  const uint64_t steps = doubts->of->limiter->steps, before = doubts->of->before->env_steps;
  if (!doubts->of->resumed || schedule.form == LEARNING_RATE_CONSTANT || before == config->env_steps || steps == 0)
    return;
  doubt(doubts,
        "lr_schedule %.16s now runs over env_steps %llu instead of %llu: learning rates go from %.3g of the first ones "
        "to %.3g",
        config->lr_schedule, n(config->env_steps), n(before),
        learning_rate_share(&schedule, (double)steps / (double)before),
        learning_rate_share(&schedule, (double)steps / (double)config->env_steps));
}

// Warns of cases that no environment plays.
static void doubt_cases(struct doubts *doubts) {
  const struct config *config = doubts->of->config;
  const uint32_t cases = cases_count(config);
  if (cases == 0) return;
  if (!cases_per_episode(config) && config->envs < cases)
    doubt(doubts, "of %u cases only the first %llu are trained on: set --envs %u, or --cases-per episode", cases,
          n(config->envs), cases);
  if (config->eval_every > 0 && config->eval_episodes < cases)
    doubt(doubts, "of %u cases only the first %llu are evaluated: set --eval-episodes %u, or a multiple of it", cases,
          n(config->eval_episodes), cases);
}

// Returns that the critics cannot express. The run cannot change these options once it has begun.
static void doubt_values(struct doubts *doubts) {
  const struct config *config = doubts->of->config;
  const bool categorical = strcmp(config->critic_loss, "categorical") == 0;
  char value[CONFIG_TEXT];
  if (doubts->of->resumed) return;
  if (config->unit_weights && !categorical)
    doubt(doubts,
          "unit_weights with critic_loss mse: the critics' last weights have length 1, so Q stays small and large "
          "returns are not learned; set --critic-loss categorical");
  if (categorical && strcmp(config->normalize_rewards, "none") == 0 && !was_set(doubts->of, "value_min", value) &&
      !was_set(doubts->of, "value_max", value))
    doubt(doubts,
          "critic_loss categorical knows returns from %g to %g, and normalize_rewards is none: set --value-min and "
          "--value-max to the returns of this task, or --normalize-rewards deviation",
          config->value_min, config->value_max);
}

size_t settings_doubts(const struct settings *settings, char text[SETTINGS_DOUBTS][SETTINGS_TEXT]) {
  struct doubts doubts = {.of = settings, .text = text};
  const uint64_t end = settings_end(settings->config, settings->limiter->steps);
  if (settings->limiter->steps < end) {
    doubt_rounds(&doubts, end);
    doubt_learning(&doubts, end);
    doubt_schedule(&doubts);
  }
  doubt_idle(&doubts);
  doubt_cases(&doubts);
  doubt_values(&doubts);
  return doubts.count;
}

// Writes "every 100 steps", or "at the end".
static void rhythm(uint64_t every, uint64_t steps, uint64_t end, char text[64]) {
  if (every > 0 && (steps / every + 1) * every <= end)
    snprintf(text, 64, "every %llu step%s", n(every), plural(every));
  else
    snprintf(text, 64, "at the end");
}

void settings_reports(const struct settings *settings, char text[SETTINGS_TEXT]) {
  const struct config *config = settings->config;
  const uint64_t steps = settings->limiter->steps, end = settings_end(config, steps);
  char row[64], evaluation[64], checkpoint[64], minutes[48] = "", episodes[64];
  rhythm(config->log_every, steps, end, row);
  rhythm(config->eval_every, steps, end, evaluation);
  rhythm(config->checkpoint_every, steps, end, checkpoint);
  if (config->checkpoint_minutes > 0)
    snprintf(minutes, sizeof minutes, " and after %g minutes", config->checkpoint_minutes);
  snprintf(episodes, sizeof episodes, "an evaluation of %llu episode%s", n(config->eval_episodes),
           plural(config->eval_episodes));
  snprintf(text, SETTINGS_TEXT, "a row of metrics.csv %s, %s%s%s, a checkpoint %s%s", row,
           config->eval_every ? episodes : "no evaluation", config->eval_every ? " " : "",
           config->eval_every ? evaluation : "", checkpoint, minutes);
}
