#include "tests/simulation/world.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "launch/train/roles.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/meter.h"
#include "tests/simulation/network.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LEARNER_STACK = 1 << 20, ACTOR_STACK = 1 << 18, MOST_STARTS = 40 };
static const double LAUNCHER_KILLS = 1;  // s: mpirun's KILL after TERM, and after it finds a rank gone
static const double REQUEUE_SECONDS = 5; // from one start to the next; more where nothing gets better
static const double LONGEST_POLL = 0.5;  // s: a poll without a message, at most

struct world *world;

// --- words ---

void world_violate(const char *format, ...) {
  if (*world->violation) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(world->violation, sizeof world->violation, format, arguments);
  va_end(arguments);
  world_trace("VIOLATION: %s", world->violation);
}

// The trace is the fingerprint's source, too, so that a repeated run can be compared.
void world_trace(const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  world->fingerprint = hash_bytes(world->fingerprint, text, strlen(text));
  if (world->traced) printf("%12.6f %3d  %s\n", world->now, world->current ? world->current->rank : -1, text);
}

// --- events ---

static void wake_at(struct task *task, double time) {
  if (task->process->state == PROCESS_ENDED) return; // a killed one may be waited for
  task->wake = time;
  task->generation++;
  if (time < INFINITY) queue_put(&world->events, time, task, task->generation);
}

// --- what the code of processes calls ---

void world_sleep(double seconds) {
  struct task *task = world->task;
  wake_at(task, world->now + (seconds > 0 ? seconds : 0));
  fibre_yield();
}

void world_poll(void) {
  struct task *task = world->task;
  if (task->idle_since == 0) task->idle_since = world->now;
  const double wait = fmin(LONGEST_POLL, fmax(1e-3, (world->now - task->idle_since) / 8));
  const double arrival = network_next_arrival(task->process->transport);
  const double woken = arrival > world->now ? arrival : INFINITY; // what has arrived is not wanted now
  task->heeds_messages = true;
  wake_at(task, fmin(world->now + wait, woken));
  fibre_yield();
  task->heeds_messages = false;
}

void world_poll_over(void) {
  if (world->task) world->task->idle_since = 0;
}

bool world_wait(const void *condition, double until) {
  struct task *task = world->task;
  task->waits = condition;
  task->signalled = false;
  wake_at(task, until);
  fibre_yield();
  task->waits = NULL;
  return task->signalled;
}

void world_signal(const void *condition) {
  for (uint32_t i = 0; i <= world->actors; i++)
    for (struct task *task = world->process[i].tasks; task; task = task->next)
      if (task->waits == condition && !task->signalled) {
        task->signalled = true;
        wake_at(task, world->now);
      }
}

void world_announce(struct process *process, double when) {
  struct task *task = process->tasks;
  if (task && task->heeds_messages && when < task->wake) wake_at(task, when);
}

static void thread_main(void *argument) {
  struct task *task = argument;
  task->main(task->argument);
}

static struct task *add_task(struct process *process, void (*main)(void *), void *argument, size_t stack) {
  struct task *task = calloc(1, sizeof *task), **last = &process->tasks;
  if (!task) abort();
  while (*last) last = &(*last)->next;
  *last = task;
  task->process = process;
  task->fibre = fibre_create(main, argument ? argument : task, stack);
  wake_at(task, world->now);
  return task;
}

struct task *world_thread(void *(*main)(void *), void *argument) {
  struct task *task = add_task(world->current, thread_main, NULL, LEARNER_STACK);
  task->main = main;
  task->argument = argument;
  return task;
}

// --- processes ---

struct process *world_process(int rank) {
  struct process *process = &world->process[rank];
  return process->state == PROCESS_ENDED ? NULL : process;
}

struct process *world_by_pid(uint32_t pid) {
  for (uint32_t i = 0; i <= world->actors; i++)
    if (world->process[i].pid == pid) return &world->process[i];
  return NULL;
}

bool world_has_ended(uint32_t pid) {
  const struct process *process = world_by_pid(pid);
  return !process || process->state == PROCESS_ENDED;
}

static void end_process(struct process *process, bool killed) {
  if (process->state == PROCESS_ENDED) return;
  world_trace(killed ? "rank %d is killed" : "rank %d ends with %d", process->rank, process->exit_code);
  process->state = PROCESS_ENDED;
  process->killed = killed;
  process->ended = world->now;
  for (struct task *task = process->tasks; task; task = task->next) task->generation++; // no event wakes it
  network_close(process->transport, killed);
  if (process->rank != 0) return;
  world->learner = NULL;
  world->kill_at = fmin(world->kill_at, world->now + (killed ? LAUNCHER_KILLS : checks_patience(world->checks)));
  if (!killed) return;
  log_close();
  disk_process_killed(world->disk);
}

