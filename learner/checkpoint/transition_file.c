#include "learner/checkpoint/transition_file.h"

#include "common/base/memory.h"
#include "learner/checkpoint/linked_rows.h"
#include "learner/checkpoint/transition_origin.h"
#include "learner/storage/h5_dataset.h"
#include "learner/storage/h5_guard.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = REPLAY_DISCOUNT + 1 };

// Rows that follow each other, bit by bit, are steps of one episode; where a row does not, another one begins.
struct episodes {
  float *last;      // (obs_dim) next_obs of the row before
  bool goes_on;     // there was one, and it did not terminate
  uint64_t *number; // (chunk_rows) of the rows in the chunk, likewise:
  uint32_t *step;
  uint64_t now; // the number and the step of the next row, if it follows
  uint32_t now_step;
};

// The rows of several agents, step by step in turn, are taken agent by agent, so that those of an episode follow.
struct agents {
  hid_t dataset;    // H5I_INVALID_HID: the file does not say who made a row, or that does not matter
  uint32_t *number; // (chunk_rows) of the rows in the chunk, which has all rows then
  struct agent_row {
    uint32_t agent;
    uint64_t row;
  } * order; // (chunk_rows)
};

struct source {
  struct h5 h5;
  struct episodes episodes; // for a replay that is linked
  struct agents agents;
  struct job *job;
  bool own;                        // it is a checkpoint
  struct transition_origin origin; // what that says
  bool linked;                     // with each observation once: its transitions are in linked_rows
  struct linked_rows linked_rows;
  bool unit;             // actions are in [-1, 1]
  bool terminated;       // there is `terminated` instead of the discount
  uint64_t rows, oldest; // oldest: the index of a ring's oldest row
  hid_t dataset[COLUMNS];
  hid_t type[COLUMNS]; // in memory
  uint32_t width[COLUMNS];
  float *chunk[COLUMNS]; // (chunk_rows x width)
  uint64_t chunk_rows;
};

static const char *name_of(struct source *source, int column) {
  if (column == REPLAY_DISCOUNT && source->terminated) return "terminated";
  const char *name = checkpoint_column_names[column];
  return source->own ? h5_name(&source->h5, "replay/%s", name) : name;
}

static H5T_class_t class_of(struct h5 *h5, const char *name) {
  if (!h5_has(h5, name)) return H5T_FLOAT; // h5_dataset_open says that it is missing
  const hid_t dataset = h5_guard_open(h5, name), type = dataset >= 0 ? H5Dget_type(dataset) : -1;
  const H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_FLOAT;
  h5_done(h5, type, H5Tclose);
  h5_done(h5, dataset, H5Dclose);
  return class;
}

// h5py stores a boolean as an enumeration of one byte, which is read as it is.
static void open_column(struct source *source, int c) {
  struct h5 *h5 = &source->h5;
  const bool flat = c == REPLAY_REWARD || c == REPLAY_DISCOUNT, marks = c == REPLAY_DISCOUNT && source->terminated;
  const H5T_class_t class = marks ? class_of(h5, "terminated") : H5T_FLOAT;
  if (class != H5T_FLOAT && class != H5T_INTEGER && class != H5T_ENUM)
    h5_fail(h5, STATUS_FORMAT, "/terminated holds neither numbers nor booleans");
  source->type[c] = H5T_NATIVE_FLOAT;
  if (h5->status != STATUS_OK) return;
  source->chunk[c] =
      memory_alloc(source->chunk_rows * source->width[c], sizeof(float), "logged transitions", h5->error);
  if (!source->chunk[c] && h5->status == STATUS_OK) h5->status = STATUS_MEMORY;
  if (h5->status != STATUS_OK || source->linked) return;
  source->dataset[c] = h5_dataset_open(h5, name_of(source, c), class, marks ? H5I_INVALID_HID : H5T_IEEE_F32LE,
                                       h5_shape_of(source->rows, flat ? 0 : source->width[c]));
  if (source->dataset[c] >= 0) h5_guard_chunks(h5, source->dataset[c], name_of(source, c));
  if (source->dataset[c] >= 0 && class == H5T_ENUM) {
    source->type[c] = H5Dget_type(source->dataset[c]);
    if (source->type[c] < 0 || H5Tget_size(source->type[c]) != 1)
      h5_fail(h5, STATUS_FORMAT, "/terminated is an enumeration, but not h5py's boolean");
  }
}

