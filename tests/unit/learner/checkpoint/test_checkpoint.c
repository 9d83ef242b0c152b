#include "learner/checkpoint/checkpoint.h"
#include "common/base/log.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/storage/policy_checkpoint.h"
#include "tests/support/h5_compare.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static char *directory; // of this case

// These compare with the job that was written, not only with its file.
static void check_learner(const struct job *first, const struct job *second) {
  CU_ASSERT_EQUAL(memcmp(&first->metrics, &second->metrics, sizeof first->metrics), 0);
  CU_ASSERT_EQUAL(memcmp(&first->limiter, &second->limiter, sizeof first->limiter), 0);
  CU_ASSERT_EQUAL(second->sac.updates, first->sac.updates);
  CU_ASSERT_EQUAL(memcmp(&first->sac.alpha_adam, &second->sac.alpha_adam, sizeof first->sac.alpha_adam), 0);
  CU_ASSERT_EQUAL(second->sac.log_alpha, first->sac.log_alpha);
  CU_ASSERT_EQUAL(second->sac.policy_adam.step, first->sac.policy_adam.step);
}

static bool same(const real *left, const real *right, size_t count) {
  return memcmp(left, right, count * sizeof *left) == 0;
}

static void check_networks(const struct sac *first, const struct sac *second) {
  const struct critics *was = &first->critics, *is = &second->critics;
  const size_t policy = first->policy_net.parameters, statistics = was->count * was->net.statistics;
  CU_ASSERT_TRUE(same(is->parameters, was->parameters, was->size));
  CU_ASSERT_TRUE(same(is->targets, was->targets, was->size));
  CU_ASSERT_TRUE(same(is->statistics, was->statistics, statistics));
  CU_ASSERT_TRUE(same(is->target_statistics, was->target_statistics, statistics));
  CU_ASSERT_TRUE(same(second->policy, first->policy, policy));
  CU_ASSERT_TRUE(same(second->policy_statistics, first->policy_statistics, first->policy_net.statistics));
  CU_ASSERT_TRUE(same(second->acting, first->acting, first->acting_net.parameters));
  CU_ASSERT_TRUE(same(second->policy_adam.m, first->policy_adam.m, policy));
  CU_ASSERT_TRUE(same(second->policy_adam.v, first->policy_adam.v, policy));
  CU_ASSERT_TRUE(same(second->critics_adam.m, first->critics_adam.m, was->size));
  CU_ASSERT_TRUE(same(second->critics_adam.v, first->critics_adam.v, was->size));
}

static void check_counters(const struct job *first, const struct job *second) {
  CU_ASSERT_EQUAL(second->episodes, first->episodes);
  CU_ASSERT_EQUAL(second->policy_version, first->policy_version);
  CU_ASSERT_EQUAL(second->evaluations, first->evaluations);
  CU_ASSERT_EQUAL(second->dropped, first->dropped);
  CU_ASSERT_TRUE(second->exact);
  CU_ASSERT_EQUAL(second->next_log, first->next_log);
  CU_ASSERT_EQUAL(second->next_eval, first->next_eval);
  CU_ASSERT_EQUAL(second->next_checkpoint, first->next_checkpoint);
  CU_ASSERT_EQUAL(second->best_return, first->best_return);
  CU_ASSERT_DOUBLE_EQUAL(job_seconds(second), job_seconds(first), 60);
  CU_ASSERT(job_seconds(second) > 999);
  CU_ASSERT_EQUAL(second->normalizer.count, 13);
  CU_ASSERT_EQUAL(second->normalizer.m2[2], first->normalizer.m2[2]);
  CU_ASSERT_EQUAL_FATAL(replay_size(second->replay), 13);
  CU_ASSERT_EQUAL(replay_cursor(second->replay), 13);
}

static void check_environments(const struct snapshot *first, const struct snapshot *second) {
  const struct snapshot *running = &second[0];
  CU_ASSERT_TRUE(running->live);
  CU_ASSERT_TRUE(running->exact);
  CU_ASSERT_EQUAL(running->window, 2);
  CU_ASSERT_EQUAL(running->state.size, 11);
  CU_ASSERT_EQUAL(memcmp(running->state.data, first[0].state.data, 11), 0);
  CU_ASSERT_EQUAL(running->window_version[1], first[0].window_version[1]);
  CU_ASSERT_TRUE_FATAL(!second[1].live);
  CU_ASSERT_EQUAL(second[1].episode, first[1].episode);
  CU_ASSERT_TRUE_FATAL(second[2].live);
  CU_ASSERT_EQUAL(second[2].window, 0);
  CU_ASSERT_TRUE(second[2].exact);
}

