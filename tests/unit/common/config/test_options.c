#include "common/config/options.h"
#include "tests/support/unit.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct config config_default(void) {
  struct config config;
  options_defaults(&config);
  return config;
}

static void test_defaults(void) {
  struct config config = config_default();
  CU_ASSERT_STRING_EQUAL(config.env, "");
  CU_ASSERT_EQUAL(config.seed, 1);
  CU_ASSERT_EQUAL(config.env_steps, 1000000);
  CU_ASSERT_TRUE_FATAL(!config.sync);
  CU_ASSERT_TRUE(config.checkpoint_replay);
  CU_ASSERT_EQUAL(config.hidden.count, 2);
  CU_ASSERT_EQUAL(config.hidden.width[0], 256);
  CU_ASSERT_EQUAL(config.hidden.width[1], 256);
  CU_ASSERT_EQUAL(config.gamma, 0.99);
  CU_ASSERT_TRUE_FATAL(config.alpha.is_auto);
  CU_ASSERT_TRUE(config.target_entropy.is_auto);
  CU_ASSERT_EQUAL(config.replay_capacity, 1000000);
  CU_ASSERT_EQUAL(config.send_seconds, 0.1);
  CU_ASSERT_STRING_EQUAL(config.log_level, "info");
}

static void test_table(void) {
  CU_ASSERT(options_count() <= OPTIONS_MAX_GIVEN);
  CU_ASSERT_PTR_NULL(options_at(options_count()));
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    CU_ASSERT_PTR_EQUAL(options_find(option->name), option); // so no name is there twice
    for (const char *c = option->name; *c; c++) CU_ASSERT(islower(*c) || *c == '_');
    for (size_t k = 0; k < i; k++) CU_ASSERT_NOT_EQUAL(option->offset, options_at(k)->offset);
    CU_ASSERT(strlen(option->help) > 5);
    // A group is one run of the table.
    if (i > 0 && strcmp(option->group, options_at(i - 1)->group) != 0) {
      for (size_t k = 0; k < i; k++) CU_ASSERT_STRING_NOT_EQUAL(options_at(k)->group, option->group);
    }
  }
  CU_ASSERT_PTR_NULL(options_find("batch-size"));
  CU_ASSERT_PTR_NULL(options_find(""));
}

