#include "common/config/options_impl.h"
#include "common/base/suggest.h"
#include "common/config/cases.h"
#include "common/config/environment_form.h"
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { NAME_SIZE = 64 };

// --- names ---

const struct option *options_find(const char *name) {
  for (size_t i = 0; i < options_count(); i++) {
    if (strcmp(options_at(i)->name, name) == 0) return options_at(i);
  }
  return NULL;
}

const char *options_suggest(const char *name) {
  struct suggestion suggestion = {.word = name};
  for (size_t i = 0; i < options_count(); i++) suggest_try(&suggestion, options_at(i)->name, 4); // "batch" is near
  return suggestion.name;
}

// Spells a name as the table does: small letters and underscores. Returns false if it is too long.
static bool spell_name(const char *name, char spelt[NAME_SIZE]) {
  size_t length = strlen(name);
  if (length >= NAME_SIZE) return false;
  for (size_t i = 0; i <= length; i++) spelt[i] = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
  return true;
}

void options_defaults(struct config *config) {
  *config = (struct config){0};
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    enum status status = option_set(option, config, option->default_text, option->name, NULL);
    assert(status == STATUS_OK);
    (void)status;
  }
}

// --- the command line ---

// Spells a name as the command line does: batch-size.
static void dashed(const char *name, char text[NAME_SIZE]) {
  snprintf(text, NAME_SIZE, "%s", name);
  for (; *text; text++) {
    if (*text == '_') *text = '-';
  }
}

static enum status unknown_option(const char *written, const char *name, struct error *error) {
  const char *suggestion = options_suggest(name);
  const char *no = "";
  if (!suggestion && strncasecmp(name, "no-", 3) == 0) {
    const char *positive = options_suggest(name + 3);
    if (positive && options_find(positive)->type == OPTION_BOOL) suggestion = positive, no = "no-";
  }
  if (!suggestion) {
    return error_set(error, STATUS_USAGE, "%.100s: there is no such option; `corsac options` lists them", written);
  }
  char spelt[NAME_SIZE];
  dashed(suggestion, spelt);
  return error_set(error, STATUS_USAGE, "%.100s: there is no such option; did you mean --%s%s?", written, no, spelt);
}

// Also true for a misspelt one ("ture"), which option_set then refuses.
static bool is_truth_value(const char *text) {
  bool flag;
  char words[OPTION_CHOICES_SIZE];
  return option_parse_bool(text, &flag) || option_suggest_choice("true|false", text, words);
}

// Reads the option at argv[0]. used gets 1, or 2 if its value is argv[1].
static enum status parse_one(int argc, char **argv, struct option_given *given, int *used, struct error *error) {
  const char *argument = argv[0];
  *used = 1;
  if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0') {
    return error_set(error, STATUS_USAGE, "%.200s: is no option; options are spelt --name VALUE", argument);
  }
  size_t length = strcspn(argument, "=");
  bool has_value = argument[length] == '=';
  char written[2 + NAME_SIZE], name[NAME_SIZE] = "";
  if (length >= sizeof written) return unknown_option(argument, argument + 2, error);
  memcpy(written, argument, length);
  written[length] = '\0';
  const struct option *option = spell_name(written + 2, name) ? options_find(name) : NULL;
  if (!option && strncmp(name, "no_", 3) == 0) {
    option = options_find(name + 3);
    if (option && (option->type != OPTION_BOOL || has_value)) {
      return error_set(error, STATUS_USAGE, "%s: --no- goes with a switch, without a value; --%s is spelt --%s VALUE",
                       written, written + 5, written + 5);
    }
    *given = (struct option_given){option, "false"};
    if (option) return STATUS_OK;
  }
  if (!option) return unknown_option(written, written + 2, error);
  if (has_value) {
    *given = (struct option_given){option, argument + length + 1};
  } else if (option->type == OPTION_BOOL && !(argc > 1 && is_truth_value(argv[1]))) {
    *given = (struct option_given){option, "true"};
  } else if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
    *given = (struct option_given){option, argv[1]};
    *used = 2;
  } else {
    char form[200];
    option_describe_form(option, form, sizeof form);
    return error_set(error, STATUS_USAGE, "%s: needs a value: %s", written, form);
  }
  return STATUS_OK;
}

enum status options_parse(int argc, char **argv, struct option_given *given, size_t *count, struct error *error) {
  size_t found = 0;
  for (int i = 0, used; i < argc; i += used) {
    if (found == OPTIONS_MAX_GIVEN) {
      return error_set(error, STATUS_USAGE, "%.100s: more than %d options are given", argv[i], OPTIONS_MAX_GIVEN);
    }
    enum status status = parse_one(argc - i, argv + i, &given[found], &used, error);
    if (status != STATUS_OK) return status;
    found++;
  }
  *count = found;
  return STATUS_OK;
}

