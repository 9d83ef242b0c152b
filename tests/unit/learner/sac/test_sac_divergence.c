#include "tests/support/small_sac.h"
#include <string.h>

static bool all_finite(const real *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

// Means far beyond tanh's range, log_std beyond both clamps: nothing may overflow or divide by 0.
static void check_extreme_policies(int backend) {
  static const struct {
    double mean, log_std;
  } extremes[] = {{40, 0}, {-40, 0}, {0, 100}, {0, -100}, {1000, 100}, {-1000, -100}, {1e6, 1e6}, {-1e6, -1e6}};
  const struct config config = small_sac_config_on(backend);
  for (size_t e = 0; e < sizeof extremes / sizeof *extremes; e++) {
    struct sac sac = small_sac_make(&config, 1);
    real *bias = sac.policy + sac.policy_net.layer[sac.policy_net.layers - 1].bias;
    for (int i = 0; i < ACT; i++) {
      bias[i] += (real)extremes[e].mean;
      bias[ACT + i] += (real)extremes[e].log_std;
    }
    struct numbers numbers = {4};
    struct error error = {0};
    for (int update = 0; update < 5; update++) {
      struct sac_losses losses;
      UNIT_STATUS(small_sac_update(&sac, &numbers, &losses, &error), STATUS_OK, &error);
      CU_ASSERT_TRUE_FATAL(isfinite(losses.critic_loss));
      CU_ASSERT_TRUE_FATAL(isfinite(losses.policy_loss));
      CU_ASSERT_TRUE(isfinite(losses.alpha_loss));
    }
    CU_ASSERT_TRUE(all_finite(sac.policy, sac.policy_net.parameters));
    CU_ASSERT_TRUE(all_finite(sac.critics.parameters, sac.critics.size));
    CU_ASSERT_TRUE(isfinite(sac.log_alpha));
    small_sac_drop(&sac);
  }
}

static void test_extreme_policies(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) check_extreme_policies(i);
}

// Puts one number that is not finite somewhere; the update must fail and its message name `what`, `number` and the
// update.
static void check_found(int where, double number, const char *what) {
  for (unsigned i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = small_sac_config_on((int)i / 2);
    struct sac sac = small_sac_make(&config, 1 + i % 2);
    struct numbers numbers = {4};
    struct sac_losses losses = {.alpha = -7};
    CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
    small_sac_draw_rows(&numbers, sac_batch(&sac));
    sac_draw(&sac, 9);
    const struct mlp *critic = &sac.critics.net;
    real *last_bias = sac.critics.parameters + sac.critics.size - critic->parameters + critic->layer[2].bias;
    real *fields[] = {&sac_batch(&sac)->reward[11], &sac_batch(&sac)->input[3], &sac_batch(&sac)->next_input[OBS + ACT],
                      last_bias, &sac_batch(&sac)->noise[5]};
    *fields[where] = (real)number;
    losses.alpha = -7;
    struct error error = {0};
    UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
    CU_ASSERT_EQUAL(error.status, STATUS_FAILED);
    CU_ASSERT_TRUE(error_says(&error, what));
    CU_ASSERT_TRUE(error_says(&error, "update 2 "));
    CU_ASSERT_EQUAL(losses.alpha, -7);
    CU_ASSERT_EQUAL(sac.updates, 1);
    small_sac_drop(&sac);
  }
}

static void test_not_finite(void) {
  check_found(0, (double)NAN, "critic loss");
  check_found(0, (double)INFINITY, "critic loss");
  check_found(1, (double)NAN, "critic loss");
  check_found(2, (double)NAN, "critic loss");
  check_found(3, (double)NAN, "critic loss");
  check_found(4, (double)NAN, "policy loss");
}

// Every loss is finite here and a gradient is not: one path through the critic is all but shut in the forward, by a
// tiny weight, and the next weight is so large that the way back overflows.
static void check_gradient_not_finite(int backend) {
  const struct config config = small_sac_config_on(backend);
  struct sac sac = small_sac_make(&config, 2);
  struct numbers numbers = {4};
  small_sac_draw_rows(&numbers, sac_batch(&sac));
  sac_draw(&sac, 9);
  for (size_t i = 0; i < sac.critics.size; i++) sac.critics.parameters[i] = 0;
  const struct mlp_layer *layer = sac.critics.net.layer;
  sac.critics.parameters[layer[0].bias] = 1;
  sac_refresh(&sac);
  sac.critics.parameters[layer[1].weight] = (real)(IN_DOUBLE ? 1e-170 : 1e-30);
  sac.critics.parameters[layer[2].weight] = (real)(IN_DOUBLE ? 1e308 : 3e38);
  sac_batch(&sac)->reward[0] = (real)(IN_DOUBLE ? 1e150 : 1e15);
  struct sac_losses losses;
  struct error error = {0};
  UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "gradient of update 1 is not finite"));
  small_sac_drop(&sac);
}

static void test_gradient_not_finite(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) check_gradient_not_finite(i);
}

