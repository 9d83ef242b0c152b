#include "common/config/options.h"
#include "common/base/suggest.h"
#include "common/base/printable.h"
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(field) offsetof(struct config, field)
#define ANY_COUNT 0x1p53 // every integer up to here is a double, in JSON and in HDF5 readers too
#define ANY_SEED  0x1p64

static const struct option table[] = {
    // name, type, rule, offset, default, low, high, choices, group, help
    {"env", OPTION_TEXT, OPTION_FREE, AT(env), "", 0, 0, NULL, "job",
     "environment: a built-in name (`corsac envs`), path/to/plugin.so[:args], gym:ID, or exec:COMMAND"},
    {"seed", OPTION_COUNT, OPTION_FIXED, AT(seed), "1", 0, ANY_SEED, NULL, "job", "key of all random numbers"},
    {"run_dir", OPTION_TEXT, OPTION_INVOCATION, AT(run_dir), "", 0, 0, NULL, "job",
     "directory of the run; empty: runs/<env>-<time>"},
    {"config", OPTION_TEXT, OPTION_INVOCATION, AT(config), "", 0, 0, NULL, "job",
     "YAML file of options; the command line goes over it"},
    {"resume", OPTION_TEXT, OPTION_INVOCATION, AT(resume), "", 0, 0, NULL, "job",
     "run directory or checkpoint file to continue; auto: run_dir, if there is a checkpoint"},
    {"env_steps", OPTION_COUNT, OPTION_FREE, AT(env_steps), "1000000", 1, ANY_COUNT, NULL, "job",
     "environment steps to reach in total"},
    {"max_hours", OPTION_NUMBER, OPTION_FREE, AT(max_hours), "0", 0, 1e6, NULL, "job",
     "hours this process may take, then it saves and stops; 0: no limit"},
    {"sync", OPTION_BOOL, OPTION_FIXED, AT(sync), "false", 0, 0, NULL, "job",
     "lockstep: the same result, bit for bit, on any number of ranks"},
    {"sync_steps", OPTION_COUNT, OPTION_FREE_ASYNC, AT(sync_steps), "1", 1, 1e6, NULL, "job",
     "steps of each environment in a round of sync mode"},
    {"envs", OPTION_COUNT, OPTION_FREE_ASYNC, AT(envs), "0", 0, 0x1p24 - 1, NULL, "job",
     "environments of the job; 0: one for each actor"},
    {"ranks_per_env", OPTION_COUNT, OPTION_FREE_ASYNC, AT(ranks_per_env), "1", 1, 1e6, NULL, "job",
     "ranks that step an environment together, for simulators that are parallel over MPI"},
    {"init_replay", OPTION_TEXT, OPTION_INVOCATION, AT(init_replay), "", 0, 0, NULL, "job",
     "HDF5 file of transitions that replay begins with"},
    {"init_policy", OPTION_TEXT, OPTION_INVOCATION, AT(init_policy), "", 0, 0, NULL, "job",
     "run directory, checkpoint or .npz whose policy a new run begins with; hidden comes from it"},
    {"log_level", OPTION_CHOICE, OPTION_FREE, AT(log_level), "info", 0, 0, "error|warn|info|debug", "job",
     "the most talkative level that is logged"},

    {"hidden", OPTION_WIDTHS, OPTION_FIXED, AT(hidden), "256,256", 1, 16384, NULL, "networks",
     "widths of the hidden layers of policy and critics"},
    {"critics", OPTION_COUNT, OPTION_FIXED, AT(critics), "2", 1, 64, NULL, "networks", "number of critics"},
    {"target_subset", OPTION_COUNT, OPTION_FIXED, AT(target_subset), "0", 0, 64, NULL, "networks",
     "target critics drawn for the minimum in each update (REDQ); 0: all"},
    {"critic_layer_norm", OPTION_BOOL, OPTION_FIXED, AT(critic_layer_norm), "false", 0, 0, NULL, "networks",
     "layer normalization in the critics, for high utd"},
    {"normalize_observations", OPTION_BOOL, OPTION_FIXED, AT(normalize_observations), "false", 0, 0, NULL, "networks",
     "scale observations by their running mean and deviation"},

    {"batch_size", OPTION_COUNT, OPTION_FREE_ASYNC, AT(batch_size), "256", 1, 0x1p20, NULL, "update",
     "transitions in an update"},
    {"gamma", OPTION_NUMBER, OPTION_FIXED, AT(gamma), "0.99", 0, 1, NULL, "update", "discount of a step"},
    {"tau", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(tau), "0.005", 1e-9, 1, NULL, "update",
     "share of the critics that goes into the targets in an update"},
    {"lr_actor", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(lr_actor), "0.0003", 0, 1, NULL, "update",
     "learning rate of the policy"},
    {"lr_critic", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(lr_critic), "0.0003", 0, 1, NULL, "update",
     "learning rate of the critics"},
    {"lr_alpha", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(lr_alpha), "0.0003", 0, 1, NULL, "update",
     "learning rate of the temperature, where alpha is auto"},
    {"alpha", OPTION_AUTO, OPTION_FIXED, AT(alpha), "auto", 1e-9, 1e6, NULL, "update",
     "temperature of the entropy; auto: learned, from 1 on"},
    {"target_entropy", OPTION_AUTO, OPTION_FIXED, AT(target_entropy), "auto", -1e6, 1e6, NULL, "update",
     "entropy that a learned alpha aims at, in nats; auto: minus the number of action dimensions"},
    {"reward_scale", OPTION_NUMBER, OPTION_FIXED, AT(reward_scale), "1", 1e-9, 1e9, NULL, "update",
     "factor on rewards in the update"},
    {"n_step", OPTION_COUNT, OPTION_FIXED, AT(n_step), "1", 1, 1000, NULL, "update", "steps of reward in a target"},
    {"learner_threads", OPTION_COUNT, OPTION_FREE_ASYNC, AT(learner_threads), "0", 0, 256, NULL, "update",
     "threads that share an update; 0: as many as cores are free and the networks are worth"},
    {"backend", OPTION_CHOICE, OPTION_FREE_ASYNC, AT(backend), "auto", 0, 0, "auto|tiles|openblas", "update",
     "who multiplies matrices: our own kernels or OpenBLAS; auto: the faster here"},

    {"utd", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(utd), "1", 0, 1000, NULL, "data",
     "updates per environment step past learning_starts; 0: the learner runs free"},
    {"utd_slack", OPTION_COUNT, OPTION_FREE_ASYNC, AT(utd_slack), "0", 0, ANY_COUNT, NULL, "data",
     "steps by which either side may be ahead of utd; 0: what every actor ships at once"},
    {"learning_starts", OPTION_COUNT, OPTION_FIXED, AT(learning_starts), "1000", 0, ANY_COUNT, NULL, "data",
     "steps with uniformly random actions before the first update"},
    {"replay_capacity", OPTION_COUNT, OPTION_FIXED, AT(replay_capacity), "1000000", 1, UINT32_MAX, NULL, "data",
     "transitions that replay holds"},
    {"send_steps", OPTION_COUNT, OPTION_FREE_ASYNC, AT(send_steps), "16", 1, 65536, NULL, "data",
     "steps that an actor collects before it ships them"},
    {"send_seconds", OPTION_NUMBER, OPTION_FREE_ASYNC, AT(send_seconds), "0.1", 0, 3600, NULL, "data",
     "seconds after which an actor ships what it has"},
    {"actor_timeout", OPTION_NUMBER, OPTION_FREE, AT(actor_timeout), "60", 0.1, 1e6, NULL, "data",
     "seconds of silence after which a rank counts as gone"},
    {"min_actors", OPTION_COUNT, OPTION_FREE, AT(min_actors), "1", 1, 1e6, NULL, "data",
     "with fewer actors alive the job saves and stops, with exit status 75"},
    {"env_timeout", OPTION_NUMBER, OPTION_FREE, AT(env_timeout), "600", 0.1, 1e6, NULL, "environment",
     "seconds an environment may take to be created, reset or step; of a plugin only with isolate"},
    {"env_max_failures", OPTION_COUNT, OPTION_FREE, AT(env_max_failures), "10", 1, 1e9, NULL, "environment",
     "failures of an environment in a row after which its actor gives up"},
    {"isolate", OPTION_BOOL, OPTION_FREE, AT(isolate), "false", 0, 0, NULL, "environment",
     "run each instance of a plugin in a process of its own (exec: and gym: always are)"},
    {"python", OPTION_TEXT, OPTION_FREE, AT(python), "", 0, 0, NULL, "environment",
     "interpreter for gym: environments; empty: the one of `install-deps.sh gym`, else python3"},
    {"mujoco_dir", OPTION_TEXT, OPTION_FREE, AT(mujoco_dir), "", 0, 0, NULL, "environment",
     "directory of libmujoco and the tasks' models; empty: where `install-deps.sh mujoco` puts them"},

    {"checkpoint_every", OPTION_COUNT, OPTION_FREE, AT(checkpoint_every), "50000", 0, ANY_COUNT, NULL, "reports",
     "steps between checkpoints; 0: only by checkpoint_minutes and at the end"},
    {"checkpoint_minutes", OPTION_NUMBER, OPTION_FREE, AT(checkpoint_minutes), "30", 0, 1e6, NULL, "reports",
     "minutes after which a checkpoint is due in any case; 0: never"},
    {"checkpoint_keep", OPTION_COUNT, OPTION_FREE, AT(checkpoint_keep), "3", 1, 1000, NULL, "reports",
     "newest checkpoints that are kept"},
    {"checkpoint_replay", OPTION_BOOL, OPTION_FREE, AT(checkpoint_replay), "true", 0, 0, NULL, "reports",
     "save replay too, for an exact resume"},
    {"eval_every", OPTION_COUNT, OPTION_FREE, AT(eval_every), "10000", 0, ANY_COUNT, NULL, "reports",
     "steps between evaluations; 0: none"},
    {"eval_episodes", OPTION_COUNT, OPTION_FREE, AT(eval_episodes), "10", 1, 1e6, NULL, "reports",
     "episodes of an evaluation"},
    {"eval_max_steps", OPTION_COUNT, OPTION_FREE, AT(eval_max_steps), "0", 0, 1e9, NULL, "reports",
     "most steps of an episode in an evaluation; 0: 100000 where the environment has no limit"},
    {"eval_timeout", OPTION_NUMBER, OPTION_FREE, AT(eval_timeout), "0", 0, 1e6, NULL, "reports",
     "most seconds of an evaluation; 0: 3600 where an episode has no limit of up to 100000 steps"},
    {"log_every", OPTION_COUNT, OPTION_FREE, AT(log_every), "1000", 0, ANY_COUNT, NULL, "reports",
     "steps between rows of metrics.csv; 0: only at the end"},
    {"tensorboard", OPTION_BOOL, OPTION_FREE, AT(tensorboard), "true", 0, 0, NULL, "reports",
     "write the rows of metrics.csv as TensorBoard's event files too"},
};

