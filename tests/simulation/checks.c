#include "tests/simulation/checks.h"

#include "actor/actor_impl.h"
#include "common/base/hash.h"
#include "common/wire/assignment.h"
#include "learner/learner_impl.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SLACK_SECONDS = 5; // by which everything may be late

// The longest step of an actor: its environments step one after another.
static double longest_step(void) {
  const uint32_t envs = world->plan.envs > 0 ? world->plan.envs : plan_actors(&world->plan, 0);
  const uint32_t each = (envs + world->actors - 1) / world->actors;
  return (each > 1 ? each : 1) * plan_longest_step(&world->plan);
}

// The longest silence of an actor that the learner bears, s (manual, "faults"). A stop of one rank in a step counts as
// a part of it.
static double patience(const struct process *process) {
  const struct plan *plan = &world->plan;
  const double stopped = process ? process->longest_stop : 0;
  return fmax(fmax(plan->actor_timeout, plan->env_timeout), 20 * (longest_step() + stopped));
}

// After this time nothing had disturbed the learner for a while.
static double fluent_since(const struct checks *checks) {
  return world->now - checks->turned > 1 ? world->now : checks->fluent;
}

static bool is_cut_off(const struct process *process) {
  return process->host != 0 && (world->host[process->host].cut || world->host[0].cut);
}

void checks_begin(struct checks *checks) { checks->is_exact = true; }

// --- a start ---

void checks_start(struct checks *checks) {
  checks->made = 0;
  checks->round = 0;
  checks->turned = 0;
  checks->is_leaving = false;
  checks->signalled = checks->overdue = checks->leaves = INFINITY;
  checks->version = 0;
  checks->lines = 0;
}

// C9: after any crash the newest durable checkpoint loads, and no step before it is lost.
void checks_start_failed(enum status status, const char *why) {
  if (status == STATUS_DONE || disk_is_ill(world->disk) || disk_has_lied(world->disk)) return;
  if (strstr(why, "it tries again")) return; // the next start does
  world_violate("C9: start %u could not begin: %s", world->start, why);
}

void checks_training(struct checks *checks) {
  const struct job *job = world->learner->job;
  checks->first_steps = job->limiter.steps;
  checks->first_dropped = job->dropped;
  if (job->limiter.steps < checks->durable && !disk_has_lied(world->disk))
    world_violate("C9: start %u goes on from step %llu, but a checkpoint of step %llu was saved", world->start,
                  (unsigned long long)job->limiter.steps, (unsigned long long)checks->durable);
  if (world->start > 0 && job->limiter.steps > 0 && !job->exact) checks->is_exact = false;
  if (!checks->reference) return;
  if (checks->is_reference) checks->reference->envs = job->config.envs;
  checks->is_exact &= checks->reference->envs == job->config.envs;
}

// C6: a job that can end does end, with the stated exit code.
bool checks_judge_start(struct checks *checks, int exit_code) {
  const bool progressed = checks->steps > checks->first_steps;
  world_trace("start %u has ended with %d at step %llu", world->start, exit_code, (unsigned long long)checks->steps);
  checks->no_progress = progressed ? 0 : checks->no_progress + 1;
  checks->first_steps = checks->steps; // should the next start not begin
  if (exit_code == EXIT_DONE) {
    checks->is_done = true;
    return false;
  }
  return true;
}

double checks_patience(const struct checks *checks) {
  (void)checks;
  return 2 * SLACK_SECONDS + 2 * world->plan.actor_timeout + 2 * longest_step();
}

void checks_finish(struct checks *checks) {
  if (disk_has_lied(world->disk) && !checks->is_done) return; // a disk that lies may take the only checkpoint
  if (!checks->is_done) world_violate("C6: the job has not ended");
  if (checks->steps < world->plan.env_steps)
    world_violate("C6: the job has ended at step %llu of %llu", (unsigned long long)checks->steps,
                  (unsigned long long)world->plan.env_steps);
}

// --- the learner ---

