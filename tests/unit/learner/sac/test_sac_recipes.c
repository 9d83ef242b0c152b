// Updates of recipes beyond plain SAC against PyTorch in float64: tests/data/recipes.py.
#include "common/nn/mlp_sphere.h"
#include "tests/support/allocations.h"
#include "tests/support/small_sac.h"
#include <string.h>

struct recipe {
  const char *name;
  uint64_t seed;
  struct config config;
  double rate_over; // updates after which a learning rate is at its end
};

// PLAIN of recipes.py.
#define PLAIN                                                                                                          \
  .batch_size = 12, .critics = 2, .critic_hidden = {2, {12, 10}}, .policy_hidden = {2, {9, 7}}, .expansion = 4,        \
  .tau = 0.005, .lr_actor = 1e-3, .lr_critic = 1e-3, .lr_alpha = 1e-3, .lr_final = 1, .alpha.is_auto = true,           \
  .alpha_start = 1, .target_entropy = {.value = -ACT}, .log_std_min = -20, .log_std_max = 2, .policy_delay = 1,        \
  .reward_scale = 1, .gamma = 0.97, .value_min = -5, .value_max = 5

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct recipe RECIPES[] = {
    {"xqc",
     11,
     {PLAIN, .critic_norm = "batch", .policy_norm = "batch", .unit_weights = true, .critic_loss = "categorical",
      .value_atoms = 21, .alpha_start = 0.01, .target_entropy = {.value = -ACT / 2.0}, .log_std_min = -10,
      .policy_delay = 3, .lr_schedule = "linear", .lr_final = 0.1},
     20},
    {"flashsac",
     12,
     {PLAIN,
      .network = "residual",
      .critic_hidden = {2, {8, 8}},
      .policy_hidden = {2, {6, 6}},
      .critic_norm = "batch",
      .policy_norm = "batch",
      .output_norm = "rms",
      .unit_weights = true,
      .critic_loss = "categorical",
      .value_atoms = 21,
      .alpha_start = 0.01,
      .log_std_min = -10,
      .log_std_form = "tanh",
      .policy_delay = 2,
      .policy_first = true,
      .policy_joint = true,
      .lr_schedule = "cosine",
      .lr_final = 0.5,
      .tau = 0.01,
      .target_entropy = {.value = -0.9563629033624172}}, // n/2 log(2 pi e 0.15^2)
     20},
    {"odd_batch",
     13,
     {PLAIN, .batch_size = 13, .critics = 3, .critic_hidden = {1, {17}}, .policy_hidden = {1, {19}},
      .critic_norm = "batch", .unit_weights = true, .gradient_clip = 0.5},
     20},
    {"odd_layer",
     14,
     {PLAIN, .batch_size = 11, .critics = 3, .critic_hidden = {2, {17, 5}}, .policy_norm = "batch",
      .critic_norm = "layer", .critic_loss = "categorical", .value_atoms = 7, .value_min = -1, .value_max = 3,
      .policy_first = true, .policy_delay = 2},
     20},
    {"odd_residual",
     15,
     {PLAIN, .batch_size = 10, .network = "residual", .critic_hidden = {1, {7}}, .policy_hidden = {1, {5}},
      .expansion = 3, .output_norm = "rms", .lr_schedule = "cosine", .lr_final = 0},
     20},
    {"odd_fixed",
     16,
     {PLAIN, .batch_size = 9, .critics = 1, .critic_hidden = {1, {33}}, .policy_hidden = {2, {18, 3}},
      .output_norm = "rms", .unit_weights = true, .critic_loss = "categorical", .value_atoms = 5, .value_min = -2,
      .value_max = 2, .alpha = {.value = 0}, .log_std_min = -5, .log_std_max = 1, .log_std_form = "tanh",
      .lr_schedule = "linear", .lr_final = 0.25, .gradient_clip = 0.05},
     20},
    {"odd_mixed",
     17,
     {PLAIN, .batch_size = 19, .critics = 3, .network = "residual", .critic_hidden = {3, {9, 9, 9}},
      .policy_hidden = {1, {18}}, .expansion = 1, .critic_norm = "batch", .unit_weights = true, .alpha = {.value = 0.3},
      .policy_delay = 3, .policy_first = true, .gradient_clip = 0.1},
     20},
    {"odd_joint",
     18,
     {PLAIN, .batch_size = 2, .network = "residual", .critic_hidden = {1, {5}}, .policy_hidden = {2, {6, 6}},
      .expansion = 2, .critic_norm = "layer", .output_norm = "rms", .policy_norm = "batch", .policy_joint = true,
      .critic_loss = "categorical", .value_atoms = 3, .value_min = -1, .value_max = 1, .tau = 1},
     20},
};
#pragma GCC diagnostic pop
enum { RECIPE_COUNT = sizeof RECIPES / sizeof *RECIPES };