static void check_round_trip(enum small_kind kind) {
  static const char *const times[] = {"@created", "/learner/seconds", NULL};
  struct config config = small_config_of(kind);
  struct job first, second;
  struct error error = {0};
  bool has_replay = false;
  small_job_init(&first, &config);
  small_job_fill(&first, 1, 13);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  small_job_init(&second, &config);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &second, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_TRUE(has_replay);

  check_learner(&first, &second);
  check_networks(&first.sac, &second.sac);
  check_counters(&first, &second);
  check_environments(first.environments, second.environments);

  // What is learned is counted: no folded copy, no running statistics.
  struct checkpoint_info info;
  UNIT_STATUS_FATAL(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(info.parameters, mlp_dense_size(&first.sac.policy_net) +
                                       first.sac.critics.count * mlp_dense_size(&first.sac.critics.net));
  checkpoint_info_release(&info);

  UNIT_STATUS(checkpoint_write(unit_in(directory, "b.h5"), &second, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(h5_compare(unit_in(directory, "a.h5"), unit_in(directory, "b.h5"), times), 0);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "b.h5"), &error), STATUS_OK, &error);
  job_release(&first);
  job_release(&second);
}

static void test_round_trip(void) {
  for (int kind = 0; kind < SMALL_KINDS; kind++) check_round_trip((enum small_kind)kind);
}

// The job of `to` reads what one of `from` environments wrote.
static void rewards_come_back(const struct config *config, uint64_t from, uint64_t to) {
  struct config one = *config, two = *config;
  struct job first, second;
  struct error error = {0};
  bool has_replay;
  one.envs = from;
  two.envs = to;
  small_job_init(&first, &one);
  small_job_init(&second, &two);
  small_job_fill(&first, 1, 13);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "rewards.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "rewards.h5"), &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "rewards.h5"), &second, &has_replay, &error), STATUS_OK, &error);
  const struct reward_statistics *was = &first.rewards, *is = &second.rewards;
  CU_ASSERT_EQUAL(is->count, was->count);
  CU_ASSERT_EQUAL(is->mean, was->mean);
  CU_ASSERT_EQUAL(is->m2, was->m2);
  CU_ASSERT_EQUAL(is->highest, was->highest);
  for (uint64_t e = 0; e < to; e++) {
    CU_ASSERT_EQUAL(is->returns[e], e < from ? was->returns[e] : 0);
    CU_ASSERT_EQUAL(is->last[e], e < from ? was->last[e] : 0);
  }
  job_release(&first);
  job_release(&second);
}

static void test_rewards(void) {
  struct config config = small_config();
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "deviation");
  rewards_come_back(&config, SMALL_ENVS, SMALL_ENVS);
  config.sync = false;
  rewards_come_back(&config, SMALL_ENVS, SMALL_ENVS + 2);
  rewards_come_back(&config, SMALL_ENVS, 1);

  // A configuration without them refuses them.
  struct error error = {0};
  snprintf(config.normalize_rewards, sizeof config.normalize_rewards, "none");
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "rewards.h5"), &config, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/rewards is there, this configuration has none (normalize_rewards: fixed on resume)"));
}

