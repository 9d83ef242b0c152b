#include "tests/simulation/seams.h"

#include "actor/actor_impl.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/learner_impl.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/meter.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double MIDNIGHT = 1767225600; // s: 2026-01-01 in UTC
static const double CLOCKS = 1e6;          // s by which the monotonic clocks of two hosts differ
static const double CLOCKS_SET = 4;        // s by which their times of day do
static const double TURN_SECONDS = 5e-6;   // that a busy turn takes beside its updates

static bool is_inside(void) { return world && world->current; }

// --- time: a host has clocks of its own since its last boot ---

static double clock_ahead(void) {
  const uint32_t host = world->current->host;
  return CLOCKS * plan_uniform(&world->plan, 9, host, world->host[host].boot);
}

static double time_of_day(void) {
  const uint32_t host = world->current->host;
  return MIDNIGHT + world->now + CLOCKS_SET * plan_uniform(&world->plan, 10, host, world->host[host].boot);
}

int BEHIND(clock_gettime)(clockid_t clock, struct timespec *time);
int SEAM(clock_gettime)(clockid_t clock, struct timespec *time);
int SEAM(clock_gettime)(clockid_t clock, struct timespec *time) {
  if (!is_inside()) return BEHIND(clock_gettime)(clock, time);
  const double now = clock == CLOCK_REALTIME ? time_of_day() : world->now + clock_ahead();
  time->tv_sec = (time_t)now;
  time->tv_nsec = (long)((now - floor(now)) * 1e9);
  return 0;
}

time_t BEHIND(time)(time_t *result);
time_t SEAM(time)(time_t *result);
time_t SEAM(time)(time_t *result) {
  if (!is_inside()) return BEHIND(time)(result);
  const time_t now = (time_t)time_of_day();
  if (result) *result = now;
  return now;
}

int BEHIND(nanosleep)(const struct timespec *wanted, struct timespec *left);
int SEAM(nanosleep)(const struct timespec *wanted, struct timespec *left);
int SEAM(nanosleep)(const struct timespec *wanted, struct timespec *left) {
  if (!is_inside()) return BEHIND(nanosleep)(wanted, left);
  world_sleep((double)wanted->tv_sec + 1e-9 * (double)wanted->tv_nsec);
  return 0;
}

void BEHIND(backoff_wait)(struct backoff *backoff);
void SEAM(backoff_wait)(struct backoff *backoff);
void SEAM(backoff_wait)(struct backoff *backoff) {
  if (is_inside())
    world_poll();
  else
    BEHIND(backoff_wait)(backoff);
}

void BEHIND(backoff_reset)(struct backoff *backoff);
void SEAM(backoff_reset)(struct backoff *backoff);
void SEAM(backoff_reset)(struct backoff *backoff) {
  if (is_inside()) world_poll_over();
  BEHIND(backoff_reset)(backoff);
}

// --- threads. A fibre goes on until it waits, so a mutex is never waited for. ---

int BEHIND(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*main)(void *), void *argument);
int SEAM(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*main)(void *), void *argument);
int SEAM(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*main)(void *), void *argument) {
  if (!is_inside()) return BEHIND(pthread_create)(thread, attributes, main, argument);
  *thread = (pthread_t)world_thread(main, argument);
  return 0;
}

int BEHIND(pthread_join)(pthread_t thread, void **result);
int SEAM(pthread_join)(pthread_t thread, void **result);
int SEAM(pthread_join)(pthread_t thread, void **result) {
  return is_inside() ? 0 : BEHIND(pthread_join)(thread, result);
}

int BEHIND(pthread_detach)(pthread_t thread);
int SEAM(pthread_detach)(pthread_t thread);
int SEAM(pthread_detach)(pthread_t thread) { return is_inside() ? 0 : BEHIND(pthread_detach)(thread); }

int BEHIND(pthread_setname_np)(pthread_t thread, const char *name);
int SEAM(pthread_setname_np)(pthread_t thread, const char *name);
int SEAM(pthread_setname_np)(pthread_t thread, const char *name) {
  return is_inside() ? 0 : BEHIND(pthread_setname_np)(thread, name);
}

int BEHIND(pthread_cond_signal)(pthread_cond_t *condition);
int SEAM(pthread_cond_signal)(pthread_cond_t *condition);
int SEAM(pthread_cond_signal)(pthread_cond_t *condition) {
  if (!is_inside()) return BEHIND(pthread_cond_signal)(condition);
  world_signal(condition);
  return 0;
}

