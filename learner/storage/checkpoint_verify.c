#include "learner/storage/checkpoint_verify.h"

#include "common/base/memory.h"
#include "common/base/plural.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_layout.h"
#include "learner/storage/checkpoint_links.h"
#include "learner/storage/checkpoint_ring.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/h5_guard.h"

#include <inttypes.h>
#include <sys/stat.h>

static void verify_replay(struct h5 *h5, struct checkpoint_shape *shape) {
  struct checkpoint_ring ring = {0};
  struct checkpoint_columns columns;
  struct checkpoint_links links = {0};
  struct checkpoint_lanes lanes = {0};
  checkpoint_walk_ring(h5, &ring);
  if (h5->status != STATUS_OK) return;
  shape->linked = checkpoint_ring_is_linked(h5, shape);
  checkpoint_columns_open(h5, &columns, shape, ring.size);
  if (shape->linked) checkpoint_links_init(h5, &links, &ring);
  for (uint64_t row = 0; row < ring.size && h5->status == STATUS_OK; row += columns.rows) {
    const uint64_t count = ring.size - row < columns.rows ? ring.size - row : columns.rows;
    checkpoint_columns_move(h5, &columns, row, count);
    if (shape->linked) checkpoint_links_take(h5, &links, row, count, columns.chunk[CHECKPOINT_BACK]);
  }
  checkpoint_columns_close(h5, &columns);
  if (shape->linked) checkpoint_walk_lanes(h5, &lanes);
  checkpoint_links_lanes(h5, &links, &lanes);
  checkpoint_lanes_release(&lanes);
  checkpoint_links_release(&links);
}

static void verify_job(struct h5 *h5, const struct checkpoint_info *info, struct checkpoint_shape *shape) {
  uint64_t steps = 0, updates = 0;
  struct checkpoint_parts parts = {.steps = &steps, .updates = &updates};
  checkpoint_walk_parts(h5, shape, &parts);
  if (h5->status == STATUS_OK && (steps != info->env_steps || updates != info->updates))
    h5_fail(h5, STATUS_FORMAT,
            "its head says %" PRIu64 " steps and %" PRIu64 " updates, /limiter %" PRIu64 " and %" PRIu64,
            info->env_steps, info->updates, steps, updates);
  if (h5_has(h5, "replay"))
    verify_replay(h5, shape);
  else if (info->exact)
    h5_fail(h5, STATUS_FORMAT, "/replay is missing, though it says that it continues bit for bit");
}

static void verify_policy(struct h5 *h5, const struct checkpoint_shape *shape) {
  struct normalizer normalizer = {.dim = shape->obs_dim};
  checkpoint_walk_policy(h5, shape, &(struct checkpoint_nets){0});
  checkpoint_walk_normalizer(h5, &normalizer);
}

static enum status verify(const char *path, bool whole_job, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info = {0};
  struct config config;
  h5_open(&h5, path, error);
  h5.verifying = true;
  checkpoint_walk_info(&h5, &info);
  h5_guard_file(&h5);
  if (h5.status == STATUS_OK) h5.status = checkpoint_parse_config(path, &info, &config, error);
  if (h5.status == STATUS_OK) {
    struct checkpoint_shape shape = checkpoint_shape_of(&config, info.obs_dim, info.act_dim);
    checkpoint_walk_bounds(&h5, info.act_dim, NULL, NULL);
    if (info.resumable)
      verify_job(&h5, &info, &shape);
    else
      verify_policy(&h5, &shape);
    if (whole_job && !info.resumable) h5_fail(&h5, STATUS_FORMAT, "holds a policy without the rest of its job");
  }
  checkpoint_info_release(&info);
  return h5_close(&h5);
}

enum status checkpoint_verify(const char *path, struct error *error) { return verify(path, false, error); }

// A run in progress removes old checkpoints while others look for them.
static bool is_removed(const char *file) {
  struct stat info;
  return lstat(file, &info) != 0;
}

enum status checkpoint_newest(const char *directory, bool whole_job,
                              void (*skipped)(const struct error *why, bool another), char *file, struct error *error) {
  struct error newest = {0};
  const int listed = checkpoint_list(directory, NULL, 0, error);
  if (listed < 0) return STATUS_IO;
  uint64_t *steps = memory_alloc((size_t)listed, sizeof *steps, "the list of checkpoints", error);
  if (!steps) return STATUS_MEMORY;

  // The directory may have changed since its checkpoints were counted.
  const int found = checkpoint_list(directory, steps, listed, error), count = found < listed ? found : listed;
  enum status status = found < 0 ? STATUS_IO : STATUS_FORMAT;
  for (int i = 0; i < count && checkpoint_is_damage(status); i++) {
    struct error why = {0};
    status = checkpoint_list_path(file, directory, steps[i], error);
    if (status != STATUS_OK) break;
    status = verify(file, whole_job, &why);
    if (status != STATUS_OK && is_removed(file))
      status = STATUS_FORMAT;
    else if (!checkpoint_is_damage(status))
      error_set(error, status, "%s", why.text);
    else if (skipped)
      skipped(&why, i + 1 < count);
    if (!newest.status) newest = why;
  }
  memory_free(steps);
  if (checkpoint_is_damage(status) && count > 0)
    error_set(error, STATUS_FORMAT, "%s: none of its %d checkpoint%s can be read; of the newest: %s", directory, count,
              plural((uint64_t)count), newest.text);
  return count == 0 && status == STATUS_FORMAT ? STATUS_IO : status;
}