// An environment that names another number of values than before must not end a run.
static void test_named_values(void) {
  struct config config = small_config();
  struct job first, second;
  struct error error = {0};
  bool has_replay;
  small_job_init(&first, &config);
  small_job_fill(&first, 1, 13);
  first.environment.info_dim = 2;
  first.metrics.info_count[1] = 5;
  first.metrics.info_sum[1] = 0.5;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "info.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  for (uint32_t info_dim = 0; info_dim < 4; info_dim++) {
    small_job_init(&second, &config);
    second.environment.info_dim = info_dim;
    UNIT_STATUS(checkpoint_read(unit_in(directory, "info.h5"), &second, &has_replay, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(second.metrics.info_count[1], info_dim == 2 ? 5 : 0);
    CU_ASSERT_EQUAL(second.metrics.info_sum[1], info_dim == 2 ? 0.5 : 0);
    job_release(&second);
  }
  job_release(&first);
}

// The sums of each case come back, unless there is another number of cases now.
static void test_cases(void) {
  struct config config = small_config();
  struct job first, second;
  struct error error = {0};
  bool has_replay;
  snprintf(config.cases, sizeof config.cases, "a x=1\nb x=2\n");
  small_job_init(&first, &config);
  small_job_fill(&first, 1, 13);
  struct metrics *saved = &first.metrics;
  saved->case_episodes[1] = 3, saved->case_length_sum[1] = 30, saved->case_return_sum[1] = 0.5;
  saved->case_eval_episodes[1] = 2, saved->case_eval_sum[1] = -7;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "cases.h5"), &first, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "cases.h5"), &error), STATUS_OK, &error);
  static const char *const now[] = {"a x=1\nb x=2\n", "a x=1\nb x=2\nc\n", ""};
  for (int i = 0; i < 3; i++) {
    snprintf(config.cases, sizeof config.cases, "%s", now[i]);
    small_job_init(&second, &config);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "cases.h5"), &second, &has_replay, &error), STATUS_OK, &error);
    const struct metrics *read = &second.metrics;
    CU_ASSERT_EQUAL(read->case_episodes[1], i == 0 ? 3 : 0);
    CU_ASSERT_EQUAL(read->case_length_sum[1], i == 0 ? 30 : 0);
    CU_ASSERT_EQUAL(read->case_return_sum[1], i == 0 ? 0.5 : 0);
    CU_ASSERT_EQUAL(read->case_eval_episodes[1], i == 0 ? 2 : 0);
    CU_ASSERT_EQUAL(read->case_eval_sum[1], i == 0 ? -7 : 0);
    job_release(&second);
  }
  job_release(&first);
}

static void test_info(void) {
  struct config config = small_config(), read;
  struct checkpoint_info info;
  struct error error = {0};
  config.learner_threads = 2;
  small_checkpoint_write(unit_in(directory, "a.h5"), &config, 1, 13);
  UNIT_STATUS_FATAL(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(info.format_version, 1);
  CU_ASSERT_EQUAL(info.learner_threads, 2);
  CU_ASSERT_TRUE_FATAL(info.exact);
  CU_ASSERT_TRUE(info.resumable);
  CU_ASSERT_TRUE(isnan(info.eval_return));
  CU_ASSERT_EQUAL(info.obs_dim, SMALL_OBS);
  CU_ASSERT_EQUAL(info.act_dim, SMALL_ACT);
  CU_ASSERT_EQUAL(info.replay_size, 13);
  CU_ASSERT_EQUAL(info.replay_capacity, SMALL_CAPACITY);
  CU_ASSERT_STRING_EQUAL_FATAL(info.environment, "Small-v0");
  CU_ASSERT_STRING_EQUAL(info.blas_core, linalg_core_name());
  CU_ASSERT_TRUE_FATAL(strlen(info.created) >= 20);
  CU_ASSERT_TRUE(info.program_version[0]);
  // 3-8-6-4 and two of 5-8-6-1
  CU_ASSERT_EQUAL(info.parameters, (3 * 8 + 8 + 8 * 6 + 6 + 6 * 4 + 4) + 2 * (5 * 8 + 8 + 8 * 6 + 6 + 6 + 1));
  options_defaults(&read);
  UNIT_STATUS(options_parse_yaml(info.config, strlen(info.config), "info", &read, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.n_step, 3);
  CU_ASSERT_EQUAL(read.seed, 7);
  CU_ASSERT_EQUAL(read.hidden.width[1], 6);
  checkpoint_info_release(&info);
}

static void test_without_replay(void) {
  struct config config = small_config();
  struct checkpoint_info info;
  for (int way = 0; way < 2; way++) {
    struct job job;
    struct error error = {0};
    bool has_replay = true;
    config.checkpoint_replay = way == 0;
    small_job_init(&job, &config);
    small_job_fill(&job, 1, 13);
    const enum checkpoint_content content = way == 0 ? CHECKPOINT_NO_REPLAY : CHECKPOINT_ALL;
    UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, content, &error), STATUS_OK, &error);
    UNIT_STATUS(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE_FATAL(!info.exact);
    CU_ASSERT_TRUE_FATAL(info.resumable);
    CU_ASSERT_EQUAL(info.replay_capacity, 0);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE_FATAL(!has_replay);
    CU_ASSERT_TRUE(!job.exact);
    checkpoint_info_release(&info);
    job_release(&job);
  }
}

static void test_layer_norm_and_inexact(void) {
  struct config config = small_config();
  struct error error = {0};
  struct job job;
  bool has_replay;
  config.critic_layer_norm = true;
  config.critics = 3;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 1);
  job.exact = false;
  real *before = memory_alloc(job.sac.critics.size, sizeof *before, "copy", &error);
  memcpy(before, job.sac.critics.parameters, job.sac.critics.size * sizeof *before);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  memset(job.sac.critics.parameters, 0, job.sac.critics.size * sizeof *before);
  job.exact = true;
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(before, job.sac.critics.parameters, job.sac.critics.size * sizeof *before), 0);
  CU_ASSERT_FALSE(job.exact);
  memory_free(before);
  job_release(&job);
}

