#include "launch/runs/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum status run_read(const char *path, struct run *run, struct error *error) {
  *run = (struct run){0};
  struct stat info;
  char config[FILE_PATH];
  if (stat(path, &info) != 0)
    return error_set(error, STATUS_IO, "%.1000s: cannot be read: %s; give the directory of a run", path,
                     strerror(errno));
  if (!S_ISDIR(info.st_mode))
    return error_set(error, STATUS_USAGE, "%.1000s: is no directory; give the directory of a run (--run-dir of train)",
                     path);
  snprintf(run->path, sizeof run->path, "%s", path);
  for (size_t length = strlen(run->path); length > 1 && run->path[length - 1] == '/';) run->path[--length] = '\0';
  enum status status = file_join(config, run->path, "config.yaml", error);
  if (status != STATUS_OK) return status;
  if (stat(config, &info) != 0)
    return error_set(error, STATUS_USAGE, "%.1000s: holds no config.yaml, so it is no run's directory", path);
  options_defaults(&run->config);
  status = options_read_yaml(config, &run->config, error);
  return status == STATUS_OK ? metrics_table_read(run->path, &run->metrics, error) : status;
}

void run_release(struct run *run) { metrics_table_release(&run->metrics); }
