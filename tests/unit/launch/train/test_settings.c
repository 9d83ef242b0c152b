#include "launch/train/settings.h"
#include "common/config/options.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

// "--sync --envs 4" as settings of a job that has made `steps` steps; before: of the run that is resumed, NULL: none.
struct made {
  struct config config, before;
  struct rate_limiter limiter;
  struct settings settings;
};
static void apply(const char *line, struct config *config) {
  char text[512], *words[32], *rest = NULL;
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count = 0;
  int words_count = 0;
  snprintf(text, sizeof text, "%s", line);
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) words[words_count++] = word;
  CU_ASSERT_EQUAL_FATAL(options_parse(words_count, words, given, &count, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(options_apply(given, count, config, NULL), STATUS_OK);
}

static void make(struct made *made, const char *before, uint64_t steps, const char *line) {
  options_defaults(&made->before);
  made->before.envs = 1;
  snprintf(made->before.env, sizeof made->before.env, "Pendulum-v1");
  if (before) apply(before, &made->before);
  made->config = made->before;
  apply(line, &made->config);
  rate_limiter_init(&made->limiter, made->config.utd, 0, made->config.learning_starts);
  made->limiter.steps = steps;
  if (steps > made->config.learning_starts)
    made->limiter.updates = (uint64_t)(made->config.utd * (double)(steps - made->config.learning_starts));
  if (strcmp(made->config.utd_per, "transition") == 0) { // of three agents
    made->limiter.by_transition = true;
    made->limiter.transitions = 3 * steps;
    made->limiter.base_transitions = 3 * (steps < made->config.learning_starts ? steps : made->config.learning_starts);
    made->limiter.updates *= 3;
  }
  made->settings = (struct settings){&made->config, &made->before, &made->limiter, 0, 3, before != NULL};
}

// Settings, and what is logged about them.
static const struct {
  const char *before;
  uint64_t steps;
  const char *line, *says, *not ; // says NULL: nothing
} doubts[] = {
    {NULL, 0, "", NULL, NULL},
    {NULL, 0, "--sync --envs 4 --sync-steps 10 --env-steps 1e5", NULL, NULL},
    // rounds
    {NULL, 0, "--sync --envs 100 --sync-steps 10000 --env-steps 1500 --log-every 0 --eval-every 0 --checkpoint-every 0",
     "1000000 steps will be made, not env_steps 1500; set --env-steps to a multiple of 1000000, or lower "
     "--sync-steps "
     "or --envs",
     NULL},
    {NULL, 0, "--sync --sync-steps 1000 --env-steps 10100", NULL, NULL}, // 9 %
    {NULL, 0, "--sync --envs 3 --env-steps 1", "a multiple of 3, or lower --envs", "--sync-steps"},
    {"--sync --envs 3 --sync-steps 100 --learning-starts 0 --batch-size 1", 300, "--env-steps 310",
     "600 steps will be made, not env_steps 310; set --env-steps to a multiple of 300", "lower"},
    {NULL, 0, "--sync --envs 3 --sync-steps 1000 --env-steps 30000", "log_every 1000 is less than a round",
     "eval_every"},
    // nothing is learned
    {NULL, 0, "--env-steps 300", "set --env-steps above 1000, or lower --learning-starts", NULL},
    {NULL, 0, "--env-steps 1000", "nothing is learned", NULL},
    {NULL, 0, "--env-steps 1001", NULL, NULL},
    {NULL, 0, "--env-steps 1000 --utd 0", "nothing is learned", NULL},
    {NULL, 0, "--env-steps 2000 --utd 0.0005", "utd 0.0005 makes no update of the 1000 steps", NULL},
    {NULL, 0, "--sync --envs 2 --sync-steps 1000 --env-steps 999 --log-every 0", "2000 steps will be made", NULL},
    {"--env-steps 200", 200, "--env-steps 400", "set --env-steps above 1000", "learning-starts"}, // fixed
    {"--sync --env-steps 1500 --utd 0.001", 1000, "--env-steps 1600", "makes no update", "--utd"},
    {"--env-steps 1500", 1500, "", NULL, NULL}, // it is over
    {"--env-steps 1500 --utd-per transition", 1500, "--env-steps 2000", NULL, NULL},
    {"--env-steps 1500 --utd-per transition --utd 0.0001", 1500, "--env-steps 1600", "makes no update", NULL},
    {NULL, 0, "--learning-starts 100", "batches of 256 from only 100 transitions", NULL},
    {NULL, 0, "--learning-starts 0", "from only 0 transitions", NULL},
    {"--learning-starts 100", 50, "", NULL, NULL},
    // idle
    {NULL, 0, "--sync-steps 5", "sync_steps 5 has no effect", NULL},
    {NULL, 0, "--sync-steps 1", NULL, NULL},
    {NULL, 0, "--sync --utd-slack 5", "utd_slack 5 has no effect", NULL},
    {NULL, 0, "--utd 0 --utd-slack 5", "utd_slack 5 has no effect", NULL},
    {NULL, 0, "--alpha 0.1 --lr-alpha 0.1", "lr_alpha 0.1 has no effect: alpha is a number", NULL},
    {NULL, 0, "--alpha 0.1 --target-entropy -3", "target_entropy -3 has no effect", NULL},
    {NULL, 0, "--alpha auto --lr-alpha 0.1 --target-entropy -3", NULL, NULL},
    {NULL, 0, "--alpha 0.1 --alpha-start 0.01", "alpha_start 0.01 has no effect", NULL},
    {NULL, 0, "--expansion 2", "expansion 2 has no effect: network is dense", NULL},
    {NULL, 0, "--expansion 2 --network residual", NULL, NULL},
    {NULL, 0, "--value-atoms 51 --value-min -1", "value_min -1 has no effect: critic_loss is mse", "value_max"},
    {NULL, 0, "--value-atoms 51 --value-min -1 --critic-loss categorical", NULL, NULL},
    {NULL, 0, "--value-max 10", "value_max 10 has no effect", NULL},
    {NULL, 0, "--value-max 10 --normalize-rewards bounded", NULL, NULL},
    {NULL, 0, "--lr-final 0.5", "lr_final 0.5 has no effect: lr_schedule is constant", NULL},
    {NULL, 0, "--lr-final 0.5 --lr-schedule cosine", NULL, NULL},
    {NULL, 0, "--policy-joint", "policy_joint true has no effect: policy_norm is not batch", NULL},
    {NULL, 0, "--policy-joint --policy-norm batch", NULL, NULL},
    {NULL, 0, "--hidden 8 --critic-hidden 9 --policy-hidden 7", "hidden 8 has no effect", NULL},
    {NULL, 0, "--hidden 8 --critic-hidden 9", NULL, NULL},
    {NULL, 0, "--no-history-actions", "history_actions false has no effect: history is 1", NULL},
    {NULL, 0, "--no-history-actions --history 4", NULL, NULL},
    {NULL, 0, "--env pettingzoo:a.b --child-cores 2 --restart-each-episode", NULL, NULL},
    {NULL, 0, "--eval-every 0 --eval-episodes 3", "eval_episodes 3 has no effect", NULL},
    {NULL, 0, "--min-actors 4", "min_actors 4 has no effect: the job has 3 actors", NULL},
    {NULL, 0, "--min-actors 3", NULL, NULL},
    {NULL, 0, "--sync --min-actors 2", "min_actors 2 has no effect: sync", NULL},
    // a schedule that is stretched
    {"--lr-schedule linear --lr-final 0.2 --env-steps 4000", 3000, "--env-steps 6000",
     "over env_steps 6000 instead of 4000: learning rates go from 0.4 of the first ones to 0.6", NULL},
    {"--lr-schedule linear --env-steps 4000", 3000, "", NULL, NULL},
    {"--env-steps 4000", 3000, "--env-steps 6000", NULL, NULL},
    {NULL, 0, "--lr-schedule linear --env-steps 4000", NULL, NULL},
    // returns out of reach
    {NULL, 0, "--unit-weights", "unit_weights with critic_loss mse", NULL},
    {NULL, 0, "--unit-weights --critic-loss categorical --normalize-rewards deviation", NULL, NULL},
    {"--unit-weights --learning-starts 100", 50, "", NULL, NULL}, // the run cannot change it
    {NULL, 0, "--critic-loss categorical", "from -5 to 5, and normalize_rewards is none", NULL},
    {NULL, 0, "--critic-loss categorical --value-max 200", NULL, NULL},
    {NULL, 0, "--critic-loss categorical --normalize-rewards bounded", NULL, NULL},
    {NULL, 0, "--env ./solver.so:x --env-timeout 5", "env_timeout 5 cannot cut off a step", NULL},
    {NULL, 0, "--env ./solver.so:x --env-timeout 5 --isolate", NULL, NULL},
    {NULL, 0, "--env exec:./solver --env-timeout 5", NULL, NULL},
    {NULL, 0, "--env ./solver.so:x --reset-timeout 5", "reset_timeout 5 cannot cut off a step", NULL},
    {NULL, 0, "--env ./solver.so --scratch work", "scratch work has no effect: the environment is no process", NULL},
    {NULL, 0, "--env ./solver.so --scratch work --isolate", NULL, NULL},
    {NULL, 0, "--env Pendulum-v1 --restart-each-episode", "restart_each_episode true has no effect", NULL},
    {NULL, 0, "--env Pendulum-v1 --child-cores 2", "child_cores 2 has no effect", NULL},
    {NULL, 0, "--env exec:./solver --child-cores 2 --restart-each-episode --scratch work", NULL, NULL},
};

static void test_doubts(void) {
  for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++) {
    struct made made;
    char text[SETTINGS_DOUBTS][SETTINGS_TEXT], all[SETTINGS_DOUBTS * SETTINGS_TEXT] = "";
    make(&made, doubts[i].before, doubts[i].steps, doubts[i].line);
    const size_t count = settings_doubts(&made.settings, text);
    for (size_t k = 0; k < count; k++) strcat(strcat(all, text[k]), "\n");
    const bool good =
        doubts[i].says ? strstr(all, doubts[i].says) && !(doubts[i].not &&strstr(all, doubts[i].not )) : count == 0;
    if (!good) printf("\n    %s: %s", doubts[i].line, all);
    CU_ASSERT_TRUE(good);
  }
}

