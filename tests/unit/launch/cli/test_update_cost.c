#include "common/config/options.h"
#include "launch/cli/recipes.h"
#include "launch/cli/update_cost.h"
#include "launch/cli/update_products.h"
#include "tests/support/unit.h"
#include <string.h>

static void make(struct config *config, const char *recipe) {
  struct error error = {0};
  options_defaults(config);
  UNIT_STATUS_FATAL(recipes_apply(recipe, config, &error), STATUS_OK, &error);
}

// 2 rows, one layer of 3, obs_dim 1, act_dim 1, one critic, counted by hand. Policy 1 -> 3 -> 2: 9 a row. Critic
// 2 -> 3 -> 1: 9 a row. Forward: 9 + 9 of the targets. Critic: forward 9, weights 9, inputs 3. Policy: forward 9,
// critic forward 9, dQ/da 3 + 3, weights 9, inputs 6.
static void test_by_hand(void) {
  struct config config;
  make(&config, "");
  config.hidden = (struct config_widths){1, {3}};
  config.batch_size = 2;
  config.critics = 1;
  CU_ASSERT_EQUAL(update_flop(&config, 1, 1), 2 * 2 * (18 + 21 + 39));
  config.policy_delay = 3;
  CU_ASSERT_EQUAL(update_flop(&config, 1, 1), 2 * 2 * (18 + 21 + 13));
}

// sac and redq: the formula in test_blas_baseline.c for N critics, the products of the heads' backward, and of redq's
// policy, which makes a step in every 20th update, a 20th. xqc and
// flashsac: what a program that makes just these products in OpenBLAS counted, in whole Mflop.
static void test_recipes(void) {
  static const struct {
    const char *name;
    double mflop, within, cost;
  } cases[] = {{"sac", 542.63808, 1e-6, 1},
               {"redq", 1207.1796736, 1e-6, 44.5},
               {"xqc", 7368, 0.5, 27.2},
               {"flashsac", 20206, 0.5, 37.2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct config config;
    make(&config, cases[i].name);
    CU_ASSERT_DOUBLE_EQUAL(update_flop(&config, 17, 6) * 1e-6, cases[i].mflop, cases[i].within);
    CU_ASSERT_DOUBLE_EQUAL(update_cost_of_step(&config, 17, 6), cases[i].cost, 0.05);
  }
}

static void test_utd(void) {
  struct config config;
  make(&config, "");
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 1);
  config.utd = 4;
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 4);
  config.utd = 0;
  CU_ASSERT_EQUAL(update_cost_of_step(&config, 17, 6), 1);
  make(&config, "redq");
  CU_ASSERT(update_cost_of_step(&config, 17, 6) > 20 * 2);
}

static void test_history(void) {
  struct config config;
  make(&config, "");
  const double wide = update_flop(&config, 4 * 17 + 3 * 6, 6);
  config.history = 4;
  CU_ASSERT_EQUAL(update_flop(&config, 17, 6), wide);
  CU_ASSERT(update_cost_of_step(&config, 17, 6) > 1);
}

// --- the products themselves ---

enum { MOST = 400 };
struct list {
  size_t count;
  struct update_product product[MOST];
};

static void append(void *context, const struct update_product *product) {
  struct list *list = context;
  CU_ASSERT_FATAL(list->count < MOST);
  list->product[list->count++] = *product;
}

static struct list list_of(const struct config *config, bool policy_steps) {
  struct list list = {0};
  update_products(config, 17, 6, policy_steps, &(struct update_visitor){append, &list});
  return list;
}

static double flop_of(const struct list *list) {
  double flop = 0;
  for (size_t i = 0; i < list->count; i++)
    flop += 2 * (double)(list->product[i].m * list->product[i].n * list->product[i].k);
  return flop;
}

static size_t times(const struct list *list, struct update_product of) {
  size_t found = 0;
  for (size_t i = 0; i < list->count; i++) {
    const struct update_product *product = &list->product[i];
    found += product->kind == of.kind && product->m == of.m && product->n == of.n && product->k == of.k;
  }
  return found;
}

static void test_share_of_policy(void) {
  static const char *const names[] = {"sac", "redq", "xqc", "flashsac"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct config config;
    make(&config, names[i]);
    const struct list with = list_of(&config, true), without = list_of(&config, false);
    const double delay = (double)config.policy_delay;
    CU_ASSERT(with.count > without.count);
    CU_ASSERT_DOUBLE_EQUAL(update_flop(&config, 17, 6), (flop_of(&with) + (delay - 1) * flop_of(&without)) / delay, 1);
  }
}

static void test_plain_products(void) {
  struct config config;
  make(&config, "");
  const struct list list = list_of(&config, true);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 512, 256, 17}), 1);         // s and s' together
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 256, 512, 23}), 3);         // critics together
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_WEIGHT_GRADIENT, 23, 512, 256}), 1); // likewise
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_INPUT_GRADIENT, 128, 6, 256}), 2);   // dQ/da
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 256, 1, 256}), 6);          // Q
}

static void test_joint_products(void) {
  struct config config;
  make(&config, "xqc");
  struct list list = list_of(&config, false);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 512, 512, 23}), 4);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 256, 101, 512}), 4);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_INPUT_GRADIENT, 256, 512, 101}), 2);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_INPUT_GRADIENT, 512, 512, 512}), 6);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 256, 256, 17}), 1);
  list = list_of(&config, true);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 256, 256, 17}), 2); // s apart from s'
  make(&config, "flashsac");
  list = list_of(&config, true);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 1024, 128, 17}), 1); // [s ; s']
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 512, 128, 17}), 1);
  CU_ASSERT_EQUAL(times(&list, (struct update_product){UPDATE_FORWARD, 1024, 1024, 256}), 8);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a small update is counted as by hand", test_by_hand},
      {"the recipes cost what their products take", test_recipes},
      {"a step costs utd updates", test_utd},
      {"with a history the networks read its width", test_history},
      {"the flops are those of the products, the policy's in one of policy_delay updates", test_share_of_policy},
      {"plain networks with one input share a product", test_plain_products},
      {"batch norm makes products of the joint batch, with half of it in the last layer", test_joint_products},
  };
  return unit_run("update_cost", cases, sizeof cases / sizeof *cases);
}