// --- the inputs as recipes.py draws them ---

static real *draw_norm(struct numbers *numbers, size_t count, real *at) {
  small_sac_draw(numbers, count, 0.2, 1, at);
  small_sac_draw(numbers, count, 0.2, 0, at + count);
  return at + 2 * count;
}

static void draw_net(struct numbers *numbers, const struct sac *sac, const struct mlp *net, real *parameters,
                     real *statistics) {
  real *dense = small_sac_reals(mlp_dense_size(net)), *at = dense;
  if (net->batch) at = draw_norm(numbers, net->input, at);
  for (uint32_t l = 0; l < net->layers; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    const size_t size = (size_t)layer->in * layer->out;
    if (net->rms && l + 1 == net->layers) {
      small_sac_draw(numbers, layer->in, 0.2, 1, at);
      at += layer->in;
    }
    small_sac_draw(numbers, size, 0.6, 0, at);
    at += size;
    if (layer->biased) small_sac_draw(numbers, layer->out, 0.2, 0, at);
    at += layer->biased ? layer->out : 0;
    if (layer->norm) at = draw_norm(numbers, layer->out, at);
  }
  CU_ASSERT_PTR_EQUAL(at, dense + mlp_dense_size(net));
  mlp_import(net, dense, parameters);
  free(dense);

  real *running = statistics;
  for (uint32_t l = 0; net->batch && l <= net->layers; l++) {
    const size_t width = l == 0 ? net->input : net->layer[l - 1].norm == MLP_NORM_BATCH ? net->layer[l - 1].out : 0;
    small_sac_draw(numbers, width, 0.3, 0, running);
    small_sac_draw(numbers, width, 0.5, 1, running + width);
    running += 2 * width;
  }
  if (sac->unit_weights) mlp_project(net, parameters, 0, 1);
}

static void draw_batch(struct numbers *numbers, struct sac_batch *batch) {
  const size_t rows = batch->rows, width = batch->width;
  for (size_t i = 0; i < rows; i++) small_sac_draw(numbers, OBS, 2, 0, batch->input + i * width);
  for (size_t i = 0; i < rows; i++) small_sac_draw(numbers, ACT, 1, 0, batch->input + i * width + OBS);
  small_sac_draw(numbers, rows, 1, 0, batch->reward);
  for (size_t i = 0; i < rows; i++) small_sac_draw(numbers, OBS, 2, 0, batch->next_input + i * width);
  for (size_t i = 0; i < rows; i++) {
    const int steps = (int)(numbers_word(numbers) % 4);
    batch->discount[i] = (real)(steps == 0 ? 0 : pow(0.97, steps));
  }
  small_sac_draw(numbers, rows * ACT, 1.7, 0, batch->noise);
  small_sac_draw(numbers, rows * ACT, 1.7, 0, batch->noise_next);
}

static struct sac make(const struct recipe *recipe, int backend, unsigned threads, struct numbers *numbers) {
  struct config config = recipe->config;
  snprintf(config.backend, sizeof config.backend, "%s", BACKENDS[backend]);
  struct sac sac = small_sac_make(&config, threads);
  struct critics *critics = &sac.critics;
  const struct mlp *net = &critics->net;
  *numbers = (struct numbers){recipe->seed};
  draw_net(numbers, &sac, &sac.policy_net, sac.policy, sac.policy_statistics);
  for (size_t k = 0; k < critics->count; k++)
    draw_net(numbers, &sac, net, critics->parameters + k * net->parameters, critics->statistics + k * net->statistics);
  for (size_t k = 0; k < critics->count; k++)
    draw_net(numbers, &sac, net, critics->targets + k * net->parameters,
             critics->target_statistics + k * net->statistics);
  sac_refresh(&sac);
  return sac;
}

static void update(const struct recipe *recipe, struct sac *sac, struct numbers *numbers, struct sac_losses *losses) {
  struct sac_batch *batch = sac_batch(sac);
  draw_batch(numbers, batch);
  batch->progress = fmin(1, (double)sac->updates / recipe->rate_over);
  struct error error = {0};
  UNIT_STATUS(sac_update(sac, losses, &error), STATUS_OK, &error);
}