static void test_nearest(void) {
  static const char *const cases[][2] = {
      {"batch-sise", "batch_size"},
      {"bacth_size", "batch_size"},
      {"gama", "gamma"},
      {"Hidden", "hidden"},
      {"taw", "tau"},
      {"learner_thread", "learner_threads"},
      {"evn", "env"},
      {"checkpoint_evry", "checkpoint_every"},
      {"batch_size", "batch_size"},
      {"batch", "batch_size"},
      {"sync-mode", "sync"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *suggestion = options_suggest(cases[i][0]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(suggestion);
    CU_ASSERT_STRING_EQUAL(suggestion, cases[i][1]);
  }
  CU_ASSERT_PTR_NULL(options_suggest(""));
  CU_ASSERT_PTR_NULL(options_suggest("xy"));
  CU_ASSERT_PTR_NULL(options_suggest("colour_of_the_fox"));
  char text[5000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  CU_ASSERT_PTR_NULL(options_suggest(text));
}

// Parses words (NULL at the end) and applies them to the defaults.
static enum status apply(char **words, struct config *config, struct error *error) {
  int argc = 0;
  while (words[argc]) argc++;
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count = 99;
  *config = config_default();
  enum status status = options_parse(argc, words, given, &count, error);
  if (status != STATUS_OK) {
    CU_ASSERT_EQUAL(count, 99);
    return status;
  }
  return options_apply(given, count, config, error);
}
#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

static void test_command_line(void) {
  struct config config;
  struct error error = {0};
  UNIT_STATUS(
      apply(WORDS("--env", "Pendulum-v1", "--batch-size=100", "--learning_starts", "5e2", "--sync",
                  "--no-checkpoint-replay", "--target-entropy", "-1", "--run-dir=a=b", "--seed", "1", "--seed", "2"),
            &config, &error),
      STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_STRING_EQUAL(config.env, "Pendulum-v1");
  CU_ASSERT_EQUAL(config.batch_size, 100);
  CU_ASSERT_EQUAL(config.learning_starts, 500);
  CU_ASSERT(config.sync);
  CU_ASSERT(!config.checkpoint_replay);
  CU_ASSERT_TRUE_FATAL(!config.target_entropy.is_auto);
  CU_ASSERT_EQUAL(config.target_entropy.value, -1);
  CU_ASSERT_STRING_EQUAL(config.run_dir, "a=b");
  CU_ASSERT_EQUAL(config.seed, 2); // the last one counts
  // A switch takes a value too, but not a word that is no truth value.
  UNIT_STATUS(apply(WORDS("--sync", "true", "--checkpoint-replay", "0", "--critic-layer-norm", "--seed", "3",
                          "--normalize-observations=yes"),
                    &config, &error),
              STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(config.sync);
  CU_ASSERT_TRUE_FATAL(!config.checkpoint_replay);
  CU_ASSERT_TRUE_FATAL(config.critic_layer_norm);
  CU_ASSERT_TRUE(config.normalize_observations);
  CU_ASSERT_EQUAL(config.seed, 3);
  UNIT_STATUS(apply((char *[]){NULL}, &config, &error), STATUS_OK, &error);
}

static void test_command_line_refused(void) {
  static const struct {
    char *words[4];
    const char *message;
  } cases[] = {
      {{"--batch-sise", "3"}, "--batch-sise: there is no such option; did you mean --batch-size?"},
      {{"--batch_sise=3"}, "--batch_sise: there is no such option; did you mean --batch-size?"},
      {{"--no-checkpoint-reply"},
       "--no-checkpoint-reply: there is no such option; did you mean --no-checkpoint-replay?"},
      {{"--colour"}, "--colour: there is no such option; `corsac options` lists them"},
      {{"runs/p1"}, "runs/p1: is no option; options are spelt --name VALUE"},
      {{"-n", "3"}, "-n: is no option; options are spelt --name VALUE"},
      {{"--"}, "--: is no option; options are spelt --name VALUE"},
      {{"--=3"}, "--: there is no such option; `corsac options` lists them"},
      {{"--sync", "ture"}, "--sync: must be true or false, not \"ture\"; did you mean true?"},
      {{"--sync", "maybe"}, "maybe: is no option; options are spelt --name VALUE"},
      {{"--batch-size"}, "--batch-size: needs a value: an integer from 1 to 1048576"},
      {{"--batch-size", "--sync"}, "--batch-size: needs a value: an integer from 1 to 1048576"},
      {{"--no-batch-size"},
       "--no-batch-size: --no- goes with a switch, without a value; --batch-size is spelt --batch-size VALUE"},
      {{"--batch-size", "0"}, "--batch-size: must be an integer from 1 to 1048576, not \"0\""},
      {{"--seed", "5", "--gamma=", NULL}, "--gamma: must be a number from 0 to 1, not \"\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    struct error error = {0};
    UNIT_STATUS(apply((char **)cases[i].words, &config, &error), STATUS_USAGE, &error);
    CU_ASSERT_STRING_EQUAL(error.text, cases[i].message);
    CU_ASSERT_EQUAL(config.seed, 1); // nothing of it is applied
  }
  char long_name[3000], *many[OPTIONS_MAX_GIVEN + 2] = {NULL};
  struct config config;
  struct error error = {0};
  memset(long_name, 'a', sizeof long_name);
  memcpy(long_name, "--", 2);
  long_name[sizeof long_name - 1] = '\0';
  UNIT_STATUS(apply(WORDS(long_name), &config, &error), STATUS_USAGE, &error);
  error_clear(&error);
  char sync[] = "--sync";
  for (int i = 0; i <= OPTIONS_MAX_GIVEN; i++) many[i] = sync;
  UNIT_STATUS(apply(many, &config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "more than 128 options"));
}

static void test_check(void) {
  struct config good = config_default(), config;
  struct error error = {0};
  UNIT_STATUS(options_check(&good, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "--env NAME"));
  CU_ASSERT_TRUE(error_says(&error, "corsac envs"));
  snprintf(good.env, sizeof good.env, "Pendulum-v1");
  error_clear(&error);
  UNIT_STATUS(options_check(&good, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_OK);

  config = good;
  config.target_subset = 2;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.target_subset = 3;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "target_subset"));
  CU_ASSERT_TRUE(error_says(&error, "critics"));

  error_clear(&error);
  config = good;
  config.utd = 0;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.sync = true;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "utd"));
  CU_ASSERT_TRUE(error_says(&error, "sync"));

  error_clear(&error);
  config = good;
  config.replay_capacity = config.batch_size;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.replay_capacity--;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "batch_size"));
  CU_ASSERT_TRUE(error_says(&error, "replay_capacity"));
}

static void test_check_networks(void) {
  static const struct {
    const char *line, *says; // says NULL: allowed
  } cases[] = {
      {"--value-min 5", "value_min: 5 is not below value_max (5)"},
      {"--value-min -1 --value-max 0", NULL},
      {"--log-std-max -20", "log_std_min: -20 is not below log_std_max (-20)"},
      {"--network residual --hidden 8,8,8", NULL},
      {"--network residual --hidden 8,9", "hidden: the blocks of a residual network have one width, not 8,9"},
      {"--network residual --hidden 8,9 --critic-hidden 8,8 --policy-hidden 4", NULL},
      {"--network residual --critic-hidden 8,8,9", "critic_hidden: the blocks"},
      {"--network residual --policy-hidden 4,8", "policy_hidden: the blocks"},
      {"--critic-norm batch --batch-size 1", "batch_size: critic_norm batch needs at least 2"},
      {"--policy-norm batch --batch-size 1", "batch_size: policy_norm batch needs at least 2"},
      {"--critic-norm batch --batch-size 2", NULL},
      {"--critic-norm layer --batch-size 1", NULL},
      {"--critic-norm layer --critic-layer-norm", NULL},
      {"--critic-layer-norm", NULL},
      {"--critic-norm batch --critic-layer-norm", "critic_layer_norm: is another spelling of critic_norm layer"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256], *words[16] = {NULL}, *rest = NULL;
    int count = 0;
    struct config config;
    struct error error = {0};
    snprintf(text, sizeof text, "--env Pendulum-v1 %s", cases[i].line);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) words[count++] = word;
    UNIT_STATUS_FATAL(apply(words, &config, &error), STATUS_OK, &error);
    UNIT_STATUS(options_check(&config, &error), cases[i].says ? STATUS_USAGE : STATUS_OK, &error);
    CU_ASSERT_TRUE(!cases[i].says || error_says(&error, cases[i].says));
  }
}

