// What a history costs the replay: gathering and inserting, beside rows of as many numbers and of one observation.
#include "common/base/memory.h"
#include "launch/bench/bench.h"
#include "learner/job/replay.h"

enum { LANES = 8, EPISODE = 1000, STEPS = 4096, DRAWN = 1 << 18 }; // STEPS: random steps that are made again and again

struct sides {
  struct replay *linked, *wide, *plain; // with the history; rows as wide as an input; rows of one observation
  struct history history;
  float discount;
  size_t rows;                  // of a batch
  uint32_t *drawn[2], next;     // (DRAWN + rows) of linked and of wide; which come next
  float *obs, *action, *reward; // (STEPS x obs_dim), (STEPS x act_dim), (STEPS)
  uint64_t made;                // steps of the linked replay
  float *wide_obs;              // (input)
  struct sac_batch batch;
};

static void next_draw(struct sides *sides) { sides->next = (sides->next + (uint32_t)sides->rows) % DRAWN; }

static enum status gather_history(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  replay_gather(sides->linked, sides->drawn[0] + sides->next, &sides->batch);
  next_draw(sides);
  return STATUS_OK;
}

static enum status gather_wide(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  replay_gather(sides->wide, sides->drawn[1] + sides->next, &sides->batch);
  next_draw(sides);
  return STATUS_OK;
}

// The lanes make their steps in turn.
static enum status insert_steps(void *context, struct error *error) {
  struct sides *sides = context;
  const size_t obs_dim = sides->history.obs_dim, act_dim = sides->history.act_dim;
  (void)error;
  for (size_t r = 0; r < sides->rows; r++, sides->made++) {
    const uint64_t round = sides->made / LANES, step = round % EPISODE;
    const size_t at = (size_t)(round % STEPS);
    replay_insert_step(sides->linked, &(struct replay_step){.lane = (uint32_t)(sides->made % LANES),
                                                            .episode = round / EPISODE,
                                                            .step = (uint32_t)step,
                                                            .obs = sides->obs + at * obs_dim,
                                                            .action = sides->action + at * act_dim,
                                                            .next_obs = sides->obs + (at + 1) % STEPS * obs_dim,
                                                            .reward = sides->reward[at],
                                                            .discount = sides->discount});
  }
  return STATUS_OK;
}

static enum status insert_rows(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  for (size_t r = 0; r < sides->rows; r++)
    replay_insert(sides->plain, 1, sides->obs, sides->action, sides->reward, sides->obs + sides->history.obs_dim,
                  &sides->discount);
  return STATUS_OK;
}

static enum status create(struct bench *bench, struct sides *sides, struct error *error) {
  const struct config *config = &bench->config;
  const uint32_t input = (uint32_t)history_width(&sides->history);
  const struct replay_links links = {sides->history, (uint32_t)config->n_step, config->gamma, LANES};
  const size_t wide = replay_row_bytes(input, bench->act_dim), plain = replay_row_bytes(bench->obs_dim, bench->act_dim);
  const size_t row = wide + plain + replay_record_bytes(bench->obs_dim, bench->act_dim);
  const uint64_t most = memory_available() / 2 / row, least = LANES * (config->history + config->n_step) + 2;
  if (bench->config.replay_capacity > most) bench->config.replay_capacity = most;
  if (bench->config.replay_capacity < least)
    return error_set(error, STATUS_USAGE, "replay_capacity is %llu; it must be %llu at least here",
                     (unsigned long long)bench->config.replay_capacity, (unsigned long long)least);
  const size_t capacity = bench->config.replay_capacity;
  sides->linked = replay_create_linked(capacity, capacity, &links, error);
  if (sides->linked) sides->wide = replay_create(capacity, input, bench->act_dim, error);
  if (sides->wide) sides->plain = replay_create(capacity, bench->obs_dim, bench->act_dim, error);
  return sides->plain ? STATUS_OK : error->status;
}

