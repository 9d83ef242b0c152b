// Inside of a replay: its memory, shared by the ring of rows (replay.c), the linked ring (replay_linked.c), and what is
// rebuilt after a load (replay_relink.c).
//
// A record of a linked ring:
//
//   [back | reach | ahead | needed | reward | discount | action | obs]
//
// obs is an observation of an episode. action, reward and discount are those of the step that led to it, and `back` is
// the distance to the record of the observation before. So the record stands for that step too: to draw the record is
// to draw the transition that begins with this step. A lane's episode is a chain of records.
//
// back, reward, discount, action and obs never change, and a view reads nothing else. What changes is for drawing:
//
//   reach   from this record back to the oldest that its transition needs; 0: it may not be drawn (yet)
//   ahead   to the record of the next observation; OPEN: it may come; ENDED: the episode had no other
//   needed  transitions with a reach that ends here
//
// Invariants, between two calls:
//
//   I1. A record may be drawn if, and only if, reach > 0 and the record at its reach is in the ring: the steps that
//       follow up to n_step are there or the chain has ended, and so are K observations before the step, or all of them
//       down to the episode's first.
//   I2. drawable counts the records of I1. A record is one from the moment that its reach is set until the oldest that
//       it needs is overwritten: then `needed` of that one is taken off.
#ifndef CORSAC_LEARNER_JOB_REPLAY_IMPL_H
#define CORSAC_LEARNER_JOB_REPLAY_IMPL_H

#include "learner/job/replay.h"
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

enum { RECORD_BACK, RECORD_REACH, RECORD_AHEAD, RECORD_NEEDED, RECORD_REWARD, RECORD_DISCOUNT, RECORD_ACTION };
#define AHEAD_OPEN  0u
#define AHEAD_ENDED UINT32_MAX

// What a lane's next step has to follow.
struct lane {
  uint64_t newest, episode, step; // newest: the number of its newest record since the ring began
  bool exists;                    // it has a record, which may be overwritten by now
};

struct replay {
  size_t capacity, size, cursor;
  size_t allocated; // rows that there is memory for: the ring's, or as many as will ever be inserted
  uint32_t obs_dim, act_dim;
  size_t stride;                 // floats from row to row
  size_t offset[REPLAY_COLUMNS]; // floats from a row's begin to the column
  float *rows;                   // (allocated x stride)
  struct replay *origin;         // of a view: the replay that owns the rows; NULL: no view
  struct replay *view;           // the view that was taken last; NULL: none ever was
  size_t inserted;               // rows since then
  atomic_size_t released;        // of a view: its oldest rows that it holds no longer

  struct replay_links links; // lanes 0: it is not linked
  struct lane *lane;         // (lanes)
  uint64_t written;          // records since the ring began: the number of the next one
  size_t drawable;
};

static inline float *replay_row(const struct replay *replay, size_t slot) {
  return replay->rows + slot * replay->stride;
}

static inline uint32_t record_get(const float *record, int field) {
  uint32_t value;
  memcpy(&value, record + field, sizeof value);
  return value;
}

static inline void record_set(float *record, int field, uint32_t value) {
  memcpy(record + field, &value, sizeof value);
}

// A transition leads to it.
static inline bool record_has_step(const float *record) {
  const uint32_t back = record_get(record, RECORD_BACK);
  return back != REPLAY_FIRST && back != REPLAY_UNKNOWN;
}

// The slot that lies so many records before, or after.
static inline size_t slot_back(const struct replay *replay, size_t slot, size_t distance) {
  return slot >= distance ? slot - distance : slot + replay->capacity - distance;
}

static inline size_t slot_ahead(const struct replay *replay, size_t slot, size_t distance) {
  return distance < replay->capacity - slot ? slot + distance : slot - (replay->capacity - distance);
}

// How many records were written after it.
static inline size_t slot_age(const struct replay *replay, size_t slot) {
  return replay->cursor > slot ? replay->cursor - slot - 1 : replay->cursor + replay->capacity - slot - 1;
}

static inline void real_copy(const float *from, size_t count, real *to) {
#ifdef CORSAC_REAL_DOUBLE
  for (size_t i = 0; i < count; i++) to[i] = from[i];
#else
  if (count > 8) {
    memcpy(to, from, count * sizeof *to);
    return;
  }
  // A short copy takes less time than a call: in parts of 8, 4, 2 and 1.
  size_t at = 0;
  if (count & 8) memcpy(to, from, 8 * sizeof *to), at += 8;
  if (count & 4) memcpy(to + at, from + at, 4 * sizeof *to), at += 4;
  if (count & 2) memcpy(to + at, from + at, 2 * sizeof *to), at += 2;
  if (count & 1) to[at] = from[at];
#endif
}

// --- replay_linked.c ---

void linked_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index);
void linked_gather(const struct replay *replay, const uint32_t *index, const struct sac_batch *batch);

// The steps that lead to `slot` and to up to n_step - 1 records before it may be complete now: I1 for each that is.
// ended: nothing follows.
void linked_complete(struct replay *replay, size_t slot, bool ended);
#endif