static void test_can_isolate(void) {
  static const struct {
    const char *env;
    bool isolate;
    uint64_t ranks;
    bool can;
  } cases[] = {
      {"./solver.so:a/b", false, 1, true}, {"solver.so", false, 1, true},      {"lib/solver", false, 1, true},
      {"./solver.so", true, 1, false},     {"./solver.so", false, 2, false},   {"Pendulum-v1", false, 1, false},
      {"exec:./solver", false, 1, false},  {"gym:Hopper-v5", false, 1, false}, {"so", false, 1, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config = config_default();
    snprintf(config.env, sizeof config.env, "%s", cases[i].env);
    config.isolate = cases[i].isolate;
    config.ranks_per_env = cases[i].ranks;
    CU_ASSERT_EQUAL(options_can_isolate(&config), cases[i].can);
  }
}

// Another value than the default for each option.
static const char *another_value(const struct option *option) {
  switch (option->type) {
  case OPTION_TEXT: return "other";
  case OPTION_BOOL: return strcmp(option->default_text, "true") == 0 ? "false" : "true";
  case OPTION_COUNT: return "7";
  case OPTION_NUMBER: return "0.5";
  case OPTION_AUTO: return "0.25";
  case OPTION_ENTROPY: return "-0.5n";
  case OPTION_WIDTHS: return "256";
  case OPTION_NUMBERS: return "-1.5,2";
  case OPTION_CHOICE: return strrchr(option->choices, '|') + 1; // no option begins with its last word
  case OPTION_LINES: return "short length=1\nlong length=2\n";
  }
  return "";
}

static void test_resume(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct config saved = config_default();
    saved.sync = sync;
    CU_ASSERT_EQUAL(options_check_resume(&saved, &saved, NULL), STATUS_OK);
    for (size_t i = 0; i < options_count(); i++) {
      const struct option *option = options_at(i);
      const char *value = strcmp(option->name, "sync") == 0 ? (sync ? "false" : "true") : another_value(option);
      struct config now = saved;
      struct error error = {0};
      CU_ASSERT_EQUAL(option_set(option, &now, value, "", NULL), STATUS_OK);
      bool refused = option->rule == OPTION_FIXED || (sync && option->rule == OPTION_FREE_ASYNC);
      CU_ASSERT_EQUAL(options_check_resume(&saved, &now, &error), refused ? STATUS_USAGE : STATUS_OK);
      CU_ASSERT_EQUAL(strstr(error.text, option->name) == error.text, refused);
      CU_ASSERT(!refused || option->type == OPTION_LINES || strstr(error.text, value)); // lines are too long
    }
  }
  struct config saved = config_default(), now = saved;
  struct error error = {0};
  now.n_step = 5;
  options_check_resume(&saved, &now, &error);
  CU_ASSERT_STRING_EQUAL(error.text,
                         "n_step: the run has 1 and a resume cannot change it to 5; leave it out, or start a new run");
}

