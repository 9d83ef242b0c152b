// A linked ring: records, how they are drawn, and how a batch is put together. Its layout and invariants are in
// replay_impl.h.
#include "learner/job/replay_impl.h"

#include <float.h>
#include <math.h>

// --- records come ---

// The oldest record goes, and with it the transitions that need it (I2).
static void forget_oldest(struct replay *replay) {
  if (replay->size < replay->capacity) return;
  replay->drawable -= record_get(replay_row(replay, replay->cursor), RECORD_NEEDED);
}

static float *append_record(struct replay *replay, uint32_t back, const float *obs) {
  forget_oldest(replay);
  float *record = replay_row(replay, replay->cursor);
  memset(record, 0, replay->offset[REPLAY_OBS] * sizeof *record);
  record_set(record, RECORD_BACK, back);
  memcpy(record + replay->offset[REPLAY_OBS], obs, replay->obs_dim * sizeof *record);
  if (++replay->cursor == replay->capacity) replay->cursor = 0;
  if (replay->size < replay->capacity) replay->size++;
  replay->inserted++;
  replay->written++;
  return record;
}

static size_t slot_of(const struct replay *replay, uint64_t number) {
  return slot_back(replay, replay->cursor, replay->written - number);
}

static bool is_there(const struct replay *replay, const struct lane *lane) {
  return lane->exists && replay->written - lane->newest <= replay->size;
}

// The next record will not overwrite the lane's newest, and that holds the step's obs.
static bool follows(const struct replay *replay, const struct lane *lane, const struct replay_step *step) {
  if (!is_there(replay, lane) || replay->written - lane->newest >= replay->capacity) return false;
  if (lane->episode != step->episode || lane->step != step->step) return false;
  const float *newest = replay_row(replay, slot_of(replay, lane->newest));
  return memcmp(newest + replay->offset[REPLAY_OBS], step->obs, replay->obs_dim * sizeof *newest) == 0;
}

// From `slot` back to the oldest record that the transition of its step needs; 0: not all of them are there.
static uint32_t reach_of(const struct replay *replay, size_t slot) {
  const size_t there = slot_age(replay, slot);
  size_t reach = 0;
  uint32_t back = record_get(replay_row(replay, slot), RECORD_BACK);
  for (uint32_t k = 0; k < replay->links.history.length && back != REPLAY_FIRST; k++) {
    if (back == REPLAY_UNKNOWN) return 0;
    reach += back;
    if (there + reach >= replay->size) return 0; // it was overwritten
    back = record_get(replay_row(replay, slot_back(replay, slot, reach)), RECORD_BACK);
  }
  return (uint32_t)reach;
}

void linked_complete(struct replay *replay, size_t slot, bool ended) {
  size_t reach = 0;
  const size_t there = slot_age(replay, slot);
  for (uint32_t i = 0; i < replay->links.n_step; i++) {
    const size_t at = slot_back(replay, slot, reach);
    float *record = replay_row(replay, at);
    if (!record_has_step(record)) return;
    ended |= record[RECORD_DISCOUNT] <= 0;
    const bool complete = ended || i + 1 == replay->links.n_step;
    const uint32_t needs = complete && record_get(record, RECORD_REACH) == 0 ? reach_of(replay, at) : 0;
    if (needs > 0) {
      float *oldest = replay_row(replay, slot_back(replay, at, needs));
      record_set(record, RECORD_REACH, needs);
      record_set(oldest, RECORD_NEEDED, record_get(oldest, RECORD_NEEDED) + 1);
      replay->drawable++;
    }
    reach += record_get(record, RECORD_BACK);
    if (there + reach >= replay->size) return;
  }
}

// Nothing will follow the lane's newest record.
static void end_chain(struct replay *replay, struct lane *lane) {
  if (is_there(replay, lane)) {
    const size_t slot = slot_of(replay, lane->newest);
    record_set(replay_row(replay, slot), RECORD_AHEAD, AHEAD_ENDED);
    linked_complete(replay, slot, true);
  }
  lane->exists = false;
}

