// Whether the records of a linked replay in a file fit together, so that a file that is called good can be loaded.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_LINKS_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_LINKS_H

#include "learner/storage/checkpoint_ring.h"

struct checkpoint_links {
  struct checkpoint_ring ring;
  bool *followed; // (ring.size) owned
};
// Release it, on failure too.
void checkpoint_links_init(struct h5 *h5, struct checkpoint_links *links, const struct checkpoint_ring *ring);
void checkpoint_links_release(struct checkpoint_links *links);

// `back` (count) of rows [first, first + count), the bits of uint32_t each. STATUS_FORMAT: one leads out of the ring,
// or to a row that another one follows.
void checkpoint_links_take(struct h5 *h5, struct checkpoint_links *links, uint64_t first, uint64_t count,
                           const float *back);
// After all rows. STATUS_FORMAT: a lane goes on from no row, or from one that is followed.
void checkpoint_links_lanes(struct h5 *h5, struct checkpoint_links *links, const struct checkpoint_lanes *lanes);
#endif
