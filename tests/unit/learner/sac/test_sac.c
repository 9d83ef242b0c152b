#include "learner/sac/sac.h"
#include "common/base/memory.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "tests/support/allocations.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBS = 5, ACT = 2, UPDATES = 20 };
static const bool IN_DOUBLE = sizeof(real) == 8;

static struct config small_config(void) {
  return (struct config){.hidden = {2, {12, 10}},
                         .critics = 2,
                         .batch_size = 12,
                         .gamma = 0.97,
                         .tau = 0.005,
                         .lr_actor = 3e-4,
                         .lr_critic = 1e-3,
                         .lr_alpha = 2e-3,
                         .alpha.is_auto = true,
                         .target_entropy.is_auto = true,
                         .reward_scale = 1};
}

// In double there is OpenBLAS alone.
static const char *const BACKENDS[] = {"openblas", "tiles"};
enum { BACKEND_COUNT = sizeof(real) == 8 ? 1 : 2 };

static struct config config_on(int backend) {
  struct config config = small_config();
  snprintf(config.backend, sizeof config.backend, "%s", BACKENDS[backend]);
  return config;
}

static struct sac make(const struct config *config, unsigned threads) {
  linalg_init();
  struct thread_team *team = thread_team_create(threads, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(team);
  struct sac sac;
  CU_ASSERT_EQUAL_FATAL(sac_init(&sac, config, OBS, ACT, team, NULL), STATUS_OK);
  sac_init_parameters(&sac, 5);
  return sac;
}

static void drop(struct sac *sac) {
  struct thread_team *team = sac->team;
  sac_release(sac);
  thread_team_destroy(team);
}

static void draw(struct numbers *numbers, size_t count, double scale, double shift, real *out) {
  for (size_t i = 0; i < count; i++) out[i] = (real)(shift + scale * numbers_uniform(numbers));
}

static void draw_rows(struct numbers *numbers, struct sac_batch *batch) {
  for (size_t i = 0; i < batch->rows; i++) draw(numbers, OBS, 2, 0, batch->input + i * batch->width);
  for (size_t i = 0; i < batch->rows; i++) draw(numbers, ACT, 1, 0, batch->input + i * batch->width + OBS);
  draw(numbers, batch->rows, 3, 0, batch->reward);
  for (size_t i = 0; i < batch->rows; i++) draw(numbers, OBS, 2, 0, batch->next_input + i * batch->width);
  for (size_t i = 0; i < batch->rows; i++) {
    const int steps = (int)(numbers_word(numbers) % 4);
    batch->discount[i] = (real)(steps == 0 ? 0 : pow(0.97, steps));
  }
}

// --- against PyTorch: the inputs as tests/data/sac.py draws them ---

static real *room(size_t count) {
  real *memory = malloc(count * sizeof *memory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  return memory;
}

// Dense, as PyTorch has them, and from there into the backend's order.
static void draw_net(struct numbers *numbers, const struct mlp *net, real *parameters, double last_bias) {
  const struct mlp dense_net = mlp_dense(net);
  real *dense = room(dense_net.parameters);
  for (uint32_t i = 0; i < net->layers; i++) {
    const struct mlp_layer *layer = &dense_net.layer[i];
    draw(numbers, (size_t)layer->in * layer->out, 0.6, 0, dense + layer->weight);
    draw(numbers, layer->out, 0.2, 0, dense + layer->bias);
    if (!layer->norm) continue;
    draw(numbers, layer->out, 0.3, 1, dense + layer->norm_scale);
    draw(numbers, layer->out, 0.2, 0, dense + layer->norm_shift);
  }
  dense[dense_net.parameters - 1] += (real)last_bias;
  mlp_import(net, dense, parameters);
  free(dense);
}

static void draw_batch(struct numbers *numbers, const struct sac *sac, struct sac_batch *batch) {
  draw_rows(numbers, batch);
  draw(numbers, batch->rows * ACT, 1.7, 0, batch->noise);
  draw(numbers, batch->rows * ACT, 1.7, 0, batch->noise_next);
  const uint32_t critics = sac->critics.count;
  if (sac->target_subset == critics) return;
  batch->subset[0] = (uint32_t)(numbers_word(numbers) % critics);
  batch->subset[1] = (uint32_t)((batch->subset[0] + 1 + numbers_word(numbers) % (critics - 1)) % critics);
}

// |a - b| / |b|, Euclidean. What is 0 must be 0.
static double distance(const real *a, const double *b, size_t count) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return difference == 0 ? 0 : sqrt(difference / norm);
}

static void check_near(const char *name, const real *a, const double *b, size_t count, double tolerance) {
  const double found = distance(a, b, count);
  CU_ASSERT_TRUE(found <= tolerance);
  if (!(found <= tolerance)) printf("\n  %s: off by %.2g, allowed %.2g ", name, found, tolerance);
}

// Of `count` networks, one after another.
static void check_nets(const struct reference *reference, const char *name, int update, const struct mlp *net,
                       size_t count, const real *values, double tolerance) {
  const size_t size = mlp_dense_size(net);
  real *dense = room(count * size);
  for (size_t k = 0; k < count; k++) mlp_export(net, values + k * net->parameters, dense + k * size);
  char key[64];
  snprintf(key, sizeof key, update > 0 ? "%s%d" : "%s", name, update);
  check_near(key, dense, reference_get(reference, key, count * size), count * size, tolerance);
  free(dense);
}

static void check_number(const char *name, double a, double b, double tolerance) {
  const bool near = fabs(a - b) <= tolerance * fmax(1, fabs(b));
  CU_ASSERT_TRUE(near);
  if (!near) printf("\n  %s: %.17g, expected %.17g ", name, a, b);
}

static void check_losses(const struct reference *reference, int update, const struct sac_losses *losses,
                         double tolerance) {
  char key[64];
  snprintf(key, sizeof key, "losses%d", update);
  const double *expected = reference_get(reference, key, 6);
  check_number("critic_loss", losses->critic_loss, expected[0], tolerance);
  check_number("policy_loss", losses->policy_loss, expected[1], tolerance);
  check_number("alpha_loss", losses->alpha_loss, expected[2], tolerance);
  check_number("alpha", losses->alpha, expected[3], tolerance);
  check_number("entropy", losses->entropy, expected[4], tolerance);
  check_number("q_mean", losses->q_mean, expected[5], tolerance);
}

static void check_state(const struct reference *reference, int update, const struct sac *sac, double tolerance) {
  const struct critics *critics = &sac->critics;
  check_nets(reference, "critics", update, &critics->net, critics->count, critics->parameters, tolerance);
  check_nets(reference, "policy", update, &sac->policy_net, 1, sac->policy, tolerance);
  check_nets(reference, "targets", update, &critics->net, critics->count, critics->targets, tolerance);
  check_nets(reference, "critics_gradient", update, &critics->net, critics->count, sac_critics_gradient(sac),
             tolerance);
  check_nets(reference, "policy_gradient", update, &sac->policy_net, 1, sac_policy_gradient(sac), tolerance);
  char key[64];
  snprintf(key, sizeof key, "log_alpha%d", update);
  check_number(key, sac->log_alpha, *reference_get(reference, key, 1), tolerance);
}

static void check_moments(const struct reference *reference, const struct sac *sac, double tolerance) {
  const struct critics *critics = &sac->critics;
  check_nets(reference, "critics_exp_avg", 0, &critics->net, critics->count, sac->critics_adam.m, tolerance);
  check_nets(reference, "critics_exp_avg_sq", 0, &critics->net, critics->count, sac->critics_adam.v, tolerance);
  check_nets(reference, "policy_exp_avg", 0, &sac->policy_net, 1, sac->policy_adam.m, tolerance);
  check_nets(reference, "policy_exp_avg_sq", 0, &sac->policy_net, 1, sac->policy_adam.v, tolerance);
  check_number("alpha's m", sac->alpha_adam.m, *reference_get(reference, "alpha_exp_avg", 1), tolerance);
  check_number("alpha's v", sac->alpha_adam.v, *reference_get(reference, "alpha_exp_avg_sq", 1), tolerance);
}

// Float: one update's products and sums carry some 1e-6; Adam's first steps are near lr * sign(gradient), so that a
// gradient within rounding of 0 may turn a whole step, and 20 of them feed each other.
static void compare(const char *path, uint64_t seed, const struct config *config, double wide, unsigned threads) {
  struct reference reference = reference_open(path);
  struct sac sac = make(config, threads);
  struct numbers numbers = {seed};
  draw_net(&numbers, &sac.policy_net, sac.policy, wide);
  for (uint32_t k = 0; k < 2 * sac.critics.count; k++) {
    real *nets = k < sac.critics.count ? sac.critics.parameters : sac.critics.targets;
    draw_net(&numbers, &sac.critics.net, nets + k % sac.critics.count * sac.critics.net.parameters, 0);
  }
  const double first = IN_DOUBLE ? 1e-9 : 2e-4, last = IN_DOUBLE ? 1e-9 : 5e-3;
  for (int update = 1; update <= UPDATES; update++) {
    draw_batch(&numbers, &sac, sac_batch(&sac));
    struct sac_losses losses;
    CU_ASSERT_EQUAL_FATAL(sac_update(&sac, &losses, NULL), STATUS_OK);
    check_losses(&reference, update, &losses, update == 1 ? first : last);
    if (update == 1) check_state(&reference, update, &sac, first);
  }
  check_state(&reference, UPDATES, &sac, last);
  check_moments(&reference, &sac, last);
  CU_ASSERT_EQUAL(sac.updates, UPDATES);
  CU_ASSERT_EQUAL(sac.critics_adam.step, UPDATES);
  CU_ASSERT_EQUAL(sac.policy_adam.step, UPDATES);
  CU_ASSERT_EQUAL(sac.alpha_adam.step, UPDATES);
  drop(&sac);
  reference_release(&reference);
}

static void compare_all(const char *path, uint64_t seed, struct config *config, double wide) {
  for (int i = 0; i < BACKEND_COUNT; i++) {
    snprintf(config->backend, sizeof config->backend, "%s", BACKENDS[i]);
    for (unsigned threads = 1; threads <= 3; threads++) compare(path, seed, config, wide, threads);
  }
}

static void test_twin(void) {
  struct config config = small_config();
  compare_all("tests/data/sac_twin.bin", 1, &config, 0);
}

static void test_redq(void) {
  struct config config = small_config();
  config.batch_size = 13; // not a multiple of the team
  config.critics = 5;
  config.target_subset = 2;
  config.critic_layer_norm = true;
  config.reward_scale = 0.3;
  config.lr_critic = 5e-4;
  config.lr_actor = 1e-3;
  config.lr_alpha = 1e-3;
  config.tau = 0.02;
  compare_all("tests/data/sac_redq.bin", 2, &config, 2);
}

// --- what else is promised ---

static enum status update_once(struct sac *sac, struct numbers *numbers, struct sac_losses *losses,
                               struct error *error) {
  draw_rows(numbers, sac_batch(sac));
  sac_draw(sac, 9);
  return sac_update(sac, losses, error);
}

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
  real *dense = room(mlp_dense_size(net)), *back = room(net->parameters);
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
    CU_ASSERT_EQUAL(update_once(one, &numbers_one, &losses_one, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(update_once(two, &numbers_two, &losses_two, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(&losses_one, &losses_two, sizeof losses_one), 0);
  }
  check_same(one, two);
}

static struct config bits_config(const char *backend) {
  struct config config = small_config();
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
      struct sac one = make(&config, threads), two = make(&config, threads);
      check_together(&one, &two);
      check_paddings(&one);
      drop(&one);
      drop(&two);
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
  to->transposed = false;
}

static void test_state(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) {
    const struct config config = bits_config(BACKENDS[i]);
    struct sac one = make(&config, 2), two = make(&config, 2);
    struct numbers numbers_one = {5}, numbers_two = {6};
    struct sac_losses losses;
    for (int update = 0; update < 3; update++)
      CU_ASSERT_EQUAL(update_once(&one, &numbers_one, &losses, NULL), STATUS_OK);
    for (int update = 0; update < 4; update++)
      CU_ASSERT_EQUAL(update_once(&two, &numbers_two, &losses, NULL), STATUS_OK);
    copy_state(&one, &two);
    check_together(&one, &two);
    drop(&one);
    drop(&two);
  }
}

#ifndef CORSAC_REAL_DOUBLE
// The layout is the same at each level, so the kernels can be exchanged.
static void test_bits_everywhere(void) {
  const struct config config = bits_config("tiles");
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    for (unsigned threads = 1; tiles && threads <= 4; threads++) {
      struct sac one = make(&config, 1), two = make(&config, threads);
      two.policy_net.tiles = two.critics.net.tiles = tiles;
      check_together(&one, &two);
      drop(&one);
      drop(&two);
    }
  }
}
#endif

