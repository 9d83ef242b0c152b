// Prints a hash of what each piece of the arithmetic computes: lines that must be the same on every processor, with
// each CORSAC_TILES. `make check-cpus` and `make check-arm64` compare them.
#include "common/base/logarithm.h"
#include "common/base/random.h"
#include "common/nn/backend.h"
#include "common/nn/exponential.h"
#include "common/nn/linalg.h"
#include "common/nn/normalizer.h"
#include "common/nn/squashed_gaussian.h"
#include "common/nn/tiles.h"
#include "learner/sac/adam.h"
#include "learner/sac/sac.h"
#include "tests/support/reference.h"
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 3001 }; // of numbers for the element-wise functions: not a multiple of any vector

// FNV-1a (Fowler, Noll and Vo)
static const uint64_t START = 0xcbf29ce484222325;
static uint64_t hash(uint64_t h, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++) h = (h ^ bytes[i]) * 0x100000001b3;
  return h;
}
static void print(const char *name, uint64_t h) { printf("%-24s %016llx\n", name, (unsigned long long)h); }

static void *take(size_t count, size_t size) {
  void *memory = calloc(count + 1, size);
  if (!memory) exit(1);
  return memory;
}

static float *draw(struct numbers *numbers, size_t count, double scale) {
  float *x = take(count, sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)(scale * numbers_uniform(numbers));
  return x;
}

// --- products ---

static uint64_t products_of(uint64_t h, struct numbers *numbers, size_t rows, size_t in, size_t out) {
  const struct tiles *tiles = tiles_best();
  const size_t size = tiles_size(in, out), back = tiles_size(out, in);
  float *x = draw(numbers, rows * in, 1), *dense = draw(numbers, in * out, 1), *b = draw(numbers, out, 1);
  float *mask = draw(numbers, rows * out, 1), *w = take(size, sizeof *w), *transposed = take(back, sizeof *w);
  float *y = take(rows * out, sizeof *y), *dw = take(size, sizeof *dw), *db = take(tiles_padded(out), sizeof *db);
  tiles_pack(in, out, dense, w);
  for (int epilogue = TILES_PLAIN; epilogue <= TILES_MASK; epilogue++) {
    tiles->forward(&(struct tiles_product){rows, in, out, x, in, w, b, y, out, (enum tiles_epilogue)epilogue, mask});
    h = hash(h, y, rows * out * sizeof *y);
  }
  tiles->transpose(in, out, w, 0, in, transposed);
  for (int add = 0; add < 2; add++)
    tiles->weight_gradient(
        &(struct tiles_gradient){rows, in, out, x, in, y, out, dw, db, add, 0, tiles_panels(in, out), NULL});
  h = hash(hash(hash(h, transposed, back * sizeof *w), dw, size * sizeof *dw), db, out * sizeof *db);
  void *taken[] = {x, dense, b, mask, w, transposed, y, dw, db};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) free(taken[i]);
  return h;
}

static void products(void) {
  static const size_t sizes[] = {1, 2, 3, 5, 8, 9, 15, 16, 17, 31, 33, 48, 70};
  enum { SIZES = sizeof sizes / sizeof *sizes };
  struct numbers numbers = {1};
  uint64_t wide = START, narrow = START;
  for (size_t i = 0; i < SIZES * SIZES * SIZES; i++) {
    const size_t out = sizes[i % SIZES], in = sizes[i / SIZES % SIZES], rows = sizes[i / SIZES / SIZES];
    uint64_t *h = tiles_is_narrow(out) ? &narrow : &wide;
    *h = products_of(*h, &numbers, rows, in, out);
  }
  print("wide products", products_of(wide, &numbers, 150, 300, 40));
  print("narrow products", products_of(narrow, &numbers, 150, 300, 6));
}

// --- functions of each element ---