static void find_ring(struct source *source) {
  struct h5 *h5 = &source->h5;
  struct checkpoint_ring ring = {0};
  checkpoint_walk_ring(h5, &ring);
  if (h5->status == STATUS_OK && ring.size != source->rows)
    h5_fail(h5, STATUS_FORMAT, "/replay makes no sense: %" PRIu64 " rows, size %" PRIu64, source->rows, ring.size);
  source->oldest = ring.size == ring.capacity ? ring.cursor : 0;
}

// h5py writes texts of variable length, which HDF5 allocates. C programs mostly write texts of fixed length.
static void read_scale(struct h5 *h5, char *scale, size_t size) {
  const hid_t attribute = H5Aopen(h5->file, "action_scale", H5P_DEFAULT);
  const hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
  if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0) {
    char *text = NULL;
    if (H5Aread(attribute, type, &text) < 0) h5_fail_library(h5, "action_scale", " cannot be read");
    snprintf(scale, size, "%s", text ? text : "");
    H5free_memory(text);
  } else {
    h5_attribute_text(h5, "/", "action_scale", scale, size);
  }
  h5_done(h5, type, H5Tclose);
  h5_done(h5, attribute, H5Aclose);
}

static void find_scale(struct source *source) {
  char scale[32] = "environment";
  struct h5 *h5 = &source->h5;
  if (h5_has_attribute(h5, "/", "action_scale")) read_scale(h5, scale, sizeof scale);
  source->unit = source->own || strcmp(scale, "unit") == 0;
  if (h5->status == STATUS_OK && !source->unit && strcmp(scale, "environment") != 0)
    h5_fail(h5, STATUS_FORMAT, "the attribute action_scale is \"%s\"; it may be \"environment\" or \"unit\"", scale);
}

static uint32_t width_of(const struct message_hello *environment, int column) {
  if (column == REPLAY_OBS || column == REPLAY_NEXT_OBS) return environment->obs_dim;
  return column == REPLAY_ACTION ? environment->act_dim : 1;
}

static void open_episodes(struct source *source) {
  static const char what[] = "logged transitions";
  struct episodes *episodes = &source->episodes;
  struct error *error = source->h5.error;
  if (!replay_is_linked(source->job->replay) || source->h5.status != STATUS_OK) return;
  if (!(episodes->last = memory_alloc(source->width[REPLAY_OBS], sizeof *episodes->last, what, error)) ||
      !(episodes->number = memory_alloc(source->chunk_rows, sizeof *episodes->number, what, error)) ||
      !(episodes->step = memory_alloc(source->chunk_rows, sizeof *episodes->step, what, error)))
    source->h5.status = STATUS_MEMORY;
}

// Where it does not matter what follows what, rows stay as they are.
static void open_agents(struct source *source) {
  static const char what[] = "the agents of logged transitions";
  struct h5 *h5 = &source->h5;
  struct agents *agents = &source->agents;
  const struct job *job = source->job;
  const uint64_t room = replay_capacity(job->replay);
  if (h5->status != STATUS_OK || source->own || !h5_has(h5, "agent")) return;
  if (!replay_is_linked(job->replay) && job->rewards.scaling == REWARD_RAW) return;
  source->chunk_rows = source->rows < room ? source->rows : room;
  agents->dataset = h5_dataset_open(h5, "agent", class_of(h5, "agent"), H5I_INVALID_HID, h5_shape_of(source->rows, 0));
  if (agents->dataset >= 0) h5_guard_chunks(h5, agents->dataset, "agent");
  if (h5->status == STATUS_OK &&
      (!(agents->number = memory_alloc(source->chunk_rows, sizeof *agents->number, what, h5->error)) ||
       !(agents->order = memory_alloc(source->chunk_rows, sizeof *agents->order, what, h5->error))))
    h5->status = STATUS_MEMORY;
}

static void read_linked(struct source *source) {
  const struct job *job = source->job;
  source->h5.hint = "the environment's dimensions";
  linked_rows_read(&source->h5, job->environment.obs_dim, job->environment.act_dim, replay_capacity(job->replay),
                   &source->linked_rows);
  source->h5.hint = "";
  source->rows = source->linked_rows.rows;
}

