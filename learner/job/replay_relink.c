// What a linked ring knows of its records, rebuilt from `back` after a load. Its layout and invariants are in
// replay_impl.h.
#include "learner/job/replay_impl.h"

uint32_t replay_lanes(const struct replay *replay) { return replay->links.lanes; }

struct replay_lane replay_lane(const struct replay *replay, uint32_t lane) {
  const struct lane *from = &replay->lane[lane];
  const uint64_t age = replay->written - from->newest; // of the record after it
  const bool is_there = from->exists && age <= replay->size;
  if (!is_there) return (struct replay_lane){.record = REPLAY_NO_RECORD};
  return (struct replay_lane){slot_back(replay, replay->cursor, age), from->episode, from->step};
}

// Each record is followed by one at most.
static enum status link_records(struct replay *replay, struct error *error) {
  size_t slot = slot_back(replay, replay->cursor, replay->size);
  for (size_t i = 0; i < replay->size; i++, slot = slot_ahead(replay, slot, 1)) {
    float *record = replay_row(replay, slot);
    const uint32_t back = record_get(record, RECORD_BACK);
    record_set(record, RECORD_REACH, 0);
    record_set(record, RECORD_NEEDED, 0);
    record_set(record, RECORD_AHEAD, AHEAD_ENDED);
    if (!record_has_step(record) || back > i) continue; // what it follows was overwritten
    float *before = replay_row(replay, slot_back(replay, slot, back));
    if (record_get(before, RECORD_AHEAD) != AHEAD_ENDED)
      return error_set(error, STATUS_FORMAT, "/replay/back: rows %zu and another follow the same observation", slot);
    record_set(before, RECORD_AHEAD, back);
  }
  return STATUS_OK;
}

static enum status take_lane(struct replay *replay, uint32_t l, const struct replay_lane *from, struct error *error) {
  struct lane *lane = &replay->lane[l];
  if (from->record == REPLAY_NO_RECORD) return STATUS_OK;
  if (from->record >= replay->size || (replay->size < replay->capacity && from->record >= replay->cursor))
    return error_set(error, STATUS_FORMAT, "/replay/lane_record: %llu of lane %u is no row of it",
                     (unsigned long long)from->record, l);
  float *record = replay_row(replay, from->record);
  if (record_get(record, RECORD_AHEAD) != AHEAD_ENDED)
    return error_set(error, STATUS_FORMAT, "/replay/lane_record: lane %u goes on from row %llu, as another one does", l,
                     (unsigned long long)from->record);
  record_set(record, RECORD_AHEAD, AHEAD_OPEN);
  *lane = (struct lane){.newest = replay->written - 1 - slot_age(replay, from->record),
                        .episode = from->episode,
                        .step = from->step,
                        .exists = true};
  return STATUS_OK;
}

enum status replay_relink(struct replay *replay, const struct replay_lane *lanes, uint32_t count, struct error *error) {
  assert(replay_is_linked(replay) && !replay->view);
  memset(replay->lane, 0, replay->links.lanes * sizeof *replay->lane);
  replay->drawable = 0;
  enum status status = link_records(replay, error);
  for (uint32_t l = 0; l < count && l < replay->links.lanes && status == STATUS_OK; l++)
    status = take_lane(replay, l, &lanes[l], error);
  if (status != STATUS_OK) return status;
  for (size_t slot = 0; slot < replay->size; slot++) {
    const uint32_t ahead = record_get(replay_row(replay, slot), RECORD_AHEAD);
    linked_complete(replay, slot, ahead == AHEAD_ENDED);
  }
  return STATUS_OK;
}