void replay_insert_step(struct replay *replay, const struct replay_step *step) {
  assert(!replay->origin && step->lane < replay->links.lanes && replay_room(replay) >= REPLAY_STEP_RECORDS);
  if (replay->allocated < replay->capacity && replay->allocated - replay->cursor < REPLAY_STEP_RECORDS)
    return; // more than `most`: no sound actor sends them
  struct lane *lane = &replay->lane[step->lane];
  if (!follows(replay, lane, step)) {
    end_chain(replay, lane);
    append_record(replay, step->step == 0 ? REPLAY_FIRST : REPLAY_UNKNOWN, step->obs);
    lane->newest = replay->written - 1;
  }
  const uint32_t back = (uint32_t)(replay->written - lane->newest);
  float *record = append_record(replay, back, step->next_obs);
  record[RECORD_REWARD] = step->reward;
  record[RECORD_DISCOUNT] = step->discount;
  memcpy(record + RECORD_ACTION, step->action, replay->act_dim * sizeof *record);
  record_set(replay_row(replay, slot_of(replay, lane->newest)), RECORD_AHEAD, back);
  *lane = (struct lane){
      .newest = replay->written - 1, .episode = step->episode, .step = (uint64_t)step->step + 1, .exists = true};
  linked_complete(replay, slot_of(replay, lane->newest), false);
}

void replay_end_lane(struct replay *replay, uint32_t lane) { end_chain(replay, &replay->lane[lane]); }

// --- drawing ---

// I1.
static bool may_be_drawn(const struct replay *replay, size_t slot) {
  const uint32_t reach = record_get(replay_row(replay, slot), RECORD_REACH);
  return reach > 0 && slot_age(replay, slot) + reach < replay->size;
}

// Draws slots until one holds a transition. Where few do, it draws the number of one instead, and looks for that.
static uint32_t draw_one(const struct replay *replay, struct random *random) {
  enum { TRIES = 64 };
  for (int i = 0; i < TRIES; i++) {
    const uint32_t slot = random_bounded(random, (uint32_t)replay->size);
    if (may_be_drawn(replay, slot)) return slot;
  }
  uint32_t number = random_bounded(random, (uint32_t)replay->drawable), slot = 0;
  while (!may_be_drawn(replay, slot) || number-- > 0) slot++;
  return slot;
}

void linked_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index) {
  for (size_t i = 0; i < rows; i++) index[i] = draw_one(replay, random);
}

// --- a batch ---

// Records that are copied in turn, each from its own chain: while one is copied the next ones are fetched.
enum { BLOCK = 16 };
struct block {
  size_t rows, width;
  size_t slot[BLOCK]; // of the record that is copied next
};

// The processor fetches the rest of a long record by itself.
static void fetch(const struct replay *replay, size_t slot) {
  enum { LINE = 64, MOST = 16 * LINE };
  const char *record = (const char *)replay_row(replay, slot);
  const size_t bytes = replay->stride * sizeof(float);
  for (size_t at = 0; at < (bytes < MOST ? bytes : MOST); at += LINE) __builtin_prefetch(record + at);
}

// Writes the histories whose newest observations are those of the block's records, (rows x width) into `to`.
static void copy_histories(const struct replay *replay, struct block *block, real *to) {
  const struct history *history = &replay->links.history;
  const size_t obs_dim = history->obs_dim, act_dim = history->actions ? history->act_dim : 0;
  const size_t obs = replay->offset[REPLAY_OBS], before = obs - act_dim; // the action lies before it in both places
  for (uint32_t k = history->length; k-- > 1;) {
    real *const at = to + history_offset(history, k) - act_dim;
    for (size_t i = 0; i < block->rows; i++) {
      const float *record = replay_row(replay, block->slot[i]);
      // `back` of an episode's first record is 0: the record repeats, and its action is 0.
      block->slot[i] = slot_back(replay, block->slot[i], record_get(record, RECORD_BACK));
      fetch(replay, block->slot[i]);
      real_copy(record + before, act_dim + obs_dim, at + i * block->width);
    }
  }
  for (size_t i = 0; i < block->rows; i++)
    real_copy(replay_row(replay, block->slot[i]) + obs, obs_dim, to + i * block->width);
}