enum status options_apply(const struct option_given *given, size_t count, struct config *config, struct error *error) {
  struct config result = *config;
  for (size_t i = 0; i < count; i++) {
    char where[2 + NAME_SIZE] = "--";
    dashed(given[i].option->name, where + 2);
    enum status status = option_set(given[i].option, &result, given[i].text, where, error);
    if (status != STATUS_OK) return status;
  }
  *config = result;
  return STATUS_OK;
}

// --- rules ---

static bool is(const char *value, const char *word) { return strcmp(value, word) == 0; }

// Residual blocks add their input to their output, so all have one width.
static enum status check_blocks(const char *name, const struct config_widths *hidden, struct error *error) {
  for (uint32_t i = 1; i < hidden->count; i++) {
    if (hidden->width[i] == hidden->width[0]) continue;
    char widths[96];
    option_format_widths(hidden, widths, sizeof widths);
    return error_set(error, STATUS_USAGE,
                     "%s: the blocks of a residual network have one width, not %s; give equal ones", name, widths);
  }
  return STATUS_OK;
}

enum status options_check_networks(const struct config *config, struct error *error) {
  enum status status = STATUS_OK;
  if (is(config->network, "residual")) {
    const char *const critic = config->critic_hidden.count > 0 ? "critic_hidden" : "hidden",
                      *const policy = config->policy_hidden.count > 0 ? "policy_hidden" : "hidden";
    status = check_blocks(critic, config_critic_hidden(config), error);
    if (status == STATUS_OK) status = check_blocks(policy, config_policy_hidden(config), error);
  }
  if (status != STATUS_OK) return status;
  if (config->critic_layer_norm && is(config->critic_norm, "batch"))
    return error_set(error, STATUS_USAGE,
                     "critic_layer_norm: is another spelling of critic_norm layer, but critic_norm is batch; leave one "
                     "of them out");
  const bool critic_batch = is(config->critic_norm, "batch");
  if (config->batch_size < 2 && (critic_batch || is(config->policy_norm, "batch")))
    return error_set(error, STATUS_USAGE,
                     "batch_size: %s batch needs at least 2 transitions, not %" PRIu64 "; raise it",
                     critic_batch ? "critic_norm" : "policy_norm", config->batch_size);
  if (config->value_min >= config->value_max)
    return error_set(error, STATUS_USAGE, "value_min: %g is not below value_max (%g); lower it or raise value_max",
                     config->value_min, config->value_max);
  if (config->log_std_min >= config->log_std_max)
    return error_set(error, STATUS_USAGE,
                     "log_std_min: %g is not below log_std_max (%g); lower it or raise log_std_max",
                     config->log_std_min, config->log_std_max);
  return STATUS_OK;
}

// The statistics of rewards tell a row's steps k by its discount (float)gamma^k, so those of k and k + 1 have to
// differ. With gamma 0 a row has the reward of one step, whatever its k.
static enum status check_row_steps(const struct config *config, struct error *error) {
  if (is(config->normalize_rewards, "none") || config->gamma == 0) return STATUS_OK;
  double power = config->gamma;
  for (uint64_t k = 1; k < config_row_steps(config); k++) {
    const float discount = (float)power;
    if ((float)(power *= config->gamma) != discount) continue;
    return error_set(error, STATUS_USAGE,
                     "n_step: %" PRIu64 " with gamma %.9g does not go with normalize_rewards %s, which tells a "
                     "transition's steps by its discount (gamma^%" PRIu64 " and gamma^%" PRIu64
                     " are the same float); give n_step 1, another gamma, or normalize_rewards none",
                     config->n_step, config->gamma, config->normalize_rewards, k, k + 1);
  }
  return STATUS_OK;
}

