#include "common/config/options.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/h5.h"
#include "learner/checkpoint/transition_file.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 50, OBS = PEER_OBS };
static char *directory;

// A log of ROWS transitions, each of which follows the one before; row r: obs [r, r + 1/2, -r], action between the
// bounds -2 and 2, reward r/4.
struct log {
  double obs[ROWS][OBS], action[ROWS], reward[ROWS], next_obs[ROWS][OBS], discount[ROWS];
};

static void fill(struct log *log) {
  for (int r = 0; r < ROWS; r++) {
    log->action[r] = 4.0 * r / (ROWS - 1) - 2;
    log->reward[r] = r / 4.0;
    log->discount[r] = r % 7 == 6 ? 0 : 1; // what `terminated` will be: 1 - that
    for (int o = 0; o < OBS; o++) {
      log->obs[r][o] = o == 0 ? r : o == 1 ? r + 0.5 : -r;
      log->next_obs[r][o] = log->obs[r][o] + (o == 2 ? -1 : 1);
    }
  }
}

// Which columns are written, and how wide the observation is.
struct layout {
  bool terminated, integers, no_action;
  uint64_t obs_dim, rewards;
};
static void write(const char *path, const struct log *log, const struct layout *layout) {
  struct h5 h5;
  uint32_t marks[ROWS];
  for (int r = 0; r < ROWS; r++) marks[r] = log->discount[r] == 0;
  h5_create(&h5, path, NULL);
  h5_values(&h5, "obs", H5_KIND_DOUBLE, ROWS, layout->obs_dim, (void *)(uintptr_t)log->obs);
  if (!layout->no_action) h5_values(&h5, "action", H5_KIND_DOUBLE, ROWS, 1, (void *)(uintptr_t)log->action);
  h5_values(&h5, "reward", H5_KIND_DOUBLE, layout->rewards, 0, (void *)(uintptr_t)log->reward);
  if (layout->integers)
    h5_values(&h5, "next_obs", H5_KIND_U64, ROWS, OBS, (void *)(uintptr_t)log->next_obs);
  else
    h5_values(&h5, "next_obs", H5_KIND_DOUBLE, ROWS, OBS, (void *)(uintptr_t)log->next_obs);
  if (layout->terminated)
    h5_values(&h5, "terminated", H5_KIND_U32, ROWS, 0, marks);
  else
    h5_values(&h5, "discount", H5_KIND_DOUBLE, ROWS, 0, (void *)(uintptr_t)log->discount);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
}
static const struct layout good = {.obs_dim = OBS, .rewards = ROWS};

static void begin(struct job *job, const char *yaml) {
  const struct config config = peer_config(yaml);
  struct message_hello hello = peer_hello();
  CU_ASSERT_EQUAL_FATAL(job_init(job, &config, &hello, NULL), STATUS_OK);
}

// Memory row i of the replay is row `first + i` of the log.
static void holds(const struct job *job, const struct log *log, int first, size_t rows, bool terminated) {
  float obs[ROWS * OBS], action[ROWS], reward[ROWS], next[ROWS * OBS], discount[ROWS];
  float *const columns[REPLAY_COLUMNS] = {obs, action, reward, next, discount};
  CU_ASSERT_EQUAL_FATAL(replay_size(job->replay), rows);
  replay_read_rows(job->replay, 0, rows, columns);
  for (size_t i = 0; i < rows; i++) {
    const size_t r = (size_t)first + i;
    for (int o = 0; o < OBS; o++) {
      CU_ASSERT_EQUAL(obs[i * OBS + (size_t)o], (float)log->obs[r][o]);
      CU_ASSERT_EQUAL(next[i * OBS + (size_t)o], (float)log->next_obs[r][o]);
    }
    CU_ASSERT_DOUBLE_EQUAL((double)action[i], log->action[r] / 2, 1e-6);
    CU_ASSERT_TRUE(action[i] >= -1);
    CU_ASSERT_TRUE(action[i] <= 1);
    CU_ASSERT_EQUAL(reward[i], (float)log->reward[r]);
    CU_ASSERT_EQUAL(discount[i],
                    terminated ? (log->discount[r] == 0 ? 0 : (float)job->config.gamma) : (float)log->discount[r]);
  }
}

