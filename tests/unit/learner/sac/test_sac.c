#include "tests/support/small_sac.h"
#include <stdlib.h>
#include <string.h>

// --- against PyTorch: the inputs as tests/data/sac.py draws them ---

// Dense, as PyTorch has them, and from there into the backend's order.
static void draw_net(struct numbers *numbers, const struct mlp *net, real *parameters, double last_bias) {
  const struct mlp dense_net = mlp_dense(net);
  real *dense = small_sac_reals(dense_net.parameters);
  for (uint32_t i = 0; i < net->layers; i++) {
    const struct mlp_layer *layer = &dense_net.layer[i];
    small_sac_draw(numbers, (size_t)layer->in * layer->out, 0.6, 0, dense + layer->weight);
    small_sac_draw(numbers, layer->out, 0.2, 0, dense + layer->bias);
    if (!layer->norm) continue;
    small_sac_draw(numbers, layer->out, 0.3, 1, dense + layer->norm_scale);
    small_sac_draw(numbers, layer->out, 0.2, 0, dense + layer->norm_shift);
  }
  dense[dense_net.parameters - 1] += (real)last_bias;
  mlp_import(net, dense, parameters);
  free(dense);
}

static void draw_batch(struct numbers *numbers, const struct sac *sac, struct sac_batch *batch) {
  small_sac_draw_rows(numbers, batch);
  small_sac_draw(numbers, batch->rows * ACT, 1.7, 0, batch->noise);
  small_sac_draw(numbers, batch->rows * ACT, 1.7, 0, batch->noise_next);
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
  real *dense = small_sac_reals(count * size);
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
  struct sac sac = small_sac_make(config, threads);
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
  small_sac_drop(&sac);
  reference_release(&reference);
}

static void compare_all(const char *path, uint64_t seed, struct config *config, double wide) {
  for (int i = 0; i < BACKEND_COUNT; i++) {
    snprintf(config->backend, sizeof config->backend, "%s", BACKENDS[i]);
    for (unsigned threads = 1; threads <= 3; threads++) compare(path, seed, config, wide, threads);
  }
}

static void test_twin(void) {
  struct config config = small_sac_config();
  compare_all("tests/data/sac_twin.bin", 1, &config, 0);
}

