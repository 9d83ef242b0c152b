#include "learner/job/metrics.h"
#include "learner/sac/sac.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 2048, CELLS = 33 };
static const struct config no_cases;

// The cell under a column's name, copied into `cell`.
static const char *cell(const char *row, const char *column, char *text) {
  char header[LINE];
  snprintf(header, sizeof header, "%s", metrics_header());
  const char *rest = row;
  char *save;
  for (char *name = strtok_r(header, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
    const size_t length = strcspn(rest, ",");
    if (strcmp(name, column) == 0) {
      snprintf(text, LINE, "%.*s", (int)length, rest);
      return text;
    }
    rest += length + (rest[length] == ',');
  }
  CU_FAIL("no such column");
  return "";
}

static double value(const char *row, const char *column) {
  char text[LINE], *end;
  const double number = strtod(cell(row, column, text), &end);
  CU_ASSERT_TRUE(end > text);
  CU_ASSERT_EQUAL(*end, 0);
  return number;
}

static bool empty(const char *row, const char *column) {
  char text[LINE];
  return cell(row, column, text)[0] == 0;
}

static int commas(const char *row) {
  int count = 0;
  for (; *row; row++) count += *row == ',';
  return count;
}

static void test_header(void) {
  static const char promised[] = "time_s,env_steps,updates,episodes,return_mean,return_min,return_max,"
                                 "episode_length_mean,critic_loss,policy_loss,alpha,entropy,q_mean,utd,policy_lag_mean,"
                                 "policy_lag_max,learner_wait,actor_wait,env_steps_per_s,updates_per_s,actors_alive,"
                                 "eval_return_mean,";
  CU_ASSERT_EQUAL(strncmp(metrics_header(), promised, strlen(promised)), 0);
  CU_ASSERT_EQUAL(commas(metrics_header()), CELLS - 1);
}

static void test_nothing_to_report(void) {
  struct metrics metrics = {0};
  const struct metrics_totals totals = {.actors = 4, .actors_alive = 3};
  char row[LINE];
  const size_t length = metrics_format_row(&metrics, &totals, row, sizeof row);
  CU_ASSERT_EQUAL(length, strlen(row));
  CU_ASSERT_STRING_EQUAL(row, "0,0,0,0,,,,,,,,,,,,,,,,,3,,,,,,,0,,,0,,");
  CU_ASSERT_EQUAL(metrics.rows, 1);
}

static void check_interval(const char *row) {
  static const struct {
    const char *column;
    double value;
  } expected[] = {{"time_s", 14},
                  {"env_steps", 108},
                  {"updates", 42},
                  {"episodes", 7},
                  {"return_mean", -5.5},
                  {"return_min", -8},
                  {"return_max", -3},
                  {"critic_loss", 1.5},
                  {"episode_length_mean", 20},
                  {"policy_loss", 3},
                  {"alpha", 0.5},
                  {"entropy", 5},
                  {"q_mean", -5.5},
                  {"utd", 0.25},
                  {"policy_lag_mean", 1.5},
                  {"policy_lag_max", 3},
                  {"policy_lag_min", 1},
                  {"learner_wait", 0.25},
                  {"actor_wait", 0.5},
                  {"updates_per_s", 0.5},
                  {"env_steps_per_s", 2},
                  {"actors_alive", 5},
                  {"eval_return_mean", -42.5},
                  {"learner_drain", 0.125},
                  {"learner_publish", 0.0625},
                  {"learner_report", 0.03125},
                  {"env_failures", 3},
                  {"eval_cut", 4},
                  {"eval_steps", 103}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    CU_ASSERT_DOUBLE_EQUAL(value(row, expected[i].column), expected[i].value, 1e-12);
  }
}

// The policy makes a step in every third update only. A row's mean is over the steps that are in it.
static void test_policy_delay(void) {
  struct metrics metrics = {0};
  const struct sac_losses without = {.critic_loss = 1}, with = {.policy_loss = -4, .entropy = 2, .policy_weight = 3};
  struct metrics_totals totals = {.updates = 2};
  char row[LINE];
  metrics_add_update(&metrics, &with);
  metrics_add_update(&metrics, &without);
  metrics_format_row(&metrics, &totals, row, sizeof row);
  CU_ASSERT_EQUAL(value(row, "policy_loss"), -4);
  CU_ASSERT_EQUAL(value(row, "entropy"), 2);
  CU_ASSERT_EQUAL(value(row, "critic_loss"), 0.5);
  metrics_add_update(&metrics, &without);
  metrics_format_row(&metrics, &totals, row, sizeof row);
  CU_ASSERT_EQUAL(value(row, "critic_loss"), 1);
  CU_ASSERT(empty(row, "policy_loss") && empty(row, "entropy"));
}

static void test_interval(void) {
  struct metrics metrics = {
      .last_seconds = 10, .last_steps = 100, .last_updates = 40, .last_transitions = 200, .rows = 6};
  const struct episode_record episodes[] = {{.length = 10, .episode_return = -3, .agents = 3},
                                            {.length = 30, .episode_return = -8, .agents = 2}};
  const struct sac_losses losses[] = {
      {.critic_loss = 1, .policy_loss = 2, .alpha = 0.25, .entropy = 4, .q_mean = -5, .policy_weight = 1},
      {.critic_loss = 2, .policy_loss = 4, .alpha = 0.75, .entropy = 6, .q_mean = -6, .policy_weight = 1}};
  uint64_t version[] = {9, 5, 12};
  struct transition_batch batch = {
      .rows = 3, .version = version, .blocked = 6, .lag = {.count = 4, .sum = 6, .low = 1, .high = 3}};
  for (int i = 0; i < 2; i++) {
    metrics_add_episode(&metrics, &no_cases, &episodes[i]);
    metrics_add_update(&metrics, &losses[i]);
  }

  metrics_add_batch(&metrics, &batch, 11); // ages 2, 6, and 0 for the one from the future
  batch.lag = (struct lag_record){.low = UINT64_MAX};
  batch.rows = 0;
  metrics_add_batch(&metrics, &batch, 11);
  metrics.learner_wait = 1;
  metrics.env_failures = 3;
  metrics.evaluated = 1;
  metrics.eval_return = -42.5;
  metrics.eval_cut = 4;
  metrics.eval_steps = 103;
  char row[LINE];
  metrics_format_row(&metrics,
                     &(struct metrics_totals){.seconds = 14,
                                              .env_steps = 108,
                                              .transitions = 220,
                                              .updates = 42,
                                              .episodes = 7,
                                              .actors = 6,
                                              .actors_alive = 5,
                                              .times = {.drain = 0.5, .publish = 0.25, .report = 0.125}},
                     row, sizeof row);
  check_interval(row);
  CU_ASSERT_DOUBLE_EQUAL(value(row, "policy_age_mean"), 8.0 / 3, 1e-8);
  CU_ASSERT_EQUAL(value(row, "transitions"), 220);
  CU_ASSERT_EQUAL(value(row, "agents_mean"), 2.5);
  CU_ASSERT_EQUAL(value(row, "return_sum_mean"), -12.5);
  CU_ASSERT_EQUAL(commas(row), CELLS - 1);

  // The next interval begins with nothing but the totals.
  metrics_format_row(&metrics, &(struct metrics_totals){.seconds = 15, .env_steps = 118, .updates = 42, .actors = 6},
                     row, sizeof row);
  CU_ASSERT_EQUAL(metrics.rows, 8);
  CU_ASSERT_TRUE_FATAL(empty(row, "return_mean"));
  CU_ASSERT_TRUE_FATAL(empty(row, "critic_loss"));
  CU_ASSERT_TRUE(empty(row, "eval_return_mean"));
  CU_ASSERT_TRUE_FATAL(empty(row, "policy_lag_mean"));
  CU_ASSERT_TRUE(empty(row, "policy_age_mean"));
  CU_ASSERT_EQUAL(value(row, "utd"), 0);
  CU_ASSERT_EQUAL(value(row, "env_steps_per_s"), 10);
}

// The columns of cases stand behind all others, and each interval has its own sums.
static void test_cases(void) {
  struct config config = {.cases = "short l=1\nlong l=2\n", .cases_per = "environment"};
  struct metrics metrics = {.evaluated = 1, .case_eval_episodes = {0, 2}, .case_eval_sum = {0, -9}};
  const struct message_hello hello = {.info_dim = 1, .info_name = {"energy"}};
  char header[METRICS_HEADER], row[METRICS_ROW];
  metrics_format_header(&hello, &config, header);
  CU_ASSERT_STRING_EQUAL(header + strlen(metrics_header()),
                         ",info_energy,case_episodes_short,case_return_short,case_length_short,case_eval_short,"
                         "case_episodes_long,case_return_long,case_length_long,case_eval_long");
  const struct episode_record episodes[] = {{.environment = 1, .length = 10, .episode_return = -3},
                                            {.environment = 3, .length = 20, .episode_return = -4},
                                            {.environment = 2, .length = 7, .episode_return = -1}};
  for (int i = 0; i < 3; i++) metrics_add_episode(&metrics, &config, &episodes[i]);
  const struct metrics_totals totals = {.seconds = 1, .info_dim = 1, .cases = 2};
  metrics_format_row(&metrics, &totals, row, sizeof row);
  const char *end = row + strlen(row) - strlen(",1,-1,7,,2,-3.5,15,-4.5");
  CU_ASSERT_STRING_EQUAL(end, ",1,-1,7,,2,-3.5,15,-4.5");
  metrics_format_row(&metrics, &totals, row, sizeof row);
  CU_ASSERT_STRING_EQUAL(row + strlen(row) - strlen(",0,,,,0,,,"), ",0,,,,0,,,");
}

static void test_extremes_of_positive_and_negative(void) {
  struct metrics metrics = {0};
  metrics_add_episode(&metrics, &no_cases, &(struct episode_record){.episode_return = 5});
  CU_ASSERT_EQUAL(metrics.return_low, 5);
  metrics = (struct metrics){0};
  metrics_add_episode(&metrics, &no_cases, &(struct episode_record){.episode_return = -5});
  CU_ASSERT_EQUAL(metrics.return_high, -5);
}

static void test_short_buffer(void) {
  struct metrics metrics = {0};
  char row[8] = "xxxxxxx";
  const size_t length = metrics_format_row(&metrics, &(struct metrics_totals){.env_steps = 123456789}, row, 6);
  CU_ASSERT(length > 6);
  CU_ASSERT_STRING_EQUAL(row, "0,123");
  CU_ASSERT_EQUAL(row[6], 'x');
  CU_ASSERT(metrics_format_row(&metrics, &(struct metrics_totals){0}, NULL, 0) > 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the columns are those that are promised, in that order", test_header},
      {"a row without data has empty cells, also for quotients by zero", test_nothing_to_report},
      {"losses of the policy are means over its steps where it makes one in three updates only", test_policy_delay},
      {"a row holds means, extremes, rates and fractions of its interval, and begins the next", test_interval},
      {"cases have columns of their own, behind the others, and sums of each interval", test_cases},
      {"extremes come from episodes, not from 0", test_extremes_of_positive_and_negative},
      {"a buffer that is too short is not overrun and the length is returned", test_short_buffer},
  };
  return unit_run("metrics", cases, sizeof cases / sizeof *cases);
}
