// --init-replay: transitions that a solver or another run has logged become the first rows of a new run's replay.
//
// The file: HDF5 with the datasets obs (n x obs_dim), action (n x act_dim), reward (n), next_obs (n x obs_dim) and
// either discount (n) or terminated (n), which means discount = gamma (1 - terminated). They hold floating-point
// numbers of any size, terminated also integers or h5py's booleans; the oldest row is first. Actions are in the
// environment's own units, or in [-1, 1] where the root has an attribute action_scale = "unit". The file may also be a
// checkpoint, whose /replay is then read. One that holds each observation once takes as much memory as its replay
// while it is read.
//
// With a history, rows that follow each other bit by bit (obs is next_obs of the row before, which did not terminate)
// are one episode; each other row begins one. A log of several agents says in `agent` (n), numbers, who made a row:
// each agent has episodes of its own. All rows are in memory while they are read then.
#ifndef CORSAC_LEARNER_CHECKPOINT_TRANSITION_FILE_H
#define CORSAC_LEARNER_CHECKPOINT_TRANSITION_FILE_H

#include "learner/job/job.h"

struct transitions_taken {
  uint64_t rows;     // that were inserted
  uint64_t left_out; // older ones, for which the replay has no room
  uint64_t episodes; // that the rows are; 0 where the replay is not linked
};
// Inserts them into the job's replay, and counts them in its normalizer where it has one. Rows are checked before they
// are inserted: finite numbers, actions within their bounds (values outside by up to a millionth of the span are
// clamped), discounts in [0, 1]. The message names dataset and row. On failure the replay may hold some of the rows.
enum status checkpoint_read_transitions(const char *path, struct job *job, struct transitions_taken *taken,
                                        struct error *error);
#endif
