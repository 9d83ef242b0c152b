// corsac bench: figures of the program, each beside its limit. The limit is what the plain thing manages in the same
// run on the same machine: the matrix products alone, memcpy, a raw message. Absolute figures drift with the machine's
// other work, so figure and limit alternate in rounds and the ratio is taken round by round.
#ifndef CORSAC_LAUNCH_BENCH_BENCH_H
#define CORSAC_LAUNCH_BENCH_BENCH_H

#include "common/base/status.h"
#include "common/config/options.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { BENCH_MAX_FIGURES = 8, BENCH_MAX_ROUNDS = 1000, BENCH_TEXT = 96 };

struct bench_figure {
  char name[BENCH_TEXT];
  const char *unit, *limit_is; // limit_is NULL: there is no limit beside it
  // A time or the like. The ratio is 1 where figure and limit agree and below 1 where the figure is worse, here too.
  bool less_is_better;
  uint32_t rounds;
  double *value, *limit; // (rounds)
};

// One benchmark: what it runs with and what it has measured.
struct bench {
  const char *name;
  const char *shape;         // names of the options it depends on, obs_dim and act_dim among them, with blanks between
  struct config config;      // of the job it measures
  uint32_t obs_dim, act_dim; // where the benchmark has an environment: the environment's
  uint32_t rounds;
  double seconds;        // that one side of a round should take
  int rank, size;        // of MPI; size 1: this process alone
  const char *directory; // for files
  const volatile sig_atomic_t *stop;
  uint32_t count;
  struct bench_figure figure[BENCH_MAX_FIGURES]; // (count)
};

// Adds a figure that has no rounds yet. The bench owns it. NULL: STATUS_MEMORY.
struct bench_figure *bench_figure_add(struct bench *bench, const char *name, const char *unit, const char *limit_is,
                                      struct error *error);
// Records one round, of at most bench->rounds.
void bench_record(struct bench_figure *figure, double value, double limit);
void bench_release(struct bench *bench);

// A figure that is the speed of a function: `work` does `amount` of the unit in a call, `limit` does `limit_amount`.
struct bench_pair {
  const char *name, *unit, *limit_is;
  enum status (*work)(void *context, struct error *error);
  enum status (*limit)(void *context, struct error *error);
  double amount, limit_amount;
  void *context;
};
// Warms both up, finds how many calls fill a round, and records units per second over alternating rounds.
// STATUS_STOPPED after a signal.
enum status bench_measure(struct bench *bench, const struct bench_pair *pair, struct error *error);

struct bench_quartiles {
  double low, median, high;
};
// The quartiles of values[0..count), which it sorts in place.
struct bench_quartiles bench_quartiles_of(double *values, uint32_t count);
struct bench_summary {
  struct bench_quartiles value, limit, ratio; // limit and ratio: of figures that have a limit
};
// The figure has rounds.
struct bench_summary bench_summary_of(const struct bench_figure *figure);

// The benchmarks. On several ranks every rank calls those that run over MPI; figures are rank 0's.
enum status bench_learner(struct bench *bench, struct error *error);
enum status bench_replay(struct bench *bench, struct error *error);
enum status bench_history(struct bench *bench, struct error *error);
enum status bench_actor(struct bench *bench, struct error *error);
enum status bench_env(struct bench *bench, struct error *error);
enum status bench_agents(struct bench *bench, struct error *error);
enum status bench_checkpoint(struct bench *bench, struct error *error);
enum status bench_transport(struct bench *bench, struct error *error);
enum status bench_weights(struct bench *bench, struct error *error);
enum status bench_train(struct bench *bench, struct error *error);

// Print a table for people, and JSON for programs: of one benchmark, or of all that `corsac bench all` ran.
void bench_print_machine(const struct bench *bench);
void bench_print_table(const struct bench *bench);
enum status bench_print_json(const char *name, struct bench *const *benches, uint32_t count, struct error *error);
// Warns on stderr of what makes this machine slower than it need be.
void bench_warn(const struct config *config);

// --- what several benchmarks need ---
struct job;
// Makes a job of the bench's configuration and dimensions. Its replay is full of random rows: replay_capacity of them,
// or as many as fit into memory, which then is what bench->config says. Release it with job_release.
enum status bench_job(struct bench *bench, struct job *job, struct error *error);
// Sets obs_dim and act_dim to those of the environment that --env names.
enum status bench_read_environment(struct bench *bench, struct error *error);
// Updates per second of the job alone, over about `seconds`.
enum status bench_update_rate(struct job *job, double seconds, double *rate, struct error *error);
#endif
