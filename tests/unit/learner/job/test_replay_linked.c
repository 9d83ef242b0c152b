// The linked ring against a reference that keeps every chain of observations whole.
#include "common/base/memory.h"
#include "learner/job/replay.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OBS = 3, ACT = 2, LANES = 4, MOST_K = 8, WIDTH = MOST_K * OBS + (MOST_K - 1) * ACT + ACT };
enum { CHAINS = 4000, LENGTH = 64, RECORDS = 20000 };
static const double GAMMA = 0.97;

// Observations that follow each other, position 0 the first that is known.
struct chain {
  bool known, ended; // position 0 is the first of an episode; nothing follows
  int length;
  uint64_t number[LENGTH];                                                       // of the record, from 0 on
  float obs[LENGTH][OBS], action[LENGTH][ACT], reward[LENGTH], discount[LENGTH]; // that led to obs
};

struct place {
  struct chain *chain;
  int position;
};

struct lane_state {
  struct chain *chain; // NULL: none yet
  uint64_t episode;    // of the chain
  uint64_t step;       // that follows in it
  uint64_t now;        // the episode of its environment
  uint32_t at;         // and the step
  float obs[OBS];
};

struct scene {
  struct replay *replay;
  struct replay_links links;
  size_t capacity;
  uint64_t written;
  int chains;
  struct chain *chain;  // (CHAINS)
  struct place *record; // (RECORDS)
  struct lane_state lane[LANES];
  struct numbers numbers;
};

static uint32_t number(struct scene *scene, uint32_t below) {
  return (uint32_t)(numbers_word(&scene->numbers) >> 33) % below;
}

static void fill(struct scene *scene, float *values, int count) {
  for (int i = 0; i < count; i++) values[i] = (float)numbers_uniform(&scene->numbers);
}

static void add_record(struct scene *scene, struct chain *chain) {
  CU_ASSERT_TRUE_FATAL(chain->length < LENGTH && scene->written < RECORDS);
  scene->record[scene->written] = (struct place){chain, chain->length};
  chain->number[chain->length++] = scene->written++;
}

static void insert(struct scene *scene, uint32_t l, const struct replay_step *step) {
  struct lane_state *lane = &scene->lane[l];
  struct chain *chain = lane->chain;
  const bool follows = chain && lane->episode == step->episode && lane->step == step->step &&
                       scene->written - chain->number[chain->length - 1] < scene->capacity;
  if (!follows) {
    if (chain) chain->ended = true;
    CU_ASSERT_TRUE_FATAL(scene->chains < CHAINS);
    chain = lane->chain = &scene->chain[scene->chains++];
    chain->known = step->step == 0;
    memcpy(chain->obs[0], step->obs, sizeof chain->obs[0]);
    add_record(scene, chain);
  }
  const int at = chain->length;
  add_record(scene, chain);
  memcpy(chain->obs[at], step->next_obs, sizeof chain->obs[at]);
  memcpy(chain->action[at], step->action, sizeof chain->action[at]);
  chain->reward[at] = step->reward;
  chain->discount[at] = step->discount;
  lane->episode = step->episode;
  lane->step = step->step + 1;
  replay_insert_step(scene->replay, step);
}

// An environment's step. Some rows are lost, and some episodes are cut.
static void step(struct scene *scene, struct replay *twin) {
  const uint32_t l = number(scene, scene->links.lanes);
  struct lane_state *lane = &scene->lane[l];
  float action[ACT], next_obs[OBS], reward;
  fill(scene, action, ACT);
  fill(scene, next_obs, OBS);
  fill(scene, &reward, 1);
  const bool terminated = number(scene, 12) == 0, cut = number(scene, 25) == 0 || lane->at > 40;
  const bool lost = number(scene, 20) == 0;
  const struct replay_step taken = {l,      lane->now, lane->at, lane->obs,
                                    action, next_obs,  reward,   terminated ? 0 : (float)GAMMA};
  if (!lost) insert(scene, l, &taken);
  if (!lost && twin) replay_insert_step(twin, &taken);
  memcpy(lane->obs, next_obs, sizeof next_obs);
  lane->at++;
  if (!terminated && !cut) return;
  lane->now++;
  lane->at = 0;
  fill(scene, lane->obs, OBS);
}

