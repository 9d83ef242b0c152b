#include "common/nn/backend.h"
#include "common/nn/mlp.h"
#include "common/nn/tiles.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/h5_compare.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static void test_choose(void) {
  struct config config = {.backend = "openblas"};
  CU_ASSERT_STRING_EQUAL(backend_choose(&config), "openblas");
  CU_ASSERT_PTR_NULL(backend_tiles(&config));
  strcpy(config.backend, "tiles");
  CU_ASSERT_STRING_EQUAL(backend_choose(&config), "tiles");
  CU_ASSERT_PTR_EQUAL(backend_tiles(&config), tiles_best());
  strcpy(config.backend, "auto");
  CU_ASSERT_STRING_EQUAL(backend_choose(&config), tiles_are_fast() ? "tiles" : "openblas");
}

static void test_lowered(void) {
  for (int level = 0; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (!tiles) continue;
    setenv("CORSAC_TILES", tiles->name, 1);
    CU_ASSERT_PTR_EQUAL(tiles_best(), tiles);
  }
  setenv("CORSAC_TILES", "", 1);
  const struct tiles *best = tiles_best();
  unsetenv("CORSAC_TILES");
  CU_ASSERT_PTR_EQUAL(tiles_best(), best);
}

static float *dense_of(const struct mlp *net, size_t count, const float *parameters) {
  const size_t size = mlp_dense_size(net);
  float *dense = malloc(count * size * sizeof *dense);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dense);
  for (size_t k = 0; k < count; k++) mlp_export(net, parameters + k * net->parameters, dense + k * size);
  return dense;
}

static void check_nets(const struct mlp *a, const float *in_a, const struct mlp *b, const float *in_b, size_t count) {
  float *one = dense_of(a, count, in_a), *two = dense_of(b, count, in_b);
  CU_ASSERT_EQUAL(mlp_dense_size(a), mlp_dense_size(b));
  CU_ASSERT_EQUAL(memcmp(one, two, count * mlp_dense_size(a) * sizeof *one), 0);
  free(one), free(two);
}

// Written on one backend and read on the other: every network and every moment.
static void check_road(const char *path, const char *from, const char *to) {
  struct config config = small_config();
  struct job one, two;
  struct error error = {0};
  bool has_replay;
  config.critic_layer_norm = true;
  strcpy(config.backend, from);
  small_job_init(&one, &config);
  small_job_fill(&one, 1, 5);
  strcpy(config.backend, to);
  small_job_init(&two, &config);
  two.sac.transposed = true; // as after an update
  UNIT_STATUS(checkpoint_write(path, &one, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read(path, &two, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_FALSE(two.sac.transposed);
  const struct sac *a = &one.sac, *b = &two.sac;
  const struct mlp *critic_a = &a->critics.net, *critic_b = &b->critics.net;
  const size_t count = a->critics.count;
  check_nets(&a->policy_net, a->policy, &b->policy_net, b->policy, 1);
  check_nets(&a->policy_net, a->policy_adam.m, &b->policy_net, b->policy_adam.m, 1);
  check_nets(&a->policy_net, a->policy_adam.v, &b->policy_net, b->policy_adam.v, 1);
  check_nets(critic_a, a->critics.parameters, critic_b, b->critics.parameters, count);
  check_nets(critic_a, a->critics.targets, critic_b, b->critics.targets, count);
  check_nets(critic_a, a->critics_adam.m, critic_b, b->critics_adam.m, count);
  check_nets(critic_a, a->critics_adam.v, critic_b, b->critics_adam.v, count);
  job_release(&one);
  job_release(&two);
}

// The same numbers, written on either: the same file but for the words that say so.
static void check_file(const char *a, const char *b) {
  static const char *const ignored[] = {"/config", "@created", "/learner/seconds", NULL};
  for (int i = 0; i < 2; i++) {
    struct config config = small_config();
    struct job job;
    struct error error = {0};
    config.critic_layer_norm = true;
    strcpy(config.backend, i == 0 ? "tiles" : "openblas");
    small_job_init(&job, &config);
    small_job_fill(&job, 1, 5);
    UNIT_STATUS(checkpoint_write(i == 0 ? a : b, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
    job_release(&job);
  }
  CU_ASSERT_EQUAL(h5_compare(a, b, ignored), 0);
}

static void test_file(void) {
  char *directory = unit_tmpdir(), *a = unit_path(directory, "a.h5"), *b = unit_path(directory, "b.h5");
  check_file(a, b);
  free(a), free(b);
  unit_tmpdir_remove(directory);
}

static void test_checkpoint(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a.h5");
  check_road(path, "tiles", "openblas");
  check_road(path, "openblas", "tiles");
  free(path);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"auto takes tiles where they are fast; a name is taken by its word", test_choose},
      {"CORSAC_TILES lowers the level, and an unknown word does not", test_lowered},
      {"a checkpoint of one backend is read on the other, with every weight and moment", test_checkpoint},
      {"a checkpoint is the same file, whatever the backend", test_file},
  };
  linalg_init();
  return unit_run("backend", cases, sizeof cases / sizeof *cases);
}