// mpirun's patience is over.
static void leave_behind(struct process *process) {
  if (!world->process[0].killed && !world->is_ending) checks_left_behind(world->checks, process);
  end_process(process, true);
}

static void stop_process(struct process *process) {
  if (process->state != PROCESS_RUNS) return;
  process->state = PROCESS_STOPPED;
  process->stopped = world->now;
}

static void continue_process(struct process *process) {
  if (process->state != PROCESS_STOPPED) return;
  process->state = PROCESS_RUNS;
  const double away = world->now - process->stopped, share = 0.25 * world->plan.actor_timeout;
  process->excused += fmax(0, away - fmin(2, share));
  for (uint32_t i = 1; process->rank == 0 && i <= world->actors; i++)
    world->process[i].unheard += fmax(0, away - share);
  process->stopped = INFINITY;
  process->disturbed = world->now;
  for (struct task *task = process->tasks; task; task = task->next) {
    if (task->ready) wake_at(task, world->now);
    task->ready = false;
  }
}

static void signal_process(struct process *process, int number) {
  if (process->state == PROCESS_ENDED) return;
  process->stop = number;
  checks_signal(world->checks, process);
  struct task *task = process->tasks;
  if (task->heeds_messages) wake_at(task, world->now); // the signal ends its nanosleep
}

static void run_task(struct task *task) {
  struct process *process = task->process;
  struct meter *meter = process->rank == 0 ? world->checks->meter : NULL;
  const double before = meter ? meter_processor() : 0;
  world->current = process;
  world->task = task;
  fibre_resume(task->fibre);
  if (meter) meter->lead += meter_processor() - before;
  world->current = NULL;
  world->task = NULL;
  if (fibre_has_ended(task->fibre) && task == process->tasks) end_process(process, false);
}

// --- starts of the job ---

static void open_shared_weights(struct process *process) {
  struct error error = {0};
  const size_t capacity = setup_shared_weights_capacity(&world->setup.config);
  if (transport_shared_weights_open(process->transport, capacity, &error) != STATUS_OK)
    world_violate("shared weights: %s", error.text);
}

static int make_arguments(char text[][64], char *argv[], int most) {
  const struct plan *plan = &world->plan;
  int n = 0;
#define ARGUMENT(name, format, value)                                                                                  \
  do {                                                                                                                 \
    argv[n] = (char *)(name);                                                                                          \
    snprintf(text[n], sizeof text[n], format, value);                                                                  \
    argv[n + 1] = text[n];                                                                                             \
    n += 2;                                                                                                            \
  } while (n > most)
  ARGUMENT("--run-dir", "%s", RUN_DIRECTORY);
  ARGUMENT("--env", "%s", "Simulated");
  ARGUMENT("--resume", "%s", "auto");
  ARGUMENT("--seed", "%llu", (unsigned long long)plan->seed);
  ARGUMENT("--env-steps", "%llu", (unsigned long long)plan->env_steps);
  ARGUMENT("--actor-timeout", "%.17g", plan->actor_timeout);
  ARGUMENT("--env-timeout", "%.17g", plan->env_timeout);
  ARGUMENT("--checkpoint-every", "%llu", (unsigned long long)plan->checkpoint_every);
  ARGUMENT("--eval-every", "%llu", (unsigned long long)plan->eval_every);
  ARGUMENT("--eval-episodes", "%d", 2);
  ARGUMENT("--log-every", "%d", 100);
  ARGUMENT("--hidden", "%s", "4");
  ARGUMENT("--batch-size", "%d", 4);
  ARGUMENT("--learner-threads", "%d", 1);
  ARGUMENT("--replay-capacity", "%d", 1000);
  ARGUMENT("--learning-starts", "%llu", (unsigned long long)plan->learning_starts);
  ARGUMENT("--utd", "%.17g", plan->utd);
  ARGUMENT("--n-step", "%u", plan->n_step);
  ARGUMENT("--history", "%u", plan->history);
  ARGUMENT("--sync", "%s", plan->sync ? "true" : "false");
  ARGUMENT("--sync-steps", "%u", plan->sync_steps);
  if (plan->envs > 0) ARGUMENT("--envs", "%u", plan->envs);
#undef ARGUMENT
  return n;
}