// The reward of the row that was inserted `ago` insertions ago.
static float reward_ago(const struct replay *replay, size_t ago) {
  float obs[SMALL_OBS], action[SMALL_ACT], reward, next_obs[SMALL_OBS], discount;
  float *const columns[REPLAY_COLUMNS] = {obs, action, &reward, next_obs, &discount};
  const size_t capacity = replay_capacity(replay);
  replay_read_rows(replay, (replay_cursor(replay) + capacity - ago) % capacity, 1, columns);
  return reward;
}

static void test_other_capacity(void) {
  struct config config = small_config(), larger = small_config(), smaller = small_config();
  struct error error = {0};
  struct job full, other;
  bool has_replay;
  larger.replay_capacity = SMALL_CAPACITY + 7;
  smaller.replay_capacity = SMALL_CAPACITY - 1;
  small_job_init(&full, &config);
  small_job_fill(&full, 1, SMALL_CAPACITY + 6);
  CU_ASSERT_EQUAL(replay_cursor(full.replay), 6);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &full, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  small_job_init(&other, &larger);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &other, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(replay_size(other.replay), SMALL_CAPACITY);
  CU_ASSERT_EQUAL(replay_cursor(other.replay), SMALL_CAPACITY);
  for (size_t ago = 1; ago <= SMALL_CAPACITY; ago++)
    CU_ASSERT_EQUAL(reward_ago(other.replay, ago), reward_ago(full.replay, ago));
  job_release(&other);
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "a.h5"), &smaller, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/replay holds 20 rows, this configuration has room for 19 (replay_capacity)"));
  job_release(&full);
}

