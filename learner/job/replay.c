#include "learner/job/replay_impl.h"

#include "common/base/memory.h"

static size_t in_lines(size_t floats) {
  const size_t line = MEMORY_ALIGNMENT / sizeof(float);
  return (floats + line - 1) / line * line;
}

// A row is [obs | action | reward | discount | next_obs] in whole cache lines, so that reading one touches no line of
// another.
static size_t row_floats(uint32_t obs_dim, uint32_t act_dim) { return in_lines(2 * (size_t)obs_dim + act_dim + 2); }

static size_t record_floats(uint32_t obs_dim, uint32_t act_dim) {
  return in_lines((size_t)RECORD_ACTION + act_dim + obs_dim);
}

size_t replay_row_bytes(uint32_t obs_dim, uint32_t act_dim) { return row_floats(obs_dim, act_dim) * sizeof(float); }

size_t replay_record_bytes(uint32_t obs_dim, uint32_t act_dim) {
  return record_floats(obs_dim, act_dim) * sizeof(float);
}

static enum status check_memory(size_t capacity, size_t row_bytes, struct error *error) {
  const double wanted = (double)capacity * (double)row_bytes, available = (double)memory_available();
  if (wanted <= available) return STATUS_OK;
  return error_set(
      error, STATUS_MEMORY,
      "a replay memory of %zu rows of %zu bytes takes %.2f GiB and %.2f GiB are available; lower replay_capacity to "
      "%.0f or less (a resumed run keeps it, and needs the memory)",
      capacity, row_bytes, wanted / 0x1p30, available / 0x1p30, available * 0.9 / (double)row_bytes);
}

static struct replay *create(size_t capacity, const struct replay *shape, struct error *error) {
  if (capacity == 0 || capacity > UINT32_MAX) {
    error_set(error, STATUS_USAGE, "replay_capacity is %zu; it must be between 1 and %u rows", capacity, UINT32_MAX);
    return NULL;
  }
  struct replay *replay = memory_alloc(1, sizeof *replay, "the replay memory", error);
  if (!replay) return NULL;
  *replay = *shape;
  replay->capacity = capacity;
  return replay;
}

static struct replay *with_memory(struct replay *replay, size_t most, struct error *error) {
  if (replay && replay_reserve(replay, most > 0 ? most : 1, error) == STATUS_OK) return replay;
  replay_destroy(replay);
  return NULL;
}

struct replay *replay_create_for(size_t capacity, size_t most, uint32_t obs_dim, uint32_t act_dim,
                                 struct error *error) {
  const size_t reward = (size_t)obs_dim + act_dim;
  const struct replay shape = {.obs_dim = obs_dim,
                               .act_dim = act_dim,
                               .stride = row_floats(obs_dim, act_dim),
                               .offset = {[REPLAY_OBS] = 0,
                                          [REPLAY_ACTION] = obs_dim,
                                          [REPLAY_REWARD] = reward,
                                          [REPLAY_DISCOUNT] = reward + 1,
                                          [REPLAY_NEXT_OBS] = reward + 2}};
  return with_memory(create(capacity, &shape, error), most, error);
}

struct replay *replay_create_linked(size_t capacity, size_t most, const struct replay_links *links,
                                    struct error *error) {
  const uint32_t obs_dim = links->history.obs_dim, act_dim = links->history.act_dim;
  const struct replay shape = {.obs_dim = obs_dim,
                               .act_dim = act_dim,
                               .stride = record_floats(obs_dim, act_dim),
                               .offset = {[REPLAY_BACK] = RECORD_BACK,
                                          [REPLAY_REWARD] = RECORD_REWARD,
                                          [REPLAY_DISCOUNT] = RECORD_DISCOUNT,
                                          [REPLAY_ACTION] = RECORD_ACTION,
                                          [REPLAY_OBS] = (size_t)RECORD_ACTION + act_dim},
                               .links = *links};
  assert(links->lanes > 0 && links->n_step > 0 && links->history.length > 0);
  struct replay *replay = create(capacity, &shape, error);
  if (replay && !(replay->lane = memory_alloc(links->lanes, sizeof *replay->lane, "the replay memory", error))) {
    replay_destroy(replay);
    return NULL;
  }
  return with_memory(replay, most, error);
}

struct replay *replay_create(size_t capacity, uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  return replay_create_for(capacity, capacity, obs_dim, act_dim, error);
}

