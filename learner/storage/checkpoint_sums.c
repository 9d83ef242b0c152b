#include "learner/storage/checkpoint_sums.h"

#include "common/wire/message.h"
#include "learner/storage/h5.h"

// How many named values the file has sums of; 0: none.
static uint32_t saved_info_dim(struct h5 *h5) {
  if (!h5_has(h5, "learner/info_sum") && !h5_has(h5, "learner/info_count")) return 0;
  const uint64_t rows = h5_rows(h5, "learner/info_sum");
  if (rows == 0 || rows > WIRE_INFO)
    h5_fail(h5, STATUS_FORMAT, "/learner/info_sum has %llu rows, it may have 1 to %d", (unsigned long long)rows,
            WIRE_INFO);
  return h5->status == STATUS_OK ? (uint32_t)rows : 0;
}

static void walk_info(struct h5 *h5, const struct checkpoint_sums *sums) {
  const uint32_t dim = h5->verifying ? saved_info_dim(h5) : sums->info_dim;
  if (dim == 0) return;
  if (!h5->writing && (!h5_has(h5, "learner/info_sum") || h5_rows(h5, "learner/info_sum") != dim)) return;
  h5_values(h5, "learner/info_count", H5_KIND_U64, dim, 0, sums->info_count);
  h5_values(h5, "learner/info_sum", H5_KIND_DOUBLE, dim, 0, sums->info_sum);
}

#define WALK(type, name)        _Generic((type)0, uint64_t : h5_u64, double : h5_double)(h5, "learner/" #name, sums->name);
#define SUM(type, name, member) WALK(type, name)
#define LATER_SUM(type, name, member)                                                                                  \
  if (h5->writing || h5_has(h5, "learner/" #name)) WALK(type, name)

void checkpoint_walk_sums(struct h5 *h5, const struct checkpoint_sums *sums) {
  CHECKPOINT_SUMS(SUM, LATER_SUM)
  walk_info(h5, sums);
}
