// Transitions that were logged before, by a solver or by another run, as the beginning of a new run's replay.
//
// The file: HDF5 with the datasets obs (n x obs_dim), action (n x act_dim), reward (n), next_obs (n x obs_dim) and
// either discount (n) or terminated (n), which stands for discount = gamma (1 - terminated); floating-point numbers of
// any size, terminated also integers or h5py's booleans; oldest first. Actions are in the environment's own units, or
// in [-1, 1] where the root has an attribute action_scale = "unit". One of our own checkpoints will do as well: its
// /replay.
#ifndef CORSAC_LEARNER_CHECKPOINT_TRANSITION_FILE_H
#define CORSAC_LEARNER_CHECKPOINT_TRANSITION_FILE_H

#include "learner/job/job.h"

struct transitions_taken {
  uint64_t rows, left_out; // into the replay; older ones for which it has no room
};
// Inserts them into the job's replay, and counts them in its normalizer where it has one. Everything is checked first:
// shapes, that numbers are finite, actions within their bounds (a millionth of their span beyond is pulled inside),
// discounts in [0, 1]. The message names dataset and row. On failure the replay may hold some of them.
enum status checkpoint_read_transitions(const char *path, struct job *job, struct transitions_taken *taken,
                                        struct error *error);
#endif