// Finite rewards, losses and gradients, whose squares are not: Adam would never move these parameters again.
static void test_second_moment(void) {
  const double rewards[] = {IN_DOUBLE ? 1e160 : 1e30, IN_DOUBLE ? 1e160 : 3e38};
  for (int i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = small_sac_config_on(i / 2);
    struct sac sac = small_sac_make(&config, 2);
    struct numbers numbers = {4};
    struct sac_losses losses;
    struct error error = {0};
    char says[32];
    CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
    small_sac_draw_rows(&numbers, sac_batch(&sac));
    sac_draw(&sac, 9);
    sac_batch(&sac)->reward[7] = (real)-rewards[i % 2];
    snprintf(says, sizeof says, "batch is %g;", (double)(real)rewards[i % 2]);
    UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
    if (!IN_DOUBLE) CU_ASSERT_TRUE(error_says(&error, "Adam's second moment of the critics of update 2"));
    CU_ASSERT_TRUE(error_says(&error, says)); // which reward it was
    CU_ASSERT_EQUAL(sac.updates, 1);
    small_sac_drop(&sac);
  }
}

// Observations whose squares are not finite leave every loss finite: batch norm divides them away.
static void test_statistics(void) {
  static const char *const whose[] = {"a running statistic of the critics", "a running statistic of the targets",
                                      "a running statistic of the policy"};
  for (int i = 0; i < 3; i++) {
    struct config config = small_sac_config();
    snprintf(config.critic_norm, sizeof config.critic_norm, i < 2 ? "batch" : "none");
    snprintf(config.policy_norm, sizeof config.policy_norm, "batch");
    struct sac sac = small_sac_make(&config, 2);
    struct numbers numbers = {4};
    struct sac_losses losses;
    struct error error = {0};
    CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
    real *const values[] = {sac.critics.statistics, sac.critics.target_statistics, sac.policy_statistics};
    values[i][OBS + 1] = (real)INFINITY; // a variance
    UNIT_STATUS(small_sac_update(&sac, &numbers, &losses, &error), STATUS_FAILED, &error);
    CU_ASSERT_TRUE(error_says(&error, whose[i]));
    CU_ASSERT_TRUE(error_says(&error, "update 2 is not finite"));
    small_sac_drop(&sac);
  }
}

// A temperature that is out of hand is blamed on what drives it.
static void test_alpha_is_blamed(void) {
  const struct config config = small_sac_config();
  struct sac sac = small_sac_make(&config, 1);
  struct numbers numbers = {4};
  struct sac_losses losses;
  struct error error = {0};
  CU_ASSERT_TRUE_FATAL(config.alpha.is_auto);
  sac.log_alpha = 800;
  small_sac_draw_rows(&numbers, sac_batch(&sac));
  sac_draw(&sac, 9);
  UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "alpha is inf"));
  CU_ASSERT_TRUE(error_says(&error, "target_entropy"));
  CU_ASSERT_PTR_NULL(strstr(error.text, "observation"));
  small_sac_drop(&sac);
}

static void test_target_out_of_reach(void) {
  struct config config = small_sac_config();
  struct thread_team *team = thread_team_create(1, NULL);
  config.target_entropy = (struct config_entropy){.value = ACT * 0.6932};
  struct sac sac;
  struct error error = {0};
  UNIT_STATUS(sac_init(&sac, &config, OBS, ACT, team, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "target_entropy"));
  CU_ASSERT_TRUE(error_says(&error, "n log 2"));
  config.target_entropy.value = ACT * 0.6931;
  CU_ASSERT_EQUAL(sac_init(&sac, &config, OBS, ACT, team, NULL), STATUS_OK);
  sac_release(&sac);
  config.target_entropy.value = 100;
  config.alpha = (struct config_auto){.value = 0.1}; // nothing aims at it
  CU_ASSERT_EQUAL(sac_init(&sac, &config, OBS, ACT, team, NULL), STATUS_OK);
  sac_release(&sac);
  thread_team_destroy(team);
}

static void test_too_much(void) {
  struct config config = small_sac_config();
  config.hidden = (struct config_widths){2, {1u << 31, 1u << 31}};
  struct thread_team *team = thread_team_create(1, NULL);
  struct sac sac;
  struct error error = {0};
  UNIT_STATUS(sac_init(&sac, &config, OBS, ACT, team, &error), STATUS_MEMORY, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  thread_team_destroy(team);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"saturated actions and clamped deviations stay finite", test_extreme_policies},
      {"a loss that is not finite stops the update by name", test_not_finite},
      {"a gradient that is not finite stops the update by name", test_gradient_not_finite},
      {"a second moment that is not finite stops the update, with the reward behind it", test_second_moment},
      {"a running statistic that is not finite stops the update", test_statistics},
      {"a temperature out of hand is blamed on its target", test_alpha_is_blamed},
      {"a target entropy that no policy reaches is refused", test_target_out_of_reach},
      {"sizes beyond memory are refused", test_too_much},
  };
  return unit_run("sac_divergence", cases, sizeof cases / sizeof *cases);
}
