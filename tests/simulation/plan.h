// What happens in one simulated world: the cluster, the job that runs on it, and the faults. All of it is drawn from a
// seed, so that the seed repeats it.
#ifndef CORSAC_TESTS_SIMULATION_PLAN_H
#define CORSAC_TESTS_SIMULATION_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PLAN_HOSTS = 4, PLAN_FAULTS = 10 };

enum fault_kind {
  // at `at`; who: a rank of 1 to actors, or a host
  FAULT_KILL_ACTOR,   // SIGKILL
  FAULT_KILL_LEARNER, // SIGKILL; mpirun ends the others, and the job is started again
  FAULT_LOSE_HOST,    // with its processes and all that no fsync has made durable
  FAULT_STOP_RANK,    // SIGSTOP to rank `who`, SIGCONT after `seconds`
  FAULT_STOP_JOB,     // the same to all ranks at once, as Slurm suspends a job
  FAULT_CUT_HOST,     // its link to the other hosts is cut, healed after `seconds`
  FAULT_SIGNAL_RANK,  // USR1 to rank `who`
  FAULT_SIGNAL_JOB,   // USR1 to all ranks
  FAULT_END_JOB,      // mpirun gets TERM: TERM to all ranks, KILL a second later
  FAULT_DISK_FULL,    // for `seconds`
  FAULT_DISK_SLOW,    // for `seconds`
  FAULT_DISK_HANGS,   // nothing that is written comes back, for `seconds`
  FAULT_DISK_ERROR,   // writes fail with EIO, for `seconds`
  FAULT_FSYNC_ERROR,  // the same of fsync
  FAULT_DISK_LIES,    // fsync makes nothing durable, for `seconds`
  // in environment `who`, at step `step` of some episodes
  FAULT_ENV_FAILS,
  FAULT_ENV_NAN,
  FAULT_ENV_HANGS, // the step never returns
  FAULT_KINDS
};
extern const char *const fault_names[FAULT_KINDS];

struct fault {
  enum fault_kind kind;
  double at, seconds;
  uint32_t who;
  uint64_t step;
};

enum step_time { STEPS_CONSTANT, STEPS_HEAVY_TAIL, STEPS_MINUTES };

struct plan {
  uint64_t seed;

  // the cluster
  uint32_t hosts, actors; // actors of the first start
  bool same_actors;       // every start has as many
  double latency, jitter; // s, of a message between two hosts
  double bandwidth;       // bytes/s
  double disk;            // bytes/s
  double fsync;           // s

  // the job
  bool sync;
  uint32_t envs, sync_steps, n_step;
  uint64_t env_steps, learning_starts, checkpoint_every, eval_every;
  double utd, update_seconds, actor_timeout, env_timeout;
  bool saves;              // its environments can save their state
  bool heartbeats_in_step; // they are processes of their own
  enum step_time step_time;
  double step_seconds; // the usual length of a step

  uint32_t faults;
  struct fault fault[PLAN_FAULTS];
};

void plan_draw(struct plan *plan, uint64_t seed);

// About how long the job takes without faults, s.
double plan_seconds(const struct plan *plan);

// The number of actors of start `start` (0: the first).
uint32_t plan_actors(const struct plan *plan, uint32_t start);

// The longest step that there can be, s.
double plan_longest_step(const struct plan *plan);

// Seconds that step `step` of environment `index` takes.
double plan_step_seconds(const struct plan *plan, uint64_t index, uint64_t step);

// The plan's faults that a sync job has to undo: without them the result is the same, bit for bit. Faults of
// environments stay, since they are a part of what the environments do.
void plan_undisturb(struct plan *plan);

// A uniform number of [0, 1) that depends on the plan's seed and these numbers alone.
double plan_uniform(const struct plan *plan, uint64_t a, uint64_t b, uint64_t c);

// Prints it in words.
void plan_print(const struct plan *plan, FILE *out);

#endif