static void scene_init(struct scene *scene, uint32_t k, uint32_t n, bool actions, uint32_t lanes, size_t capacity) {
  *scene = (struct scene){.links = {{k, OBS, ACT, actions}, n, GAMMA, lanes}, .capacity = capacity, .numbers = {k + n}};
  scene->chain = calloc(CHAINS, sizeof *scene->chain);
  scene->record = calloc(RECORDS, sizeof *scene->record);
  scene->replay = replay_create_linked(capacity, capacity, &scene->links, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene->replay);
  for (uint32_t l = 0; l < lanes; l++) fill(scene, scene->lane[l].obs, OBS);
}

static void scene_release(struct scene *scene) {
  replay_destroy(scene->replay);
  free(scene->chain);
  free(scene->record);
}

static uint64_t oldest(const struct scene *scene) {
  return scene->written > scene->capacity ? scene->written - scene->capacity : 0;
}

// The position at which the n steps from `at` on end; -1: they are not there yet.
static int window_end(const struct scene *scene, const struct chain *chain, int at) {
  for (int end = at; end < chain->length; end++)
    if (end - at + 1 == (int)scene->links.n_step || chain->discount[end] <= 0 ||
        (chain->ended && end + 1 == chain->length))
      return end;
  return -1;
}

static bool may_be_drawn(const struct scene *scene, const struct place *place) {
  const int oldest_needed = place->position - (int)scene->links.history.length;
  if (place->position == 0 || (oldest_needed < 0 && !place->chain->known)) return false;
  if (place->chain->number[oldest_needed < 0 ? 0 : oldest_needed] < oldest(scene)) return false;
  return window_end(scene, place->chain, place->position) >= 0;
}

static void write_history(const struct scene *scene, const struct chain *chain, int newest, float *to) {
  const struct history *history = &scene->links.history;
  static const float none[ACT];
  const int first = newest - (int)history->length + 1;
  history_reset(history, to, chain->obs[first < 0 ? 0 : first]);
  for (int i = first + 1; i <= newest; i++)
    history_push(history, to, i <= 0 ? none : chain->action[i], chain->obs[i < 0 ? 0 : i]);
}

static void check_row(const struct scene *scene, uint32_t slot, const struct place *place) {
  const struct chain *chain = place->chain;
  const uint32_t width = (uint32_t)history_width(&scene->links.history) + ACT;
  float input[WIDTH], next_input[WIDTH], expected[WIDTH], reward, discount;
  replay_gather(scene->replay, &slot,
                &(struct sac_batch){.rows = 1,
                                    .width = width,
                                    .input = input,
                                    .next_input = next_input,
                                    .reward = &reward,
                                    .discount = &discount});
  write_history(scene, chain, place->position - 1, expected);
  memcpy(expected + width - ACT, chain->action[place->position], ACT * sizeof *expected);
  CU_ASSERT_EQUAL(memcmp(input, expected, width * sizeof *input), 0);
  const int end = window_end(scene, chain, place->position);
  write_history(scene, chain, end, expected);
  CU_ASSERT_EQUAL(memcmp(next_input, expected, (width - ACT) * sizeof *input), 0);
  double sum = 0, power = 1;
  for (int i = place->position; i <= end; i++, power *= GAMMA) sum += power * (double)chain->reward[i];
  CU_ASSERT_EQUAL(reward, (float)sum);
  CU_ASSERT_EQUAL(discount, chain->discount[end] <= 0 ? 0 : (float)power);
}

// Every record of the ring: whether it is drawn, and what it gives. Returns how many are.
static size_t check_all(const struct scene *scene, bool rows) {
  size_t count = 0;
  for (uint64_t i = oldest(scene); i < scene->written; i++) {
    if (!may_be_drawn(scene, &scene->record[i])) continue;
    count++;
    if (rows) check_row(scene, (uint32_t)(i % scene->capacity), &scene->record[i]);
  }
  CU_ASSERT_EQUAL(replay_drawable(scene->replay), count);
  CU_ASSERT_EQUAL(replay_size(scene->replay), scene->written - oldest(scene));
  return count;
}