enum status replay_reserve(struct replay *replay, size_t most, struct error *error) {
  const size_t rows = most < replay->capacity ? most : replay->capacity, row_bytes = replay->stride * sizeof(float);
  if (rows <= replay->allocated) return STATUS_OK;
  assert(replay->size == 0 && !replay->view);
  memory_free(replay->rows);
  replay->allocated = 0;
  replay->rows = NULL;
  const enum status status = check_memory(rows, row_bytes, error);
  if (status != STATUS_OK) return status;
  replay->rows = memory_alloc(rows, row_bytes, "the replay memory", error);
  if (!replay->rows) return STATUS_MEMORY;
  replay->allocated = rows;
  return STATUS_OK;
}

void replay_destroy(struct replay *replay) {
  if (!replay || replay_room(replay) != SIZE_MAX) return;
  if (replay->origin && replay->origin->view == replay) replay->origin->view = NULL;
  if (!replay->origin) memory_free(replay->rows);
  memory_free(replay->lane);
  memory_free(replay);
}

size_t replay_size(const struct replay *replay) { return replay->size; }
size_t replay_capacity(const struct replay *replay) { return replay->capacity; }
size_t replay_cursor(const struct replay *replay) { return replay->cursor; }
bool replay_is_linked(const struct replay *replay) { return replay->links.lanes > 0; }

size_t replay_drawable(const struct replay *replay) {
  return replay_is_linked(replay) ? replay->drawable : replay->size;
}

void replay_insert(struct replay *replay, size_t rows, const float *obs, const float *action, const float *reward,
                   const float *next_obs, const float *discount) {
  const size_t obs_dim = replay->obs_dim, act_dim = replay->act_dim;
  assert(!replay->origin && !replay_is_linked(replay) && rows <= replay_room(replay));
  if (replay->allocated < replay->capacity && rows > replay->allocated - replay->cursor)
    rows = replay->allocated - replay->cursor; // more than `most`: no sound actor sends them
  replay->inserted += rows;
  for (size_t i = 0; i < rows; i++) {
    float *row = replay->rows + replay->cursor * replay->stride;
    memcpy(row + replay->offset[REPLAY_OBS], obs + i * obs_dim, obs_dim * sizeof *row);
    memcpy(row + replay->offset[REPLAY_ACTION], action + i * act_dim, act_dim * sizeof *row);
    row[replay->offset[REPLAY_REWARD]] = reward[i];
    row[replay->offset[REPLAY_DISCOUNT]] = discount[i];
    memcpy(row + replay->offset[REPLAY_NEXT_OBS], next_obs + i * obs_dim, obs_dim * sizeof *row);
    if (++replay->cursor == replay->capacity) replay->cursor = 0;
    if (replay->size < replay->capacity) replay->size++;
  }
}

void replay_draw(const struct replay *replay, struct random *random, size_t rows, uint32_t *index) {
  assert(replay_drawable(replay) > 0);
  if (replay_is_linked(replay)) {
    linked_draw(replay, random, rows, index);
    return;
  }
  for (size_t i = 0; i < rows; i++) index[i] = random_bounded(random, (uint32_t)replay->size);
}

void replay_gather(const struct replay *replay, const uint32_t *index, const struct sac_batch *batch) {
  if (replay_is_linked(replay)) {
    linked_gather(replay, index, batch);
    return;
  }
  enum { AHEAD = 8 }; // rows that are fetched while others are copied: each lies somewhere else in memory
  const size_t obs_dim = replay->obs_dim, bytes = replay->stride * sizeof(float);
  const size_t rows = batch->rows, width = batch->width;
  real *const input = batch->input, *const next_input = batch->next_input;
  real *const reward = batch->reward, *const discount = batch->discount;
  assert(width == obs_dim + replay->act_dim && replay->offset[REPLAY_ACTION] == replay->offset[REPLAY_OBS] + obs_dim);
  for (size_t i = 0; i < rows; i++) {
    assert(index[i] < replay->size);
    const size_t ahead = i + AHEAD < rows ? i + AHEAD : i;
    const char *soon = (const char *)(replay->rows + index[ahead] * replay->stride);
    for (size_t line = 0; line < bytes; line += MEMORY_ALIGNMENT) __builtin_prefetch(soon + line);
    const float *row = replay->rows + index[i] * replay->stride;
    real_copy(row + replay->offset[REPLAY_OBS], width, input + i * width);
    reward[i] = (real)row[replay->offset[REPLAY_REWARD]];
    discount[i] = (real)row[replay->offset[REPLAY_DISCOUNT]];
    real_copy(row + replay->offset[REPLAY_NEXT_OBS], obs_dim, next_input + i * width);
  }
}