static void test_log(void) {
  struct log log;
  char *path = unit_path(directory, "log.h5");
  fill(&log);
  for (int terminated = 0; terminated < 2; terminated++) {
    struct job job;
    struct transitions_taken taken;
    const struct layout layout = {.terminated = terminated, .obs_dim = OBS, .rewards = ROWS};
    write(path, &log, &layout);
    begin(&job, "normalize_observations: true\n");
    CU_ASSERT_EQUAL(checkpoint_read_transitions(path, &job, &taken, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(taken.rows, ROWS);
    CU_ASSERT_EQUAL(taken.left_out, 0);
    holds(&job, &log, 0, ROWS, terminated);
    CU_ASSERT_EQUAL(job.normalizer.count, ROWS);
    CU_ASSERT_EQUAL(job.limiter.steps, 0); // nobody made them here
    job_release(&job);
    begin(&job, "normalize_rewards: deviation\n");
    CU_ASSERT_EQUAL(checkpoint_read_transitions(path, &job, &taken, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(job.rewards.count, ROWS);
    CU_ASSERT_TRUE(job.rewards.returns[0] != 0); // the rows are one environment's
    CU_ASSERT_EQUAL(job.rewards.last[0], 0);     // whose episode the job's own does not go on with
    job_release(&job);
    begin(&job, "replay_capacity: 20\n"); // the newest
    CU_ASSERT_EQUAL(checkpoint_read_transitions(path, &job, &taken, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(taken.rows, 20);
    CU_ASSERT_EQUAL(taken.left_out, ROWS - 20);
    holds(&job, &log, ROWS - 20, 20, terminated);
    job_release(&job);
  }
  free(path);
}

// With a history rows that follow each other are an episode. In this log each follows, but for those after a discount
// of 0, and row 20.
static void test_history(void) {
  struct log log;
  struct job job;
  struct transitions_taken taken;
  struct error error = {0};
  char *path = unit_path(directory, "history.h5");
  fill(&log);
  for (int r = 0; r < ROWS; r++) memcpy(log.next_obs[r], log.obs[r + 1 < ROWS ? r + 1 : 0], sizeof log.obs[0]);
  log.next_obs[19][1] = 0;
  const struct layout layout = {.terminated = true, .obs_dim = OBS, .rewards = ROWS};
  write(path, &log, &layout);
  begin(&job, "history: 3\nn_step: 2\n");
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(taken.rows, ROWS);
  CU_ASSERT_EQUAL(replay_size(job.replay), ROWS + 8 + 1); // an episode's first observation has a record of its own
  uint32_t back[ROWS + 9];
  float obs[(ROWS + 9) * OBS], action[ROWS + 9], reward[ROWS + 9], discount[ROWS + 9];
  replay_read_rows(job.replay, 0, ROWS + 9,
                   (float *const[REPLAY_COLUMNS]){obs, action, reward, NULL, discount, (float *)back});
  int firsts = 0, record = 0;
  for (int r = 0; r < ROWS; r++, record++) {
    const bool begins = r % 7 == 0 || r == 20;
    if (begins) CU_ASSERT_EQUAL(back[record++], REPLAY_FIRST);
    firsts += begins;
    CU_ASSERT_EQUAL(back[record], 1);
    CU_ASSERT_EQUAL(reward[record], (float)log.reward[r]);
  }
  CU_ASSERT_EQUAL(firsts, 9);
  CU_ASSERT_EQUAL(replay_drawable(job.replay), ROWS); // also the last step, which nothing follows
  job_release(&job);

  // What sums several steps cannot be taken apart.
  write(path, &log, &good);
  begin(&job, "history: 3\nn_step: 2\n");
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/discount: row 0 is 1; with history and n_step 2 a row has to be a single step"));
  error_clear(&error);

  job_release(&job);
  free(path);
}

// Row r is of agent r % 2, whose obs goes on from its own row before. An agent is one episode.
static void test_agents(void) {
  struct log log;
  struct job job;
  struct transitions_taken taken;
  struct error error = {0};
  char *path = unit_path(directory, "agents.h5");
  uint32_t agent[ROWS];
  struct h5 h5;
  fill(&log);
  for (int r = 0; r < ROWS; r++) {
    agent[r] = (uint32_t)(r % 2);
    log.discount[r] = 1;
    memcpy(log.next_obs[r], log.obs[r + 2 < ROWS ? r + 2 : 0], sizeof log.obs[0]);
  }
  h5_create(&h5, path, NULL);
  h5_values(&h5, "obs", H5_KIND_DOUBLE, ROWS, OBS, log.obs);
  h5_values(&h5, "action", H5_KIND_DOUBLE, ROWS, 1, log.action);
  h5_values(&h5, "reward", H5_KIND_DOUBLE, ROWS, 0, log.reward);
  h5_values(&h5, "next_obs", H5_KIND_DOUBLE, ROWS, OBS, log.next_obs);
  h5_values(&h5, "discount", H5_KIND_DOUBLE, ROWS, 0, log.discount);
  h5_values(&h5, "agent", H5_KIND_U32, ROWS, 0, agent);
  CU_ASSERT_EQUAL_FATAL(h5_commit(&h5), STATUS_OK);
  begin(&job, "history: 3\n");
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(taken.rows, ROWS);
  CU_ASSERT_EQUAL(taken.episodes, 2);
  CU_ASSERT_EQUAL(replay_size(job.replay), ROWS + 2); // an episode's first observation has a record of its own
  CU_ASSERT_EQUAL(replay_drawable(job.replay), ROWS);
  job_release(&job);

  begin(&job, "history: 3\nreplay_capacity: 20\n"); // the newest rows, as many of each
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(taken.episodes, 2);
  job_release(&job);
  begin(&job, ""); // what follows what does not matter
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_OK, &error);
  holds(&job, &log, 0, ROWS, false);
  job_release(&job);
  free(path);
}

// A full ring of a checkpoint of ours: from the oldest row on.
static void test_checkpoint(void) {
  struct job job, other;
  struct transitions_taken taken;
  char *path = unit_path(directory, "ckpt-1.h5");
  begin(&job, "replay_capacity: 10\n");
  for (int r = 0; r < 13; r++) {
    const float x = (float)r, obs[OBS] = {x, x, x}, action = -x / 13, discount = 0.5f;
    replay_insert(job.replay, 1, obs, &action, &x, obs, &discount);
  }
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  begin(&other, "replay_capacity: 40\n");
  CU_ASSERT_EQUAL(checkpoint_read_transitions(path, &other, &taken, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(taken.rows, 10);
  CU_ASSERT_EQUAL(taken.left_out, 0);
  float obs[10 * OBS], action[10], reward[10], next[10 * OBS], discount[10];
  float *const columns[REPLAY_COLUMNS] = {obs, action, reward, next, discount};
  CU_ASSERT_EQUAL_FATAL(replay_size(other.replay), 10);
  replay_read_rows(other.replay, 0, 10, columns);
  for (int i = 0; i < 10; i++) {
    CU_ASSERT_EQUAL(reward[i], (float)(i + 3));
    CU_ASSERT_EQUAL(action[i], -(float)(i + 3) / 13);
    CU_ASSERT_EQUAL(discount[i], 0.5f);
  }
  job_release(&other);
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_NO_REPLAY, NULL), STATUS_OK);
  struct error error = {0};
  UNIT_STATUS(checkpoint_read_transitions(path, &job, &taken, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "without a replay"));
  job_release(&job);
  free(path);
}

enum { RING = 20, STEPS = 30, EPISODE = 5, RECORDS = STEPS + 2 * STEPS / 2 / EPISODE };

// Steps of two environments in turn, in a ring that is too small for them. Returns how many transitions it then holds.
static int fill_ring(struct job *job) {
  int from[RECORDS], newest[2] = {-1, -1}, records = 0, rows = 0;
  for (int s = 0; s < STEPS; s++) {
    const int lane = s % 2, t = s / 2, step = t % EPISODE;
    const float x = (float)(100 * lane + t + t / EPISODE), obs[OBS] = {x, 0, 0}, next[OBS] = {x + 1, 0, 0};
    const float action = -x / 200;
    replay_insert_step(job->replay, &(struct replay_step){.lane = (uint32_t)lane,
                                                          .episode = (uint64_t)(t / EPISODE),
                                                          .step = (uint32_t)step,
                                                          .obs = obs,
                                                          .action = &action,
                                                          .next_obs = next,
                                                          .reward = 2 * x,
                                                          .discount = 0.5f});
    if (step == 0) from[newest[lane] = records++] = -1;
    from[records] = newest[lane];
    newest[lane] = records++;
  }
  CU_ASSERT_EQUAL_FATAL(records, RECORDS);
  for (int i = RECORDS - RING; i < RECORDS; i++) rows += from[i] >= RECORDS - RING;
  return rows;
}

// A checkpoint that holds each observation once: an environment's steps follow each other, whoever reads them.
static void test_linked_checkpoint(void) {
  struct job job, other;
  struct transitions_taken taken;
  char *path = unit_path(directory, "ckpt-2.h5");
  begin(&job, "envs: 2\nhistory: 3\nreplay_capacity: 20\n");
  const int rows = fill_ring(&job);
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  begin(&other, "replay_capacity: 40\n");
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_transitions(path, &other, &taken, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(taken.rows, (uint64_t)rows);
  float obs[RING * OBS], action[RING], reward[RING], next[RING * OBS], discount[RING];
  replay_read_rows(other.replay, 0, (size_t)rows, (float *const[REPLAY_COLUMNS]){obs, action, reward, next, discount});
  int chains = rows > 0;
  for (int i = 0; i < rows; i++) {
    CU_ASSERT_EQUAL(next[i * OBS], obs[i * OBS] + 1);
    CU_ASSERT_EQUAL(reward[i], 2 * obs[i * OBS]);
    CU_ASSERT_EQUAL(action[i], -obs[i * OBS] / 200);
    CU_ASSERT_EQUAL(discount[i], 0.5f);
    chains += i > 0 && obs[i * OBS] != next[(i - 1) * OBS];
  }
  CU_ASSERT_EQUAL(chains, 4); // two episodes of each environment
  job_release(&other);

  // The newest ones, where there is room for few.
  begin(&other, "replay_capacity: 3\n");
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_transitions(path, &other, &taken, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(taken.rows, 3);
  CU_ASSERT_EQUAL(taken.left_out, (uint64_t)rows - 3);
  replay_read_rows(other.replay, 0, 3, (float *const[REPLAY_COLUMNS]){obs, action, reward, next, discount});
  for (int i = 0; i < 3; i++) CU_ASSERT(obs[i * OBS] == 116 || obs[i * OBS] == 115 || obs[i * OBS] == 16);
  job_release(&other);

  begin(&other, "history: 2\nreplay_capacity: 60\n");
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_transitions(path, &other, &taken, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(taken.episodes, (uint64_t)chains);
  CU_ASSERT_EQUAL(replay_size(other.replay), (size_t)(rows + chains));
  CU_ASSERT_EQUAL(replay_drawable(other.replay), (size_t)rows);
  job_release(&other);
  job_release(&job);
  free(path);
}

// Writes a checkpoint of a run with the bounds [low, high] that holds 3 transitions: actions -0.5, 0, 0.5 of [-1, 1],
// discounts of gamma, 0 and 0.25.
static void write_origin(const char *path, const char *yaml, double low, double high) {
  const struct config config = peer_config(yaml);
  struct message_hello hello = peer_hello();
  struct job job;
  hello.action_low[0] = low;
  hello.action_high[0] = high;
  CU_ASSERT_EQUAL_FATAL(job_init(&job, &config, &hello, NULL), STATUS_OK);
  for (int r = 0; r < 3; r++) {
    const float obs[OBS] = {(float)r}, action = (float)r / 2 - 0.5f, reward = 1;
    const float discount = r == 0 ? (float)config.gamma : r == 1 ? 0 : 0.25f;
    replay_insert(job.replay, 1, obs, &action, &reward, obs, &discount);
  }
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  job_release(&job);
}

// Reads them into a new run, whose bounds are [-2, 2].
static enum status take_origin(const char *path, const char *yaml, float action[3], float discount[3],
                               struct error *error) {
  struct job job;
  struct transitions_taken taken;
  float obs[3 * OBS], reward[3], next[3 * OBS];
  begin(&job, yaml);
  const enum status status = checkpoint_read_transitions(path, &job, &taken, error);
  if (status == STATUS_OK) {
    CU_ASSERT_EQUAL_FATAL(replay_size(job.replay), 3);
    replay_read_rows(job.replay, 0, 3, (float *const[REPLAY_COLUMNS]){obs, action, reward, next, discount});
  }
  job_release(&job);
  return status;
}

// Actions of a checkpoint are in units of its own bounds.
static void test_other_bounds(void) {
  static const struct {
    double low, high;
    float action[3]; // in [-2, 2]
  } cases[] = {{-2, 2, {-0.5f, 0, 0.5f}},
               {-1, 1, {-0.25f, 0, 0.25f}},
               {0, 2, {0.25f, 0.5f, 0.75f}},
               {-2, 1, {-0.625f, -0.25f, 0.125f}}};
  struct error error = {0};
  char *path = unit_path(directory, "ckpt-3.h5");
  float action[3], discount[3];
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    write_origin(path, "", cases[c].low, cases[c].high);
    UNIT_STATUS_FATAL(take_origin(path, "", action, discount, &error), STATUS_OK, &error);
    for (int r = 0; r < 3; r++) CU_ASSERT_DOUBLE_EQUAL((double)action[r], (double)cases[c].action[r], 1e-7);
  }
  write_origin(path, "", -2, 2.5);
  UNIT_STATUS(take_origin(path, "", action, discount, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE(error_says(&error, "component 0 of its actions is from -2 to 2.5, more than this run's action bounds, "
                                    "-2 to 2"));
  free(path);
}

// A step that did not terminate has the present gamma. What sums several steps cannot be changed.
static void test_other_gamma(void) {
  struct error error = {0};
  char *path = unit_path(directory, "ckpt-4.h5");
  float action[3], discount[3];
  write_origin(path, "gamma: 0.99\n", -2, 2);
  UNIT_STATUS_FATAL(take_origin(path, "gamma: 0.999\n", action, discount, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(discount[0], 0.999f);
  CU_ASSERT_EQUAL(discount[1], 0);
  CU_ASSERT_EQUAL(discount[2], 0.25f); // of a log that this run had begun with
  write_origin(path, "gamma: 0.99\nn_step: 3\n", -2, 2);
  UNIT_STATUS(take_origin(path, "gamma: 0.99\n", action, discount, &error), STATUS_OK, &error);
  UNIT_STATUS(take_origin(path, "gamma: 0.999\n", action, discount, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE(error_says(&error, "its transitions have gamma 0.99 and n_step 3"));
  CU_ASSERT_TRUE(error_says(&error, "give --gamma 0.99"));
  error_clear(&error);
  write_origin(path, "gamma: 0\n", -2, 2);
  UNIT_STATUS(take_origin(path, "gamma: 0.999\n", action, discount, &error), STATUS_MISMATCH, &error);
  CU_ASSERT_TRUE(error_says(&error, "have gamma 0 and n_step 1"));
  free(path);
}

enum { ALTERNATING = 60 };

// A run of two environments, `block` steps of which come in turn. Their rewards are 1, so that the returns grow to 1/(1
// - gamma).
static void begin_alternating(struct job *job, const char *yaml, uint32_t block) {
  begin(job, yaml);
  for (uint32_t s = 0; s < ALTERNATING; s++) {
    const uint32_t e = s / block % 2, step = s / (2 * block) * block + s % block;
    const float x = (float)(1000 * e + step), obs[OBS] = {x}, next[OBS] = {x + 1}, action = 0, reward = 1;
    const float discount = (float)job->config.gamma;
    job_insert(job, 1,
               &(struct job_rows){.environment = &e,
                                  .obs = obs,
                                  .action = &action,
                                  .reward = &reward,
                                  .next_obs = next,
                                  .discount = &discount});
  }
}

static void take_rewards(const char *path, const char *yaml, struct job *job) {
  struct transitions_taken taken;
  struct error error = {0};
  begin(job, yaml);
  UNIT_STATUS_FATAL(checkpoint_read_transitions(path, job, &taken, &error), STATUS_OK, &error);
}

// As steps of one environment no row would follow the one before, and the returns would be rewards.
static void test_alternating_rewards(void) {
  struct job job, other;
  char *path = unit_path(directory, "ckpt-5.h5");
  begin_alternating(&job, "envs: 2\nnormalize_rewards: deviation\n", 1);
  CU_ASSERT_TRUE(job.rewards.highest > 20);
  CU_ASSERT_EQUAL(job.rewards.breaks, 0);
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
  take_rewards(path, "normalize_rewards: bounded\n", &other); // the statistics are the same in both forms
  CU_ASSERT_EQUAL(other.rewards.count, ALTERNATING);
  CU_ASSERT_EQUAL(other.rewards.mean, job.rewards.mean);
  CU_ASSERT_EQUAL(other.rewards.m2, job.rewards.m2);
  CU_ASSERT_EQUAL(other.rewards.highest, job.rewards.highest);
  CU_ASSERT_EQUAL(other.rewards.last[0], 0); // this run's first step begins an episode
  job_release(&other);
  take_rewards(path, "normalize_rewards: deviation\ngamma: 0.9\n", &other); // the returns of another gamma
  CU_ASSERT_EQUAL(other.rewards.count, 0);
  CU_ASSERT_EQUAL(reward_statistics_scale(&other.rewards), 1 + 1e-8);
  CU_ASSERT_EQUAL(other.rewards.last[0], 0);
  CU_ASSERT_EQUAL(replay_size(other.replay), ALTERNATING);
  job_release(&other);
  job_release(&job);

  for (uint32_t block = 1; block <= 15; block += 14) {
    begin_alternating(&job, "envs: 2\n", block); // a run that has none
    CU_ASSERT_EQUAL_FATAL(checkpoint_write(path, &job, CHECKPOINT_ALL, NULL), STATUS_OK);
    take_rewards(path, "normalize_rewards: deviation\n", &other);
    CU_ASSERT_EQUAL(other.rewards.count, 0); // also where most rows follow, since returns end with each block
    job_release(&other);
    job_release(&job);
  }
  free(path);
}

// Another program's log says nothing of environments; its rows do.
static void test_shuffled_rewards(void) {
  struct log log;
  struct job job;
  char *path = unit_path(directory, "shuffled.h5");
  for (int lost = 4; lost <= ROWS; lost += ROWS - 4) {
    fill(&log);
    for (int r = 0; r < lost; r++) log.next_obs[r][0] += 100;
    write(path, &log, &good);
    take_rewards(path, "normalize_rewards: deviation\n", &job);
    CU_ASSERT_EQUAL(job.rewards.count, lost == 4 ? ROWS : 0);
    job_release(&job);
  }
  free(path);
}

static void refused(const struct log *log, const struct layout *layout, enum status status, const char *says) {
  struct job job;
  struct transitions_taken taken;
  struct error error = {0};
  char *path = unit_path(directory, "bad.h5");
  write(path, log, layout);
  begin(&job, "");
  CU_ASSERT_EQUAL(checkpoint_read_transitions(path, &job, &taken, &error), status);
  CU_ASSERT_TRUE_FATAL(error_says(&error, says));
  CU_ASSERT_TRUE(error_says(&error, "bad.h5"));
  job_release(&job);
  free(path);
}

static void test_refused(void) {
  struct log log;
  fill(&log);
  refused(&log, &(struct layout){.obs_dim = 2, .rewards = ROWS}, STATUS_MISMATCH, "/obs is");
  refused(&log, &(struct layout){.obs_dim = OBS, .rewards = ROWS - 1}, STATUS_MISMATCH, "/reward is");
  refused(&log, &(struct layout){.obs_dim = OBS, .rewards = ROWS, .no_action = true}, STATUS_MISMATCH,
          "/action is missing");
  refused(&log, &(struct layout){.obs_dim = OBS, .rewards = ROWS, .integers = true}, STATUS_FORMAT,
          "/next_obs holds no floating-point numbers");
  log.reward[33] = NAN;
  refused(&log, &good, STATUS_FORMAT, "/reward: row 33, component 0 is");
  log.reward[33] = 1e300; // more than a float has
  refused(&log, &good, STATUS_FORMAT, "/reward: row 33, component 0 is inf");
  log.reward[33] = 0;
  log.action[7] = 2.1;
  refused(&log, &good, STATUS_FORMAT, "/action: row 7, component 0 is 2.1, outside of [-2, 2]");
  log.action[7] = 2.000001; // rounding
  log.discount[9] = 1.5;
  refused(&log, &good, STATUS_FORMAT, "/discount: row 9 is 1.5");
  struct job job;
  struct transitions_taken taken;
  struct error error = {0};
  begin(&job, "");
  UNIT_STATUS(checkpoint_read_transitions("/nowhere/x.h5", &job, &taken, &error), STATUS_IO, &error);
  job_release(&job);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a log of transitions begins the replay", test_log},
      {"a checkpoint of another run begins the replay, from its oldest row on", test_checkpoint},
      {"a row that does not fit is refused with its dataset and number", test_refused},
      {"with a history, rows that follow each other are an episode", test_history},
      {"the agents of a log have episodes of their own", test_agents},
      {"a checkpoint that holds each observation once", test_linked_checkpoint},
      {"actions of a checkpoint with other bounds are scaled to the present ones", test_other_bounds},
      {"statistics of rewards come from a checkpoint whose rows are of several environments", test_alternating_rewards},
      {"statistics of rewards leave out a log whose rows do not follow each other", test_shuffled_rewards},
      {"transitions of a checkpoint with another gamma get the present one", test_other_gamma},
  };
  directory = unit_tmpdir();
  const int failed = unit_run("checkpoint_transitions", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return failed;
}