// C2: updates as the limiter says.
static void check_updates(const struct job *job) {
  const struct rate_limiter *limiter = &job->limiter;
  const uint64_t past = limiter->steps > limiter->base_steps ? limiter->steps - limiter->base_steps : 0;
  const double owed = limiter->utd * (double)past;
  if (limiter->utd > 0 && (double)(limiter->updates - limiter->base_updates) > owed)
    world_violate("C2: %llu updates, but %g are owed", (unsigned long long)(limiter->updates - limiter->base_updates),
                  owed);
}

// C2: actors make no more steps than the limiter allows, and two batches each: one that waits for a credit, and one
// that went without a credit before snapshots.
static void check_allowance(const struct checks *checks, const struct learner *learner) {
  const struct job *job = learner->job;
  const uint64_t made = checks->first_steps + checks->made;
  uint64_t allowed = rate_limiter_allowed(&job->limiter);
  if (allowed < checks->first_steps) allowed = checks->first_steps; // a start before this one had more actors
  uint64_t waiting = 0;
  for (uint32_t i = 0; i < learner->table.active; i++) {
    if (!learner->table.entry[i].alive) return; // its credits are free for others, and it may come back
    waiting += 2 * assignment_of(&job->config, learner->table.actors, i).most_steps;
  }
  if (!job->config.sync && replay_drawable(job->replay) > 0 && allowed < UINT64_MAX && made > allowed + waiting)
    world_violate("C2: %llu steps were made, %llu are allowed and %llu may wait", (unsigned long long)made,
                  (unsigned long long)allowed, (unsigned long long)waiting);
}

// C1, C9 of queues: no more steps exist beyond those that arrived than the actors' credits and batches hold, or than a
// round has.
static void check_steps(const struct checks *checks, const struct learner *learner) {
  const struct job *job = learner->job;
  const uint64_t arrived = job->limiter.steps - checks->first_steps + job->dropped - checks->first_dropped;
  uint64_t most = 0;
  for (uint32_t i = 0; i < learner->table.active; i++)
    most += (ACTOR_TABLE_CREDITS + 1) * (uint64_t)assignment_of(&job->config, learner->table.actors, i).most_steps;
  if (job->config.sync) most = job->config.envs * job->config.sync_steps;
  if (arrived > checks->made)
    world_violate("C1: %llu steps have arrived, but %llu were made", (unsigned long long)arrived,
                  (unsigned long long)checks->made);
  if (checks->made - arrived > most)
    world_violate("C1: %llu steps are under way, at most %llu may be", (unsigned long long)(checks->made - arrived),
                  (unsigned long long)most);
}

// C5: in sync the parameters at the beginning of each round are those of the undisturbed world.
static void check_bits(struct checks *checks, const struct learner *learner) {
  const struct job *job = learner->job;
  if (!checks->reference || learner->round == checks->round || job->limiter.steps >= CHECKS_STEPS) return;
  checks->round = learner->round;
  uint64_t hash = hash_bytes(HASH_START, job->sac.policy, job->sac.policy_net.parameters * sizeof *job->sac.policy);
  hash = hash_bytes(hash, &job->sac.log_alpha, sizeof job->sac.log_alpha);
  uint64_t *reference = &checks->reference->hash[job->limiter.steps];
  if (checks->is_reference)
    *reference = hash;
  else if (checks->is_exact && !world->hung && *reference != 0 && *reference != hash)
    world_violate("C5: at step %llu the parameters differ from those of the undisturbed job",
                  (unsigned long long)job->limiter.steps);
}

// C11: what waits for an actor is a version or two of the policy, and what the learner says to all now and then.
static void check_queue(const struct learner *learner, uint32_t i) {
  const struct process *process = &world->process[i + 1];
  const uint64_t bytes = network_load_to(world->network, process->rank).bytes;
  const double heartbeats = (world->now - process->heard) / learner->table.heartbeat;
  const double most = 20000 + 3 * (double)learner->publisher.bytes.size + 64 * heartbeats;
  if (process->state != PROCESS_ENDED && (double)bytes > most)
    world_violate("C11: %llu bytes wait for rank %u, at most %.0f may", (unsigned long long)bytes, i + 1, most);
}