static void open_source(struct source *source) {
  struct h5 *h5 = &source->h5;
  uint64_t all = 0;
  source->own = h5_has_attribute(h5, "/", "format_version");
  h5->foreign = !source->own;
  if (source->own) h5_guard_file(h5);
  if (source->own) transition_origin_read(h5, source->job, &source->origin);
  if (source->own && !h5_has(h5, "replay"))
    h5_fail(h5, STATUS_FORMAT, "is a checkpoint without a replay (checkpoint_replay was off, or it is a best.h5)");
  source->linked = source->own && h5->status == STATUS_OK && h5_has(h5, "replay/back");
  if (source->linked)
    read_linked(source);
  else
    source->rows = h5_rows(h5, source->own ? "replay/obs" : "obs");
  source->terminated = !source->own && !h5_has(h5, "discount") && h5_has(h5, "terminated");
  if (!source->own && !source->terminated && !h5_has(h5, "discount"))
    h5_fail(h5, STATUS_FORMAT, "has neither /discount nor /terminated: transitions need one of the two");
  if (h5->status == STATUS_OK && source->rows == 0)
    h5_fail(h5, STATUS_FORMAT, "holds no transitions: /obs has no rows");
  if (source->own && !source->linked) find_ring(source);
  find_scale(source);
  for (int c = 0; c < COLUMNS; c++) all += source->width[c] = width_of(&source->job->environment, c);
  source->chunk_rows = h5_chunk_rows(source->rows, all * sizeof(float));
  open_agents(source);
  h5->hint = "the environment's dimensions";
  for (int c = 0; c < COLUMNS; c++) open_column(source, c);
  h5->hint = "";
  open_episodes(source);
}

static void close_source(struct source *source) {
  linked_rows_release(&source->linked_rows);
  transition_origin_release(&source->origin);
  memory_free(source->episodes.last);
  memory_free(source->episodes.number);
  memory_free(source->episodes.step);
  h5_done(&source->h5, source->agents.dataset, H5Dclose);
  memory_free(source->agents.number);
  memory_free(source->agents.order);
  for (int c = 0; c < COLUMNS; c++) {
    if (source->type[c] != H5T_NATIVE_FLOAT) h5_done(&source->h5, source->type[c], H5Tclose);
    h5_done(&source->h5, source->dataset[c], H5Dclose);
    memory_free(source->chunk[c]);
  }
}

// Reads rows [row, row + count) of a dataset. width 0: it has one dimension. false: it cannot be read.
static bool read_rows(struct h5 *h5, hid_t dataset, hid_t type, uint32_t width, uint64_t row, uint64_t count,
                      void *to) {
  const hsize_t start[2] = {row, 0}, size[2] = {count, width};
  const hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(width == 0 ? 1 : 2, size, NULL);
  const bool good = space >= 0 && memory >= 0 &&
                    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
                    H5Dread(dataset, type, memory, space, H5P_DEFAULT, to) >= 0;
  h5_done(h5, space, H5Sclose);
  h5_done(h5, memory, H5Sclose);
  return good;
}

// Reads a column's rows [row, row + count) of the file into the chunk.
static void read_column(struct source *source, int c, uint64_t row, uint64_t count) {
  struct h5 *h5 = &source->h5;
  const bool flat = c == REPLAY_REWARD || c == REPLAY_DISCOUNT;
  if (!read_rows(h5, source->dataset[c], source->type[c], flat ? 0 : source->width[c], row, count, source->chunk[c]))
    h5_fail_library(h5, name_of(source, c), " cannot be read");
  if (source->type[c] == H5T_NATIVE_FLOAT) return;

  // Widens bytes to floats from the end on, since a float overwrites four bytes.
  const uint8_t *bytes = (const uint8_t *)source->chunk[c];
  for (uint64_t i = count; i-- > 0;) source->chunk[c][i] = bytes[i];
}

static void check_finite(struct source *source, int c, uint64_t row, uint64_t count) {
  for (uint64_t i = 0; i < count * source->width[c] && source->h5.status == STATUS_OK; i++)
    if (!isfinite(source->chunk[c][i]))
      h5_fail(&source->h5, STATUS_FORMAT, "/%s: row %" PRIu64 ", component %" PRIu64 " is %g", name_of(source, c),
              row + i / source->width[c], i % source->width[c], (double)source->chunk[c][i]);
}