static void test_rules(void) {
  static const struct {
    enum option_rule rule;
    const char *names[48];
  } cases[] = {
      {OPTION_FIXED,
       {"seed",
        "sync",
        "hidden",
        "critics",
        "target_subset",
        "critic_layer_norm",
        "normalize_observations",
        "n_step",
        "gamma",
        "replay_capacity",
        "learning_starts",
        "reward_scale",
        "alpha",
        "target_entropy",
        "critic_hidden",
        "policy_hidden",
        "network",
        "expansion",
        "critic_norm",
        "policy_norm",
        "output_norm",
        "unit_weights",
        "init",
        "critic_loss",
        "value_atoms",
        "value_min",
        "value_max",
        "log_std_min",
        "log_std_max",
        "log_std_form",
        "alpha_start",
        "policy_joint",
        "normalize_rewards",
        "noise_hold",
        "history",
        "history_actions",
        "frame_skip",
        "gym_info",
        "action_low",
        "action_high"}},
      {OPTION_FREE,
       {"env",
        "env_steps",
        "max_hours",
        "checkpoint_every",
        "checkpoint_keep",
        "checkpoint_replay",
        "eval_every",
        "eval_episodes",
        "log_every",
        "log_level",
        "actor_timeout",
        "env_timeout",
        "create_timeout",
        "reset_timeout",
        "step_timeout",
        "restart_each_episode",
        "scratch",
        "scratch_from",
        "scratch_keep",
        "child_cores",
        "env_max_failures",
        "isolate",
        "channel",
        "channel_host",
        "min_actors",
        "checkpoint_minutes",
        "python",
        "gym_wrap",
        "mujoco_dir",
        "tensorboard",
        "eval_max_steps",
        "eval_timeout"}},
      {OPTION_FREE_ASYNC, {"envs",         "sync_steps",    "learner_threads",
                           "batch_size",   "tau",           "lr_actor",
                           "lr_critic",    "lr_alpha",      "utd",
                           "utd_slack",    "utd_per",       "send_steps",
                           "send_seconds", "backend",       "ranks_per_env",
                           "lr_schedule",  "lr_final",      "policy_delay",
                           "policy_first", "gradient_clip", "max_episode_steps",
                           "cases",        "cases_per"}},
      {OPTION_INVOCATION, {"run_dir", "config", "resume", "recipe", "init_replay", "init_policy"}},
  };
  size_t seen = 0;
  for (int i = 0; i < 4; i++) {
    for (int k = 0; cases[i].names[k]; k++, seen++) {
      const struct option *option = options_find(cases[i].names[k]);
      CU_ASSERT_PTR_NOT_NULL_FATAL(option);
      CU_ASSERT_EQUAL(option->rule, cases[i].rule);
    }
  }
  CU_ASSERT_EQUAL(seen, options_count());
}