static void test_few_rows(void) {
  for (int b = 0; b < BACKEND_COUNT; b++) {
    struct config config = config_on(b);
    config.batch_size = 2;
    struct sac alone = make(&config, 1), team = make(&config, 3);
    struct numbers numbers_alone = {4}, numbers_team = {4};
    for (int update = 0; update < 3; update++) {
      struct sac_losses x, y;
      CU_ASSERT_EQUAL(update_once(&alone, &numbers_alone, &x, NULL), STATUS_OK);
      CU_ASSERT_EQUAL(update_once(&team, &numbers_team, &y, NULL), STATUS_OK);
      CU_ASSERT_DOUBLE_EQUAL(x.critic_loss, y.critic_loss, 1e-3 * fabs(x.critic_loss));
      CU_ASSERT_DOUBLE_EQUAL(x.policy_loss, y.policy_loss, 1e-3 * fabs(x.policy_loss) + 1e-5);
    }
    if (alone.policy_net.tiles) check_same(&alone, &team);
    drop(&alone);
    drop(&team);
  }
}

static void test_no_allocation(void) {
  if (!allocations_counted()) return;
  const size_t before = allocations_count();
  void *volatile witness = malloc(10);
  free(witness);
  CU_ASSERT_EQUAL(allocations_count(), before + 1); // or the counter does not work
  for (unsigned i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = config_on((int)i / 2);
    struct sac sac = make(&config, 1 + i % 2);
    struct numbers numbers = {4};
    struct sac_losses losses;
    CU_ASSERT_EQUAL(update_once(&sac, &numbers, &losses, NULL), STATUS_OK);
    const size_t start = allocations_count();
    for (int update = 0; update < 10; update++) (void)update_once(&sac, &numbers, &losses, NULL);
    const size_t end = allocations_count();
    CU_ASSERT_EQUAL(end, start);
    drop(&sac);
  }
}

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
  const struct config config = config_on(backend);
  for (size_t e = 0; e < sizeof extremes / sizeof *extremes; e++) {
    struct sac sac = make(&config, 1);
    real *bias = sac.policy + sac.policy_net.layer[sac.policy_net.layers - 1].bias;
    for (int i = 0; i < ACT; i++) {
      bias[i] += (real)extremes[e].mean;
      bias[ACT + i] += (real)extremes[e].log_std;
    }
    struct numbers numbers = {4};
    struct error error = {0};
    for (int update = 0; update < 5; update++) {
      struct sac_losses losses;
      UNIT_STATUS(update_once(&sac, &numbers, &losses, &error), STATUS_OK, &error);
      CU_ASSERT_TRUE_FATAL(isfinite(losses.critic_loss));
      CU_ASSERT_TRUE_FATAL(isfinite(losses.policy_loss));
      CU_ASSERT_TRUE(isfinite(losses.alpha_loss));
    }
    CU_ASSERT_TRUE(all_finite(sac.policy, sac.policy_net.parameters));
    CU_ASSERT_TRUE(all_finite(sac.critics.parameters, sac.critics.size));
    CU_ASSERT_TRUE(isfinite(sac.log_alpha));
    drop(&sac);
  }
}