// a = 2 (x - low) / (high - low) - 1
static void scale_actions(struct source *source, uint64_t row, uint64_t count) {
  const struct message_hello *environment = &source->job->environment;
  const double *lows = source->own ? source->origin.low : environment->action_low;
  const double *highs = source->own ? source->origin.high : environment->action_high;
  const bool is_unit = source->unit && !source->own;
  const uint32_t dim = source->width[REPLAY_ACTION];
  float *actions = source->chunk[REPLAY_ACTION];
  for (uint64_t i = 0; i < count * dim && source->h5.status == STATUS_OK; i++) {
    const double low = is_unit ? -1 : lows[i % dim], high = is_unit ? 1 : highs[i % dim];
    const double a = 2 * ((double)actions[i] - low) / (high - low) - 1;
    if (!(fabs(a) <= 1 + 2e-6))
      h5_fail(&source->h5, STATUS_FORMAT, "/%s: row %" PRIu64 ", component %" PRIu64 " is %g, outside of [%g, %g]%s",
              name_of(source, REPLAY_ACTION), row + i / dim, i % dim, (double)actions[i], low, high,
              source->unit ? "" : " (actions in [-1, 1] are told by an attribute action_scale = \"unit\")");
    actions[i] = (float)fmax(-1, fmin(1, a));
  }
}

static void make_discounts(struct source *source, uint64_t row, uint64_t count) {
  const float gamma = (float)source->job->config.gamma;
  float *values = source->chunk[REPLAY_DISCOUNT];
  for (uint64_t i = 0; i < count && source->h5.status == STATUS_OK; i++) {
    if (values[i] < 0 || values[i] > 1 || (source->terminated && values[i] != 0 && values[i] != 1))
      h5_fail(&source->h5, STATUS_FORMAT, "/%s: row %" PRIu64 " is %g; it may be %s", name_of(source, REPLAY_DISCOUNT),
              row + i, (double)values[i], source->terminated ? "0 or 1" : "from 0 to 1");
    if (source->terminated) values[i] = values[i] == 0 ? gamma : 0;
    if (source->own && values[i] == source->origin.discount) values[i] = gamma;
  }
}

// The learner sums the rewards of n steps, so a row has to be one.
static void check_single_steps(struct source *source, uint64_t row, uint64_t count) {
  const struct config *config = &source->job->config;
  const float gamma = (float)config->gamma, *discount = source->chunk[REPLAY_DISCOUNT];
  if (!source->episodes.last || config->n_step == 1) return;
  for (uint64_t i = 0; i < count && source->h5.status == STATUS_OK; i++)
    if (discount[i] > 0 && (discount[i] < gamma || discount[i] > gamma))
      h5_fail(&source->h5, STATUS_MISMATCH,
              "/%s: row %" PRIu64 " is %g; with history and n_step %" PRIu64
              " a row has to be a single step, whose discount is 0 or gamma (%g)",
              name_of(source, REPLAY_DISCOUNT), row + i, (double)discount[i], config->n_step, config->gamma);
}

static int compare_agents(const void *one, const void *two) {
  const struct agent_row *a = one, *b = two;
  if (a->agent != b->agent) return a->agent < b->agent ? -1 : 1;
  return a->row < b->row ? -1 : a->row > b->row;
}

// Finds the order in which the rows of the chunk are taken.
static void order_rows(struct source *source, uint64_t row, uint64_t count) {
  struct agents *agents = &source->agents;
  if (!agents->order || source->h5.status != STATUS_OK) return;
  if (!read_rows(&source->h5, agents->dataset, H5T_NATIVE_UINT32, 0, row, count, agents->number)) {
    h5_fail_library(&source->h5, "agent", " cannot be read");
    return;
  }
  for (uint64_t i = 0; i < count; i++) agents->order[i] = (struct agent_row){agents->number[i], i};
  qsort(agents->order, count, sizeof *agents->order, compare_agents);
}

// The row of the chunk that is taken as number k.
static uint64_t row_at(const struct source *source, uint64_t k) {
  return source->agents.order ? source->agents.order[k].row : k;
}