static void functions(void) {
  struct numbers numbers = {2};
  uint64_t exponentials = START, logarithms = START;
  for (int i = 0; i < 100000; i++) {
    const double u = numbers_uniform(&numbers), all = 700 * u, ln = logarithm(1e-9 + 10 * (1 + u) * (i % 100));
    const struct exponential far = exponential(all), near = exponential(u);
    exponentials = hash(hash(exponentials, &far, sizeof far), &near, sizeof near);
    logarithms = hash(logarithms, &ln, sizeof ln);
  }
  print("exponential", exponentials);
  print("logarithm", logarithms);

  static double many[COUNT];
  struct random random = random_stream(3, RANDOM_NOISE, 0, 0);
  random_normals(&random, COUNT, many);
  print("normals", hash(START, many, sizeof many));
}

static void policy_head(void) {
  enum { DIM = 3, ROWS = COUNT / DIM };
  struct numbers numbers = {4};
  float *head = draw(&numbers, (size_t)2 * ROWS * DIM, 4), *eps = draw(&numbers, (size_t)ROWS * DIM, 4);
  float *d_action = draw(&numbers, (size_t)ROWS * DIM, 1);
  static float action[ROWS * DIM], mode[ROWS * DIM], log_probability[ROWS], d_head[2 * ROWS * DIM];
  squashed_gaussian_sample(&log_std_plain, ROWS, DIM, head, eps, action, log_probability);
  squashed_gaussian_mode(ROWS, DIM, head, mode);
  squashed_gaussian_backward(&log_std_plain, ROWS, DIM, head, eps,
                             &(struct squashed_gaussian_gradient){0.3F, d_action, d_head});
  print("actions", hash(hash(START, action, sizeof action), mode, sizeof mode));
  print("log probabilities", hash(START, log_probability, sizeof log_probability));
  print("their gradients", hash(START, d_head, sizeof d_head));
  free(head), free(eps), free(d_action);
}

static void normalizer(void) {
  enum { DIM = 7, ROWS = COUNT / DIM };
  struct numbers numbers = {5};
  struct normalizer normalizer;
  if (normalizer_init(&normalizer, DIM, NULL) != STATUS_OK) exit(1);
  float *obs = draw(&numbers, (size_t)ROWS * DIM, 9), shift[DIM], scale[DIM];
  static float out[ROWS * DIM];
  for (size_t r = 0; r < ROWS; r++) normalizer_update(&normalizer, obs + r * DIM);
  normalizer_export(&normalizer, shift, scale);
  normalizer_apply(ROWS, DIM, shift, scale, obs, out);
  print("normalizer", hash(hash(START, normalizer.m2, DIM * sizeof(double)), out, sizeof out));
  normalizer_release(&normalizer);
  free(obs);
}

static void adam(void) {
  struct numbers numbers = {6};
  struct adam adam;
  if (adam_init(&adam, COUNT, 1e-3, NULL) != STATUS_OK) exit(1);
  float *parameters = draw(&numbers, COUNT, 1);
  for (int step = 0; step < 50; step++) {
    float *gradient = draw(&numbers, COUNT, step % 2 ? 1e-3 : 10);
    adam_begin(&adam, 1);
    adam_apply(&adam, 0, COUNT, gradient, parameters);
    free(gradient);
  }
  print("Adam", hash(hash(START, parameters, COUNT * sizeof *parameters), adam.v, COUNT * sizeof *adam.v));
  adam_release(&adam);
  free(parameters);
}

// --- updates as a whole ---

static void fill(struct numbers *numbers, size_t count, real *to) {
  for (size_t i = 0; i < count; i++) to[i] = (real)(2 * numbers_uniform(numbers));
}

enum { OBS = 11, ACT = 5, UPDATES = 40, ROWS = 52 };

static void print_of(const char *job, const char *name, uint64_t h) {
  char line[64];
  snprintf(line, sizeof line, "%s%s%s", job, *job ? " " : "", name);
  print(line, h);
}

