// A small SAC for the tests of the update, in float and in double: its configuration, random rows, an update of them.
#ifndef CORSAC_TESTS_SUPPORT_SMALL_SAC_H
#define CORSAC_TESTS_SUPPORT_SMALL_SAC_H

#include "common/nn/linalg.h"
#include "learner/sac/sac.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { OBS = 5, ACT = 2, UPDATES = 20 };
static const bool IN_DOUBLE = sizeof(real) == 8;

// In double there is OpenBLAS alone.
static const char *const BACKENDS[] = {"openblas", "tiles"};
enum { BACKEND_COUNT = sizeof(real) == 8 ? 1 : 2 };

static inline struct config small_sac_config(void) {
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

static inline struct config small_sac_config_on(int backend) {
  struct config config = small_sac_config();
  snprintf(config.backend, sizeof config.backend, "%s", BACKENDS[backend]);
  return config;
}

static inline struct sac small_sac_make(const struct config *config, unsigned threads) {
  linalg_init();
  struct thread_team *team = thread_team_create(threads, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(team);
  struct sac sac;
  CU_ASSERT_EQUAL_FATAL(sac_init(&sac, config, OBS, ACT, team, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(sac_init_parameters(&sac, 5, NULL), STATUS_OK);
  return sac;
}

static inline void small_sac_drop(struct sac *sac) {
  struct thread_team *team = sac->team;
  sac_release(sac);
  thread_team_destroy(team);
}

static inline void small_sac_draw(struct numbers *numbers, size_t count, double scale, double shift, real *out) {
  for (size_t i = 0; i < count; i++) out[i] = (real)(shift + scale * numbers_uniform(numbers));
}

static inline void small_sac_draw_rows(struct numbers *numbers, struct sac_batch *batch) {
  for (size_t i = 0; i < batch->rows; i++) small_sac_draw(numbers, OBS, 2, 0, batch->input + i * batch->width);
  for (size_t i = 0; i < batch->rows; i++) small_sac_draw(numbers, ACT, 1, 0, batch->input + i * batch->width + OBS);
  small_sac_draw(numbers, batch->rows, 3, 0, batch->reward);
  for (size_t i = 0; i < batch->rows; i++) small_sac_draw(numbers, OBS, 2, 0, batch->next_input + i * batch->width);
  for (size_t i = 0; i < batch->rows; i++) {
    const int steps = (int)(numbers_word(numbers) % 4);
    batch->discount[i] = (real)(steps == 0 ? 0 : pow(0.97, steps));
  }
}

static inline enum status small_sac_update(struct sac *sac, struct numbers *numbers, struct sac_losses *losses,
                                           struct error *error) {
  small_sac_draw_rows(numbers, sac_batch(sac));
  sac_draw(sac, 9);
  return sac_update(sac, losses, error);
}

// For `count` reals; the caller frees it.
static inline real *small_sac_reals(size_t count) {
  real *memory = malloc(count * sizeof *memory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  return memory;
}
#endif
