#include "tests/simulation/plan.h"

#include "common/base/random.h"

#include <math.h>
#include <string.h>

const char *const fault_names[FAULT_KINDS] = {
    [FAULT_KILL_ACTOR] = "kill actor",
    [FAULT_KILL_LEARNER] = "kill learner",
    [FAULT_LOSE_HOST] = "lose host",
    [FAULT_STOP_RANK] = "stop rank",
    [FAULT_STOP_JOB] = "stop job",
    [FAULT_CUT_HOST] = "cut host",
    [FAULT_SIGNAL_RANK] = "signal rank",
    [FAULT_SIGNAL_JOB] = "signal job",
    [FAULT_END_JOB] = "end job",
    [FAULT_DISK_FULL] = "disk full",
    [FAULT_DISK_SLOW] = "disk slow",
    [FAULT_DISK_HANGS] = "disk hangs",
    [FAULT_DISK_ERROR] = "disk error",
    [FAULT_FSYNC_ERROR] = "fsync error",
    [FAULT_DISK_LIES] = "disk lies",
    [FAULT_ENV_FAILS] = "environment fails",
    [FAULT_ENV_NAN] = "environment sends NaN",
    [FAULT_ENV_HANGS] = "environment hangs",
};

// --- drawing ---

static double mix(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  uint64_t x = seed * 0x9e3779b97f4a7c15u + a * 0xbf58476d1ce4e5b9u + b * 0x94d049bb133111ebu + c * 0xd6e8feb86659fd93u;
  for (int i = 0; i < 3; i++) {
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
  }
  return (double)(x >> 11) * 0x1p-53;
}

double plan_uniform(const struct plan *plan, uint64_t a, uint64_t b, uint64_t c) { return mix(plan->seed, a, b, c); }

struct draw {
  uint64_t seed, count;
};

static double uniform(struct draw *draw) { return mix(draw->seed, 1, draw->count++, 0); }

static bool chance(struct draw *draw, double share) { return uniform(draw) < share; }

static uint64_t between(struct draw *draw, uint64_t low, uint64_t high) {
  return low + (uint64_t)(uniform(draw) * (double)(high - low + 1));
}

// Each power of ten is as likely as the others.
static double decades(struct draw *draw, double low, double high) { return low * pow(high / low, uniform(draw)); }

static void draw_cluster(struct plan *plan, struct draw *draw) {
  plan->step_time = (enum step_time)between(draw, 0, 2);
  const bool is_large =
      plan->step_time != STEPS_MINUTES && chance(draw, 0.1); // many actors for hours take long to play
  plan->actors = (uint32_t)(is_large ? between(draw, 9, 24) : between(draw, 1, 6));
  plan->hosts = (uint32_t)between(draw, 1, plan->actors < PLAN_HOSTS ? plan->actors : PLAN_HOSTS);
  plan->same_actors = chance(draw, 0.5);
  plan->latency = decades(draw, 1e-6, 0.05);
  plan->jitter = chance(draw, 0.5) ? plan->latency * decades(draw, 0.1, 20) : 0;
  plan->bandwidth = decades(draw, 1e5, 1e10);
  plan->disk = decades(draw, 1e5, 1e9);
  plan->fsync = decades(draw, 1e-4, 1);
}

double plan_longest_step(const struct plan *plan) {
  return plan->step_seconds * (plan->step_time == STEPS_HEAVY_TAIL ? 200 : plan->step_time == STEPS_MINUTES ? 1.5 : 1);
}

static void draw_job(struct plan *plan, struct draw *draw) {
  plan->sync = chance(draw, 0.4);
  plan->envs = chance(draw, 0.6) ? 0 : (uint32_t)between(draw, 1, 2 * plan->actors);
  plan->sync_steps = plan->sync ? (uint32_t)between(draw, 1, 8) : 1;
  plan->n_step = (uint32_t)between(draw, 1, 3);
  plan->history = mix(plan->seed, 9, 0, 0) < 0.3 ? 2 + (uint32_t)(mix(plan->seed, 9, 1, 0) * 4) : 1;
  plan->env_steps = between(draw, 50, 800);
  plan->learning_starts = between(draw, 1, 100);
  plan->checkpoint_every = between(draw, 20, 300);
  plan->eval_every = chance(draw, 0.5) ? between(draw, 50, 400) : 0;
  plan->utd = chance(draw, 0.1) ? 0.25 : chance(draw, 0.3) ? 2 : 1;
  if (plan_uniform(plan, 11, 0, 0) < 0.1) plan->utd = 0.02; // an update takes more steps than actors ship at once
  plan->update_seconds = decades(draw, 1e-4, 0.05);
  plan->actor_timeout = decades(draw, 2, 60);
  plan->env_timeout = decades(draw, 5, 600);
  plan->saves = chance(draw, 0.6);
  plan->heartbeats_in_step = chance(draw, 0.3);
  plan->step_seconds = plan->step_time == STEPS_MINUTES ? decades(draw, 10, 100) : decades(draw, 1e-4, 1);
  if (plan->step_time == STEPS_MINUTES)
    plan->env_steps = between(draw, 10, 30) * (plan->envs ? plan->envs : plan->actors);
  plan->env_timeout = fmax(plan->env_timeout, 1.1 * plan_longest_step(plan)); // as the manual asks for
}

