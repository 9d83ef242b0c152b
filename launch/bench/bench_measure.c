#include "launch/bench/bench.h"

#include "common/base/clock.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_figure *bench_figure_add(struct bench *bench, const char *name, const char *unit, const char *limit_is,
                                      struct error *error) {
  struct bench_figure *figure = &bench->figure[bench->count];
  *figure = (struct bench_figure){.unit = unit, .limit_is = limit_is};
  snprintf(figure->name, sizeof figure->name, "%s", name);
  figure->value = memory_alloc(bench->rounds, sizeof *figure->value, "a figure's rounds", error);
  figure->limit = memory_alloc(bench->rounds, sizeof *figure->limit, "a figure's rounds", error);
  bench->count++;
  return figure->value && figure->limit ? figure : NULL;
}

void bench_record(struct bench_figure *figure, double value, double limit) {
  figure->value[figure->rounds] = value;
  figure->limit[figure->rounds++] = limit;
}

void bench_release(struct bench *bench) {
  for (uint32_t i = 0; i < bench->count; i++) {
    memory_free(bench->figure[i].value);
    memory_free(bench->figure[i].limit);
  }
  bench->count = 0;
}

// --- rounds ---

struct side {
  enum status (*call)(void *context, struct error *error);
  void *context;
  uint64_t calls; // of a round
};

static enum status time_calls(const struct side *side, double *seconds, struct error *error) {
  const double start = clock_now();
  enum status status = STATUS_OK;
  for (uint64_t i = 0; i < side->calls && status == STATUS_OK; i++) status = side->call(side->context, error);
  *seconds = clock_now() - start;
  return status;
}

// Doubles the calls until they take a round's time, which also warms up.
static enum status warm_up(struct side *side, double wanted, struct error *error) {
  double seconds = 0;
  for (side->calls = 1;; side->calls *= 2) {
    const enum status status = time_calls(side, &seconds, error);
    if (status != STATUS_OK || seconds >= wanted / 2) break;
  }
  if (seconds > 0 && seconds < wanted) side->calls = (uint64_t)((double)side->calls * wanted / seconds);
  return error->status;
}

enum status bench_measure(struct bench *bench, const struct bench_pair *pair, struct error *error) {
  struct bench_figure *figure = bench_figure_add(bench, pair->name, pair->unit, pair->limit_is, error);
  if (!figure) return STATUS_MEMORY;
  struct side work = {pair->work, pair->context, 0}, limit = {pair->limit, pair->context, 0};
  enum status status = warm_up(&work, bench->seconds, error);
  if (status == STATUS_OK) status = warm_up(&limit, bench->seconds, error);
  for (uint32_t r = 0; r < bench->rounds && status == STATUS_OK; r++) {
    double took = 0, limit_took = 0;
    if (*bench->stop) return error_set(error, STATUS_STOPPED, "stopped by a signal");
    status = time_calls(&work, &took, error);
    if (status == STATUS_OK) status = time_calls(&limit, &limit_took, error);
    bench_record(figure, (double)work.calls * pair->amount / took,
                 (double)limit.calls * pair->limit_amount / limit_took);
  }
  return status;
}

// --- summaries ---

static int compare(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

// Interpolates between two neighbours, as R and NumPy do.
static double quantile(const double *sorted, uint32_t count, double share) {
  const double at = share * (count - 1);
  const uint32_t below = (uint32_t)at, above = below + 1 < count ? below + 1 : below;
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

struct bench_quartiles bench_quartiles_of(double *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return (struct bench_quartiles){quantile(values, count, 0.25), quantile(values, count, 0.5),
                                  quantile(values, count, 0.75)};
}

struct bench_summary bench_summary_of(const struct bench_figure *figure) {
  double sorted[BENCH_MAX_ROUNDS];
  struct bench_summary summary = {0};
  memcpy(sorted, figure->value, figure->rounds * sizeof *sorted);
  summary.value = bench_quartiles_of(sorted, figure->rounds);
  if (!figure->limit_is) return summary;
  for (uint32_t r = 0; r < figure->rounds; r++)
    sorted[r] = figure->less_is_better ? figure->limit[r] / figure->value[r] : figure->value[r] / figure->limit[r];
  summary.ratio = bench_quartiles_of(sorted, figure->rounds);
  memcpy(sorted, figure->limit, figure->rounds * sizeof *sorted);
  summary.limit = bench_quartiles_of(sorted, figure->rounds);
  return summary;
}