enum status options_check(const struct config *config, struct error *error) {
  if (!config->env[0]) {
    return error_set(error, STATUS_USAGE, "env: none is given; say --env NAME (`corsac envs` lists what there is)");
  }
  if (config->target_subset > config->critics) {
    return error_set(error, STATUS_USAGE,
                     "target_subset: %" PRIu64 " of only %" PRIu64 " critics; lower it or raise critics",
                     config->target_subset, config->critics);
  }
  if (strcmp(config->normalize_rewards, "bounded") == 0 && config->value_max <= 0) {
    return error_set(error, STATUS_USAGE, "value_max: %g does not go with normalize_rewards bounded; raise it above 0",
                     config->value_max);
  }
  if (check_row_steps(config, error) != STATUS_OK) return STATUS_USAGE;
  if (config->sync && config->utd == 0) {
    return error_set(error, STATUS_USAGE,
                     "utd: 0 (the learner runs free) does not go with sync; give utd a value above 0");
  }
  if (config->batch_size > config->replay_capacity) {
    return error_set(error, STATUS_USAGE,
                     "batch_size: %" PRIu64 " is more than replay_capacity (%" PRIu64
                     "); lower it or raise replay_capacity",
                     config->batch_size, config->replay_capacity);
  }
  if (!cases_are_given(config) && is(config->cases_per, "episode"))
    return error_set(error, STATUS_USAGE,
                     "cases_per: episode draws a case for each episode, but there are no cases; give --cases FILE as "
                     "well, or leave it out");
  return options_check_networks(config, error);
}

bool options_has_child(const struct config *config) {
  const enum environment_form form = environment_form_of(config->env);
  return environment_form_is_remote(form) || form == ENVIRONMENT_FMI || (config->isolate && form == ENVIRONMENT_PLUGIN);
}

bool options_can_isolate(const struct config *config) {
  return environment_form_of(config->env) == ENVIRONMENT_PLUGIN && !config->isolate && config->ranks_per_env == 1;
}

bool options_is_fixed(const struct option *option, const struct config *config) {
  return option->rule == OPTION_FIXED || (option->rule == OPTION_FREE_ASYNC && config->sync);
}

// Lines would be too much for a message.
static bool are_other_lines(const struct option *option, const struct config *saved, const struct config *now) {
  return option->type == OPTION_LINES &&
         strcmp((const char *)saved + option->offset, (const char *)now + option->offset) != 0;
}

enum status options_check_resume(const struct config *saved, const struct config *now, struct error *error) {
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    char before[CONFIG_TEXT], after[CONFIG_TEXT];
    if (!options_is_fixed(option, saved)) continue;
    if (are_other_lines(option, saved, now))
      return error_set(
          error, STATUS_USAGE,
          "%s: the run has other ones and a resume in sync mode cannot change them; leave it out, or start "
          "a new run",
          option->name);
    option_get(option, saved, before, sizeof before);
    option_get(option, now, after, sizeof after);
    if (strcmp(before, after) == 0) continue;
    return error_set(error, STATUS_USAGE,
                     "%s: the run has %s and a resume%s cannot change it to %s; leave it out, or start a new run",
                     option->name, before, option->rule == OPTION_FREE_ASYNC ? " in sync mode" : "", after);
  }
  return STATUS_OK;
}

// --- help ---

void options_print_help(FILE *out, const char *group) {
  static const char *const types[] = {
      [OPTION_TEXT] = "TEXT",        [OPTION_BOOL] = "",
      [OPTION_COUNT] = "COUNT",      [OPTION_NUMBER] = "NUMBER",
      [OPTION_AUTO] = "NUMBER|auto", [OPTION_ENTROPY] = "X|Xn|sigma:X|auto",
      [OPTION_WIDTHS] = "N,N,...",   [OPTION_NUMBERS] = "X,X,...",
      [OPTION_CHOICE] = "NAME",      [OPTION_LINES] = "FILE",
  };
  static const char *const rules[] = {
      [OPTION_FIXED] = "fixed",
      [OPTION_FREE] = "free",
      [OPTION_FREE_ASYNC] = "fixed in sync mode",
      [OPTION_INVOCATION] = NULL,
  };
  const char *shown = "";
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    if (group && strcmp(group, option->group) != 0) continue;
    if (!group && strcmp(option->group, shown) != 0) fprintf(out, "%s%s\n", i ? "\n" : "", option->group);
    shown = option->group;
    char name[NAME_SIZE], range[80];
    dashed(option->name, name);
    int column = fprintf(out, "  --%s%s %s", option->type == OPTION_BOOL ? "[no-]" : "", name, types[option->type]);
    fprintf(out, "%*s%s\n%36s[", column < 36 ? 36 - column : 1, "", option->help, "");
    if (option->default_text[0]) fprintf(out, "default %s; ", option->default_text);
    option_describe_range(option, range, sizeof range);
    if (option->type == OPTION_CHOICE) fprintf(out, "%s; ", option->choices);
    if (option->low < option->high) fprintf(out, "%s; ", range);
    if (rules[option->rule])
      fprintf(out, "on resume: %s]\n", rules[option->rule]);
    else
      fprintf(out, "of one start]\n");
  }
}