static void test_redq(void) {
  struct config config = small_sac_config();
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

static void test_fixed_alpha(void) {
  static const double values[] = {0.2, 0};
  struct config config = small_sac_config();
  config.alpha.is_auto = false;
  for (int i = 0; i < 2; i++) {
    config.alpha.value = values[i];
    struct sac sac = small_sac_make(&config, 1);
    struct numbers numbers = {4};
    for (int update = 0; update < 5; update++) {
      struct sac_losses losses;
      CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
      CU_ASSERT_DOUBLE_EQUAL(losses.alpha, values[i], 1e-15);
      CU_ASSERT_EQUAL(losses.alpha_loss, 0);
      CU_ASSERT_TRUE(isfinite(losses.policy_loss));
    }
    small_sac_drop(&sac);
  }
}

// An entropy above the target lowers alpha, one below it raises alpha.
static void test_automatic_alpha(void) {
  static const double targets[] = {-100, 100};
  const struct config config = small_sac_config();
  for (int i = 0; i < 2; i++) {
    struct sac sac = small_sac_make(&config, 1);
    sac.target_entropy = targets[i];
    struct numbers numbers = {4};
    struct sac_losses losses;
    CU_ASSERT_EQUAL(small_sac_update(&sac, &numbers, &losses, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(losses.alpha, 1);
    CU_ASSERT_DOUBLE_EQUAL(sac.log_alpha, i == 0 ? -2e-3 : 2e-3, 1e-9);
    small_sac_drop(&sac);
  }
}

static struct sac make_for_draws(void) {
  struct config config = small_sac_config();
  config.batch_size = 1000;
  config.critics = 6;
  config.target_subset = 3;
  return small_sac_make(&config, 1);
}

static void test_draw_subset(void) {
  struct sac sac = make_for_draws();
  const struct sac_batch *batch = sac_batch(&sac);
  int drawn[6] = {0};
  CU_ASSERT_EQUAL(batch->rows, 1000);
  for (sac.updates = 0; sac.updates < 600; sac.updates++) {
    sac_draw(&sac, 77);
    for (int i = 0; i < 3; i++) {
      CU_ASSERT_TRUE_FATAL(batch->subset[i] < 6);
      drawn[batch->subset[i]]++;
      for (int j = 0; j < i; j++) CU_ASSERT_NOT_EQUAL(batch->subset[i], batch->subset[j]);
    }
  }
  for (int k = 0; k < 6; k++) { // 300 are expected, sigma is 12
    CU_ASSERT_TRUE(drawn[k] > 240);
    CU_ASSERT_TRUE(drawn[k] < 360);
  }
  small_sac_drop(&sac);
}

static void test_draw_noise(void) {
  struct sac sac = make_for_draws();
  const struct sac_batch *batch = sac_batch(&sac);
  const size_t count = batch->rows * ACT;
  double sum = 0, square = 0, both = 0;
  sac.updates = 599;
  sac_draw(&sac, 77);
  for (size_t i = 0; i < count; i++) {
    sum += (double)batch->noise[i];
    square += (double)batch->noise[i] * (double)batch->noise[i];
    both += (double)batch->noise[i] * (double)batch->noise_next[i];
  }
  CU_ASSERT_DOUBLE_EQUAL(sum / (double)count, 0, 0.1);
  CU_ASSERT_DOUBLE_EQUAL(square / (double)count, 1, 0.15);
  CU_ASSERT_DOUBLE_EQUAL(both / (double)count, 0, 0.1); // noise at s and at s' are not the same
  small_sac_drop(&sac);
}

static void test_draw_again(void) {
  struct sac sac = make_for_draws(), again = make_for_draws();
  const struct sac_batch *batch = sac_batch(&sac), *other = sac_batch(&again);
  const size_t size = batch->rows * ACT * sizeof(real);
  for (sac.updates = 0; sac.updates < 10; sac.updates++) sac_draw(&sac, 77);
  again.updates = --sac.updates; // the update's number decides, not what was drawn before
  sac_draw(&again, 77);
  CU_ASSERT_EQUAL(memcmp(batch->noise, other->noise, size), 0);
  CU_ASSERT_EQUAL(memcmp(batch->noise_next, other->noise_next, size), 0);
  CU_ASSERT_EQUAL(memcmp(batch->subset, other->subset, 3 * sizeof(uint32_t)), 0);
  again.updates++;
  sac_draw(&again, 77);
  CU_ASSERT_NOT_EQUAL(memcmp(batch->noise, other->noise, size), 0);
  small_sac_drop(&sac);
  small_sac_drop(&again);
}

static void test_defaults(void) {
  struct config config = small_sac_config();
  config.critics = 3;
  struct sac sac = small_sac_make(&config, 1);
  CU_ASSERT_EQUAL(sac.target_subset, 3);
  CU_ASSERT_EQUAL(sac.target_entropy, -ACT);
  CU_ASSERT_EQUAL(sac.log_alpha, 0);
  sac_draw(&sac, 1);
  for (uint32_t k = 0; k < 3; k++) CU_ASSERT_EQUAL(sac_batch(&sac)->subset[k], k);
  small_sac_drop(&sac);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"two critics: losses, gradients, parameters and moments are PyTorch's, with 1, 2 and 3 threads", test_twin},
      {"five critics, a subset of two, layer norm, n-step discounts: PyTorch's, too", test_redq},
      {"a fixed temperature stays, 0 included", test_fixed_alpha},
      {"an automatic temperature moves towards the entropy asked for", test_automatic_alpha},
      {"the subset's critics are distinct and uniform", test_draw_subset},
      {"noise at s and at s' is normal and independent", test_draw_noise},
      {"noise and subset depend on seed and update alone", test_draw_again},
      {"automatic values are resolved", test_defaults},
  };
  return unit_run("sac", cases, sizeof cases / sizeof *cases);
}