static void find_episodes(struct source *source, uint64_t count) {
  struct episodes *episodes = &source->episodes;
  const struct agent_row *order = source->agents.order;
  const size_t dim = source->width[REPLAY_OBS], bytes = dim * sizeof(float);
  for (uint64_t k = 0; episodes->last && k < count; k++) {
    const uint64_t i = row_at(source, k);
    const bool other = order && k > 0 && order[k].agent != order[k - 1].agent;
    const bool follows = episodes->goes_on && episodes->now_step > 0 && !other &&
                         memcmp(source->chunk[REPLAY_OBS] + i * dim, episodes->last, bytes) == 0;
    if (!follows) episodes->now++, episodes->now_step = 0;
    episodes->number[i] = episodes->now;
    episodes->step[i] = episodes->now_step++;
    episodes->goes_on = source->chunk[REPLAY_DISCOUNT][i] > 0;
    memcpy(episodes->last, source->chunk[REPLAY_NEXT_OBS] + i * dim, bytes);
  }
}

// Inserts rows [row, row + count) of the chunk.
static void insert_rows(struct source *source, uint64_t row, uint64_t count) {
  const struct episodes *episodes = &source->episodes;
  float *const *chunk = source->chunk;
  const uint64_t obs = row * source->width[REPLAY_OBS];
  job_insert(source->job, count,
             &(struct job_rows){.logged = true,
                                .episode_number = episodes->number ? episodes->number + row : NULL,
                                .episode_step = episodes->step ? episodes->step + row : NULL,
                                .obs = chunk[REPLAY_OBS] + obs,
                                .action = chunk[REPLAY_ACTION] + row * source->width[REPLAY_ACTION],
                                .reward = chunk[REPLAY_REWARD] + row,
                                .next_obs = chunk[REPLAY_NEXT_OBS] + obs,
                                .discount = chunk[REPLAY_DISCOUNT] + row});
}

static void insert(struct source *source, uint64_t count) {
  find_episodes(source, count);
  if (!source->agents.order) insert_rows(source, 0, count);
  for (uint64_t k = 0; source->agents.order && k < count; k++) insert_rows(source, row_at(source, k), 1);
}

// Inserts the newest rows that the replay has room for, oldest first. The statistics of rewards first take them as the
// steps of one environment.
static void take_rows(struct source *source, struct transitions_taken *taken) {
  const uint64_t room = replay_capacity(source->job->replay), n = source->rows;
  const uint64_t first = n > room ? n - room : 0;
  const uint64_t each = replay_is_linked(source->job->replay) ? REPLAY_STEP_RECORDS : 1;
  source->h5.status = job_reserve_replay(source->job, (n - first) * each, 0, source->h5.error);
  for (uint64_t i = first; i < n && source->h5.status == STATUS_OK;) {
    const uint64_t row = (source->oldest + i) % n;
    uint64_t count = n - i < source->chunk_rows ? n - i : source->chunk_rows;
    if (count > n - row) count = n - row;
    if (source->linked) linked_rows_copy(&source->linked_rows, row, count, source->chunk);
    for (int c = 0; c < COLUMNS && source->h5.status == STATUS_OK; c++) {
      if (!source->linked) read_column(source, c, row, count);
      check_finite(source, c, row, count);
    }
    scale_actions(source, row, count);
    make_discounts(source, row, count);
    check_single_steps(source, row, count);
    order_rows(source, row, count);
    if (source->h5.status == STATUS_OK) insert(source, count);
    i += count;
  }
  if (replay_is_linked(source->job->replay)) replay_end_lane(source->job->replay, job_logged_lane(source->job));
  if (source->h5.status == STATUS_OK) transition_origin_settle_rewards(&source->origin, source->h5.path, source->job);
  *taken = (struct transitions_taken){n - first, first + source->linked_rows.older, source->episodes.now};
}

enum status checkpoint_read_transitions(const char *path, struct job *job, struct transitions_taken *taken,
                                        struct error *error) {
  struct source source = {.job = job, .agents.dataset = H5I_INVALID_HID};
  *taken = (struct transitions_taken){0};
  for (int c = 0; c < COLUMNS; c++) {
    source.dataset[c] = H5I_INVALID_HID;
    source.type[c] = H5T_NATIVE_FLOAT;
  }
  if (h5_open(&source.h5, path, error) == STATUS_OK) open_source(&source);
  if (source.h5.status == STATUS_OK) take_rows(&source, taken);
  close_source(&source);
  return h5_close(&source.h5);
}
