#include "learner/storage/checkpoint_ring.h"

#include "common/base/memory.h"
#include "learner/storage/h5_dataset.h"

#include <inttypes.h>
#include <string.h>

const char *const checkpoint_column_names[CHECKPOINT_COLUMNS] = {"obs",      "action",   "reward",
                                                                 "next_obs", "discount", "back"};
enum { OBS, ACTION, REWARD, NEXT_OBS, DISCOUNT, BACK = CHECKPOINT_BACK };

void checkpoint_walk_ring(struct h5 *h5, struct checkpoint_ring *ring) {
  h5_u64(h5, "replay/size", &ring->size);
  h5_u64(h5, "replay/cursor", &ring->cursor);
  h5_u64(h5, "replay/capacity", &ring->capacity);
  const uint64_t size = ring->size, cursor = ring->cursor, capacity = ring->capacity;
  if (h5->writing || h5->status != STATUS_OK) return;
  if (size > capacity || cursor >= capacity || (size < capacity && cursor != size))
    h5_fail(h5, STATUS_FORMAT, "/replay makes no sense: size %" PRIu64 ", cursor %" PRIu64 ", capacity %" PRIu64, size,
            cursor, capacity);
}

bool checkpoint_ring_is_linked(struct h5 *h5, const struct checkpoint_shape *shape) {
  const bool has_history = shape->acting.input > shape->obs_dim;
  return shape->linked && (has_history || !h5_has(h5, "replay/next_obs"));
}

enum status checkpoint_lanes_init(struct checkpoint_lanes *lanes, uint64_t count, struct error *error) {
  static const char what[] = "the replay's lanes";
  *lanes = (struct checkpoint_lanes){.lanes = count};
  lanes->record = memory_alloc(count, sizeof *lanes->record, what, error);
  lanes->episode = memory_alloc(count, sizeof *lanes->episode, what, error);
  lanes->step = memory_alloc(count, sizeof *lanes->step, what, error);
  return lanes->record && lanes->episode && lanes->step ? STATUS_OK : STATUS_MEMORY;
}

void checkpoint_lanes_release(struct checkpoint_lanes *lanes) {
  memory_free(lanes->record);
  memory_free(lanes->episode);
  memory_free(lanes->step);
  *lanes = (struct checkpoint_lanes){0};
}

void checkpoint_walk_lanes(struct h5 *h5, struct checkpoint_lanes *lanes) {
  if (!h5->writing) {
    const uint64_t count = h5_rows(h5, "replay/lane_record");
    if (count > h5->bytes / sizeof(uint64_t))
      h5_fail(h5, STATUS_FORMAT, "/replay/lane_record of %" PRIu64 " rows is larger than it can be", count);
    if (h5->status == STATUS_OK) h5->status = checkpoint_lanes_init(lanes, count, h5->error);
  }
  h5_values(h5, "replay/lane_record", H5_KIND_U64, lanes->lanes, 0, lanes->record);
  h5_values(h5, "replay/lane_episode", H5_KIND_U64, lanes->lanes, 0, lanes->episode);
  h5_values(h5, "replay/lane_step", H5_KIND_U64, lanes->lanes, 0, lanes->step);
}

void checkpoint_columns_open(struct h5 *h5, struct checkpoint_columns *columns, const struct checkpoint_shape *shape,
                             uint64_t size) {
  const uint32_t width[CHECKPOINT_COLUMNS] = {
      [OBS] = shape->obs_dim, [ACTION] = shape->act_dim,
      [REWARD] = 1,           [NEXT_OBS] = shape->linked ? 0 : shape->obs_dim,
      [DISCOUNT] = 1,         [BACK] = shape->linked ? 1 : 0,
  };
  uint64_t all = 0;
  for (int c = 0; c < CHECKPOINT_COLUMNS; c++) all += width[c];
  *columns = (struct checkpoint_columns){.rows = h5_chunk_rows(size, all * sizeof(float))};
  memcpy(columns->width, width, sizeof width);
  for (int c = 0; c < CHECKPOINT_COLUMNS; c++) {
    const bool flat = c == REWARD || c == DISCOUNT || c == BACK;
    columns->table[c].dataset = H5I_INVALID_HID;
    if (width[c] == 0) continue;
    h5_table_open(h5, &columns->table[c], h5_name(h5, "replay/%s", checkpoint_column_names[c]),
                  c == BACK ? H5_KIND_U32 : H5_KIND_FLOAT, size, flat ? 0 : width[c], columns->rows);
    columns->chunk[c] = memory_alloc(columns->rows * width[c] + 1, sizeof(float), "a chunk of the replay", h5->error);
    if (!columns->chunk[c] && h5->status == STATUS_OK) h5->status = STATUS_MEMORY;
  }
}

void checkpoint_columns_move(struct h5 *h5, struct checkpoint_columns *columns, uint64_t row, uint64_t count) {
  for (int c = 0; c < CHECKPOINT_COLUMNS; c++) {
    if (columns->width[c] == 0) continue;
    h5->range = c == ACTION ? (struct h5_range){-1, 1} : c == DISCOUNT ? (struct h5_range){0, 1} : H5_FINITE;
    h5_table_chunk(h5, &columns->table[c], row, count, columns->chunk[c]);
  }
  h5->range = H5_ANYTHING;
}

void checkpoint_columns_close(struct h5 *h5, struct checkpoint_columns *columns) {
  for (int c = 0; c < CHECKPOINT_COLUMNS; c++) {
    if (columns->width[c] > 0) h5_table_close(h5, &columns->table[c]);
    memory_free(columns->chunk[c]);
  }
}
