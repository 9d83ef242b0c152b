#include "tests/support/small_sac.h"
#include "common/base/memory.h"
#include "common/nn/tiles.h"
#include "tests/support/allocations.h"
#include <stdlib.h>
#include <string.h>

static void check_same(const struct sac *one, const struct sac *two) {
  CU_ASSERT_EQUAL(memcmp(one->policy, two->policy, one->policy_net.parameters * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->critics.parameters, two->critics.parameters, one->critics.size * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->critics.targets, two->critics.targets, one->critics.size * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->critics_adam.m, two->critics_adam.m, one->critics.size * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->critics_adam.v, two->critics_adam.v, one->critics.size * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->policy_adam.m, two->policy_adam.m, one->policy_net.parameters * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(one->policy_adam.v, two->policy_adam.v, one->policy_net.parameters * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(&one->log_alpha, &two->log_alpha, sizeof one->log_alpha), 0);
}

// What the backend pads with is 0 before and after.
static void check_padding(const struct mlp *net, size_t count, const real *parameters) {
  real *dense = small_sac_reals(mlp_dense_size(net)), *back = small_sac_reals(net->parameters);
  for (size_t k = 0; k < count; k++) {
    mlp_export(net, parameters + k * net->parameters, dense);
    mlp_import(net, dense, back);
    CU_ASSERT_EQUAL(memcmp(back, parameters + k * net->parameters, net->parameters * sizeof *back), 0);
  }
  free(dense), free(back);
}

static void check_paddings(const struct sac *sac) {
  const struct critics *critics = &sac->critics;
  const real *all[] = {critics->parameters, critics->targets, sac->critics_adam.m, sac->critics_adam.v};
  const real *own[] = {sac->policy, sac->policy_adam.m, sac->policy_adam.v};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_padding(&critics->net, critics->count, all[i]);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) check_padding(&sac->policy_net, 1, own[i]);
}

// Updates both from the same numbers.
static void check_together(struct sac *one, struct sac *two) {
  struct numbers numbers_one = {4}, numbers_two = {4};
  for (int update = 0; update < UPDATES; update++) {
    struct sac_losses losses_one, losses_two;
    CU_ASSERT_EQUAL(small_sac_update(one, &numbers_one, &losses_one, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(small_sac_update(two, &numbers_two, &losses_two, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(&losses_one, &losses_two, sizeof losses_one), 0);
  }
  check_same(one, two);
}

static struct config bits_config(const char *backend) {
  struct config config = small_sac_config();
  config.batch_size = 50;
  config.critics = 4;
  config.target_subset = 2;
  config.hidden = (struct config_widths){3, {40, 7, 33}};
  config.critic_layer_norm = true;
  snprintf(config.backend, sizeof config.backend, "%s", backend);
  return config;
}

static void test_repeatable(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) {
    const struct config config = bits_config(BACKENDS[i]);
    for (unsigned threads = 1; threads <= 3; threads++) {
      struct sac one = small_sac_make(&config, threads), two = small_sac_make(&config, threads);
      check_together(&one, &two);
      check_paddings(&one);
      small_sac_drop(&one);
      small_sac_drop(&two);
    }
  }
}

// All that a checkpoint holds, as reading one puts it into a job.
static void copy_state(const struct sac *from, struct sac *to) {
  const size_t policy = from->policy_net.parameters * sizeof(real), critics = from->critics.size * sizeof(real);
  memcpy(to->policy, from->policy, policy);
  memcpy(to->policy_adam.m, from->policy_adam.m, policy);
  memcpy(to->policy_adam.v, from->policy_adam.v, policy);
  memcpy(to->critics.parameters, from->critics.parameters, critics);
  memcpy(to->critics.targets, from->critics.targets, critics);
  memcpy(to->critics_adam.m, from->critics_adam.m, critics);
  memcpy(to->critics_adam.v, from->critics_adam.v, critics);
  to->policy_adam.step = from->policy_adam.step;
  to->critics_adam.step = from->critics_adam.step;
  to->alpha_adam = from->alpha_adam;
  to->log_alpha = from->log_alpha;
  to->updates = from->updates;
  sac_refresh(to);
}

static void test_state(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) {
    const struct config config = bits_config(BACKENDS[i]);
    struct sac one = small_sac_make(&config, 2), two = small_sac_make(&config, 2);
    struct numbers numbers_one = {5}, numbers_two = {6};
    struct sac_losses losses;
    for (int update = 0; update < 3; update++)
      CU_ASSERT_EQUAL(small_sac_update(&one, &numbers_one, &losses, NULL), STATUS_OK);
    for (int update = 0; update < 4; update++)
      CU_ASSERT_EQUAL(small_sac_update(&two, &numbers_two, &losses, NULL), STATUS_OK);
    copy_state(&one, &two);
    check_together(&one, &two);
    small_sac_drop(&one);
    small_sac_drop(&two);
  }
}

#ifndef CORSAC_REAL_DOUBLE
// The layout is the same at each level, so the kernels can be exchanged.
static void test_bits_everywhere(void) {
  const struct config config = bits_config("tiles");
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    for (unsigned threads = 1; tiles && threads <= 4; threads++) {
      struct sac one = small_sac_make(&config, 1), two = small_sac_make(&config, threads);
      two.policy_net.tiles = two.critics.net.tiles = tiles;
      two.acting_net.tiles = two.critics.folded_net.tiles = tiles;
      check_together(&one, &two);
      small_sac_drop(&one);
      small_sac_drop(&two);
    }
  }
}
#endif

static void test_few_rows(void) {
  for (int b = 0; b < BACKEND_COUNT; b++) {
    struct config config = small_sac_config_on(b);
    config.batch_size = 2;
    struct sac alone = small_sac_make(&config, 1), team = small_sac_make(&config, 3);
    struct numbers numbers_alone = {4}, numbers_team = {4};
    for (int update = 0; update < 3; update++) {
      struct sac_losses x, y;
      CU_ASSERT_EQUAL(small_sac_update(&alone, &numbers_alone, &x, NULL), STATUS_OK);
      CU_ASSERT_EQUAL(small_sac_update(&team, &numbers_team, &y, NULL), STATUS_OK);
      CU_ASSERT_DOUBLE_EQUAL(x.critic_loss, y.critic_loss, 1e-3 * fabs(x.critic_loss));
      CU_ASSERT_DOUBLE_EQUAL(x.policy_loss, y.policy_loss, 1e-3 * fabs(x.policy_loss) + 1e-5);
    }
    if (alone.policy_net.tiles) check_same(&alone, &team);
    small_sac_drop(&alone);
    small_sac_drop(&team);
  }
}

static void test_no_allocation(void) {
  if (!allocations_counted()) return;
  const size_t before = allocations_count();
  void *volatile witness = malloc(10);
  free(witness);
  CU_ASSERT_EQUAL(allocations_count(), before + 1); // or the counter does not work
  for (unsigned i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = small_sac_config_on((int)i / 2);
    struct sac sac = small_sac_make(&config, 1 + i % 2);
    struct numbers numbers = {4};
    struct sac_losses losses;
    CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
    const size_t start = allocations_count();
    for (int update = 0; update < 10; update++) (void)small_sac_update(&sac, &numbers, &losses, NULL);
    const size_t end = allocations_count();
    CU_ASSERT_EQUAL(end, start);
    small_sac_drop(&sac);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the same number of threads gives the same bits", test_repeatable},
      {"nothing but what a checkpoint holds goes from one update to the next", test_state},
#ifndef CORSAC_REAL_DOUBLE
      {"on tiles any number of threads and any vector unit gives the same bits", test_bits_everywhere},
#endif
      {"a batch may have fewer rows than the team members", test_few_rows},
      {"nothing is allocated in an update", test_no_allocation},
  };
  return unit_run("sac_bits", cases, sizeof cases / sizeof *cases);
}
