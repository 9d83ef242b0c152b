// The head of a checkpoint, and the parts that a policy without its job has too: the environment's bounds and the
// normalizer. A reader that only looks at a checkpoint needs this header and never the job's.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_HEAD_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_HEAD_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/normalizer.h"
#include "common/wire/message.h"
#include <stdbool.h>
#include <stdint.h>

struct h5;

enum { CHECKPOINT_FORMAT = 1 };

struct checkpoint_info {
  uint32_t format_version, learner_threads;
  char program_version[64], created[64], blas_core[64], environment[WIRE_TEXT];
  uint64_t env_steps, updates, episodes, policy_version;
  double eval_return; // of best.h5: its policy's in the evaluation; NaN in every other file, and in older ones
  bool exact;
  bool resumable; // false: best.h5, a policy without the rest of its job
  uint32_t obs_dim, act_dim;
  uint64_t parameters;                   // reals of the policy and of all critics, without the targets
  uint64_t replay_size, replay_capacity; // 0 where the file has no replay
  bool replay_linked;                    // it holds each observation once, and counts these
  char *config;                          // YAML text, NUL-terminated, owned
};

// Reads the head alone, which is quick. Fails on a file that is missing, no HDF5, no checkpoint of corsac, of another
// format version, or whose head is damaged.
enum status checkpoint_read_info(const char *path, struct checkpoint_info *info, struct error *error);
void checkpoint_info_release(struct checkpoint_info *info);
// Parses info->config. On failure: STATUS_FORMAT where this version wrote the file, which is then damaged;
// STATUS_MISMATCH where another version did.
enum status checkpoint_parse_config(const char *path, const struct checkpoint_info *info, struct config *config,
                                    struct error *error);
// Writes HDF5's version, as "1.10.8", into `version` (size bytes).
void checkpoint_library(char *version, size_t size);

// --- one part of the layout each, for writing, reading and verifying (h5.h) ---

void checkpoint_walk_head(struct h5 *h5, struct checkpoint_info *info);
// Reading only: the head, and what else of `info` can be told without reading arrays.
void checkpoint_walk_info(struct h5 *h5, struct checkpoint_info *info);
// low, high: (act_dim), or NULL where the bounds are only checked.
void checkpoint_walk_bounds(struct h5 *h5, uint32_t act_dim, double *low, double *high);
void checkpoint_walk_normalizer(struct h5 *h5, struct normalizer *normalizer);
#endif
