#include "learner/storage/checkpoint_links.h"

#include "common/base/memory.h"

#include <inttypes.h>
#include <string.h>

#define FIRST     0u // values of `back` that lead nowhere (learner/job/replay.h)
#define UNKNOWN   UINT32_MAX
#define NO_RECORD UINT64_MAX

void checkpoint_links_init(struct h5 *h5, struct checkpoint_links *links, const struct checkpoint_ring *ring) {
  *links = (struct checkpoint_links){.ring = *ring};
  if (h5->status != STATUS_OK) return;
  links->followed = memory_alloc(ring->size, sizeof *links->followed, "a check of the replay", h5->error);
  if (!links->followed) h5->status = STATUS_MEMORY;
}

void checkpoint_links_release(struct checkpoint_links *links) { memory_free(links->followed); }

static void take(struct h5 *h5, struct checkpoint_links *links, uint64_t row, uint64_t back) {
  const struct checkpoint_ring *ring = &links->ring;
  const uint64_t oldest = ring->size == ring->capacity ? ring->cursor : 0,
                 since = (row + ring->size - oldest) % ring->size;
  if (back == FIRST || back == UNKNOWN) return;
  if (back >= ring->capacity)
    h5_fail(h5, STATUS_FORMAT,
            "/replay/back: row %" PRIu64 " is %" PRIu64 ", but a ring of %" PRIu64 " rows has none so far back", row,
            back, ring->capacity);
  if (back > since || h5->status != STATUS_OK) return; // what it follows was overwritten
  bool *followed = &links->followed[row >= back ? row - back : row + ring->size - back];
  if (*followed)
    h5_fail(h5, STATUS_FORMAT, "/replay/back: row %" PRIu64 " and another follow the same observation", row);
  *followed = true;
}

void checkpoint_links_take(struct h5 *h5, struct checkpoint_links *links, uint64_t first, uint64_t count,
                           const float *back) {
  for (uint64_t i = 0; i < count && h5->status == STATUS_OK; i++) {
    uint32_t bits;
    memcpy(&bits, back + i, sizeof bits);
    take(h5, links, first + i, bits);
  }
}

void checkpoint_links_lanes(struct h5 *h5, struct checkpoint_links *links, const struct checkpoint_lanes *lanes) {
  for (uint64_t l = 0; l < lanes->lanes && h5->status == STATUS_OK; l++) {
    const uint64_t record = lanes->record[l];
    if (record == NO_RECORD) continue;
    if (record >= links->ring.size)
      h5_fail(h5, STATUS_FORMAT, "/replay/lane_record: %" PRIu64 " of lane %" PRIu64 " is no row of it", record, l);
    else if (links->followed[record])
      h5_fail(h5, STATUS_FORMAT,
              "/replay/lane_record: lane %" PRIu64 " goes on from row %" PRIu64 ", as another one does", l, record);
    else
      links->followed[record] = true;
  }
}