// --- the comparison ---

struct comparison {
  const struct recipe *recipe;
  struct reference reference;
  int update;
  double tolerance, worst; // norm-wise
};

// |a - b| <= tolerance |b|, Euclidean; what is tiny (the gradient before a norm of a bias) counts against 1e-6.
static void check_values(struct comparison *c, const char *name, const real *found, size_t count, double factor) {
  char key[64];
  snprintf(key, sizeof key, "%s%d", name, c->update);
  const double *expected = reference_get(&c->reference, key, count);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    const double gap = (double)found[i] - factor * expected[i];
    difference += gap * gap;
    norm += factor * expected[i] * factor * expected[i];
  }
  const double off = difference == 0 ? 0 : sqrt(difference / fmax(norm, 1e-12));
  c->worst = fmax(c->worst, off);
  CU_ASSERT_TRUE(off <= c->tolerance);
  if (!(off <= c->tolerance)) printf("\n  %s, %s: off by %.2g, allowed %.2g ", c->recipe->name, key, off, c->tolerance);
}

static void check_nets(struct comparison *c, const char *name, const struct mlp *net, size_t count, const real *values,
                       double factor) {
  const size_t size = mlp_dense_size(net);
  real *dense = small_sac_reals(count * size);
  for (size_t k = 0; k < count; k++) mlp_export(net, values + k * net->parameters, dense + k * size);
  check_values(c, name, dense, count * size, factor);
  free(dense);
}

// What gradient_clip makes of the reference's gradient, which is that before it.
static double clip_factor(const struct comparison *c, const char *name, const struct mlp *net, size_t count) {
  char key[64];
  double square = 0;
  const size_t size = count * mlp_dense_size(net);
  snprintf(key, sizeof key, "%s%d", name, c->update);
  const double *gradient = reference_get(&c->reference, key, size), most = c->recipe->config.gradient_clip;
  for (size_t i = 0; i < size; i++) square += gradient[i] * gradient[i];
  return most > 0 ? fmin(1, most / sqrt(square)) : 1;
}

static void check_number(struct comparison *c, const char *name, double found, double expected) {
  const double off = fabs(found - expected) / fmax(1, fabs(expected));
  c->worst = fmax(c->worst, off);
  CU_ASSERT_TRUE(off <= c->tolerance);
  if (!(off <= c->tolerance))
    printf("\n  %s, %s%d: %.17g, not %.17g ", c->recipe->name, name, c->update, found, expected);
}

static void check_losses(struct comparison *c, const struct sac_losses *losses) {
  char key[64];
  snprintf(key, sizeof key, "critics_losses%d", c->update);
  const double *expected = reference_get(&c->reference, key, 2);
  check_number(c, "critic_loss", losses->critic_loss, expected[0]);
  check_number(c, "q_mean", losses->q_mean, expected[1]);
  const uint64_t delay = c->recipe->config.policy_delay;
  const bool steps = (uint64_t)(c->update - 1) % delay == 0;
  CU_ASSERT_EQUAL(losses->policy_weight, steps ? (double)delay : 0);
  if (!steps) return;
  snprintf(key, sizeof key, "policy_losses%d", c->update);
  expected = reference_get(&c->reference, key, 4);
  check_number(c, "policy_loss", losses->policy_loss, expected[0]);
  check_number(c, "entropy", losses->entropy, expected[1]);
  check_number(c, "alpha_loss", losses->alpha_loss, expected[2]);
  check_number(c, "alpha", losses->alpha, expected[3]);
}

static void check_state(struct comparison *c, const struct sac *sac) {
  const struct critics *critics = &sac->critics;
  const struct mlp *critic = &critics->net, *policy = &sac->policy_net;
  const size_t count = critics->count;
  check_nets(c, "critics_gradient", critic, count, sac_critics_gradient(sac),
             clip_factor(c, "critics_gradient", critic, count));
  check_nets(c, "critics", critic, count, critics->parameters, 1);
  check_nets(c, "targets", critic, count, critics->targets, 1);
  check_values(c, "critics_statistics", critics->statistics, count * critic->statistics, 1);
  check_values(c, "targets_statistics", critics->target_statistics, count * critic->statistics, 1);
  check_nets(c, "policy_gradient", policy, 1, sac_policy_gradient(sac), clip_factor(c, "policy_gradient", policy, 1));
  check_nets(c, "policy", policy, 1, sac->policy, 1);
  check_values(c, "policy_statistics", sac->policy_statistics, policy->statistics, 1);
  char key[64];
  snprintf(key, sizeof key, "log_alpha%d", c->update);
  check_number(c, "log_alpha", sac->log_alpha, *reference_get(&c->reference, key, 1));
}