static void test_help(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  options_print_help(out, NULL);
  fclose(out);
  size_t longest = 0;
  for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
    size_t length = strcspn(line, "\n");
    longest = length > longest ? length : longest;
  }
  CU_ASSERT(longest <= 132);
  for (size_t i = 0; i < options_count(); i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, options_at(i)->help));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "--batch-size COUNT "));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "[default 256; 1 to 1048576; on resume: fixed in sync mode]"));
  free(text);
  out = open_memstream(&text, &size);
  options_print_help(out, "update");
  fclose(out);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "--gamma"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "longest gradient of the policy, or of all critics together")); // sac_step.c
  CU_ASSERT_PTR_NULL(strstr(text, "--utd"));
  free(text);
}

static void test_bounded_rewards(void) {
  struct config config;
  struct error error = {0};
  options_defaults(&config);
  snprintf(config.env, sizeof config.env, "Pendulum-v1");
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "bounded");
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.value_max = 0;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "value_max"));
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "deviation");
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
}

// The statistics of rewards tell how many steps a row sums by its discount.
static void test_row_steps(void) {
  struct config config;
  struct error error = {0};
  options_defaults(&config);
  snprintf(config.env, sizeof config.env, "Pendulum-v1");
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "deviation");
  config.gamma = 1;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK); // rows are steps
  config.n_step = 3;
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "n_step: 3 with gamma 1 does not go with normalize_rewards deviation"));
  CU_ASSERT_TRUE(error_says(&error, "give n_step 1, another gamma, or normalize_rewards none"));
  error_clear(&error);
  config.gamma = 1 - 1e-8; // as a float it is 1, and so is its square
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "gamma 0.99999999 "));
  error_clear(&error);
  config.gamma = 0.9;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.n_step = 1000; // gamma^981 is no float above 0
  UNIT_STATUS(options_check(&config, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "n_step: 1000 with gamma 0.9 "));
  error_clear(&error);
  config.gamma = 0;
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.gamma = 1;
  config.history = 2; // the learner sums, so that rows are steps
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
  config.history = 1;
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "none");
  CU_ASSERT_EQUAL(options_check(&config, NULL), STATUS_OK);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a discount has to tell how many steps a row sums, where rewards are normalised", test_row_steps},
      {"rewards are bounded by a value_max above 0", test_bounded_rewards},
      {"the defaults are the documented ones and in range", test_defaults},
      {"every option has a name and a field of its own, and a help line", test_table},
      {"a misspelt name finds its neighbour, a strange one none", test_nearest},
      {"the command line takes every spelling that is promised", test_command_line},
      {"a wrong command line is refused as a whole, by name", test_command_line_refused},
      {"options that contradict each other are refused", test_check},
      {"networks that cannot be are refused, by the option's name", test_check_networks},
      {"isolate is advised only where it changes something", test_can_isolate},
      {"a resume keeps fixed options and may change the others", test_resume},
      {"each option has its rule on resume", test_rules},
      {"help shows every option or one group", test_help},
  };
  return unit_run("options", cases, sizeof cases / sizeof *cases);
}