static int wait_for(pthread_cond_t *condition, pthread_mutex_t *mutex, double until) {
  pthread_mutex_unlock(mutex);
  const bool signalled = world_wait(condition, until);
  pthread_mutex_lock(mutex);
  return signalled ? 0 : ETIMEDOUT;
}

int BEHIND(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex);
int SEAM(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex);
int SEAM(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  return is_inside() ? wait_for(condition, mutex, INFINITY) : BEHIND(pthread_cond_wait)(condition, mutex);
}

int BEHIND(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int SEAM(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int SEAM(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
  if (!is_inside()) return BEHIND(pthread_cond_timedwait)(condition, mutex, until);
  return wait_for(condition, mutex, (double)until->tv_sec + 1e-9 * (double)until->tv_nsec - clock_ahead());
}

// --- processes ---

pid_t BEHIND(getpid)(void);
pid_t SEAM(getpid)(void);
pid_t SEAM(getpid)(void) { return is_inside() ? (pid_t)world->current->pid : BEHIND(getpid)(); }

int BEHIND(gethostname)(char *name, size_t size);
int SEAM(gethostname)(char *name, size_t size);
int SEAM(gethostname)(char *name, size_t size) {
  if (!is_inside()) return BEHIND(gethostname)(name, size);
  snprintf(name, size, "host%u", world->current->host);
  return 0;
}

uint64_t SEAM(process_pid_namespace)(void);
uint64_t SEAM(process_pid_namespace)(void) {
  const uint32_t host = world->current->host;
  return 1 + host + 16 * (uint64_t)world->host[host].boot;
}

uint64_t SEAM(process_namespace)(void);
uint64_t SEAM(process_namespace)(void) { return 1 + world->current->host; }

void SEAM(process_boot)(char text[BOOT_TEXT]);
void SEAM(process_boot)(char text[BOOT_TEXT]) {
  const uint32_t host = world->current->host;
  snprintf(text, BOOT_TEXT, "host%u-%u", host, world->host[host].boot);
}

uint64_t SEAM(process_start)(uint32_t pid);
uint64_t SEAM(process_start)(uint32_t pid) { return world_by_pid(pid) ? (uint64_t)(world->started * 100) : 0; }

bool SEAM(process_has_ended)(uint32_t pid);
bool SEAM(process_has_ended)(uint32_t pid) { return pid != 0 && world_has_ended(pid); }

// --- the log ---

void SEAM(log_write)(enum log_level level, const char *format, ...);
void SEAM(log_write)(enum log_level level, const char *format, ...) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  char text[1500];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (!world || level == LOG_DEBUG || strstr(text, program_invocation_name)) return; // its path is not the world's
  world_trace("log %s: %s", names[level], text);
  checks_log(world->checks, level, text);
}

// There is no log.txt: no line would come to it.
enum status SEAM(log_open_file)(const char *path, struct error *error);
enum status SEAM(log_open_file)(const char *path, struct error *error) {
  (void)path, (void)error;
  return STATUS_OK;
}

// --- the roles ---

// --- what is measured ---

double meter_processor(void) {
  struct timespec time;
  BEHIND(clock_gettime)(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double begin_part(void) { return world->checks->meter ? meter_processor() : 0; }

static void end_part(enum meter_part part, double began) {
  struct meter *meter = world->checks->meter;
  if (!meter) return;
  meter->calls[part]++;
  meter->seconds[part] += meter_processor() - began;
}

enum status BEHIND(learner_drain)(struct learner *learner, bool *busy, struct error *error);
enum status SEAM(learner_drain)(struct learner *learner, bool *busy, struct error *error);
enum status SEAM(learner_drain)(struct learner *learner, bool *busy, struct error *error) {
  const double began = begin_part();
  const enum status status = BEHIND(learner_drain)(learner, busy, error);
  end_part(METER_DRAIN, began);
  return status;
}

enum status BEHIND(actor_table_keep_in_touch)(struct actor_table *table, uint64_t newest_version, int *dead,
                                              struct error *error);
enum status SEAM(actor_table_keep_in_touch)(struct actor_table *table, uint64_t newest_version, int *dead,
                                            struct error *error);
enum status SEAM(actor_table_keep_in_touch)(struct actor_table *table, uint64_t newest_version, int *dead,
                                            struct error *error) {
  const double began = begin_part();
  const enum status status = BEHIND(actor_table_keep_in_touch)(table, newest_version, dead, error);
  end_part(METER_LOOK, began);
  return status;
}

enum status BEHIND(actor_table_grant)(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                                      uint64_t newest_version, struct error *error);
enum status SEAM(actor_table_grant)(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                                    uint64_t newest_version, struct error *error);
enum status SEAM(actor_table_grant)(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                                    uint64_t newest_version, struct error *error) {
  const double began = begin_part();
  const enum status status = BEHIND(actor_table_grant)(table, limiter, total, newest_version, error);
  end_part(METER_GRANT, began);
  return status;
}

enum status BEHIND(learner_publish)(struct learner *learner, bool everyone, struct error *error);
enum status SEAM(learner_publish)(struct learner *learner, bool everyone, struct error *error);
enum status SEAM(learner_publish)(struct learner *learner, bool everyone, struct error *error) {
  const double began = begin_part();
  const enum status status = BEHIND(learner_publish)(learner, everyone, error);
  end_part(METER_PUBLISH, began);
  return status;
}

enum status BEHIND(sac_update)(struct sac *sac, struct sac_losses *losses, struct error *error);
enum status SEAM(sac_update)(struct sac *sac, struct sac_losses *losses, struct error *error);
enum status SEAM(sac_update)(struct sac *sac, struct sac_losses *losses, struct error *error) {
  const double began = begin_part();
  const enum status status = BEHIND(sac_update)(sac, losses, error);
  end_part(METER_UPDATE, began);
  return status;
}

static void measure_turn(struct meter *meter, const struct learner *learner) {
  if (meter->began == 0) {
    meter->began = world->now;
    meter->lead_began = meter->lead;
    meter->memory = mallinfo2().uordblks;
  }
  if (meter->left == 0 && learner->phase >= PHASE_LEAVING) {
    meter->left = world->now;
    meter->lead_left = meter->lead;
  }
  meter->messages = transport_statistics(learner->transport).messages_received;
}

struct learner *BEHIND(learner_create)(const struct learner_setup *setup, struct error *error);
struct learner *SEAM(learner_create)(const struct learner_setup *setup, struct error *error);
struct learner *SEAM(learner_create)(const struct learner_setup *setup, struct error *error) {
  world->learner = BEHIND(learner_create)(setup, error);
  if (world->learner) checks_training(world->checks);
  return world->learner;
}

enum turn BEHIND(learner_turn)(struct learner *learner);
enum turn SEAM(learner_turn)(struct learner *learner);
enum turn SEAM(learner_turn)(struct learner *learner) {
  const uint64_t before = learner->job->limiter.updates;
  const enum turn turn = BEHIND(learner_turn)(learner);
  const uint64_t made = learner->job->limiter.updates - before;
  checks_learner_turn(world->checks);
  if (world->checks->meter) measure_turn(world->checks->meter, learner);
  if (turn == TURN_DONE) {
    checks_learner_done(world->checks);
    world->learner = NULL;
  } else if (turn == TURN_BUSY) {
    world_sleep(TURN_SECONDS + (double)made * world->plan.update_seconds);
  }
  return turn;
}

bool BEHIND(checkpoint_writer_take)(struct checkpoint_writer *writer, struct checkpoint_result *result);
bool SEAM(checkpoint_writer_take)(struct checkpoint_writer *writer, struct checkpoint_result *result);
bool SEAM(checkpoint_writer_take)(struct checkpoint_writer *writer, struct checkpoint_result *result) {
  const bool taken = BEHIND(checkpoint_writer_take)(writer, result);
  if (taken && !result->policy_only && result->error.status == STATUS_OK) checks_saved(world->checks, result->path);
  return taken;
}

enum status BEHIND(actor_turn)(struct actor *actor, enum turn *turn, struct error *error);
enum status SEAM(actor_turn)(struct actor *actor, enum turn *turn, struct error *error);
enum status SEAM(actor_turn)(struct actor *actor, enum turn *turn, struct error *error) {
  const enum status status = BEHIND(actor_turn)(actor, turn, error);
  checks_actor_turn(world->checks, actor);
  if (status != STATUS_OK) checks_actor_gives_up(world->current);
  if (status == STATUS_OK && *turn == TURN_BUSY) world_sleep(TURN_SECONDS);
  return status;
}