enum { OPTIONS = sizeof table / sizeof *table, NAME_SIZE = 64, WORD_SIZE = 64 };

size_t options_count(void) { return OPTIONS; }

const struct option *options_at(size_t index) { return index < OPTIONS ? &table[index] : NULL; }

const struct option *options_find(const char *name) {
  for (size_t i = 0; i < OPTIONS; i++) {
    if (strcmp(table[i].name, name) == 0) return &table[i];
  }
  return NULL;
}

const char *options_suggest(const char *name) {
  struct suggestion suggestion = {.word = name};
  for (size_t i = 0; i < OPTIONS; i++) suggest_try(&suggestion, table[i].name, 4); // "batch", too
  return suggestion.name;
}

// The name as the table spells it, whatever case it has and whether dashes or underscores; false if it is too long for
// one.
static bool spell_name(const char *name, char spelt[NAME_SIZE]) {
  size_t length = strlen(name);
  if (length >= NAME_SIZE) return false;
  for (size_t i = 0; i <= length; i++) spelt[i] = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
  return true;
}

// --- values from text ---

// Copies digits, sign, point and exponent, leaving out an underscore between two digits; false for any other character,
// so that neither blanks nor hexadecimal nor "inf" get through.
static bool clean_number(const char *text, char clean[WORD_SIZE]) {
  size_t used = 0;
  for (size_t i = 0; text[i]; i++) {
    if (text[i] == '_' && i > 0 && isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1])) continue;
    if (!strchr("0123456789+-.eE", text[i]) || used == WORD_SIZE - 1) return false;
    clean[used++] = text[i];
  }
  clean[used] = '\0';
  return used > 0;
}