static void draw_fault(struct plan *plan, struct fault *fault, struct draw *draw) {
  const double most = plan_seconds(plan);
  fault->kind = (enum fault_kind)between(draw, 0, FAULT_KINDS - 1);
  fault->at = uniform(draw) * 1.2 * most;
  fault->seconds = decades(draw, 0.01, 300);
  fault->step = between(draw, 0, 20);
  fault->who = (uint32_t)between(draw, 1, plan->actors);
  if (fault->kind == FAULT_LOSE_HOST || fault->kind == FAULT_CUT_HOST)
    fault->who = (uint32_t)between(draw, 0, plan->hosts - 1);
  if (fault->kind >= FAULT_ENV_FAILS)
    fault->who = (uint32_t)between(draw, 0, (plan->envs ? plan->envs : plan->actors) - 1);
}

void plan_draw(struct plan *plan, uint64_t seed) {
  *plan = (struct plan){.seed = seed};
  struct draw draw = {seed, 0};
  draw_cluster(plan, &draw);
  draw_job(plan, &draw);
  plan->faults = chance(&draw, 0.1) ? 0 : (uint32_t)between(&draw, 1, chance(&draw, 0.3) ? PLAN_FAULTS : 4);
  for (uint32_t i = 0; i < plan->faults; i++) draw_fault(plan, &plan->fault[i], &draw);
}

double plan_seconds(const struct plan *plan) {
  const uint32_t envs = plan->envs ? plan->envs : plan->actors;
  const double steps =
      (double)plan->env_steps / envs * plan->step_seconds * (plan->step_time == STEPS_HEAVY_TAIL ? 2 : 1);
  const double turns =
      envs > plan->actors ? ceil((double)envs / plan->actors) : 1; // environments of an actor take turns
  return turns * steps + plan->utd * (double)plan->env_steps * plan->update_seconds + 1;
}

uint32_t plan_actors(const struct plan *plan, uint32_t start) {
  if (start == 0 || plan->same_actors) return plan->actors;
  return 1 + (uint32_t)(plan_uniform(plan, 2, start, 0) * 2 * plan->actors);
}

double plan_step_seconds(const struct plan *plan, uint64_t index, uint64_t step) {
  const double u = plan_uniform(plan, 3, index, step);
  switch (plan->step_time) {
  case STEPS_HEAVY_TAIL: return plan->step_seconds * fmin(0.5 / (1 - u), 200); // Pareto, cut
  case STEPS_MINUTES: return plan->step_seconds * (0.5 + u);
  default: return plan->step_seconds;
  }
}

void plan_undisturb(struct plan *plan) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < plan->faults; i++)
    if (plan->fault[i].kind == FAULT_ENV_FAILS || plan->fault[i].kind == FAULT_ENV_NAN)
      plan->fault[kept++] = plan->fault[i];
  plan->faults = kept;
}

// --- words ---

void plan_print(const struct plan *plan, FILE *out) {
  static const char *const times[] = {"of constant time", "of heavy tail", "of minutes"};
  fprintf(out,
          "seed %llu: %u actors on %u hosts, %s, envs %u, env_steps %llu, learning_starts %llu, utd %g, n_step %u, "
          "history %u\n",
          (unsigned long long)plan->seed, plan->actors, plan->hosts, plan->sync ? "sync" : "async", plan->envs,
          (unsigned long long)plan->env_steps, (unsigned long long)plan->learning_starts, plan->utd, plan->n_step,
          plan->history);
  fprintf(out, "  steps %s, %.3g s; updates %.3g s; actor_timeout %.3g, env_timeout %.3g%s%s; ", times[plan->step_time],
          plan->step_seconds, plan->update_seconds, plan->actor_timeout, plan->env_timeout,
          plan->heartbeats_in_step ? "; heartbeats in steps" : "", plan->saves ? "; environments save" : "");
  fprintf(out, "checkpoint_every %llu, eval_every %llu\n", (unsigned long long)plan->checkpoint_every,
          (unsigned long long)plan->eval_every);
  fprintf(out,
          "  messages %.3g s + %.3g s, %.3g bytes/s; disk %.3g bytes/s, fsync %.3g s; about %.3g s without faults\n",
          plan->latency, plan->jitter, plan->bandwidth, plan->disk, plan->fsync, plan_seconds(plan));
  for (uint32_t i = 0; i < plan->faults; i++) {
    const struct fault *fault = &plan->fault[i];
    if (fault->kind >= FAULT_ENV_FAILS)
      fprintf(out, "  fault %u: %s: environment %u, at step %llu of some episodes\n", i, fault_names[fault->kind],
              fault->who, (unsigned long long)fault->step);
    else
      fprintf(out, "  fault %u: %s at %.3f s, %u, for %.3g s\n", i, fault_names[fault->kind], fault->at, fault->who,
              fault->seconds);
  }
}
