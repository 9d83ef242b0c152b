// Replay memory: a ring of transitions, sampled uniformly with replacement. A transition's `discount` (gamma^n, or 0
// where it terminated) is data, so n-step returns and termination need no special case. Rows stand side by side in
// memory (one random row is one short read); the file has columns.
#ifndef CORSAC_LEARNER_JOB_REPLAY_H
#define CORSAC_LEARNER_JOB_REPLAY_H

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/nn/real.h"
#include <stddef.h>
#include <stdint.h>

struct replay;
enum replay_column { REPLAY_OBS, REPLAY_ACTION, REPLAY_REWARD, REPLAY_NEXT_OBS, REPLAY_DISCOUNT, REPLAY_COLUMNS };

// Refuses (STATUS_MEMORY, with both figures and what to lower) a capacity that the memory at hand cannot hold once it
// is full.
struct replay *replay_create(size_t capacity, uint32_t obs_dim, uint32_t act_dim, struct error *error);
// The same with memory for min(capacity, most) rows: no more than `most` will be in it. It is a ring of `capacity` all
// the same, in files too.
struct replay *replay_create_for(size_t capacity, size_t most, uint32_t obs_dim, uint32_t act_dim, struct error *error);
// While it is empty: `most` is more after all. What is inserted beyond it is left out.
enum status replay_reserve(struct replay *replay, size_t most, struct error *error);
void replay_destroy(struct replay *replay);
size_t replay_size(const struct replay *replay);
size_t replay_capacity(const struct replay *replay);
size_t replay_cursor(const struct replay *replay); // where the next row goes
size_t replay_row_bytes(uint32_t obs_dim, uint32_t act_dim);

// Copies `rows` rows in, at most replay_room; the oldest make room.
void replay_insert(struct replay *replay, size_t rows, const float *obs, const float *action, const float *reward,
                   const float *next_obs, const float *discount);
void replay_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index); // uniform; size > 0
// input (rows x width) = [obs | action], next_input (rows x width) = [next_obs | untouched], width = obs_dim + act_dim;
// reward, discount (rows)
void replay_gather(const struct replay *replay, size_t rows, const uint32_t *index, size_t width, real *input,
                   real *next_input, real *reward, real *discount);
// For files: rows [begin, begin + rows) in ring order of memory (0 is the first slot) as columns, (rows x width) each.
uint32_t replay_column_width(const struct replay *replay, enum replay_column column);
void replay_read_rows(const struct replay *replay, size_t begin, size_t rows, float *const column[REPLAY_COLUMNS]);
void replay_write_rows(struct replay *replay, size_t begin, size_t rows, const float *const column[REPLAY_COLUMNS]);
void replay_set_state(struct replay *replay, size_t size, size_t cursor); // size <= capacity; cursor < capacity

// A view stands for the rows of a replay at one moment, without a copy of them: one thread reads it (size, cursor,
// rows) while another goes on with the replay. Rows that the view has not let go of are not overwritten: the inserter
// asks replay_room first. The replay outlives its views; one that is destroyed under a view that holds rows keeps its
// memory.
struct replay *replay_view_create(struct replay *replay, struct error *error); // holds nothing; replay_destroy
void replay_view_take(struct replay *view); // from now on it is the replay as it stands, and holds it
void replay_view_release(struct replay *view,
                         size_t rows); // by the reader: of the oldest `rows` rows in all; nothing to do in no view
size_t replay_view_released(const struct replay *view); // rows it has let go of
size_t replay_room(const struct replay *replay);        // rows that may be inserted now; SIZE_MAX: nothing is held
#endif
