// Replay memory: a ring of transitions, sampled uniformly with replacement. A transition's `discount` (gamma^n, or 0
// where it terminated) is data, so n-step returns and termination need no special case. In memory a row is contiguous,
// so that a random row is one short read; files have columns.
#ifndef CORSAC_LEARNER_JOB_REPLAY_H
#define CORSAC_LEARNER_JOB_REPLAY_H

#include "common/base/random.h"
#include "common/base/status.h"
#include "learner/sac/sac_batch.h"
#include <stddef.h>
#include <stdint.h>

struct replay;
enum replay_column { REPLAY_OBS, REPLAY_ACTION, REPLAY_REWARD, REPLAY_NEXT_OBS, REPLAY_DISCOUNT, REPLAY_COLUMNS };

// A ring of `capacity` rows. STATUS_MEMORY, with both figures and what to lower: the memory at hand cannot hold it once
// it is full.
struct replay *replay_create(size_t capacity, uint32_t obs_dim, uint32_t act_dim, struct error *error);

// The same with memory for min(capacity, most) rows: no more than `most` will be inserted. In files it is a ring of
// `capacity` all the same.
struct replay *replay_create_for(size_t capacity, size_t most, uint32_t obs_dim, uint32_t act_dim, struct error *error);

// Raises `most` while the replay is empty. Rows inserted beyond it are left out.
enum status replay_reserve(struct replay *replay, size_t most, struct error *error);
void replay_destroy(struct replay *replay);

size_t replay_size(const struct replay *replay);
size_t replay_capacity(const struct replay *replay);
size_t replay_cursor(const struct replay *replay); // index of the next row
size_t replay_row_bytes(uint32_t obs_dim, uint32_t act_dim);

// Copies `rows` rows in, at most replay_room of them; they replace the oldest.
void replay_insert(struct replay *replay, size_t rows, const float *obs, const float *action, const float *reward,
                   const float *next_obs, const float *discount);

// Draws `rows` uniform indices of rows; size > 0.
void replay_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index);

// Copies the rows index[0..batch->rows) into the batch: input = [obs | action], next_input = [next_obs | untouched],
// reward, discount. batch->width is obs_dim + act_dim.
void replay_gather(const struct replay *replay, const uint32_t *index, const struct sac_batch *batch);

// --- for files: rows [begin, begin + rows) of the memory (0 is its first slot) as columns, (rows x width) each ---

uint32_t replay_column_width(const struct replay *replay, enum replay_column column);
void replay_read_rows(const struct replay *replay, size_t begin, size_t rows, float *const column[REPLAY_COLUMNS]);
void replay_write_rows(struct replay *replay, size_t begin, size_t rows, const float *const column[REPLAY_COLUMNS]);
void replay_set_state(struct replay *replay, size_t size, size_t cursor); // size <= capacity; cursor < capacity

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

// Rows that may be inserted now; SIZE_MAX: no view holds any.
size_t replay_room(const struct replay *replay);
#endif