uint32_t replay_column_width(const struct replay *replay, enum replay_column column) {
  switch (column) {
  case REPLAY_OBS: return replay->obs_dim;
  case REPLAY_NEXT_OBS: return replay_is_linked(replay) ? 0 : replay->obs_dim;
  case REPLAY_ACTION: return replay->act_dim;
  case REPLAY_REWARD:
  case REPLAY_DISCOUNT: return 1;
  case REPLAY_BACK: return replay_is_linked(replay) ? 1 : 0;
  case REPLAY_COLUMNS: break;
  }
  assert(column < REPLAY_COLUMNS);
  return 0;
}

static void list_widths(const struct replay *replay, size_t width[REPLAY_COLUMNS]) {
  for (int c = 0; c < REPLAY_COLUMNS; c++) width[c] = replay_column_width(replay, (enum replay_column)c);
}

// Row by row, so that each row is fetched once for all columns.
void replay_read_rows(const struct replay *replay, size_t begin, size_t rows, float *const column[REPLAY_COLUMNS]) {
  size_t width[REPLAY_COLUMNS];
  assert(begin <= replay->capacity && rows <= replay->capacity - begin);
  list_widths(replay, width);
  for (size_t i = 0; i < rows; i++)
    for (int c = 0; c < REPLAY_COLUMNS; c++)
      if (width[c] > 0)
        memcpy(column[c] + i * width[c], replay_row(replay, begin + i) + replay->offset[c], width[c] * sizeof(float));
}

void replay_write_rows(struct replay *replay, size_t begin, size_t rows, const float *const column[REPLAY_COLUMNS]) {
  size_t width[REPLAY_COLUMNS];
  assert(begin <= replay->allocated && rows <= replay->allocated - begin);
  list_widths(replay, width);
  for (size_t i = 0; i < rows; i++)
    for (int c = 0; c < REPLAY_COLUMNS; c++)
      if (width[c] > 0)
        memcpy(replay_row(replay, begin + i) + replay->offset[c], column[c] + i * width[c], width[c] * sizeof(float));
}

void replay_set_state(struct replay *replay, size_t size, size_t cursor) {
  assert(size <= replay->allocated && cursor < replay->capacity);
  replay->size = size;
  replay->cursor = cursor;
  replay->written = size;
}

// --- views ---

struct replay *replay_view_create(struct replay *replay, struct error *error) {
  struct replay *view = memory_alloc(1, sizeof *view, "a view of the replay", error);
  if (!view) return NULL;
  *view = (struct replay){.capacity = replay->capacity,
                          .obs_dim = replay->obs_dim,
                          .act_dim = replay->act_dim,
                          .stride = replay->stride,
                          .rows = replay->rows,
                          .origin = replay};
  memcpy(view->offset, replay->offset, sizeof view->offset);
  view->links = replay->links;
  view->lane = memory_alloc(replay->links.lanes, sizeof *view->lane, "a view of the replay", error);
  if (view->lane) return view;
  memory_free(view);
  return NULL;
}

void replay_view_take(struct replay *view) {
  struct replay *replay = view->origin;
  assert(replay_room(replay) == SIZE_MAX);
  view->size = replay->size;
  view->cursor = replay->cursor;
  view->written = replay->written;
  if (replay_is_linked(replay)) memcpy(view->lane, replay->lane, replay->links.lanes * sizeof *view->lane);
  atomic_store_explicit(&view->released, 0, memory_order_relaxed);
  replay->view = view;
  replay->inserted = 0;
}

void replay_view_release(struct replay *view, size_t rows) {
  if (!view->origin) return;
  atomic_store_explicit(&view->released, rows < view->size ? rows : view->size, memory_order_release);
}

size_t replay_view_released(const struct replay *view) {
  return atomic_load_explicit(&view->released, memory_order_acquire);
}

// What is free and what the view has released, less what was inserted since.
size_t replay_room(const struct replay *replay) {
  const struct replay *view = replay->view;
  if (!view) return SIZE_MAX;
  const size_t released = replay_view_released(view);
  return released == view->size ? SIZE_MAX : replay->capacity - view->size + released - replay->inserted;
}
