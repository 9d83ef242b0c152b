// The job: everything that a learner knows between two turns of its loop, and that a checkpoint holds.
#ifndef CORSAC_LEARNER_JOB_JOB_H
#define CORSAC_LEARNER_JOB_JOB_H

#include "common/config/config.h"
#include "common/nn/normalizer.h"
#include "common/wire/message.h"
#include "learner/job/metrics.h"
#include "learner/job/rate_limiter.h"
#include "learner/job/replay.h"
#include "learner/job/reward_statistics.h"
#include "learner/sac/sac.h"

struct job {
  struct config config;
  struct message_hello environment; // what the actors agreed on
  uint32_t *slots;                  // (envs + 1) agents of all environments before this one; NULL: each has one
  struct thread_team *team;
  struct sac sac;
  struct normalizer normalizer;
  struct reward_statistics rewards; // where normalize_rewards asks for them
  struct replay *replay;
  struct rate_limiter limiter; // limiter.steps and limiter.updates are the job's totals
  uint64_t episodes, policy_version, evaluations;
  uint64_t dropped;              // steps made past env_steps
  bool exact;                    // sync, and every environment's snapshot is whole
  struct snapshot *environments; // (config.envs) where each environment stands
  struct metrics metrics;
  double seconds;                                // of the job so far, without this process's share (see job_seconds)
  double started;                                // clock_now() at which this process began to count; 0: it does not
  double best_return;                            // of the job's evaluations, whatever best.h5 holds; -inf: none yet
  uint32_t *sample;                              // (batch_size) scratch of job_sample
  float *shift, *scale;                          // (job_input) scratch
  uint64_t next_log, next_eval, next_checkpoint; // steps at or after which each fires
};

// Allocates everything for the configuration and the environment, whose arrays it takes over. The parameters are those
// of a new run.
enum status job_init(struct job *job, const struct config *config, struct message_hello *hello, struct error *error);
void job_release(struct job *job);

// Before the first row: `rows` are inserted into the replay besides those of the steps to be made from `steps` on.
enum status job_reserve_replay(struct job *job, uint64_t rows, uint64_t steps, struct error *error);

// Without a history, before the first row: rows hold both observations from now on, also where they are long. For a
// checkpoint of an older version.
enum status job_unlink_replay(struct job *job, struct error *error);

// Seconds of the job so far, over all its processes.
double job_seconds(const struct job *job);

// A report, an evaluation or a save is due at the first step count at or after each multiple of its `_every`.
// job_threshold_after: the next one after `steps`, which has reached `next`.
uint64_t job_threshold_after(uint64_t next, uint64_t every, uint64_t steps);
static inline bool job_is_due(uint64_t steps, uint64_t next) { return steps >= next; }

// Agents of environment e, and the most of one. A slot is an agent of an environment; job_slots counts them all.
uint32_t job_agents(const struct job *job, uint64_t e);
uint32_t job_most_agents(const struct job *job);
uint32_t job_slots(const struct job *job);

// Floats that the networks see: an observation, with a history several of them.
static inline uint32_t job_input(const struct job *job) { return job->sac.obs_dim; }

// Inserts rows of one environment or of many into the replay, the normalizer and the statistics of rewards.
// environment, agent: (rows), or NULL where all are of the first.
struct job_rows {
  const uint32_t *environment, *agent;
  const uint64_t *episode_number; // (rows) where the replay is linked; likewise:
  const uint32_t *episode_step;
  bool logged; // rows of a file: of no environment of the job
  const float *obs, *action, *reward, *next_obs, *discount;
};
void job_insert(struct job *job, size_t rows, const struct job_rows *from);

// The lane of logged rows in a linked replay. No checkpoint says where it goes on, so the last row ends it.
static inline uint32_t job_logged_lane(const struct job *job) { return replay_lanes(job->replay) - 1; }

// Fills sac_batch for the next update: uniform rows of the replay, observations and rewards normalised with the present
// statistics, and the update's noise.
void job_sample(struct job *job);

// The policy as it acts now, normalizer included; `weights` has its shape.
void job_export_policy(const struct job *job, struct policy_weights *weights);

// The same in the backend's memory, valid until the next update or observation; uses the shift and scale of `weights`.
struct policy_view job_view_policy(const struct job *job, struct policy_weights *weights);
#endif