static void lead(void *argument) {
  struct process *process = argument;
  struct world *w = process->world;
  struct error error = {0};
  static char text[64][64]; // the parsed options point into it
  static char *argv[64];
  const int argc = make_arguments(text, argv, 60);
  w->setup = (struct setup){0};
  const enum status status = setup_resolve(&w->setup, argc, argv, w->actors, &error);
  if (status != STATUS_OK) {
    log_error("%s", error.text);
    process->exit_code = w->exit_code = status_exit_code(status);
    checks_start_failed(status, error.text);
    w->kill_at = w->now; // mpirun's ranks all return the same status
    return;
  }
  checks_start(w->checks);
  w->is_configured = true;
  world_signal(&w->is_configured);
  open_shared_weights(process);
  const struct role_result result = role_lead(&w->setup, process->transport, NULL, &process->stop);
  process->exit_code = w->exit_code = result.exit_code;
}

static void act(void *argument) {
  struct process *process = argument;
  struct world *w = process->world;
  if (!w->is_configured) world_wait(&w->is_configured, INFINITY);
  open_shared_weights(process);
  const struct role_result result = role_act(&w->setup.config, process->transport, &process->stop);
  process->exit_code = result.exit_code;
  checks_actor_left(w->checks, process);
}

static void start_job(void) {
  struct world *w = world;
  w->actors = plan_actors(&w->plan, w->start);
  w->process = calloc(w->actors + 1, sizeof *w->process);
  w->started = w->now;
  w->is_configured = w->is_ending = false;
  w->exit_code = -1;
  w->kill_at = INFINITY;
  if (!w->process) abort();
  network_open(w->network, w->actors + 1);
  for (uint32_t i = 0; i <= w->actors; i++) {
    struct process *process = &w->process[i];
    *process = (struct process){.world = w,
                                .pid = 1000 + 100000 * w->start + i,
                                .start = w->start,
                                .rank = (int)i,
                                .host = i % w->plan.hosts,
                                .transport = network_end(w->network, (int)i),
                                .ended = INFINITY,
                                .stopped = INFINITY};
    add_task(process, i == 0 ? lead : act, process, i == 0 ? LEARNER_STACK : ACTOR_STACK);
  }
  world_trace("start %u, with %u actors", w->start, w->actors);
}

static void release_job(void) {
  struct world *w = world;
  for (uint32_t i = 0; i <= w->actors; i++)
    for (struct task *task = w->process[i].tasks, *next; task; task = next) {
      next = task->next;
      fibre_destroy(task->fibre);
      free(task);
    }
  network_release(w->network);
  free(w->process);
  w->process = NULL;
}

static bool is_of_task(const struct queue_entry *entry, void *nobody) {
  (void)nobody;
  return entry->item != NULL;
}

static void forget(const struct queue_entry *entry, void *nobody) { (void)entry, (void)nobody; }

// --- faults ---

static void lose_host(uint32_t host) {
  struct world *w = world;
  const bool has_disk = host == 0;
  for (uint32_t i = 0; i <= w->actors; i++)
    if (w->process[i].host == host) end_process(&w->process[i], true);
  w->host[host].boot++;
  if (has_disk) disk_lose_power(w->disk);
}

static void each_process(void (*apply)(struct process *)) {
  for (uint32_t i = 0; i <= world->actors; i++) apply(&world->process[i]);
}

static void signal_all(int number) {
  for (uint32_t i = 0; i <= world->actors; i++) signal_process(&world->process[i], number);
}

static void begin_fault(uint32_t index) {
  struct world *w = world;
  const struct fault *fault = &w->plan.fault[index];
  struct process *rank = fault->who <= w->actors ? &w->process[fault->who] : NULL;
  world_trace("fault %u: %s %u", index, fault_names[fault->kind], fault->who);
  queue_put(&w->events, w->now + fault->seconds, NULL, 2 * (uint64_t)index + 1);
  switch (fault->kind) {
  case FAULT_KILL_ACTOR:
    if (rank) end_process(rank, true);
    return;
  case FAULT_KILL_LEARNER: end_process(&w->process[0], true); return;
  case FAULT_LOSE_HOST: lose_host(fault->who); return;
  case FAULT_STOP_RANK:
    if (rank) stop_process(rank);
    return;
  case FAULT_STOP_JOB: each_process(stop_process); return;
  case FAULT_CUT_HOST: w->host[fault->who].cut = true; return;
  case FAULT_SIGNAL_RANK:
    if (rank) signal_process(rank, SIGUSR1);
    return;
  case FAULT_SIGNAL_JOB: signal_all(SIGUSR1); return;
  case FAULT_END_JOB:
    signal_all(SIGTERM);
    w->is_ending = true;
    w->kill_at = fmin(w->kill_at, w->now + LAUNCHER_KILLS);
    return;
  default: disk_fault(w->disk, fault->kind, true); return;
  }
}