// Float: the first update's rounding is some 1e-6, in odd_layer 2.5e-4 on x86-64 and 5.5e-4 on arm64. Adam's first
// steps are near rate * sign(gradient), so that a gradient within rounding of 0 may turn a whole step, and twenty of
// them feed each other.
static void compare(const struct recipe *recipe, int backend, unsigned threads) {
  char path[64];
  snprintf(path, sizeof path, "tests/data/recipe_%s.bin", recipe->name);
  struct comparison c = {.recipe = recipe, .reference = reference_open(path)};
  struct numbers numbers;
  struct sac sac = make(recipe, backend, threads, &numbers);
  for (c.update = 1; c.update <= UPDATES; c.update++) {
    struct sac_losses losses = {0};
    c.tolerance = IN_DOUBLE ? 1e-9 : c.update == 1 ? 1e-3 : 2e-2;
    update(recipe, &sac, &numbers, &losses);
    check_losses(&c, &losses);
    if (c.update == 1 || c.update == UPDATES) check_state(&c, &sac);
    if (getenv("CORSAC_TEST_SHOW") && (c.update == 1 || c.update == UPDATES))
      printf("\n  %s, %s, %u threads: %.2g after update %d ", recipe->name, BACKENDS[backend], threads, c.worst,
             c.update);
  }
  small_sac_drop(&sac);
  reference_release(&c.reference);
}

static void compare_all(const char *name) {
  for (int r = 0; r < RECIPE_COUNT; r++) {
    if (strcmp(RECIPES[r].name, name) != 0) continue;
    for (int backend = 0; backend < BACKEND_COUNT; backend++)
      for (unsigned threads = 1; threads <= 3; threads++) compare(&RECIPES[r], backend, threads);
  }
}

static void test_xqc(void) { compare_all("xqc"); }
static void test_flashsac(void) { compare_all("flashsac"); }
static void test_odd_batch(void) { compare_all("odd_batch"); }
static void test_odd_layer(void) { compare_all("odd_layer"); }
static void test_odd_residual(void) { compare_all("odd_residual"); }
static void test_odd_fixed(void) { compare_all("odd_fixed"); }
static void test_odd_mixed(void) { compare_all("odd_mixed"); }
static void test_odd_joint(void) { compare_all("odd_joint"); }

// --- the same bits ---

static bool same(const real *one, const real *two, size_t count) { return memcmp(one, two, count * sizeof *one) == 0; }

static void check_same(const struct sac *one, const struct sac *two) {
  const struct critics *a = &one->critics, *b = &two->critics;
  const size_t statistics = a->count * a->net.statistics, policy = one->policy_net.parameters;
  CU_ASSERT_TRUE(same(a->parameters, b->parameters, a->size));
  CU_ASSERT_TRUE(same(a->targets, b->targets, a->size));
  CU_ASSERT_TRUE(same(a->statistics, b->statistics, statistics));
  CU_ASSERT_TRUE(same(a->target_statistics, b->target_statistics, statistics));
  CU_ASSERT_TRUE(same(one->critics_adam.m, two->critics_adam.m, a->size));
  CU_ASSERT_TRUE(same(one->critics_adam.v, two->critics_adam.v, a->size));
  CU_ASSERT_TRUE(same(one->policy, two->policy, policy));
  CU_ASSERT_TRUE(same(one->policy_statistics, two->policy_statistics, one->policy_net.statistics));
  CU_ASSERT_TRUE(same(one->policy_adam.m, two->policy_adam.m, policy));
  CU_ASSERT_TRUE(same(one->policy_adam.v, two->policy_adam.v, policy));
  CU_ASSERT_TRUE(same(one->acting, two->acting, one->acting_net.parameters));
  CU_ASSERT_EQUAL(one->log_alpha, two->log_alpha);
}

// Updates both from the same numbers.
static void check_together(const struct recipe *recipe, struct sac *one, struct sac *two, struct numbers numbers) {
  struct numbers other = numbers;
  for (int u = 0; u < UPDATES; u++) {
    struct sac_losses a = {0}, b = {0};
    update(recipe, one, &numbers, &a);
    update(recipe, two, &other, &b);
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof a), 0);
  }
  check_same(one, two);
}

