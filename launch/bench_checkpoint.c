// Writing and reading a checkpoint with its replay beside a plain HDF5 loop over the same numbers.
#include "launch/bench.h"
#include "learner/checkpoint.h"
#include "learner/checkpoint_limit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct sides {
  struct job *job;
  char path[CONFIG_TEXT + 64], plain[CONFIG_TEXT + 64];
  uint32_t width[REPLAY_COLUMNS];
};

static enum status write_checkpoint(void *context, struct error *error) {
  const struct sides *sides = context;
  return checkpoint_write(sides->path, sides->job, CHECKPOINT_ALL, error);
}

static enum status read_checkpoint(void *context, struct error *error) {
  const struct sides *sides = context;
  bool has_replay;
  return checkpoint_read(sides->path, sides->job, &has_replay, error);
}

static enum status write_plain(void *context, struct error *error) {
  const struct sides *sides = context;
  return checkpoint_limit_write(sides->plain, replay_size(sides->job->replay), sides->width, REPLAY_COLUMNS, error);
}

static enum status read_plain(void *context, struct error *error) {
  const struct sides *sides = context;
  return checkpoint_limit_read(sides->plain, replay_size(sides->job->replay), sides->width, REPLAY_COLUMNS, error);
}

static enum status record_size(struct bench *bench, const struct sides *sides, double megabytes, struct error *error) {
  struct stat info;
  struct bench_figure *figure = bench_figure_add(bench, "size of the file", "MB", "the replay's numbers alone", error);
  if (!figure) return STATUS_MEMORY;
  if (stat(sides->path, &info) != 0) return error_set(error, STATUS_IO, "%s: cannot be looked up", sides->path);
  figure->less_is_better = true;
  bench_record(figure, 1e-6 * (double)info.st_size, megabytes);
  return STATUS_OK;
}

enum status bench_checkpoint(struct bench *bench, struct error *error) {
  struct job job;
  bench->config.envs = 1;
  enum status status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  struct sides sides = {.job = &job};
  double numbers = 0;
  for (int c = 0; c < REPLAY_COLUMNS; c++)
    numbers += sides.width[c] = replay_column_width(job.replay, (enum replay_column)c);
  const double megabytes = 1e-6 * (double)sizeof(float) * numbers * (double)replay_size(job.replay);
  snprintf(sides.path, sizeof sides.path, "%s/checkpoint.h5", bench->directory);
  snprintf(sides.plain, sizeof sides.plain, "%s/plain.h5", bench->directory);
  const struct bench_pair pairs[] = {
      {"write", "MB/s of replay", "a plain HDF5 + fletcher32 loop, fsync", write_checkpoint, write_plain, megabytes,
       megabytes, &sides},
      {"read", "MB/s of replay", "the same, reading", read_checkpoint, read_plain, megabytes, megabytes, &sides},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == STATUS_OK; i++)
    status = bench_measure(bench, &pairs[i], error);
  if (status == STATUS_OK) status = record_size(bench, &sides, megabytes, error);
  unlink(sides.path);
  unlink(sides.plain);
  job_release(&job);
  return status;
}