static void test_extreme_policies(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) check_extreme_policies(i);
}

// Puts one number that is not finite somewhere; the update must fail and its message name `what`, `number` and the
// update.
static void check_found(int where, double number, const char *what) {
  for (unsigned i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = config_on((int)i / 2);
    struct sac sac = make(&config, 1 + i % 2);
    struct numbers numbers = {4};
    struct sac_losses losses = {.alpha = -7};
    CU_ASSERT_EQUAL(update_once(&sac, &numbers, &losses, NULL), STATUS_OK);
    draw_rows(&numbers, sac_batch(&sac));
    sac_draw(&sac, 9);
    const struct mlp *critic = &sac.critics.net;
    real *last_bias = sac.critics.parameters + sac.critics.size - critic->parameters + critic->layer[2].bias;
    real *places[] = {&sac_batch(&sac)->reward[11], &sac_batch(&sac)->input[3], &sac_batch(&sac)->next_input[OBS + ACT],
                      last_bias, &sac_batch(&sac)->noise[5]};
    *places[where] = (real)number;
    losses.alpha = -7;
    struct error error = {0};
    UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
    CU_ASSERT_EQUAL(error.status, STATUS_FAILED);
    CU_ASSERT_TRUE(error_says(&error, what));
    CU_ASSERT_TRUE(error_says(&error, "update 2 "));
    CU_ASSERT_EQUAL(losses.alpha, -7);
    CU_ASSERT_EQUAL(sac.updates, 1);
    drop(&sac);
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
  const struct config config = config_on(backend);
  struct sac sac = make(&config, 2);
  struct numbers numbers = {4};
  draw_rows(&numbers, sac_batch(&sac));
  sac_draw(&sac, 9);
  for (size_t i = 0; i < sac.critics.size; i++) sac.critics.parameters[i] = 0;
  const struct mlp_layer *layer = sac.critics.net.layer;
  sac.critics.parameters[layer[0].bias] = 1;
  sac.transposed = false;
  sac.critics.parameters[layer[1].weight] = (real)(IN_DOUBLE ? 1e-170 : 1e-30);
  sac.critics.parameters[layer[2].weight] = (real)(IN_DOUBLE ? 1e308 : 3e38);
  sac_batch(&sac)->reward[0] = (real)(IN_DOUBLE ? 1e150 : 1e15);
  struct sac_losses losses;
  struct error error = {0};
  UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "gradient of update 1 is not finite"));
  drop(&sac);
}

