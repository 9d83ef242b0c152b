#include "common/config/config.h"
#include "common/config/options.h"
#include "tests/support/unit.h"

static void test_hidden(void) {
  struct config config;
  options_defaults(&config);
  CU_ASSERT_PTR_EQUAL(config_critic_hidden(&config), &config.hidden);
  CU_ASSERT_PTR_EQUAL(config_policy_hidden(&config), &config.hidden);
  config.critic_hidden = (struct config_widths){1, {7}};
  CU_ASSERT_PTR_EQUAL(config_critic_hidden(&config), &config.critic_hidden);
  CU_ASSERT_PTR_EQUAL(config_policy_hidden(&config), &config.hidden);
  config.policy_hidden = (struct config_widths){1, {5}};
  CU_ASSERT_PTR_EQUAL(config_policy_hidden(&config), &config.policy_hidden);
}

static void test_timeouts(void) {
  struct config config;
  options_defaults(&config);
  CU_ASSERT_EQUAL(config_call_timeout(&config, CONFIG_RESET), 600);
  CU_ASSERT_EQUAL(config_longest_timeout(&config), 600);
  CU_ASSERT_STRING_EQUAL(config_call_option(&config, CONFIG_RESET), "env_timeout");
  config.create_timeout = 1000;
  config.reset_timeout = 20;
  config.step_timeout = 3;
  CU_ASSERT_EQUAL(config_call_timeout(&config, CONFIG_CREATE), 1000);
  CU_ASSERT_EQUAL(config_call_timeout(&config, CONFIG_RESET), 20);
  CU_ASSERT_EQUAL(config_call_timeout(&config, CONFIG_STEP), 3);
  CU_ASSERT_EQUAL(config_call_timeout(&config, CONFIG_OTHER), 600);
  CU_ASSERT_EQUAL(config_longest_timeout(&config), 1000);
  CU_ASSERT_STRING_EQUAL(config_call_option(&config, CONFIG_CREATE), "create_timeout");
  CU_ASSERT_STRING_EQUAL(config_call_option(&config, CONFIG_RESET), "reset_timeout");
  CU_ASSERT_STRING_EQUAL(config_call_option(&config, CONFIG_STEP), "step_timeout");
  CU_ASSERT_STRING_EQUAL(config_call_option(&config, CONFIG_OTHER), "env_timeout");
}

static void test_target_entropy(void) {
  // The last: 6/2 log(2 pi e 0.15^2) by mpmath, mp.dps = 30.
  static const struct {
    const char *text;
    double value;
  } cases[] = {{"auto", -6},
               {"-2.5", -2.5},
               {"-0.5n", -3},
               {"0n", 0},
               {"sigma:1", 8.51363119922803645},
               {"sigma:0.15", -2.86908871008725136}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    options_defaults(&config);
    UNIT_STATUS(option_set(options_find("target_entropy"), &config, cases[i].text, "", NULL), STATUS_OK, NULL);
    CU_ASSERT_DOUBLE_EQUAL(config_target_entropy(&config, 6), cases[i].value, 1e-13);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"networks have hidden layers of their own, or hidden", test_hidden},
      {"each call has its limit, or env_timeout", test_timeouts},
      {"the target of the entropy is a number of nats", test_target_entropy},
  };
  return unit_run("config", cases, sizeof cases / sizeof *cases);
}
