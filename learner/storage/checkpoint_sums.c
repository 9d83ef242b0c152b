#include "learner/storage/checkpoint_sums.h"

#include "common/config/config.h"
#include "common/wire/message.h"
#include "learner/storage/h5.h"

// How many rows of sums the file has; 0: it has none, nor any beside them.
static uint32_t saved_rows(struct h5 *h5, const char *name, const char *beside, int most) {
  if (!h5_has(h5, name) && !h5_has(h5, beside)) return 0;
  const uint64_t rows = h5_rows(h5, name);
  if (rows == 0 || rows > (uint64_t)most)
    h5_fail(h5, STATUS_FORMAT, "/%s has %llu rows, it may have 1 to %d", name, (unsigned long long)rows, most);
  return h5->status == STATUS_OK ? (uint32_t)rows : 0;
}

// How many rows are walked, of which `count` are wanted; 0: none.
static uint32_t rows_to_walk(struct h5 *h5, const char *name, const char *beside, uint32_t count, int most) {
  if (h5->verifying) return saved_rows(h5, name, beside, most);
  if (h5->writing || count == 0) return count;
  return h5_has(h5, name) && h5_rows(h5, name) == count ? count : 0;
}

static void walk_cases(struct h5 *h5, const struct checkpoint_sums *sums) {
  const uint32_t count =
      rows_to_walk(h5, "learner/case_episodes", "learner/case_eval_sum", sums->cases, CONFIG_MAX_CASES);
  if (count == 0) return;
  h5_values(h5, "learner/case_episodes", H5_KIND_U64, count, 0, sums->case_episodes);
  h5_values(h5, "learner/case_length_sum", H5_KIND_U64, count, 0, sums->case_length_sum);
  h5_values(h5, "learner/case_return_sum", H5_KIND_DOUBLE, count, 0, sums->case_return_sum);
  h5_values(h5, "learner/case_eval_episodes", H5_KIND_U64, count, 0, sums->case_eval_episodes);
  h5_values(h5, "learner/case_eval_sum", H5_KIND_DOUBLE, count, 0, sums->case_eval_sum);
}

static void walk_info(struct h5 *h5, const struct checkpoint_sums *sums) {
  const uint32_t dim = rows_to_walk(h5, "learner/info_sum", "learner/info_count", sums->info_dim, WIRE_INFO);
  if (dim == 0) return;
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
  walk_cases(h5, sums);
}