static uint64_t number_of(const struct scene *scene, uint32_t slot) {
  const uint64_t newest = scene->written - 1, lap = newest / scene->capacity * scene->capacity;
  return lap + slot <= newest ? lap + slot : lap + slot - scene->capacity;
}

static void check_draws(const struct scene *scene) {
  enum { DRAWS = 40 };
  uint32_t index[DRAWS];
  struct random random = random_stream(3, RANDOM_REPLAY, 0, scene->written);
  replay_draw(scene->replay, &random, DRAWS, index);
  for (int i = 0; i < DRAWS; i++) CU_ASSERT_TRUE_FATAL(may_be_drawn(scene, &scene->record[number_of(scene, index[i])]));
}

static void for_shapes(void (*test)(struct scene *scene)) {
  for (uint32_t k = 1; k <= MOST_K; k++)
    for (uint32_t n = 1; n <= 5; n++) {
      struct scene scene;
      const uint32_t lanes = 1 + (k + n) % LANES;
      scene_init(&scene, k, n, (k + n) % 3 != 0, lanes, 2 + (k * 7 + n * 11) % 60);
      test(&scene);
      scene_release(&scene);
    }
}

static void grow(struct scene *scene) {
  size_t most = 0;
  for (int i = 0; i < 600; i++) {
    step(scene, NULL);
    const size_t count = check_all(scene, i % 7 == 0);
    if (count > 0) check_draws(scene);
    if (count > most) most = count;
  }
  CU_ASSERT_TRUE(most > 0 || scene->capacity < 40); // a very small ring holds no window
}

static void test_reference(void) { for_shapes(grow); }

// --- draws ---

static void check_uniform(struct scene *scene) {
  enum { DRAWS = 40000 };
  static uint32_t index[DRAWS];
  const size_t count = check_all(scene, false);
  size_t *hits = calloc(scene->capacity, sizeof *hits);
  struct random random = random_stream(5, RANDOM_REPLAY, 0, 1);
  replay_draw(scene->replay, &random, DRAWS, index);
  for (int i = 0; i < DRAWS; i++) hits[index[i]]++;
  double chi2 = 0;
  for (uint32_t slot = 0; slot < replay_size(scene->replay); slot++) {
    const double expected = (double)DRAWS / (double)count;
    if (may_be_drawn(scene, &scene->record[number_of(scene, slot)]))
      chi2 += ((double)hits[slot] - expected) * ((double)hits[slot] - expected) / expected;
    else
      CU_ASSERT_EQUAL(hits[slot], 0);
  }
  free(hits);
  const double freedom = (double)count - 1;
  CU_ASSERT_TRUE(chi2 < freedom + 4 * sqrt(2 * freedom) + 8);
}

static void test_uniform(void) {
  struct scene scene;
  scene_init(&scene, 4, 3, true, 3, 300);
  for (int i = 0; i < 700; i++) step(&scene, NULL);
  check_uniform(&scene);
  scene_release(&scene);

  // Few of very many: two steps of an episode, and then records whose past is unknown.
  scene_init(&scene, 8, 1, true, 2, 4000);
  float obs[2][OBS] = {{1}, {2}}, action[ACT] = {0.5f};
  for (uint32_t s = 0; s < 3; s++)
    insert(&scene, 0, &(struct replay_step){0, 0, s, obs[s % 2], action, obs[1 - s % 2], 1, 0.5f});
  for (uint64_t e = 0; e < 1900; e++)
    insert(&scene, 1, &(struct replay_step){1, e, 5, obs[0], action, obs[1], 1, 0.5f});
  CU_ASSERT_EQUAL(replay_drawable(scene.replay), 3);
  check_uniform(&scene);
  scene_release(&scene);
}

