#include "learner/job/reward_statistics.h"
#include "common/config/options.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OBS = 3 };

static struct config config_of(const char *scaling, uint64_t n_step) {
  struct config config;
  options_defaults(&config);
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "%s", scaling);
  config.gamma = 0.9;
  config.n_step = n_step;
  config.envs = 3;
  config.value_max = 0.5;
  return config;
}

// Takes a row whose observations have the same number everywhere.
static void take(struct reward_statistics *statistics, uint32_t environment, const double values[4]) {
  float obs[OBS], next_obs[OBS];
  for (int i = 0; i < OBS; i++) {
    obs[i] = (float)values[0];
    next_obs[i] = (float)values[1];
  }
  reward_statistics_update(
      statistics, environment, OBS,
      &(struct reward_row){.obs = obs, .next_obs = next_obs, .reward = (float)values[2], .discount = (float)values[3]});
}

static void near(double is, double should) { CU_ASSERT_DOUBLE_EQUAL(is, should, 1e-12 * (1 + fabs(should))); }

// tests/data/reward_statistics.py: three environments in turns, episodes that terminate or are truncated.
static void agrees(const char *scaling, uint64_t n_step) {
  struct reference reference = reference_open("tests/data/reward_statistics.bin");
  const double *size = reference_get(&reference, "size", 6);
  const size_t rows = (size_t)size[n_step == 1 ? 0 : 1];
  const double *row = reference_get(&reference, n_step == 1 ? "row1" : "row3", 5 * rows);
  const double *G = reference_get(&reference, n_step == 1 ? "g1" : "g3", rows);
  const double *sum = reference_get(&reference, n_step == 1 ? "sum1" : "sum3", 6);
  const struct config config = config_of(scaling, n_step);
  struct reward_statistics statistics;
  CU_ASSERT_EQUAL_FATAL(reward_statistics_init(&statistics, &config, (uint32_t)config.envs, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(config.gamma, size[2]);
  CU_ASSERT_EQUAL(config.value_max, size[5]);
  for (size_t r = 0; r < rows; r++) {
    const uint32_t environment = (uint32_t)row[5 * r];
    take(&statistics, environment, row + 5 * r + 1);
    near(statistics.returns[environment], G[r]);
  }
  CU_ASSERT_EQUAL((double)statistics.count, sum[0]);
  near(statistics.mean, sum[1]);
  near(statistics.m2, sum[2]);
  near(statistics.highest, sum[3]);
  near(reward_statistics_scale(&statistics), sum[strcmp(scaling, "deviation") == 0 ? 4 : 5]);
  reward_statistics_release(&statistics);
  reference_release(&reference);
}

static void test_steps(void) {
  agrees("deviation", 1);
  agrees("bounded", 1);
}

static void test_windows(void) {
  agrees("deviation", 3);
  agrees("bounded", 3);
}

static void test_none(void) {
  const struct config config = config_of("none", 1);
  struct reward_statistics statistics;
  CU_ASSERT_EQUAL(reward_statistics_init(&statistics, &config, (uint32_t)config.envs, NULL), STATUS_OK);
  CU_ASSERT_PTR_NULL(statistics.returns);
  CU_ASSERT_EQUAL(reward_statistics_scale(&statistics), 1);
  reward_statistics_release(&statistics);
}

// The variance of less than two values is 1; that of equal ones is 0, and bounded then scales by the highest.
static void test_few(void) {
  struct config config = config_of("deviation", 1);
  struct reward_statistics statistics;
  CU_ASSERT_EQUAL(reward_statistics_init(&statistics, &config, (uint32_t)config.envs, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(reward_statistics_scale(&statistics), 1 + 1e-8);
  take(&statistics, 0, (const double[]){1, 2, 3, 0});
  CU_ASSERT_EQUAL(reward_statistics_scale(&statistics), 1 + 1e-8);
  take(&statistics, 1, (const double[]){1, 2, 3, 0});
  CU_ASSERT_EQUAL(reward_statistics_scale(&statistics), 1e-8);
  statistics.scaling = REWARD_BOUNDED;
  CU_ASSERT_EQUAL(reward_statistics_scale(&statistics), 6);
  reward_statistics_release(&statistics);
}

// A file may say anything of the row before.
static void test_odd_state(void) {
  static const uint64_t odd[] = {0, 1, 2, 3, 4, 1000, UINT64_MAX >> 1, (uint64_t)1 << 63, UINT64_MAX};
  static const double discounts[] = {0, 0.9, 0.81, 0.5};
  const struct config config = config_of("deviation", 3);
  struct reward_statistics statistics;
  CU_ASSERT_EQUAL(reward_statistics_init(&statistics, &config, (uint32_t)config.envs, NULL), STATUS_OK);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    for (size_t d = 0; d < sizeof discounts / sizeof *discounts; d++) {
      statistics.last[0] = odd[i];
      take(&statistics, 0, (const double[]){1, 2, 1, discounts[d]});
      CU_ASSERT_TRUE(fabs(statistics.returns[0]) < 10);
    }
  reward_statistics_release(&statistics);
}

// Rows of one step in a job with a window, as logged transitions are: the observations tell where an episode ends.
static void test_logged(void) {
  const struct config config = config_of("deviation", 3);
  const double gamma = (double)(float)config.gamma;
  struct reward_statistics statistics;
  CU_ASSERT_EQUAL(reward_statistics_init(&statistics, &config, (uint32_t)config.envs, NULL), STATUS_OK);
  take(&statistics, 0, (const double[]){1, 2, 1, gamma});
  take(&statistics, 0, (const double[]){2, 3, 1, gamma});
  near(statistics.returns[0], 1.9);
  take(&statistics, 0, (const double[]){3, 4, 1, 0});
  near(statistics.returns[0], 2.71);
  take(&statistics, 0, (const double[]){5, 6, 1, gamma});
  near(statistics.returns[0], 1);
  take(&statistics, 0, (const double[]){7, 8, 1, gamma});
  near(statistics.returns[0], 1);
  reward_statistics_end_episode(&statistics, 0);
  take(&statistics, 0, (const double[]){8, 9, 1, gamma});
  near(statistics.returns[0], 1);
  reward_statistics_release(&statistics);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"returns, their statistics and both scales agree with NumPy", test_steps},
      {"so they do with rows of several steps", test_windows},
      {"without normalize_rewards there is nothing", test_none},
      {"few rewards, and equal ones, have a scale", test_few},
      {"any saved state is safe to go on from", test_odd_state},
      {"logged transitions of one step are told apart by their observations", test_logged},
  };
  return unit_run("reward_statistics", cases, sizeof cases / sizeof *cases);
}
