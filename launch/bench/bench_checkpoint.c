// Writes and reads a checkpoint with its replay, beside a plain HDF5 loop over as many numbers. Also measures how much
// a checkpoint that is written in the background slows training down.
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "launch/bench/bench.h"
#include "learner/checkpoint/checkpoint.h"
#include "launch/bench/disk_baseline.h"
#include "learner/checkpoint/checkpoint_writer.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMNS = REPLAY_DISCOUNT + 1 }; // of a replay without a history

struct sides {
  struct job *job;
  char path[CONFIG_TEXT + 64], plain[CONFIG_TEXT + 64];
  uint32_t width[COLUMNS];
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
  return disk_baseline_write(sides->plain, replay_size(sides->job->replay), sides->width, COLUMNS, error);
}

static enum status read_plain(void *context, struct error *error) {
  const struct sides *sides = context;
  return disk_baseline_read(sides->plain, replay_size(sides->job->replay), sides->width, COLUMNS, error);
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

// --- in the background of training ---

static const double ALLOWED_MS = 5; // of a pause
enum { MOST_TURNS = 1 << 20 };

// A loop of updates. One row is inserted before each.
struct loop {
  struct job *job;
  struct checkpoint_writer *writer;
  float *row;
  double *turn; // (MOST_TURNS) s that each took
  uint32_t turns;
};

static enum status take_turn(struct loop *loop, double began, struct error *error) {
  struct sac_losses losses;
  const float *row = loop->row;
  if (replay_room(loop->job->replay) > 0) replay_insert(loop->job->replay, 1, row, row, row, row, row);
  job_sample(loop->job);
  const enum status status = sac_update(&loop->job->sac, &losses, error);
  loop->turn[loop->turns++] = clock_now() - began;
  return status;
}

// Runs for so long, or with seconds 0 from the begin of a checkpoint to its end.
static enum status run_loop(struct loop *loop, double seconds, const char *path, double *rate, struct error *error) {
  struct checkpoint_result result = {.error = {0}};
  const double start = clock_now();
  double now = start;
  enum status status = STATUS_OK;
  bool over = false;
  loop->turns = 0;
  if (seconds == 0) status = checkpoint_writer_begin(loop->writer, path, CHECKPOINT_ALL, 0, error);
  while (status == STATUS_OK && !over && loop->turns < MOST_TURNS) {
    over = seconds == 0 ? checkpoint_writer_take(loop->writer, &result) : now - start > seconds;
    status = take_turn(loop, now, error); // the first turn includes what the begin took
    now = clock_now();
  }
  *rate = loop->turns / (now - start);
  if (status == STATUS_OK && result.error.status != STATUS_OK)
    status = error_set(error, result.error.status, "%s", result.error.text);
  return status;
}

// How much longer than usual the longest turn took, in ms.
static double longest_pause(const struct loop *loop, double usual) {
  double longest = 0;
  for (uint32_t i = 0; i < loop->turns; i++) longest = loop->turn[i] > longest ? loop->turn[i] : longest;
  return 1e3 * (longest - usual);
}

static enum status measure_pauses(struct bench *bench, struct loop *loop, const char *path, struct error *error) {
  struct bench_figure *rate =
      bench_figure_add(bench, "updates while one is written", "updates/s", "updates while none is", error);
  struct bench_figure *pause =
      bench_figure_add(bench, "longest pause of updates by it", "ms", "what is allowed", error);
  struct bench_figure *noise = bench_figure_add(bench, "longest pause without one", "ms", NULL, error);
  if (!rate || !pause || !noise) return STATUS_MEMORY;
  pause->less_is_better = true;
  double usual_rate, saving_rate, seconds = 0;
  enum status status = run_loop(loop, 0, path, &saving_rate, error); // warms up, and shows how long a checkpoint takes
  for (uint32_t i = 0; i < loop->turns; i++) seconds += loop->turn[i];
  for (uint32_t r = 0; r < bench->rounds && status == STATUS_OK; r++) {
    if (*bench->stop) return error_set(error, STATUS_STOPPED, "stopped by a signal");
    status = run_loop(loop, seconds, path, &usual_rate, error);
    if (status != STATUS_OK) break;
    const double usual = bench_quartiles_of(loop->turn, loop->turns).median;
    bench_record(noise, longest_pause(loop, usual), 0);
    status = run_loop(loop, 0, path, &saving_rate, error);
    if (status != STATUS_OK) break;
    bench_record(pause, longest_pause(loop, usual), ALLOWED_MS);
    bench_record(rate, saving_rate, usual_rate);
  }
  return status;
}

static enum status bench_in_background(struct bench *bench, struct job *job, const char *path, struct error *error) {
  struct loop loop = {.job = job};
  const size_t widest = bench->obs_dim > bench->act_dim ? bench->obs_dim : bench->act_dim;
  loop.writer = checkpoint_writer_create(job, NULL, error);
  loop.row = memory_alloc(widest, sizeof *loop.row, "a row", error);
  loop.turn = memory_alloc(MOST_TURNS, sizeof *loop.turn, "the turns' times", error);
  enum status status = loop.writer && loop.row && loop.turn ? STATUS_OK : error->status;
  if (status == STATUS_OK) status = measure_pauses(bench, &loop, path, error);
  checkpoint_writer_destroy(loop.writer);
  memory_free(loop.row);
  memory_free(loop.turn);
  return status;
}

enum status bench_checkpoint(struct bench *bench, struct error *error) {
  struct job job;
  bench->config.envs = 1;
  enum status status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  struct sides sides = {.job = &job};
  double numbers = 0;
  for (int c = 0; c < COLUMNS; c++) numbers += sides.width[c] = replay_column_width(job.replay, (enum replay_column)c);
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
  if (status == STATUS_OK) status = bench_in_background(bench, &job, sides.path, error);
  unlink(sides.path);
  unlink(sides.plain);
  job_release(&job);
  return status;
}