static void test_gradient_not_finite(void) {
  for (int i = 0; i < BACKEND_COUNT; i++) check_gradient_not_finite(i);
}

static void test_alpha(void) {
  struct config config = small_config();
  config.alpha.is_auto = false;
  static const double values[] = {0.2, 0};
  for (int i = 0; i < 2; i++) {
    config.alpha.value = values[i];
    struct sac sac = make(&config, 1);
    struct numbers numbers = {4};
    for (int update = 0; update < 5; update++) {
      struct sac_losses losses;
      CU_ASSERT_EQUAL(update_once(&sac, &numbers, &losses, NULL), STATUS_OK);
      CU_ASSERT_DOUBLE_EQUAL(losses.alpha, values[i], 1e-15);
      CU_ASSERT_EQUAL(losses.alpha_loss, 0);
      CU_ASSERT_TRUE(isfinite(losses.policy_loss));
    }
    drop(&sac);
  }
  config.alpha.is_auto = true;
  static const double goals[] = {-100, 100}; // entropy above the goal lowers alpha, below it raises alpha
  for (int i = 0; i < 2; i++) {
    struct sac sac = make(&config, 1);
    sac.target_entropy = goals[i];
    struct numbers numbers = {4};
    struct sac_losses losses;
    CU_ASSERT_EQUAL(update_once(&sac, &numbers, &losses, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(losses.alpha, 1);
    CU_ASSERT_DOUBLE_EQUAL(sac.log_alpha, i == 0 ? -2e-3 : 2e-3, 1e-9);
    drop(&sac);
  }
}

// Finite rewards, losses and gradients, whose squares are not: Adam would never move these parameters again.
static void test_second_moment(void) {
  const double rewards[] = {IN_DOUBLE ? 1e160 : 1e30, IN_DOUBLE ? 1e160 : 3e38};
  for (int i = 0; i < 2 * BACKEND_COUNT; i++) {
    const struct config config = config_on(i / 2);
    struct sac sac = make(&config, 2);
    struct numbers numbers = {4};
    struct sac_losses losses;
    struct error error = {0};
    char says[32];
    CU_ASSERT_EQUAL(update_once(&sac, &numbers, &losses, NULL), STATUS_OK);
    draw_rows(&numbers, sac_batch(&sac));
    sac_draw(&sac, 9);
    sac_batch(&sac)->reward[7] = (real)-rewards[i % 2];
    snprintf(says, sizeof says, "batch is %g;", (double)(real)rewards[i % 2]);
    UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
    if (!IN_DOUBLE) CU_ASSERT_TRUE(error_says(&error, "Adam's second moment of the critics of update 2"));
    CU_ASSERT_TRUE(error_says(&error, says)); // which reward it was
    CU_ASSERT_EQUAL(sac.updates, 1);
    drop(&sac);
  }
}

// A temperature that is out of hand is blamed on what drives it.
static void test_alpha_is_blamed(void) {
  const struct config config = small_config();
  struct sac sac = make(&config, 1);
  struct numbers numbers = {4};
  struct sac_losses losses;
  struct error error = {0};
  CU_ASSERT_TRUE_FATAL(config.alpha.is_auto);
  sac.log_alpha = 800;
  draw_rows(&numbers, sac_batch(&sac));
  sac_draw(&sac, 9);
  UNIT_STATUS(sac_update(&sac, &losses, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "alpha is inf"));
  CU_ASSERT_TRUE(error_says(&error, "target_entropy"));
  CU_ASSERT_PTR_NULL(strstr(error.text, "observation"));
  drop(&sac);
}

static void test_target_out_of_reach(void) {
  struct config config = small_config();
  struct thread_team *team = thread_team_create(1, NULL);
  config.target_entropy = (struct config_auto){.value = ACT * 0.6932};
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

static void test_draw(void) {
  struct config config = small_config();
  config.batch_size = 1000;
  config.critics = 6;
  config.target_subset = 3;
  struct sac sac = make(&config, 1), again = make(&config, 1);
  struct sac_batch *batch = sac_batch(&sac), *other = sac_batch(&again);
  const size_t count = batch->rows * ACT;
  CU_ASSERT_EQUAL(batch->rows, 1000);
  int drawn[6] = {0};
  for (sac.updates = 0; sac.updates < 600; sac.updates++) {
    sac_draw(&sac, 77);
    for (int i = 0; i < 3; i++) {
      CU_ASSERT_TRUE_FATAL(batch->subset[i] < 6);
      drawn[batch->subset[i]]++;
      for (int j = 0; j < i; j++) CU_ASSERT_NOT_EQUAL(batch->subset[i], batch->subset[j]);
    }
  }
  for (int k = 0; k < 6; k++) {
    CU_ASSERT_TRUE(drawn[k] > 240);
    CU_ASSERT_TRUE(drawn[k] < 360);
  } // 300 expected, sigma 12
  double sum = 0, square = 0, both = 0;
  for (size_t i = 0; i < count; i++) {
    sum += (double)batch->noise[i];
    square += (double)batch->noise[i] * (double)batch->noise[i];
    both += (double)batch->noise[i] * (double)batch->noise_next[i];
  }
  CU_ASSERT_DOUBLE_EQUAL(sum / (double)count, 0, 0.1);
  CU_ASSERT_DOUBLE_EQUAL(square / (double)count, 1, 0.15);
  CU_ASSERT_DOUBLE_EQUAL(both / (double)count, 0, 0.1); // noise at s and at s' are not the same
  again.updates = --sac.updates;                        // the update's number decides, not what was drawn before
  sac_draw(&again, 77);
  CU_ASSERT_EQUAL(memcmp(batch->noise, other->noise, count * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(batch->noise_next, other->noise_next, count * sizeof(real)), 0);
  CU_ASSERT_EQUAL(memcmp(batch->subset, other->subset, 3 * sizeof(uint32_t)), 0);
  again.updates++;
  sac_draw(&again, 77);
  CU_ASSERT_NOT_EQUAL(memcmp(batch->noise, other->noise, count * sizeof(real)), 0);
  drop(&sac);
  drop(&again);
}

static void test_defaults(void) {
  struct config config = small_config();
  config.critics = 3;
  struct sac sac = make(&config, 1);
  CU_ASSERT_EQUAL(sac.target_subset, 3);
  CU_ASSERT_EQUAL(sac.target_entropy, -ACT);
  CU_ASSERT_EQUAL(sac.log_alpha, 0);
  sac_draw(&sac, 1);
  for (uint32_t k = 0; k < 3; k++) CU_ASSERT_EQUAL(sac_batch(&sac)->subset[k], k);
  drop(&sac);
}

static void test_too_much(void) {
  struct config config = small_config();
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
      {"two critics: losses, gradients, parameters and moments are PyTorch's, with 1, 2 and 3 threads", test_twin},
      {"five critics, subset of two, layer norm, n-step discounts: the same", test_redq},
      {"the same number of threads gives the same bits", test_repeatable},
      {"nothing but what a checkpoint holds goes from one update to the next", test_state},
#ifndef CORSAC_REAL_DOUBLE
      {"on tiles any number of threads and any vector unit gives the same bits", test_bits_everywhere},
#endif
      {"a batch may have fewer rows than the team members", test_few_rows},
      {"nothing is allocated in an update", test_no_allocation},
      {"saturated actions and clamped deviations stay finite", test_extreme_policies},
      {"a loss that is not finite stops the update by name", test_not_finite},
      {"so does a second moment that is not, with the reward behind it", test_second_moment},
      {"a temperature out of hand is blamed on its target", test_alpha_is_blamed},
      {"a target entropy that no policy reaches is refused", test_target_out_of_reach},
      {"a gradient that is not finite stops the update by name", test_gradient_not_finite},
      {"a fixed temperature stays, 0 included; an automatic one moves towards the entropy asked for", test_alpha},
      {"noise and subset depend on seed and update alone, and are what they should be", test_draw},
      {"automatic values are resolved", test_defaults},
      {"sizes beyond memory are refused", test_too_much},
  };
  return unit_run("sac", cases, sizeof cases / sizeof *cases);
}