// An observation that is not the one before is no step of the same episode, whatever its numbers say.
static void test_other_observation(void) {
  struct scene scene;
  scene_init(&scene, 2, 1, true, 1, 10);
  const float obs[4][OBS] = {{1}, {2}, {3}, {4}}, action[ACT] = {0.5f};
  replay_insert_step(scene.replay, &(struct replay_step){0, 0, 0, obs[0], action, obs[1], 1, 0.5f});
  replay_insert_step(scene.replay, &(struct replay_step){0, 0, 1, obs[2], action, obs[3], 1, 0.5f});
  CU_ASSERT_EQUAL(replay_size(scene.replay), 4);
  CU_ASSERT_EQUAL(replay_drawable(scene.replay), 1);
  scene_release(&scene);
}

// --- files ---

struct columns {
  float *column[REPLAY_COLUMNS];
  size_t size, cursor;
  struct replay_lane lane[LANES];
};

static void columns_read(const struct replay *replay, struct columns *to) {
  to->size = replay_size(replay);
  to->cursor = replay_cursor(replay);
  for (int c = 0; c < REPLAY_COLUMNS; c++)
    to->column[c] = calloc(to->size * replay_column_width(replay, (enum replay_column)c) + 1, sizeof(float));
  replay_read_rows(replay, 0, to->size, to->column);
  for (uint32_t l = 0; l < replay_lanes(replay); l++) to->lane[l] = replay_lane(replay, l);
}

static void columns_release(struct columns *columns) {
  for (int c = 0; c < REPLAY_COLUMNS; c++) free(columns->column[c]);
}

static bool columns_equal(const struct replay *replay, const struct columns *a, const struct columns *b) {
  bool equal = a->size == b->size && a->cursor == b->cursor;
  for (int c = 0; c < REPLAY_COLUMNS && equal; c++)
    equal = memcmp(a->column[c], b->column[c],
                   a->size * replay_column_width(replay, (enum replay_column)c) * sizeof(float)) == 0;
  for (uint32_t l = 0; l < replay_lanes(replay) && equal; l++)
    equal = memcmp(&a->lane[l], &b->lane[l], sizeof a->lane[l]) == 0;
  return equal;
}

static struct replay *load(const struct scene *scene, const struct columns *columns, size_t capacity) {
  struct error error = {0};
  struct replay *twin = replay_create_linked(capacity, capacity, &scene->links, &error);
  const float *from[REPLAY_COLUMNS];
  for (int c = 0; c < REPLAY_COLUMNS; c++) from[c] = columns->column[c];
  replay_write_rows(twin, 0, columns->size, from);
  replay_set_state(twin, columns->size, columns->cursor);
  UNIT_STATUS(replay_relink(twin, columns->lane, scene->links.lanes, &error), STATUS_OK, &error);
  return twin;
}

static void continue_from_copy(struct scene *scene) {
  for (int i = 0; i < 130; i++) {
    struct columns saved, ours, its;
    step(scene, NULL);
    if (i % 9 > 0) continue;
    columns_read(scene->replay, &saved);
    struct replay *twin = load(scene, &saved, scene->capacity);
    CU_ASSERT_EQUAL(replay_drawable(twin), replay_drawable(scene->replay));
    for (int j = 0; j < 25; j++) {
      uint32_t drawn[2][16];
      step(scene, twin);
      CU_ASSERT_EQUAL_FATAL(replay_drawable(twin), replay_drawable(scene->replay));
      if (replay_drawable(twin) == 0) continue;
      struct random random = random_stream(1, RANDOM_REPLAY, 0, 0), same = random;
      replay_draw(scene->replay, &random, 16, drawn[0]);
      replay_draw(twin, &same, 16, drawn[1]);
      CU_ASSERT_EQUAL(memcmp(drawn[0], drawn[1], sizeof drawn[0]), 0);
    }
    columns_read(scene->replay, &ours);
    columns_read(twin, &its);
    CU_ASSERT_TRUE(columns_equal(twin, &ours, &its));
    columns_release(&ours);
    columns_release(&its);
    columns_release(&saved);
    replay_destroy(twin);
  }
}

static void test_files(void) { for_shapes(continue_from_copy); }