// On tiles for any number of threads; OpenBLAS promises the same bits for the same number.
static void test_bits(void) {
  const int backend = BACKEND_COUNT - 1;
  for (int r = 0; r < RECIPE_COUNT; r++) {
    for (unsigned threads = 1; threads <= 4; threads++) {
      struct numbers numbers;
      struct sac one = make(&RECIPES[r], backend, IN_DOUBLE ? threads : 1, &numbers);
      struct sac two = make(&RECIPES[r], backend, threads, &numbers);
      check_together(&RECIPES[r], &one, &two, numbers);
      small_sac_drop(&one);
      small_sac_drop(&two);
    }
  }
}

// All that a checkpoint has to hold.
static void copy_state(const struct sac *from, struct sac *to) {
  const struct critics *a = &from->critics, *b = &to->critics;
  const size_t policy = from->policy_net.parameters * sizeof(real), critics = a->size * sizeof(real);
  const size_t statistics = a->count * a->net.statistics * sizeof(real);
  memcpy(to->policy, from->policy, policy);
  memcpy(to->policy_statistics, from->policy_statistics, from->policy_net.statistics * sizeof(real));
  memcpy(to->policy_adam.m, from->policy_adam.m, policy);
  memcpy(to->policy_adam.v, from->policy_adam.v, policy);
  memcpy(b->parameters, a->parameters, critics);
  memcpy(b->targets, a->targets, critics);
  memcpy(b->statistics, a->statistics, statistics);
  memcpy(b->target_statistics, a->target_statistics, statistics);
  memcpy(to->critics_adam.m, from->critics_adam.m, critics);
  memcpy(to->critics_adam.v, from->critics_adam.v, critics);
  to->policy_adam.step = from->policy_adam.step;
  to->critics_adam.step = from->critics_adam.step;
  to->alpha_adam = from->alpha_adam;
  to->log_alpha = from->log_alpha;
  to->updates = from->updates;
  sac_refresh(to);
}

// From each number of updates, since policy_delay makes them differ.
static void test_state(void) {
  for (int r = 0; r < RECIPE_COUNT; r++) {
    for (int before = 1; before <= 3; before++) {
      struct numbers numbers, other;
      struct sac one = make(&RECIPES[r], BACKEND_COUNT - 1, 2, &numbers);
      struct sac two = make(&RECIPES[r], BACKEND_COUNT - 1, 2, &other);
      struct sac_losses losses;
      for (int u = 0; u < before; u++) update(&RECIPES[r], &one, &numbers, &losses);
      other.state++;
      for (int u = 0; u < 4; u++) update(&RECIPES[r], &two, &other, &losses);
      copy_state(&one, &two);
      check_together(&RECIPES[r], &one, &two, numbers);
      small_sac_drop(&one);
      small_sac_drop(&two);
    }
  }
}

static void test_no_allocation(void) {
  if (!allocations_counted()) return;
  for (int r = 0; r < RECIPE_COUNT; r++) {
    struct numbers numbers;
    struct sac sac = make(&RECIPES[r], BACKEND_COUNT - 1, 2, &numbers);
    struct sac_losses losses;
    for (int u = 0; u < 3; u++) update(&RECIPES[r], &sac, &numbers, &losses);
    const size_t start = allocations_count();
    for (int u = 0; u < 6; u++) update(&RECIPES[r], &sac, &numbers, &losses);
    CU_ASSERT_EQUAL(allocations_count(), start);
    small_sac_drop(&sac);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"xqc is PyTorch's: losses, gradients, parameters, statistics, with 1, 2 and 3 threads", test_xqc},
      {"flashsac likewise", test_flashsac},
      {"odd shapes with batch norm, unit weights and clipped gradients likewise", test_odd_batch},
      {"odd shapes with layer norm, a policy with batch norm, a categorical loss, the policy first likewise",
       test_odd_layer},
      {"residual networks without batch norm likewise", test_odd_residual},
      {"one critic, alpha 0, RMS norm without batch norm, a bounded deviation likewise", test_odd_fixed},
      {"three residual critics with batch norm, a mean square loss, a fixed alpha likewise", test_odd_mixed},
      {"a batch of two rows, statistics of states and next states, critics with layer norm likewise", test_odd_joint},
      {"on tiles any number of threads gives the same bits", test_bits},
      {"nothing but what a checkpoint holds goes from one update to the next", test_state},
      {"nothing is allocated in an update", test_no_allocation},
  };
  return unit_run("sac_recipes", cases, sizeof cases / sizeof *cases);
}
