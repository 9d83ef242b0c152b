#include "tests/support/small_checkpoint.h"

#include "common/base/random.h"
#include "common/nn/networks.h"
#include "learner/checkpoint/checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdlib.h>

void run_in_directory(char **directory, void (*run)(void)) {
  *directory = unit_tmpdir();
  run();
  unit_tmpdir_remove(*directory);
}

void small_checkpoint_write(const char *path, const struct config *config, uint64_t seed, uint32_t rows) {
  struct job job;
  struct error error = {0};
  small_job_init(&job, config);
  small_job_fill(&job, seed, rows);
  UNIT_STATUS(checkpoint_write(path, &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  job_release(&job);
}

// The job's own networks have no history: a best.h5 does not hold them.
void small_policy_write(const char *path, uint64_t length, bool actions) {
  struct config config = small_config();
  struct job job;
  struct mlp net;
  struct policy_weights weights;
  struct error error = {0};
  small_job_init(&job, &config);
  small_job_fill(&job, 5, 12);
  job.config.history = length;
  job.config.history_actions = actions;
  const struct history history = history_of(&job.config, SMALL_OBS, SMALL_ACT);
  const uint32_t width = (uint32_t)history_width(&history);
  policy_network(&net, NULL, width, SMALL_ACT, &job.config);
  net = mlp_dense(&net);
  UNIT_STATUS_FATAL(policy_weights_init(&weights, width, net.parameters, &error), STATUS_OK, &error);
  random_normals_at(random_stream(3, RANDOM_INIT, 0, 0), 1, (uint32_t)net.parameters, weights.values,
                    (uint32_t)net.parameters);
  for (size_t i = 0; i < net.parameters; i++) weights.values[i] *= 0.3f; // so that actions are not at their bounds
  weights.normalize = true;
  UNIT_STATUS_FATAL(
      checkpoint_write_policy(
          path, &job, &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = 100},
          &error),
      STATUS_OK, &error);
  policy_weights_release(&weights);
  job_release(&job);
}

enum status small_checkpoint_read(const char *path, const struct config *config, struct error *error) {
  struct job job;
  bool has_replay;
  small_job_init(&job, config);
  const enum status status = checkpoint_read(path, &job, &has_replay, error);
  job_release(&job);
  return status;
}

hid_t small_checkpoint_edit(const char *path) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, access);
  CU_ASSERT_FATAL(file >= 0);
  H5Pclose(access);
  return file;
}

void copy_file(const char *from, const char *to) {
  size_t size;
  char *bytes = unit_read_file(from, &size);
  unit_write_file(to, bytes, size);
  free(bytes);
}