static bool parse_number(const char *text, double *value) {
  char clean[WORD_SIZE], *end;
  if (!clean_number(text, clean)) return false;
  *value = strtod(clean, &end) + 0; // -0 becomes 0
  const bool vanished = *value == 0 && strcspn(clean, "123456789") < strcspn(clean, "eE");
  return *end == '\0' && isfinite(*value) && !vanished;
}

// "25e2" as its digits, with no 0 at the end, and how many places the integer has; false where it is none.
static bool split_integer(const char *text, char digits[WORD_SIZE], long *count, long *places) {
  long point = 0, exponent = 0;
  bool fraction = false;
  *count = 0;
  for (; isdigit((unsigned char)*text) || (*text == '.' && !fraction); text++) {
    fraction |= *text == '.';
    if (*text != '.') digits[(*count)++] = *text;
    point += *text != '.' && !fraction;
  }
  if (*count == 0) return false;
  if (*text == 'e' || *text == 'E') {
    if (!isdigit((unsigned char)text[1 + (text[1] == '+' || text[1] == '-')])) return false;
    char *end;
    exponent = strtol(text + 1, &end, 10);
    text = end;
    if (exponent < -2 * WORD_SIZE) exponent = -2 * WORD_SIZE; // more digits than a word has
    if (exponent > 2 * WORD_SIZE) exponent = 2 * WORD_SIZE;
  }
  while (*count > 0 && digits[*count - 1] == '0') (*count)--;
  *places = *count == 0 ? 0 : point + exponent;
  return *text == '\0' && *places >= *count;
}

