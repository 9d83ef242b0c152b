#include "launch/runs/run_set.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum status run_set_read(const char *command, const char *const *paths, size_t count, bool empty, struct run_set *runs,
                         struct error *error) {
  if (count == 0)
    return error_set(error, STATUS_USAGE, "%s: say of what: corsac %s RUN... (run directories); see `corsac help %s`",
                     command, command, command);
  runs->record = memory_alloc(count, sizeof *runs->record, "the runs", error);
  enum status status = runs->record ? STATUS_OK : STATUS_MEMORY;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    struct run *record = &runs->record[runs->count];
    status = run_read(paths[i], record, error);
    if (status != STATUS_OK) break;
    if (empty || record->metrics.rows > 0) {
      runs->count++;
      continue;
    }
    run_release(record);
    if (count > 1) log_warn("%s: left out, its metrics.csv has no rows yet", paths[i]);
  }
  if (status == STATUS_OK && runs->count == 0)
    status = error_set(error, STATUS_FAILED,
                       "%s: %.800s: metrics.csv has no rows yet, so there is nothing to draw; "
                       "--log-every of train says how often one is written",
                       command, paths[0]);
  if (status == STATUS_OK) runs->groups = run_group(runs->record, runs->count);
  if (status != STATUS_OK) run_set_release(runs);
  return status;
}

void run_set_release(struct run_set *runs) {
  for (size_t i = 0; i < runs->count; i++) run_release(&runs->record[i]);
  memory_free(runs->record);
  *runs = (struct run_set){0};
}
