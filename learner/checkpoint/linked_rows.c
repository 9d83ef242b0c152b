#include "learner/checkpoint/linked_rows.h"

#include "common/base/memory.h"
#include "learner/job/replay.h"
#include "learner/storage/checkpoint_links.h"

#include <inttypes.h>
#include <string.h>

static const char what[] = "the replay of a checkpoint";
#define NONE UINT32_MAX

// The columns of the file, whole.
static void read_columns(struct h5 *h5, struct linked_rows *linked) {
  const struct checkpoint_shape shape = {.obs_dim = linked->obs_dim, .act_dim = linked->act_dim, .linked = true};
  const uint64_t size = linked->records;
  struct checkpoint_columns columns;
  checkpoint_columns_open(h5, &columns, &shape, size);
  for (int c = 0; c < CHECKPOINT_COLUMNS && h5->status == STATUS_OK; c++) {
    if (columns.width[c] == 0) continue;
    linked->column[c] = memory_alloc(size * columns.width[c], sizeof(float), what, h5->error);
    if (!linked->column[c]) h5->status = STATUS_MEMORY;
  }
  for (uint64_t row = 0; row < size && h5->status == STATUS_OK; row += columns.rows) {
    const uint64_t count = size - row < columns.rows ? size - row : columns.rows;
    checkpoint_columns_move(h5, &columns, row, count);
    for (int c = 0; c < CHECKPOINT_COLUMNS && h5->status == STATUS_OK; c++)
      if (columns.width[c] > 0)
        memcpy(linked->column[c] + row * columns.width[c], columns.chunk[c], count * columns.width[c] * sizeof(float));
  }
  checkpoint_columns_close(h5, &columns);
}

static void check_links(struct h5 *h5, const struct linked_rows *linked, const struct checkpoint_ring *ring) {
  struct checkpoint_links links;
  checkpoint_links_init(h5, &links, ring);
  checkpoint_links_take(h5, &links, 0, ring->size, linked->column[REPLAY_BACK]);
  checkpoint_links_release(&links);
}

static uint32_t back_of(const struct linked_rows *linked, uint64_t record) {
  uint32_t back;
  memcpy(&back, linked->column[REPLAY_BACK] + record, sizeof back);
  return back;
}

// The record of the observation before.
static uint64_t previous(const struct linked_rows *linked, uint64_t record) {
  const uint64_t back = back_of(linked, record);
  return record >= back ? record - back : record + linked->records - back;
}

// Sets next[i], the record after record i, for the newest `most` transitions, and NONE elsewhere.
static void find_next(struct linked_rows *linked, uint64_t cursor, uint64_t most, uint32_t *next) {
  const uint64_t size = linked->records;
  for (uint64_t i = 0; i < size; i++) next[i] = NONE;
  for (uint64_t age = 0; age < size; age++) {
    const uint64_t record = (cursor + 2 * size - 1 - age) % size;
    const uint32_t back = back_of(linked, record);
    if (back == REPLAY_FIRST || back == REPLAY_UNKNOWN || age + back >= size) continue; // nothing is known of before
    if (linked->rows == most) {
      linked->older++;
      continue;
    }
    next[previous(linked, record)] = (uint32_t)record;
    linked->rows++;
  }
}

// Walks the chains, each from its oldest record on.
static void walk(struct linked_rows *linked, uint64_t oldest, uint32_t *next) {
  uint64_t rows = 0;
  for (uint64_t i = 0; i < linked->records; i++)
    for (uint64_t at = (oldest + i) % linked->records; next[at] != NONE && rows < linked->rows;) {
      const uint32_t to = linked->record[rows++] = next[at];
      next[at] = NONE;
      at = to;
    }
}

void linked_rows_read(struct h5 *h5, uint32_t obs_dim, uint32_t act_dim, uint64_t most, struct linked_rows *linked) {
  struct checkpoint_ring ring = {0};
  *linked = (struct linked_rows){.obs_dim = obs_dim, .act_dim = act_dim};
  checkpoint_walk_ring(h5, &ring);
  if (h5->status == STATUS_OK && ring.size >= NONE)
    h5_fail(h5, STATUS_FORMAT, "/replay makes no sense: size %" PRIu64, ring.size);
  if (h5->status != STATUS_OK || ring.size == 0) return;
  linked->records = ring.size;
  read_columns(h5, linked);
  check_links(h5, linked, &ring);
  uint32_t *next = memory_alloc(ring.size, sizeof *next, what, h5->error);
  linked->record = memory_alloc(ring.size, sizeof *linked->record, what, h5->error);
  if (h5->status == STATUS_OK && (!next || !linked->record)) h5->status = STATUS_MEMORY;
  if (h5->status == STATUS_OK) {
    find_next(linked, ring.cursor, most, next);
    walk(linked, ring.size == ring.capacity ? ring.cursor : 0, next);
  }
  memory_free(next);
}

void linked_rows_release(struct linked_rows *linked) {
  for (int c = 0; c < CHECKPOINT_COLUMNS; c++) memory_free(linked->column[c]);
  memory_free(linked->record);
  *linked = (struct linked_rows){0};
}

void linked_rows_copy(const struct linked_rows *linked, uint64_t first, uint64_t count, float *const to[]) {
  const size_t obs = linked->obs_dim, act = linked->act_dim;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t record = linked->record[first + i], before = previous(linked, record);
    memcpy(to[REPLAY_OBS] + i * obs, linked->column[REPLAY_OBS] + before * obs, obs * sizeof(float));
    memcpy(to[REPLAY_NEXT_OBS] + i * obs, linked->column[REPLAY_OBS] + record * obs, obs * sizeof(float));
    memcpy(to[REPLAY_ACTION] + i * act, linked->column[REPLAY_ACTION] + record * act, act * sizeof(float));
    to[REPLAY_REWARD][i] = linked->column[REPLAY_REWARD][record];
    to[REPLAY_DISCOUNT][i] = linked->column[REPLAY_DISCOUNT][record];
  }
}