static enum status alloc(struct sides *sides, struct error *error) {
  static const char what[] = "the benchmark of a history";
  const size_t input = history_width(&sides->history), act_dim = sides->history.act_dim, width = input + act_dim;
  real *batch;
  if (!(sides->drawn[0] = memory_alloc(DRAWN + sides->rows, sizeof(uint32_t), what, error)) ||
      !(sides->drawn[1] = memory_alloc(DRAWN + sides->rows, sizeof(uint32_t), what, error)) ||
      !(sides->obs = memory_alloc(STEPS * (size_t)sides->history.obs_dim, sizeof(float), what, error)) ||
      !(sides->action = memory_alloc(STEPS * act_dim, sizeof(float), what, error)) ||
      !(sides->reward = memory_alloc(STEPS, sizeof(float), what, error)) ||
      !(sides->wide_obs = memory_alloc(input, sizeof(float), what, error)) ||
      !(batch = memory_alloc(sides->rows * 2 * (width + 1), sizeof(real), what, error)))
    return STATUS_MEMORY;
  sides->batch = (struct sac_batch){.rows = sides->rows,
                                    .width = width,
                                    .input = batch,
                                    .next_input = batch + sides->rows * width,
                                    .reward = batch + 2 * sides->rows * width,
                                    .discount = batch + 2 * sides->rows * width + sides->rows};
  return STATUS_OK;
}

static void fill(struct sides *sides) {
  struct random random = random_stream(1, RANDOM_WARMUP, 0, 0);
  for (size_t i = 0; i < STEPS * (size_t)sides->history.obs_dim; i++) sides->obs[i] = (float)random_uniform(&random);
  for (size_t i = 0; i < STEPS * (size_t)sides->history.act_dim; i++) sides->action[i] = (float)random_uniform(&random);
  const size_t capacity = replay_capacity(sides->linked);
  while (sides->made < 2 * (uint64_t)capacity) insert_steps(sides, NULL);
  for (size_t i = 0; i < capacity; i++)
    replay_insert(sides->wide, 1, sides->wide_obs, sides->action, sides->reward, sides->wide_obs, &sides->discount);
  for (size_t i = 0; i < capacity; i += sides->rows) insert_rows(sides, NULL);
  random = random_stream(1, RANDOM_REPLAY, 0, 0);
  replay_draw(sides->linked, &random, DRAWN + sides->rows, sides->drawn[0]);
  replay_draw(sides->wide, &random, DRAWN + sides->rows, sides->drawn[1]);
}

static enum status record_memory(struct bench *bench, struct error *error) {
  struct bench_figure *figure =
      bench_figure_add(bench, "memory of a step", "bytes", "a row of one observation and the next", error);
  if (!figure) return STATUS_MEMORY;
  figure->less_is_better = true;
  bench_record(figure, (double)replay_record_bytes(bench->obs_dim, bench->act_dim),
               (double)replay_row_bytes(bench->obs_dim, bench->act_dim));
  return STATUS_OK;
}

enum status bench_history(struct bench *bench, struct error *error) {
  const struct config *config = &bench->config;
  struct sides sides = {.history = {(uint32_t)config->history, bench->obs_dim, bench->act_dim, config->history_actions},
                        .discount = (float)config->gamma,
                        .rows = config->batch_size};
  const double rows = (double)sides.rows;
  const struct bench_pair pairs[] = {
      {"gather", "rows/s", "rows of as many numbers without a history", gather_history, gather_wide, rows, rows,
       &sides},
      {"insert", "rows/s", "rows of one observation and the next", insert_steps, insert_rows, rows, rows, &sides},
  };
  enum status status = create(bench, &sides, error);
  if (status == STATUS_OK) status = alloc(&sides, error);
  if (status == STATUS_OK) fill(&sides);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == STATUS_OK; i++)
    status = bench_measure(bench, &pairs[i], error);
  if (status == STATUS_OK) status = record_memory(bench, error);
  replay_destroy(sides.linked);
  replay_destroy(sides.wide);
  replay_destroy(sides.plain);
  memory_free(sides.drawn[0]);
  memory_free(sides.drawn[1]);
  memory_free(sides.obs);
  memory_free(sides.action);
  memory_free(sides.reward);
  memory_free(sides.wide_obs);
  memory_free(sides.batch.input);
  return status;
}