// C8: the learner presumes a running actor dead only after a silence of actor_timeout. The next message ends that.
static void check_presumed(const struct actor_entry *entry, struct process *process) {
  const double silence = world->now - process->reached - process->unheard;
  if (entry->alive || entry->expelled || process->state == PROCESS_ENDED) {
    process->presumed = INFINITY;
  } else if (process->presumed == INFINITY) {
    process->presumed = world->now;
    if (silence < 0.9 * world->plan.actor_timeout)
      world_violate("C8: rank %d is presumed dead after a silence of %.1f s", process->rank, silence);
  } else if (process->reached > process->presumed) {
    world_violate("C8: rank %d is presumed dead, but it was heard of %.1f s ago", process->rank, silence);
  }
}

static void check_silence(const struct learner *learner) {
  for (uint32_t i = 0; i < learner->table.actors; i++) check_presumed(&learner->table.entry[i], &world->process[i + 1]);
}

// C7: whoever is gone is noticed. C8: whoever is there is not thrown out.
static void check_actors(const struct checks *checks, const struct learner *learner) {
  for (uint32_t i = 0; i < learner->table.actors; i++) {
    const struct actor_entry *entry = &learner->table.entry[i];
    const struct process *process = &world->process[i + 1];
    const bool is_near = process->host == world->process[0].host && entry->pid != 0; // the learner looks for it
    const double since = fmax(fmax(process->ended, process->disturbed), checks->fluent);
    if (process->state == PROCESS_ENDED && entry->alive && !entry->left &&
        world->now - since > (is_near ? 1 : 1.05 * patience(process)) + SLACK_SECONDS)
      world_violate("C7: rank %u has been gone for %.1f s, and the learner has not noticed", i + 1,
                    world->now - process->ended);
    check_queue(learner, i);
    if (entry->expelled) world_violate("C8: rank %u is expelled", i + 1);
    const double calm = fmax(fmax(process->disturbed, world->process[0].disturbed), checks->fluent);
    if (process->state == PROCESS_RUNS && !entry->alive && !is_cut_off(process) && !process->in_step &&
        world->now - calm > 2 * longest_step() + world->plan.actor_timeout + SLACK_SECONDS)
      world_violate("C8: rank %u runs, its link has been up for %.1f s, but the learner presumes it dead", i + 1,
                    world->now - calm);
  }
}

// C6: a signal is obeyed soon, and waits for no environment. The rank that got it may be in a step.
static void check_signal(const struct checks *checks) {
  const double since = fmax(checks->signalled, checks->fluent);
  if (checks->signalled < INFINITY && !checks->is_leaving && !world->hung && !disk_is_ill(world->disk) &&
      world->now - since > SLACK_SECONDS + 2 * world->plan.fsync + 2 * longest_step())
    world_violate("C6: a signal came %.1f s ago, and the learner has not obeyed it", world->now - checks->signalled);
}

// C9: a save waits for snapshots only while one is missing.
static void check_snapshots(const struct learner *learner) {
  const struct job *job = learner->job;
  bool are_there = learner->collect_until > 0;
  for (uint64_t e = 0; e < job->config.envs && are_there; e++) are_there = job->environments[e].exact;
  if (are_there && learner->collecting > 0)
    world_violate("C9: a save waits for %llu snapshots, and all are there", (unsigned long long)learner->collecting);
}

// C9: no more than an interval is lost, so a checkpoint that is due is there soon.
static void check_interval(struct checks *checks, const struct job *job) {
  const uint64_t newest = checks->durable > checks->first_steps ? checks->durable : checks->first_steps;
  const bool is_overdue =
      job->limiter.steps >= newest + 2 * job->config.checkpoint_every + job->config.sync_steps * job->config.envs;
  if (!is_overdue || disk_is_ill(world->disk) || disk_has_lied(world->disk))
    checks->overdue = INFINITY;
  else if (checks->overdue == INFINITY)
    checks->overdue = world->now;
  else if (world->now - fmax(checks->overdue, checks->fluent) >
           60 + 1e7 / world->plan.disk + (world->hung ? patience(NULL) : 0))
    world_violate("C9: the newest checkpoint is of step %llu, the job is at step %llu", (unsigned long long)newest,
                  (unsigned long long)job->limiter.steps);
}