static void test_end(void) {
  struct made made;
  make(&made, NULL, 0, "--sync --envs 4 --sync-steps 10 --env-steps 100");
  CU_ASSERT_EQUAL(settings_end(&made.config, 0), 120);
  CU_ASSERT_EQUAL(settings_end(&made.config, 80), 120);
  CU_ASSERT_EQUAL(settings_end(&made.config, 120), 100); // it is over
  made.config.sync = false;
  CU_ASSERT_EQUAL(settings_end(&made.config, 0), 100);
}

static void test_reports(void) {
  static const char *const cases[][2] = {
      {"--env-steps 1e5", "a row of metrics.csv every 1000 steps, an evaluation of 10 episodes every 10000 steps, a "
                          "checkpoint every 50000 steps and after 30 minutes"},
      {"--env-steps 300 --eval-episodes 1 --checkpoint-minutes 0",
       "a row of metrics.csv at the end, an evaluation of 1 episode at the end, a checkpoint at the end"},
      {"--log-every 1 --eval-every 0 --checkpoint-every 0 --checkpoint-minutes 5",
       "a row of metrics.csv every 1 step, no evaluation, a checkpoint at the end and after 5 minutes"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct made made;
    char text[SETTINGS_TEXT];
    make(&made, NULL, 0, cases[i][0]);
    settings_reports(&made.settings, text);
    CU_ASSERT_STRING_EQUAL(text, cases[i][1]);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a setting without effect is told, with what this job may still change", test_doubts},
      {"a sync job ends at the end of a round", test_end},
      {"what comes only at the end is told so", test_reports},
  };
  return unit_run("settings", cases, sizeof cases / sizeof *cases);
}
