// Replay memory: a ring of transitions, sampled uniformly with replacement. A transition's `discount` (gamma^n, or 0
// where it terminated) is data, so n-step returns and termination need no special case. In memory a row is contiguous,
// so that a random row is one short read; files have columns.
//
// A linked replay (replay_create_linked) holds each observation once. Its rows are records: an observation, what led to
// it, and how far back the record of the observation before it stands. A batch is put together from several records, so
// it can have any history of observations and any n-step return.
#ifndef CORSAC_LEARNER_JOB_REPLAY_H
#define CORSAC_LEARNER_JOB_REPLAY_H

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/nn/history.h"
#include "learner/sac/sac_batch.h"
#include <stddef.h>
#include <stdint.h>

struct replay;
enum replay_column {
  REPLAY_OBS,
  REPLAY_ACTION,
  REPLAY_REWARD,
  REPLAY_NEXT_OBS, // not of a linked replay
  REPLAY_DISCOUNT,
  REPLAY_BACK, // of a linked replay: the bits of a uint32_t
  REPLAY_COLUMNS
};

// REPLAY_BACK of a record that no transition leads to; of another it is the distance in records, from 1 on.
#define REPLAY_FIRST   0u         // its observation is the first of an episode
#define REPLAY_UNKNOWN UINT32_MAX // what was before it is unknown: rows are missing

// A ring of `capacity` rows. STATUS_MEMORY, with both figures and what to lower: the memory at hand cannot hold it once
// it is full.
struct replay *replay_create(size_t capacity, uint32_t obs_dim, uint32_t act_dim, struct error *error);

// The same with memory for min(capacity, most) rows: no more than `most` will be inserted. In files it is a ring of
// `capacity` all the same.
struct replay *replay_create_for(size_t capacity, size_t most, uint32_t obs_dim, uint32_t act_dim, struct error *error);

struct replay_links {
  struct history history; // that a batch has
  uint32_t n_step;        // steps of a transition that is drawn
  double gamma;           // of one step
  uint32_t lanes;         // agents whose steps come in their order
};

// A linked ring of `capacity` records, with memory for min(capacity, most).
struct replay *replay_create_linked(size_t capacity, size_t most, const struct replay_links *links,
                                    struct error *error);

// Raises `most` while the replay is empty. Rows inserted beyond it are left out.
enum status replay_reserve(struct replay *replay, size_t most, struct error *error);
void replay_destroy(struct replay *replay);

size_t replay_size(const struct replay *replay); // rows, or records
size_t replay_capacity(const struct replay *replay);
size_t replay_cursor(const struct replay *replay); // index of the next row
size_t replay_row_bytes(uint32_t obs_dim, uint32_t act_dim);
size_t replay_record_bytes(uint32_t obs_dim, uint32_t act_dim); // of a linked replay
bool replay_is_linked(const struct replay *replay);

// Transitions that may be drawn now. In a linked replay: those whose history is there and whose n steps have been made,
// or whose episode has ended before.
size_t replay_drawable(const struct replay *replay);

// Copies `rows` rows in, at most replay_room of them; they replace the oldest.
void replay_insert(struct replay *replay, size_t rows, const float *obs, const float *action, const float *reward,
                   const float *next_obs, const float *discount);

// The same for a linked replay: one step of one agent.
struct replay_step {
  uint32_t lane;
  uint64_t episode;
  uint32_t step;          // of the episode; 0: obs is its first observation
  const float *obs;       // (obs_dim)
  const float *action;    // (act_dim)
  const float *next_obs;  // (obs_dim)
  float reward, discount; // of this step; the discount is 0 where it terminated
};

// Appends the record of next_obs. Where the step does not follow the lane's last one, a record of obs comes before, and
// the lane's former episode has ended. A step takes up to REPLAY_STEP_RECORDS records.
enum { REPLAY_STEP_RECORDS = 2 };
void replay_insert_step(struct replay *replay, const struct replay_step *step);

// Nothing follows the lane's last step.
void replay_end_lane(struct replay *replay, uint32_t lane);

// Draws `rows` uniform indices of the transitions that may be drawn; there is one. A linked transition's index is that
// of the record that its first step leads to.
void replay_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index);

// Copies the rows index[0..batch->rows) into the batch: input = [obs | action], next_input = [next_obs | untouched],
// reward, discount. batch->width is obs_dim + act_dim. In a linked replay an observation is one with its history
// (common/nn/history.h), and reward and discount are those of n steps, as actor/n_step.h says.
void replay_gather(const struct replay *replay, const uint32_t *index, const struct sac_batch *batch);

// --- for files: rows [begin, begin + rows) of the memory (0 is its first slot) as columns, (rows x width) each ---

// 0: the replay has no such column.
uint32_t replay_column_width(const struct replay *replay, enum replay_column column);
void replay_read_rows(const struct replay *replay, size_t begin, size_t rows, float *const column[REPLAY_COLUMNS]);
void replay_write_rows(struct replay *replay, size_t begin, size_t rows, const float *const column[REPLAY_COLUMNS]);
void replay_set_state(struct replay *replay, size_t size, size_t cursor); // size <= capacity; cursor < capacity

// Where a lane of a linked replay stands: what its next step has to follow.
struct replay_lane {
  uint64_t record;  // index of the record of its newest observation; REPLAY_NO_RECORD: none is there
  uint64_t episode; // of that
  uint64_t step;    // of the episode, the next one
};
#define REPLAY_NO_RECORD UINT64_MAX
uint32_t replay_lanes(const struct replay *replay);
struct replay_lane replay_lane(const struct replay *replay, uint32_t lane);

// After replay_set_state: rebuilds what a linked replay knows of its records. lanes: (count), the first `count`; the
// others begin anew. STATUS_FORMAT: the records do not fit together; the message says how.
enum status replay_relink(struct replay *replay, const struct replay_lane *lanes, uint32_t count, struct error *error);

// --- views ---

// A view is a replay at one moment, without a copy of its rows: one thread reads the view (size, cursor, rows) while
// another inserts into the replay. Rows that the view has not released are not overwritten: the inserter asks
// replay_room first. The replay outlives its views; it keeps its memory if it is destroyed under a view that holds
// rows. A new view holds nothing; replay_destroy destroys it.
struct replay *replay_view_create(struct replay *replay, struct error *error);

// From now on the view is the replay as it stands, and holds all its rows.
void replay_view_take(struct replay *view);

// The reader releases the oldest `rows` rows in all. No effect on a replay that is no view.
void replay_view_release(struct replay *view, size_t rows);

// Rows that the view has released.
size_t replay_view_released(const struct replay *view);

// Rows, or records, that may be inserted now; SIZE_MAX: no view holds any.
size_t replay_room(const struct replay *replay);
#endif