static void note_versions(struct checks *checks, const struct job *job) {
  while (checks->version < job->policy_version) checks->published[++checks->version % CHECKS_VERSIONS] = world->now;
}

void checks_learner_turn(struct checks *checks) {
  const struct learner *learner = world->learner;
  const double now = world->now;
  const bool was_leaving = checks->is_leaving;
  checks->is_leaving = learner->phase >= PHASE_LEAVING;
  if (checks->is_leaving && checks->leaves == INFINITY) checks->leaves = now;
  checks->steps = learner->job->limiter.steps;
  if (checks->meter) return;
  if (!was_leaving) check_silence(learner); // then all that have not left are given up
  if (checks->turned == 0 || now - checks->turned > 1) checks->fluent = now;
  checks->turned = now;
  note_versions(checks, learner->job);
  check_updates(learner->job);
  check_allowance(checks, learner);
  check_steps(checks, learner);
  check_bits(checks, learner);
  check_signal(checks);
  if (checks->is_leaving) return;
  check_actors(checks, learner);
  check_snapshots(learner);
  check_interval(checks, learner->job);
}

void checks_signal(struct checks *checks, const struct process *process) {
  if (process->rank == 0 || (process->state == PROCESS_RUNS && !is_cut_off(process))) checks->signalled = world->now;
}

// C1: where nobody died, every step is accounted for.
void checks_learner_done(struct checks *checks) {
  const struct learner *learner = world->learner;
  const struct job *job = learner->job;
  const struct actor_table_losses losses = actor_table_losses(&learner->table);
  const uint64_t arrived = job->limiter.steps - checks->first_steps + job->dropped - checks->first_dropped;
  bool all_left = true;
  for (uint32_t i = 0; i < learner->table.active; i++)
    all_left &= learner->table.entry[i].left && learner->table.entry[i].active;
  if (all_left && !job->config.sync && arrived + losses.unsent != checks->made)
    world_violate("C1: %llu steps were made, %llu arrived, %llu stayed with actors", (unsigned long long)checks->made,
                  (unsigned long long)arrived, (unsigned long long)losses.unsent);
  if (arrived + losses.unsent + losses.at_most < checks->made && !job->config.sync)
    world_violate("C1: %llu steps were made; %llu arrived, %llu stayed, %llu at most are lost",
                  (unsigned long long)checks->made, (unsigned long long)arrived, (unsigned long long)losses.unsent,
                  (unsigned long long)losses.at_most);
  if (learner->outcome.exit_code == EXIT_DONE && !job->config.sync && job->limiter.utd > 0 &&
      rate_limiter_owed(&job->limiter) > 0)
    world_violate("C2: the job is done, but %llu updates are owed",
                  (unsigned long long)rate_limiter_owed(&job->limiter));
}

void checks_saved(struct checks *checks, const char *path) {
  const char *name = strstr(path, "ckpt-");
  if (!name || disk_has_lied(world->disk)) return;
  checks->durable = strtoull(name + 5, NULL, 10);
}

// --- actors ---

// C4: where links are up, weights are as old as a step and a message to each node take, at most.
static void check_age(const struct checks *checks, const struct process *process, uint64_t version) {
  const struct plan *plan = &world->plan;
  const uint64_t newest = checks->version;
  if (plan->sync || version >= newest || newest - version >= CHECKS_VERSIONS) return;
  const double message = plan->latency + plan->jitter + 1e4 / plan->bandwidth;
  const double turn = longest_step() * (plan->eval_every > 0 ? 2 : 1); // an evaluation's step is beside it
  const double most = SLACK_SECONDS + 3 * turn + plan->hosts * (1 + 4 * message);
  const double since = checks->published[(version + 1) % CHECKS_VERSIONS];
  const double calm = fmax(fmax(process->disturbed, world->process[0].disturbed), fluent_since(checks));
  if (!is_cut_off(process) && !world->hung && world->now - fmax(since, calm) > most)
    world_violate("C4: rank %d acts with version %llu, but a newer one has been there for %.1f s", process->rank,
                  (unsigned long long)version, world->now - since);
}