// 1000000, 1_000_000, 1e6 or 2.5e3: exactly the integer that is written, since not every one is a double.
static bool parse_count(const char *text, uint64_t *value) {
  char clean[WORD_SIZE], digits[WORD_SIZE];
  long count, places;
  if (!clean_number(text, clean) || !split_integer(clean + (clean[0] == '+'), digits, &count, &places)) return false;
  uint64_t result = 0;
  for (long i = 0; i < places; i++) {
    const uint64_t digit = i < count ? (uint64_t)(digits[i] - '0') : 0;
    if (result > (UINT64_MAX - digit) / 10) return false;
    result = 10 * result + digit;
  }
  *value = result;
  return true;
}

static bool parse_bool(const char *text, bool *value) {
  static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
  for (int i = 0; i < 8; i++) {
    if (strcasecmp(text, words[i]) == 0) {
      *value = i >= 4;
      return true;
    }
  }
  return false;
}

// 2^53 + 1 as a double is 2^53, so integers are compared as such; ANY_SEED is one more than there can be.
static bool in_range_exactly(const struct option *option, uint64_t value) {
  return value >= (uint64_t)option->low && (option->high == ANY_SEED || value <= (uint64_t)option->high);
}

// Widths with commas between them, blanks around them allowed.
static bool parse_widths(const struct option *option, const char *text, struct config_widths *widths) {
  *widths = (struct config_widths){0};
  for (;;) {
    char word[WORD_SIZE];
    text += strspn(text, " ");
    size_t length = strcspn(text, " ,");
    uint64_t width;
    if (length >= WORD_SIZE || widths->count == CONFIG_MAX_HIDDEN) return false;
    memcpy(word, text, length);
    word[length] = '\0';
    if (!parse_count(word, &width) || !in_range_exactly(option, width)) return false;
    widths->width[widths->count++] = (uint32_t)width;
    text += length;
    text += strspn(text, " ");
    if (*text == '\0') return true;
    if (*text++ != ',') return false;
  }
}

static bool is_choice(const char *choices, const char *text) {
  size_t length = strlen(text);
  while (*choices) {
    size_t next = strcspn(choices, "|");
    if (next == length && strncmp(choices, text, length) == 0) return true;
    choices += next + (choices[next] == '|');
  }
  return false;
}

// Which of "a|b|c" was probably meant, in `words`; or NULL.
static const char *nearest_choice(const char *choices, const char *text, char words[2 * WORD_SIZE]) {
  struct suggestion suggestion = {.word = text};
  snprintf(words, 2 * WORD_SIZE, "%s", choices);
  for (char *word = words, *next; word; word = next) {
    next = strchr(word, '|');
    if (next) *next++ = '\0';
    suggest_try(&suggestion, word, 3);
  }
  return suggestion.name;
}