static void print_state(const char *job, const struct sac *sac) {
  const struct critics *critics = &sac->critics;
  const size_t acting = sac->acting_net.parameters, policy = sac->policy_net.statistics,
               statistics = critics->count * critics->net.statistics;
  print_of(job, "policy", hash(START, sac->policy, sac->policy_net.parameters * sizeof(real)));
  print_of(job, "critics", hash(START, critics->parameters, critics->size * sizeof(real)));
  print_of(job, "targets", hash(START, critics->targets, critics->size * sizeof(real)));
  print_of(job, "temperature", hash(START, &sac->log_alpha, sizeof sac->log_alpha));
  if (!*job) return;
  uint64_t h = hash(START, sac->policy_statistics, policy * sizeof(real));
  h = hash(h, critics->statistics, statistics * sizeof(real));
  print_of(job, "statistics", hash(h, critics->target_statistics, statistics * sizeof(real)));
  print_of(job, "acting", hash(START, sac->acting, acting * sizeof(real)));
}

static void updates(const char *job, const struct config *config, unsigned threads) {
  struct thread_team *team = thread_team_create(threads, NULL);
  struct sac sac;
  if (!team || sac_init(&sac, config, OBS, ACT, team, NULL) != STATUS_OK) exit(1);
  if (sac_init_parameters(&sac, 7, NULL) != STATUS_OK) exit(1);
  struct sac_batch *batch = sac_batch(&sac);
  struct numbers numbers = {7};
  uint64_t losses_hash = START;
  for (int i = 0; i < UPDATES; i++) {
    fill(&numbers, ROWS * batch->width, batch->input);
    fill(&numbers, ROWS * batch->width, batch->next_input);
    fill(&numbers, ROWS, batch->reward);
    for (size_t r = 0; r < ROWS; r++) batch->discount[r] = r % 5 ? (real)0.99 : 0;
    batch->progress = (double)i / UPDATES;
    sac_draw(&sac, 7);
    struct sac_losses losses = {0};
    if (sac_update(&sac, &losses, NULL) != STATUS_OK) exit(1);
    losses_hash = hash(losses_hash, &losses, offsetof(struct sac_losses, policy_weight));
  }
  print_of(job, "losses", losses_hash);
  print_state(job, &sac);
  sac_release(&sac);
  thread_team_destroy(team);
}

#define COMMON                                                                                                         \
  .backend = "tiles", .batch_size = ROWS, .gamma = 0.99, .tau = 0.005, .lr_actor = 1e-3, .lr_critic = 1e-3,            \
  .lr_alpha = 1e-3, .alpha.is_auto = true, .target_entropy.is_auto = true, .reward_scale = 1
#define RECIPE                                                                                                         \
  COMMON, .critics = 2, .critic_norm = "batch", .policy_norm = "batch", .unit_weights = true, .init = "orthogonal",    \
          .critic_loss = "categorical", .value_atoms = 21, .value_min = -5, .value_max = 5, .alpha_start = 0.01,       \
          .log_std_min = -10, .log_std_max = 2, .gradient_clip = 1

static const struct config plain = {COMMON, .hidden = {2, {40, 27}}, .critics = 3, .target_subset = 2,
                                    .critic_layer_norm = true};
static const struct config xqc = {RECIPE,
                                  .critic_hidden = {2, {40, 27}},
                                  .policy_hidden = {2, {24, 19}},
                                  .policy_delay = 3,
                                  .lr_schedule = "linear",
                                  .lr_final = 0.1};
static const struct config flashsac = {RECIPE,
                                       .network = "residual",
                                       .expansion = 3,
                                       .critic_hidden = {2, {24, 24}},
                                       .policy_hidden = {1, {19}},
                                       .output_norm = "rms",
                                       .log_std_form = "tanh",
                                       .policy_delay = 2,
                                       .policy_first = true,
                                       .policy_joint = true,
                                       .lr_schedule = "cosine",
                                       .lr_final = 0.5};

int main(void) {
  fprintf(stderr, "tiles: %s\n", tiles_best()->name);
  products();
  functions();
  policy_head();
  normalizer();
  adam();
  for (unsigned threads = 1; threads <= 3; threads += 2) {
    updates("", &plain, threads);
    updates("xqc", &xqc, threads);
    updates("flashsac", &flashsac, threads);
  }
  return 0;
}
