#include "actor/action_limits.h"
#include "tests/support/unit.h"
#include <float.h>
#include <math.h>

enum { DIM = 2 };

static struct config_numbers numbers(uint32_t count, double a, double b) {
  return (struct config_numbers){.count = count, .value = {a, b}};
}

static enum status find(const struct config *config, double low0, double high0, double *low, double *high,
                        struct error *error) {
  const double own_low[DIM] = {low0, -1}, own_high[DIM] = {high0, 1};
  const struct corsac_env_spec spec = {.act_dim = DIM, .action_low = own_low, .action_high = own_high};
  *error = (struct error){0};
  return action_limits_find(config, &spec, low, high, error);
}

static void test_own(void) {
  const struct config config = {0};
  double low[DIM], high[DIM];
  struct error error;
  UNIT_STATUS(find(NULL, -2, 2, low, high, &error), STATUS_OK, &error);
  UNIT_STATUS(find(&config, -2, 2, low, high, &error), STATUS_OK, &error);
  CU_ASSERT(low[0] == -2 && low[1] == -1 && high[0] == 2 && high[1] == 1);
}

static void test_options(void) {
  struct config config = {.action_low = numbers(1, -0.5, 0), .action_high = numbers(2, 3, 0.25)};
  double low[DIM], high[DIM];
  struct error error;
  UNIT_STATUS(find(&config, -INFINITY, INFINITY, low, high, &error), STATUS_OK, &error);
  CU_ASSERT(low[0] == -0.5 && low[1] == -0.5 && high[0] == 3 && high[1] == 0.25);
  config.action_low.count = 0; // one side alone
  UNIT_STATUS(find(&config, -4, INFINITY, low, high, &error), STATUS_OK, &error);
  CU_ASSERT(low[0] == -4 && low[1] == -1);
}

static void test_refused(void) {
  const struct {
    double low, high; // of component 0, the environment's own
    struct config_numbers action_low, action_high;
    enum status status;
    const char *says;
  } cases[] = {
      {NAN, 1, numbers(1, 0, 0), numbers(1, 1, 0), STATUS_FAILED, "component 0 to [nan, 1]"},
      {2, 1, numbers(0, 0, 0), numbers(0, 0, 0), STATUS_FAILED, "component 0 to [2, 1]"},
      {-INFINITY, INFINITY, numbers(0, 0, 0), numbers(0, 0, 0), STATUS_USAGE,
       "component 0 is unbounded, [-inf, inf]; bounds have to be finite: give them by --action-low and --action-high "
       "(one number for all, or 2 with commas between them)"},
      {-1, (double)FLT_MAX, numbers(0, 0, 0), numbers(0, 0, 0), STATUS_USAGE, "is unbounded"},
      {-INFINITY, 1, numbers(0, 0, 0), numbers(1, 1, 0), STATUS_USAGE, "component 0 is unbounded, [-inf, 1]"},
      {-2, 2, numbers(1, -1.5, 0), numbers(0, 0, 0), STATUS_USAGE,
       "action_low -1.5 of action component 1 lies outside of the environment's own bounds, [-1, 1]"},
      {-2, 2, numbers(0, 0, 0), numbers(2, 3, 1), STATUS_USAGE, "action_high 3 of action component 0 lies outside"},
      {-2, 2, numbers(2, 1, 0), numbers(2, 1, 1), STATUS_USAGE, "give action component 0 the bounds [1, 1]"},
      {-2, 2, numbers(3, 0, 0), numbers(0, 0, 0), STATUS_USAGE,
       "action_low has 3 numbers, but an action has 2 components: give one for all, or 2"},
      {-2, 2, numbers(0, 0, 0), numbers(3, 0, 0), STATUS_USAGE, "action_high has 3 numbers"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct config config = {.action_low = cases[i].action_low, .action_high = cases[i].action_high};
    double low[DIM], high[DIM];
    struct error error;
    UNIT_STATUS(find(&config, cases[i].low, cases[i].high, low, high, &error), cases[i].status, &error);
    CU_ASSERT(error_says(&error, cases[i].says));
  }
}

int main(void) {
  static const struct unit_case cases[] = {{"without options the bounds are the environment's own", test_own},
                                           {"options bound what is unbounded, one for all or a list", test_options},
                                           {"what does not fit is refused, by name", test_refused}};
  return unit_run("action_limits", cases, sizeof cases / sizeof *cases);
}