// Files may say anything.
static void test_bad_files(void) {
  struct scene scene;
  struct columns saved;
  struct error error = {0};
  scene_init(&scene, 3, 2, true, 1, 50);
  for (int i = 0; i < 20; i++) step(&scene, NULL);
  columns_read(scene.replay, &saved);
  struct replay *twin = load(&scene, &saved, 50);
  const float *from[REPLAY_COLUMNS];
  for (int c = 0; c < REPLAY_COLUMNS; c++) from[c] = saved.column[c];
  memcpy(saved.column[REPLAY_BACK] + 2, &(uint32_t){2}, sizeof(uint32_t));
  replay_write_rows(twin, 0, saved.size, from);
  CU_ASSERT_EQUAL(replay_relink(twin, saved.lane, 1, &error), STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, "/replay/back"));
  replay_destroy(twin);
  columns_release(&saved);

  columns_read(scene.replay, &saved);
  twin = load(&scene, &saved, 50);
  error_clear(&error);
  saved.lane[0].record = saved.size;
  CU_ASSERT_EQUAL(replay_relink(twin, saved.lane, 1, &error), STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, "/replay/lane_record"));
  error_clear(&error);
  saved.lane[0].record = 0;
  CU_ASSERT_EQUAL(replay_relink(twin, saved.lane, 1, &error), STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, "goes on from row 0"));
  replay_destroy(twin);
  columns_release(&saved);
  scene_release(&scene);
}

// A view is the replay at one moment, whatever comes afterwards.
static void look_at_view(struct scene *scene) {
  struct replay *view = replay_view_create(scene->replay, NULL);
  for (int i = 0; i < 40; i++) step(scene, NULL);
  for (int turn = 0; turn < 3; turn++) {
    struct columns then, now;
    columns_read(scene->replay, &then);
    replay_view_take(view);
    while (replay_room(scene->replay) >= REPLAY_STEP_RECORDS && replay_room(scene->replay) < SIZE_MAX)
      step(scene, NULL);
    columns_read(view, &now);
    CU_ASSERT_TRUE(columns_equal(view, &then, &now));
    replay_view_release(view, 1);
    CU_ASSERT_TRUE(replay_room(scene->replay) <= REPLAY_STEP_RECORDS || replay_room(scene->replay) == SIZE_MAX);
    replay_view_release(view, SIZE_MAX);
    for (int i = 0; i < 30; i++) step(scene, NULL);
    columns_release(&then);
    columns_release(&now);
  }
  replay_destroy(view);
}

static void test_views(void) { for_shapes(look_at_view); }

// --- sizes ---

static void test_sizes(void) {
  CU_ASSERT_EQUAL(replay_record_bytes(3, 1), 64);
  CU_ASSERT_EQUAL(replay_record_bytes(17, 6), 128);
  CU_ASSERT_EQUAL(replay_row_bytes(17, 6), 192);
  for (uint32_t dim = 3; dim < 6000; dim = dim * 5 / 3) // no more than a row takes
    CU_ASSERT_TRUE(replay_record_bytes(dim, dim / 3 + 1) <= replay_row_bytes(dim, dim / 3 + 1));

  // A ring that is promised few rows takes no more.
  struct scene scene;
  scene_init(&scene, 2, 1, true, 1, 10);
  struct replay *replay = replay_create_linked(10000, 7, &scene.links, NULL);
  const float obs[2][OBS] = {{1}, {2}}, action[ACT] = {0};
  for (uint32_t s = 0; s < 20; s++)
    replay_insert_step(replay, &(struct replay_step){0, 0, s, obs[s % 2], action, obs[1 - s % 2], 1, 1});
  CU_ASSERT_EQUAL(replay_capacity(replay), 10000);
  CU_ASSERT_TRUE(replay_size(replay) >= 6 && replay_size(replay) <= 7);
  replay_destroy(replay);
  scene_release(&scene);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"each transition has its history and its n steps, bit for bit, and what lacks one of them is not drawn",
       test_reference},
      {"draws are uniform over the transitions that may be drawn, also where they are few", test_uniform},
      {"a step whose observation is another one follows nothing", test_other_observation},
      {"a copy by columns continues like the original", test_files},
      {"records that do not fit together are refused", test_bad_files},
      {"a view holds the records of its moment", test_views},
      {"a record takes no more than a row, and a ring no more than it is promised", test_sizes},
  };
  return unit_run("replay_linked", cases, sizeof cases / sizeof *cases);
}