static void end_fault(uint32_t index) {
  struct world *w = world;
  const struct fault *fault = &w->plan.fault[index];
  struct process *rank = fault->who <= w->actors ? &w->process[fault->who] : NULL;
  switch (fault->kind) {
  case FAULT_STOP_RANK:
    if (rank) rank->longest_stop = fmax(rank->longest_stop, w->now - rank->stopped); // 0 - INFINITY: it runs
    if (rank) continue_process(rank);
    break;
  case FAULT_STOP_JOB: each_process(continue_process); break;
  case FAULT_CUT_HOST:
    w->host[fault->who].cut = false;
    for (uint32_t i = 0; i <= w->actors; i++)
      if (w->process[i].host != 0 && (w->process[i].host == fault->who || fault->who == 0))
        w->process[i].disturbed = w->now;
    network_heal(w->network);
    break;
  case FAULT_DISK_FULL:
  case FAULT_DISK_SLOW:
  case FAULT_DISK_HANGS:
  case FAULT_DISK_ERROR:
  case FAULT_FSYNC_ERROR:
  case FAULT_DISK_LIES: disk_fault(w->disk, fault->kind, false); break;
  default: return;
  }
  world_trace("end of fault %u: %s %u", index, fault_names[fault->kind], fault->who);
}

// --- the loop ---

// Whether the start is over: all have ended.
static bool is_over(void) {
  for (uint32_t i = 0; i <= world->actors; i++)
    if (world->process[i].state != PROCESS_ENDED) return false;
  return true;
}

// Returns whether the job is started again.
static bool requeue(void) {
  struct world *w = world;
  const bool goes_on = checks_judge_start(w->checks, w->exit_code);
  if (*w->violation || !goes_on) return false;
  if (++w->start >= MOST_STARTS) {
    if (!disk_has_lied(w->disk)) world_violate("the job has not ended after %d starts", MOST_STARTS);
    return false;
  }
  release_job();
  queue_filter(&w->events, is_of_task, forget, NULL);
  w->now += REQUEUE_SECONDS * (1 + w->checks->no_progress);
  start_job();
  return true;
}

static void happen(const struct queue_entry *event) {
  struct world *w = world;
  struct task *task = event->item;
  w->now = fmax(w->now, event->time);
  w->count++;
  if (!task && event->number % 2)
    end_fault((uint32_t)(event->number / 2));
  else if (!task)
    begin_fault((uint32_t)(event->number / 2));
  else if (event->number == task->generation && task->process->state == PROCESS_STOPPED)
    task->ready = true;
  else if (event->number == task->generation)
    run_task(task);
}

static void plan_faults(void) {
  const struct plan *plan = &world->plan;
  for (uint32_t i = 0; i < plan->faults; i++)
    if (plan->fault[i].kind < FAULT_ENV_FAILS)
      queue_put(&world->events, world->now + plan->fault[i].at, NULL, 2 * (uint64_t)i);
}

static void play(void) {
  struct world *w = world;
  start_job();
  plan_faults();
  while (!*w->violation) {
    if (is_over() && !requeue()) break;
    const double next = w->events.size > 0 ? w->events.entry[0].time : INFINITY;
    if (next == INFINITY && w->kill_at == INFINITY) {
      world_violate("nobody has anything to do any more, and the job has not ended");
    } else if (next > w->kill_at) {
      w->now = fmax(w->now, w->kill_at);
      each_process(leave_behind);
    } else {
      const struct queue_entry event = queue_take(&w->events);
      happen(&event);
      checks_event(w->checks);
    }
  }
  release_job();
}

bool world_play(struct world *w, const struct plan *plan, const char *directory, bool traced, struct checks *checks) {
  *w = (struct world){.plan = *plan, .traced = traced, .now = 1000, .checks = checks, .fingerprint = HASH_START};
  world = w;
  w->network = network_create();
  w->disk = disk_create(directory);
  checks_begin(checks);
  play();
  if (!*w->violation) checks_finish(checks);
  return !*w->violation;
}

void world_release(struct world *w) {
  network_destroy(w->network);
  disk_destroy(w->disk);
  queue_release(&w->events);
  world = NULL;
}