// Reward and discount of the n steps that begin with the one that led to `slot`. Returns the slot of the last one's.
static size_t sum_steps(const struct replay *replay, size_t slot, real *to_reward, real *to_discount) {
  if (replay->links.n_step == 1) {
    *to_reward = (real)replay_row(replay, slot)[RECORD_REWARD];
    *to_discount = (real)replay_row(replay, slot)[RECORD_DISCOUNT];
    return slot;
  }
  double reward = 0, discount = 1;
  for (uint32_t i = 0;; i++) {
    const float *record = replay_row(replay, slot);
    const uint32_t ahead = record_get(record, RECORD_AHEAD);
    reward += discount * (double)record[RECORD_REWARD];
    discount *= replay->links.gamma;
    const bool terminated = record[RECORD_DISCOUNT] <= 0;
    if (i + 1 < replay->links.n_step && !terminated && ahead != AHEAD_ENDED) {
      assert(ahead != AHEAD_OPEN);
      slot = slot_ahead(replay, slot, ahead);
      continue;
    }
    *to_reward = (real)(float)fmax(fmin(reward, (double)FLT_MAX), -(double)FLT_MAX);
    *to_discount = terminated ? 0 : (real)(float)discount;
    return slot;
  }
}

// The history after one step is that before it, moved on by the step. The step's action stands behind the latter.
static void move_on(const struct replay *replay, const real *input, const float *obs, real *next_input) {
  const struct history *history = &replay->links.history;
  const size_t older = history_offset(history, history->length - 1);
  if (history->length > 1) memcpy(next_input, input + history_offset(history, 1), older * sizeof *input);
  real_copy(obs, history->obs_dim, next_input + older);
}

static void gather_block(const struct replay *replay, const uint32_t *index, size_t first,
                         const struct sac_batch *batch, struct block *block) {
  const size_t width = batch->width, action = width - replay->act_dim;
  real *input = batch->input + first * width, *next_input = batch->next_input + first * width;
  size_t last[BLOCK];
  for (size_t i = 0; i < block->rows; i++) {
    const float *record = replay_row(replay, index[i]);
    assert(may_be_drawn(replay, index[i]));
    real_copy(record + RECORD_ACTION, replay->act_dim, input + i * width + action);
    last[i] = sum_steps(replay, index[i], batch->reward + first + i, batch->discount + first + i);
    block->slot[i] = slot_back(replay, index[i], record_get(record, RECORD_BACK));
    fetch(replay, block->slot[i]);
  }
  copy_histories(replay, block, input);
  if (replay->links.n_step > 1) {
    memcpy(block->slot, last, sizeof last);
    copy_histories(replay, block, next_input);
    return;
  }
  for (size_t i = 0; i < block->rows; i++)
    move_on(replay, input + i * width, replay_row(replay, index[i]) + replay->offset[REPLAY_OBS],
            next_input + i * width);
}

void linked_gather(const struct replay *replay, const uint32_t *index, const struct sac_batch *batch) {
  assert(batch->width == history_width(&replay->links.history) + replay->act_dim);
  for (size_t first = 0; first < batch->rows; first += BLOCK) {
    struct block block = {.rows = batch->rows - first < BLOCK ? batch->rows - first : BLOCK, .width = batch->width};
    for (size_t i = first + BLOCK; i < batch->rows && i < first + 2 * (size_t)BLOCK; i++) fetch(replay, index[i]);
    gather_block(replay, index + first, first, batch, &block);
  }
}