static bool is_text(const char *text) {
  if (strlen(text) >= CONFIG_TEXT) return false;
  for (size_t length; *text; text += length) {
    length = printable_length(text);
    if (length == 0) return false;
  }
  return true;
}

// Numbers as a person writes them: the fewest digits that read back to the same double.
static void format_number(double value, char *text, size_t size) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (strtod(text, NULL) == value) return;
  }
}

static void describe_range(const struct option *option, char *text, size_t size) {
  char low[32], high[32];
  format_number(option->low, low, sizeof low);
  bool whole = option->type == OPTION_COUNT || option->type == OPTION_WIDTHS;
  if (whole)
    snprintf(high, sizeof high, "%.0f", option->high);
  else
    format_number(option->high, high, sizeof high);
  if (option->high == ANY_SEED) snprintf(high, sizeof high, "2^64 - 1");
  if (option->high == ANY_COUNT) snprintf(high, sizeof high, "2^53");
  snprintf(text, size, "%s to %s", low, high);
}

static void describe_form(const struct option *option, char *text, size_t size) {
  char range[80];
  describe_range(option, range, sizeof range);
  switch (option->type) {
  case OPTION_TEXT: snprintf(text, size, "printable UTF-8 text of less than %d bytes", CONFIG_TEXT); break;
  case OPTION_BOOL: snprintf(text, size, "true or false"); break;
  case OPTION_COUNT: snprintf(text, size, "an integer from %s", range); break;
  case OPTION_NUMBER: snprintf(text, size, "a number from %s", range); break;
  case OPTION_AUTO: snprintf(text, size, "auto, or a number from %s", range); break;
  case OPTION_WIDTHS:
    snprintf(text, size, "1 to %d integers from %s with commas between them", CONFIG_MAX_HIDDEN, range);
    break;
  case OPTION_CHOICE: snprintf(text, size, "one of %s", option->choices); break;
  }
}

static bool in_range(const struct option *option, double value) {
  return value >= option->low && value <= option->high;
}