static void test_other_environments(void) {
  struct config config = small_config(), other = small_config();
  struct error error = {0};
  struct job job;
  bool has_replay;
  config.sync = other.sync = false;
  small_checkpoint_write(unit_in(directory, "a.h5"), &config, 1, 3);
  other.envs = SMALL_ENVS + 2;
  small_job_init(&job, &other);
  UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &job, &has_replay, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE(job.environments[2].steps > 0);
  CU_ASSERT_EQUAL(job.environments[3].steps, 0);
  CU_ASSERT_EQUAL(job.environments[4].episode, 0);
  job_release(&job);
  other.envs = 1;
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "a.h5"), &other, &error), STATUS_OK, &error);
  other.sync = true;
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "a.h5"), &other, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/actors/1 is there, this configuration has none (envs: fixed on resume in sync mode)"));
  other.envs = SMALL_ENVS + 1;
  error_clear(&error);
  UNIT_STATUS(small_checkpoint_read(unit_in(directory, "a.h5"), &other, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/actors/3/steps is missing"));
}

static void test_policy_file(void) {
  struct config config = small_config();
  struct job job;
  struct error error = {0};
  struct policy_weights saved, read;
  struct message_hello hello;
  struct checkpoint_info info;
  bool has_replay;
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 9);
  UNIT_STATUS(policy_weights_init(&saved, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), &error), STATUS_OK, &error);
  job_export_policy(&job, &saved);
  saved.version = 77;
  const char *path = unit_in(directory, "best.h5");
  const struct checkpoint_policy policy = {&saved, &job.normalizer, 4321, 654, 32, -98.5};
  UNIT_STATUS(checkpoint_write_policy(path, &job, &policy, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(path, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_info(path, &info, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(!info.resumable);
  CU_ASSERT_TRUE_FATAL(!info.exact);
  CU_ASSERT_EQUAL(info.env_steps, 4321);
  CU_ASSERT_EQUAL(info.updates, 654);
  CU_ASSERT_EQUAL(info.episodes, 32);
  CU_ASSERT_EQUAL(info.eval_return, -98.5);
  CU_ASSERT_EQUAL(info.policy_version, 77);
  UNIT_STATUS_FATAL(checkpoint_read_policy(path, &info, &config, &read, &hello, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.version, 77);
  CU_ASSERT_TRUE_FATAL(read.normalize);
  CU_ASSERT_EQUAL(read.obs_dim, SMALL_OBS);
  CU_ASSERT_EQUAL(memcmp(read.values, saved.values, saved.parameters * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(read.scale, saved.scale, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(read.shift, saved.shift, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(hello.action_low[1], -2.5);
  CU_ASSERT_EQUAL(hello.action_high[0], 2.25);
  CU_ASSERT_EQUAL(hello.act_dim, SMALL_ACT);
  CU_ASSERT_STRING_EQUAL(hello.environment, "Small-v0");
  policy_weights_release(&read);
  message_hello_release(&hello);

  UNIT_STATUS(checkpoint_read(path, &job, &has_replay, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_says(&error, "nothing to resume"));
  error_clear(&error);
  config.hidden.width[0] = 9;
  UNIT_STATUS(checkpoint_read_policy(path, &info, &config, &read, &hello, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_says(&error, "/policy/layer0/weight is 8x3, this configuration needs 9x3"));
  CU_ASSERT_TRUE_FATAL(!read.values);
  CU_ASSERT_TRUE(!hello.action_low);
  checkpoint_info_release(&info);

  // The policy of a whole checkpoint is read alike.
  error_clear(&error);
  config.hidden.width[0] = 8;
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_read_info(unit_in(directory, "a.h5"), &info, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_policy(unit_in(directory, "a.h5"), &info, &config, &read, &hello, &error),
                    STATUS_OK, &error);
  CU_ASSERT_EQUAL(read.version, job.policy_version);
  CU_ASSERT_EQUAL(read.values[5], small_policy_weight(&job, 0, 1, 2));
  policy_weights_release(&read);
  message_hello_release(&hello);
  checkpoint_info_release(&info);
  policy_weights_release(&saved);
  job_release(&job);
}

// --- many chunks ---

static void test_chunks(void) {
  struct config config = small_config(), larger;
  struct job job, read;
  struct error error = {0};
  bool has_replay;
  config.replay_capacity = 300001; // more than one chunk in each column, and a last one that is not full
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 300001 + 123456);
  UNIT_STATUS(checkpoint_write(unit_in(directory, "a.h5"), &job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS(checkpoint_verify(unit_in(directory, "a.h5"), &error), STATUS_OK, &error);
  larger = config;
  larger.replay_capacity = 400000;
  for (int way = 0; way < 2; way++) {
    small_job_init(&read, way == 0 ? &config : &larger);
    UNIT_STATUS(checkpoint_read(unit_in(directory, "a.h5"), &read, &has_replay, &error), STATUS_OK, &error);
    int wrong = 0;
    for (size_t ago = 1; ago <= 300001; ago++) wrong += reward_ago(read.replay, ago) != reward_ago(job.replay, ago);
    CU_ASSERT_EQUAL(wrong, 0);
    job_release(&read);
  }
  job_release(&job);
}

#define CASE(name)                                                                                                     \
  static void name##_alone(void) { run_in_directory(&directory, name); }
CASE(test_round_trip)
CASE(test_rewards)
CASE(test_named_values)
CASE(test_cases)
CASE(test_info)
CASE(test_without_replay)
CASE(test_layer_norm_and_inexact)
CASE(test_other_capacity)
CASE(test_other_environments)
CASE(test_policy_file)
CASE(test_chunks)

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a job comes back whole, field by field", test_round_trip_alone},
      {"statistics of rewards come back, for the environments that both jobs have", test_rewards_alone},
      {"sums of named values go on, and begin anew where the environment has others", test_named_values_alone},
      {"the sums of each case come back, where there are as many cases", test_cases_alone},
      {"the head tells what the file holds", test_info_alone},
      {"without replay a checkpoint is small, resumable and not exact", test_without_replay_alone},
      {"layer norm is saved, and a job that is not exact does not become so", test_layer_norm_and_inexact_alone},
      {"a replay of another capacity keeps its rows in order, or is refused", test_other_capacity_alone},
      {"environments may be added and removed in async mode, but not in sync mode", test_other_environments_alone},
      {"a policy alone is saved and read for acting, and cannot be resumed", test_policy_file_alone},
      {"a replay of many chunks comes back row by row", test_chunks_alone},
  };
  return unit_run("checkpoint", cases, sizeof cases / sizeof *cases);
}