// C3: no policy is used that was not published.
void checks_actor_turn(struct checks *checks, const struct actor *actor) {
  world->current->has_left = actor_has_left(actor);
  if (checks->meter || !world->learner || !actor->policy) return;
  const uint64_t version = policy_version(actor->policy), newest = world->learner->job->policy_version;
  if (version > newest)
    world_violate("C3: the actor has policy version %llu, the newest is %llu", (unsigned long long)version,
                  (unsigned long long)newest);
  if (world->learner->phase == PHASE_TRAINING && world->current->has_stepped)
    check_age(checks, world->current, version);
  world->current->has_stepped = false;
}

void checks_actor_gives_up(struct process *process) {
  process->gave_up = world->now;
  process->listened = world->now - process->heard - process->excused;
}

// C8: an actor leaves the job by itself only if it has listened for as long as actor_timeout in vain; after a signal,
// for two heartbeats.
void checks_actor_left(struct checks *checks, const struct process *process) {
  const double told = fmax(checks->leaves, fmax(process->disturbed, world->process[0].disturbed));
  if (!process->has_left && process->stop == 0 && process->presumed == INFINITY && !is_cut_off(process) &&
      !world->process[0].killed && process->gave_up > told + SLACK_SECONDS)
    world_violate("C6: rank %d leaves %.1f s after the end, which it was not told of", process->rank,
                  process->gave_up - checks->leaves);
  if (!world->learner || checks->is_leaving || world->process[0].state != PROCESS_RUNS) return;
  if (process->has_left) return;
  const double calm = process->gave_up - fmax(process->disturbed, world->process[0].disturbed);
  if (calm > world->plan.actor_timeout + SLACK_SECONDS && !is_cut_off(process)) // also where the disk hangs
    world_violate("C8: rank %d leaves, but the learner runs and their link has been up for %.1f s", process->rank,
                  calm);
  const double least = process->stop ? fmin(2, 0.5 * world->plan.actor_timeout) : world->plan.actor_timeout;
  if (process->listened < 0.9 * least)
    world_violate("C8: rank %d leaves the job after it has listened for %.1f s", process->rank, process->listened);
}

// C6: whoever can leave after the learner does so.
void checks_left_behind(struct checks *checks, const struct process *process) {
  (void)checks;
  if (process->state == PROCESS_RUNS && !process->in_step && !is_cut_off(process) &&
      world->exit_code != EXIT_BAD_USAGE && world->now - process->disturbed > checks_patience(checks) &&
      world->is_configured)
    world_violate("C6: rank %d has not left after the learner", process->rank);
}

void checks_step(struct checks *checks) {
  checks->made++;
  world->current->has_stepped = true;
}

// --- the log ---

// C10: each incident is said once, by one rank.
void checks_log(struct checks *checks, enum log_level level, const char *text) {
  if (level > LOG_WARN || checks->lines >= CHECKS_LINES || !world->current) return;
  const uint64_t hash = hash_bytes(HASH_START, text, strlen(text));
  const int rank = world->current->rank;
  for (uint32_t i = 0; i < checks->lines; i++)
    if (checks->line_hash[i] == hash && checks->line_rank[i] != rank && !strstr(text, "this actor leaves"))
      world_violate("C10: ranks %d and %d both say: %s", checks->line_rank[i], rank, text);
  checks->line_hash[checks->lines] = hash;
  checks->line_rank[checks->lines++] = rank;
}

// --- time ---

// C6: the job ends within its stated patience, once the faults are over.
void checks_event(struct checks *checks) {
  (void)checks;
  const struct plan *plan = &world->plan;
  double most = 1000 + 5000 + 30 * plan_seconds(plan);
  for (uint32_t i = 0; i < plan->faults; i++) most += plan->fault[i].seconds;
  most += (1 + world->start) * (100 + 2 * (plan->actor_timeout + patience(NULL)));
  if (world->now > most) world_violate("C6: the job has not ended after %.0f s", world->now - 1000);
}