enum status option_set(const struct option *option, struct config *config, const char *text, const char *where,
                       struct error *error) {
  void *field = (char *)config + option->offset;
  uint64_t count;
  double number;
  bool flag;
  struct config_widths widths;
  switch (option->type) {
  case OPTION_TEXT:
    if (!is_text(text)) break;
    snprintf(field, CONFIG_TEXT, "%s", text);
    return STATUS_OK;
  case OPTION_BOOL:
    if (!parse_bool(text, &flag)) break;
    *(bool *)field = flag;
    return STATUS_OK;
  case OPTION_COUNT:
    if (!parse_count(text, &count) || !in_range_exactly(option, count)) break;
    *(uint64_t *)field = count;
    return STATUS_OK;
  case OPTION_NUMBER:
    if (!parse_number(text, &number) || !in_range(option, number)) break;
    *(double *)field = number;
    return STATUS_OK;
  case OPTION_AUTO: {
    bool is_auto = strcasecmp(text, "auto") == 0;
    if (!is_auto && (!parse_number(text, &number) || !in_range(option, number))) break;
    *(struct config_auto *)field = (struct config_auto){.is_auto = is_auto, .value = is_auto ? 0 : number};
    return STATUS_OK;
  }
  case OPTION_WIDTHS:
    if (!parse_widths(option, text, &widths)) break;
    *(struct config_widths *)field = widths;
    return STATUS_OK;
  case OPTION_CHOICE:
    if (!is_choice(option->choices, text)) break;
    snprintf(field, sizeof config->log_level, "%s", text);
    return STATUS_OK;
  }
  char form[200], words[2 * WORD_SIZE];
  describe_form(option, form, sizeof form);
  const char *choices = option->type == OPTION_BOOL ? "true|false|yes|no|on|off" : option->choices;
  const char *near = choices ? nearest_choice(choices, text, words) : NULL;
  return error_set(error, STATUS_USAGE, "%s: must be %s, not \"%.100s\"%s%s%s", where, form, text,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

void option_get(const struct option *option, const struct config *config, char *text, size_t size) {
  const void *field = (const char *)config + option->offset;
  switch (option->type) {
  case OPTION_TEXT:
  case OPTION_CHOICE: snprintf(text, size, "%s", (const char *)field); break;
  case OPTION_BOOL: snprintf(text, size, "%s", *(const bool *)field ? "true" : "false"); break;
  case OPTION_COUNT: snprintf(text, size, "%" PRIu64, *(const uint64_t *)field); break;
  case OPTION_NUMBER: format_number(*(const double *)field, text, size); break;
  case OPTION_AUTO: {
    const struct config_auto *value = field;
    if (value->is_auto)
      snprintf(text, size, "auto");
    else
      format_number(value->value, text, size);
    break;
  }
  case OPTION_WIDTHS: {
    const struct config_widths *widths = field;
    size_t used = 0;
    if (size > 0) text[0] = '\0';
    for (uint32_t i = 0; i < widths->count && used < size; i++) {
      used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, i ? "," : "", widths->width[i]);
    }
    break;
  }
  }
}

void options_defaults(struct config *config) {
  *config = (struct config){0};
  for (size_t i = 0; i < OPTIONS; i++) {
    enum status status = option_set(&table[i], config, table[i].default_text, table[i].name, NULL);
    assert(status == STATUS_OK);
    (void)status;
  }
}

// --- the command line ---

// The name as the command line spells it: batch-size.
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

// Or a slip in one, which is refused as such.
static bool is_truth_value(const char *text) {
  bool flag;
  char words[2 * WORD_SIZE];
  return parse_bool(text, &flag) || nearest_choice("true|false", text, words);
}

// One option at argv[0]; used gets 1, or 2 if its value is argv[1].
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
    describe_form(option, form, sizeof form);
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

enum status options_check(const struct config *config, struct error *error) {
  if (!config->env[0]) {
    return error_set(error, STATUS_USAGE, "env: none is given; say --env NAME (`corsac envs` lists what there is)");
  }
  if (config->target_subset > config->critics) {
    return error_set(error, STATUS_USAGE,
                     "target_subset: %" PRIu64 " of only %" PRIu64 " critics; lower it or raise critics",
                     config->target_subset, config->critics);
  }
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
  return STATUS_OK;
}

bool options_can_isolate(const struct config *config) {
  const char *env = config->env;
  const size_t name = strcspn(env, ":");
  const bool plugin = memchr(env, '/', name) || (name > 3 && strncmp(env + name - 3, ".so", 3) == 0);
  return plugin && !config->isolate && config->ranks_per_env == 1;
}

bool options_is_fixed(const struct option *option, const struct config *config) {
  return option->rule == OPTION_FIXED || (option->rule == OPTION_FREE_ASYNC && config->sync);
}

enum status options_check_resume(const struct config *saved, const struct config *now, struct error *error) {
  for (size_t i = 0; i < OPTIONS; i++) {
    const struct option *option = &table[i];
    char before[CONFIG_TEXT], after[CONFIG_TEXT];
    if (!options_is_fixed(option, saved)) continue;
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
  static const char *const types[] = {"TEXT", "", "COUNT", "NUMBER", "NUMBER|auto", "N,N,...", "NAME"};
  static const char *const rules[] = {"fixed", "free", "fixed in sync mode", NULL};
  for (size_t i = 0; i < OPTIONS; i++) {
    const struct option *option = &table[i];
    if (group && strcmp(group, option->group) != 0) continue;
    if (!group && (i == 0 || strcmp(option->group, table[i - 1].group) != 0)) {
      fprintf(out, "%s%s\n", i ? "\n" : "", option->group);
    }
    char name[NAME_SIZE], range[80];
    dashed(option->name, name);
    int column = fprintf(out, "  --%s%s %s", option->type == OPTION_BOOL ? "[no-]" : "", name, types[option->type]);
    fprintf(out, "%*s%s\n%36s[", column < 36 ? 36 - column : 1, "", option->help, "");
    if (option->default_text[0]) fprintf(out, "default %s; ", option->default_text);
    describe_range(option, range, sizeof range);
    if (option->type == OPTION_CHOICE) fprintf(out, "%s; ", option->choices);
    if (option->low < option->high) fprintf(out, "%s; ", range);
    if (rules[option->rule])
      fprintf(out, "on resume: %s]\n", rules[option->rule]);
    else
      fprintf(out, "of one start]\n");
  }
}
