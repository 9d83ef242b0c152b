#include "learner/checkpoint/checkpoint_writer.h"

#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "learner/checkpoint/job_snapshot.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double DESTROY_SECONDS = 60;

// Of the checkpoint: none, begun, the thread's alone, its ending to be taken.
enum stage { STAGE_NONE, STAGE_WAITING, STAGE_UNDER_WAY, STAGE_ENDED };

struct checkpoint_part {
  uint64_t keep;
  struct job job; // a snapshot
  struct checkpoint_result result;
};

struct policy_part {
  struct job head; // what the head of the file says, by value: of its memory only what never changes is read
  struct policy_weights weights;
  struct normalizer normalizer;
  uint64_t env_steps;
  struct checkpoint_result result;
};

struct checkpoint_writer {
  const struct job *job;
  struct run_directory *run;
  pthread_t thread;
  struct checkpoint_watch watch;
  struct checkpoint_part checkpoint; // the thread's while STAGE_UNDER_WAY, else the caller's
  struct policy_part policy;         // the thread's
  bool started;
  pthread_mutex_t mutex; // over all that follows
  pthread_cond_t work, ended;
  enum stage stage;
  struct policy_part next_policy;
  bool policy_waits, policy_under_way, policy_ended;
  struct checkpoint_result policy_ending;
  uint64_t endings; // so far
  bool stop, gone;
};

// --- the thread ---

static void write_checkpoint(struct checkpoint_writer *writer) {
  struct checkpoint_part *part = &writer->checkpoint;
  struct checkpoint_result *result = &part->result;
  const double began = clock_now();
  const enum status status =
      checkpoint_write_in_background(result->path, &part->job, result->content, &writer->watch, &result->error);
  replay_view_release(part->job.replay, SIZE_MAX);
  if (status == STATUS_OK && writer->run && part->keep > 0)
    run_directory_prune(writer->run, part->keep, &result->unpruned);
  result->seconds = clock_now() - began;
}

static void write_policy(struct policy_part *part) {
  const double began = clock_now();
  checkpoint_write_policy(part->result.path, &part->head, &part->weights, &part->normalizer, part->env_steps,
                          &part->result.error);
  part->result.seconds = clock_now() - began;
}

static void do_policy(struct checkpoint_writer *writer) {
  const struct policy_part idle = writer->policy;
  writer->policy = writer->next_policy;
  writer->next_policy = idle;
  writer->policy_waits = false;
  writer->policy_under_way = true;
  pthread_mutex_unlock(&writer->mutex);
  write_policy(&writer->policy);
  pthread_mutex_lock(&writer->mutex);
  writer->policy_ending = writer->policy.result;
  writer->policy_under_way = false;
  writer->policy_ended = true;
}

static void do_checkpoint(struct checkpoint_writer *writer) {
  writer->stage = STAGE_UNDER_WAY;
  pthread_mutex_unlock(&writer->mutex);
  write_checkpoint(writer);
  pthread_mutex_lock(&writer->mutex);
  writer->stage = STAGE_ENDED;
}

static void *thread_main(void *argument) {
  struct checkpoint_writer *writer = argument;
  locale_enter_c(); // a plugin may have set the process's
  pthread_mutex_lock(&writer->mutex);
  while (!writer->stop) {
    if (!writer->policy_waits && writer->stage != STAGE_WAITING) {
      pthread_cond_wait(&writer->work, &writer->mutex);
      continue;
    }
    if (writer->policy_waits)
      do_policy(writer);
    else
      do_checkpoint(writer);
    writer->endings++;
    pthread_cond_signal(&writer->ended);
  }
  writer->gone = true;
  pthread_cond_signal(&writer->ended);
  pthread_mutex_unlock(&writer->mutex);
  return NULL;
}

// --- beginning and end ---

static int start_thread(struct checkpoint_writer *writer) {
  pthread_condattr_t monotonic;
  sigset_t all, before;
  pthread_mutex_init(&writer->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&writer->work, NULL);
  pthread_cond_init(&writer->ended, &monotonic);
  pthread_condattr_destroy(&monotonic);
  sigfillset(&all); // signals belong to the main thread
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failure = pthread_create(&writer->thread, NULL, thread_main, writer);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  writer->started = failure == 0;
  if (writer->started) (void)pthread_setname_np(writer->thread, "checkpoint"); // for top
  return failure;
}

struct checkpoint_writer *checkpoint_writer_create(const struct job *job, struct run_directory *run,
                                                   struct error *error) {
  struct checkpoint_writer *writer = memory_alloc(1, sizeof *writer, "the checkpoint writer", error);
  if (!writer) return NULL;
  writer->job = job;
  writer->run = run;
  if (job_snapshot_init(&writer->checkpoint.job, job, error) != STATUS_OK) {
    memory_free(writer);
    return NULL;
  }
  const int failure = start_thread(writer);
  if (failure == 0) return writer;
  error_set(error, STATUS_FAILED, "the thread that writes checkpoints cannot be started: %s", strerror(failure));
  checkpoint_writer_destroy(writer);
  return NULL;
}

static struct timespec in_seconds(double seconds) {
  struct timespec when;
  clock_gettime(CLOCK_MONOTONIC, &when);
  const double fraction = (double)when.tv_nsec * 1e-9 + seconds;
  when.tv_sec += (time_t)fraction;
  when.tv_nsec = (long)((fraction - (double)(time_t)fraction) * 1e9);
  return when;
}

// false: it does not end; it may yet read what it was given.
static bool stop_thread(struct checkpoint_writer *writer) {
  if (!writer->started) return true;
  const struct timespec deadline = in_seconds(DESTROY_SECONDS);
  atomic_store(&writer->watch.abandon, true);
  pthread_mutex_lock(&writer->mutex);
  writer->stop = true;
  pthread_cond_signal(&writer->work);
  while (!writer->gone && pthread_cond_timedwait(&writer->ended, &writer->mutex, &deadline) != ETIMEDOUT) continue;
  const bool gone = writer->gone;
  pthread_mutex_unlock(&writer->mutex);
  if (gone)
    pthread_join(writer->thread, NULL);
  else
    pthread_detach(writer->thread);
  return gone;
}

static void policy_part_release(struct policy_part *part) {
  policy_weights_release(&part->weights);
  normalizer_release(&part->normalizer);
}

void checkpoint_writer_destroy(struct checkpoint_writer *writer) {
  if (!writer || !stop_thread(writer)) return;
  replay_view_release(writer->checkpoint.job.replay, SIZE_MAX); // of one that never got its turn
  job_snapshot_release(&writer->checkpoint.job);
  policy_part_release(&writer->policy);
  policy_part_release(&writer->next_policy);
  pthread_cond_destroy(&writer->work);
  pthread_cond_destroy(&writer->ended);
  pthread_mutex_destroy(&writer->mutex);
  memory_free(writer);
}

// --- what is to be written ---

static enum stage stage_of(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const enum stage stage = writer->stage;
  pthread_mutex_unlock(&writer->mutex);
  return stage;
}

enum status checkpoint_writer_begin(struct checkpoint_writer *writer, const char *path, enum checkpoint_content content,
                                    uint64_t keep, struct error *error) {
  struct checkpoint_part *part = &writer->checkpoint;
  assert(stage_of(writer) == STAGE_NONE);
  const bool with_replay = content == CHECKPOINT_ALL && writer->job->config.checkpoint_replay;
  const enum status status = job_snapshot_take(&part->job, writer->job, with_replay, error);
  if (status != STATUS_OK) return status;
  part->keep = keep;
  part->result = (struct checkpoint_result){.content = content};
  snprintf(part->result.path, sizeof part->result.path, "%s", path);
  atomic_store(&writer->watch.abandon, false);
  atomic_store(&writer->watch.urgent, false);
  pthread_mutex_lock(&writer->mutex);
  writer->stage = STAGE_WAITING;
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
  return STATUS_OK;
}

static enum status copy_policy(struct policy_part *part, const struct policy_weights *weights,
                               const struct normalizer *normalizer, struct error *error) {
  enum status status = STATUS_OK;
  if (!part->weights.values) status = policy_weights_init(&part->weights, weights->obs_dim, weights->parameters, error);
  if (status == STATUS_OK && !part->normalizer.mean)
    status = normalizer_init(&part->normalizer, normalizer->dim, error);
  if (status != STATUS_OK) return status;
  policy_weights_copy(&part->weights, weights);
  part->normalizer.count = normalizer->count;
  memcpy(part->normalizer.mean, normalizer->mean, normalizer->dim * sizeof *normalizer->mean);
  memcpy(part->normalizer.m2, normalizer->m2, normalizer->dim * sizeof *normalizer->m2);
  return STATUS_OK;
}

enum status checkpoint_writer_begin_policy(struct checkpoint_writer *writer, const char *path,
                                           const struct policy_weights *weights, const struct normalizer *normalizer,
                                           uint64_t env_steps, struct error *error) {
  struct policy_part *next = &writer->next_policy;
  pthread_mutex_lock(&writer->mutex);
  const enum status status = copy_policy(next, weights, normalizer, error);
  if (status == STATUS_OK) {
    next->head = *writer->job;
    next->env_steps = env_steps;
    next->result = (struct checkpoint_result){.policy_only = true};
    snprintf(next->result.path, sizeof next->result.path, "%s", path);
    writer->policy_waits = true;
    pthread_cond_signal(&writer->work);
  }
  pthread_mutex_unlock(&writer->mutex);
  return status;
}

void checkpoint_writer_abandon(struct checkpoint_writer *writer) { atomic_store(&writer->watch.abandon, true); }

void checkpoint_writer_urgent(struct checkpoint_writer *writer) { atomic_store(&writer->watch.urgent, true); }

bool checkpoint_writer_saving(struct checkpoint_writer *writer) { return stage_of(writer) != STAGE_NONE; }

bool checkpoint_writer_busy(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const bool busy =
      writer->stage != STAGE_NONE || writer->policy_waits || writer->policy_under_way || writer->policy_ended;
  pthread_mutex_unlock(&writer->mutex);
  return busy;
}

bool checkpoint_writer_take(struct checkpoint_writer *writer, struct checkpoint_result *result) {
  pthread_mutex_lock(&writer->mutex);
  const bool policy = writer->policy_ended, checkpoint = !policy && writer->stage == STAGE_ENDED;
  if (policy) {
    *result = writer->policy_ending;
    writer->policy_ended = false;
  } else if (checkpoint) {
    *result = writer->checkpoint.result;
    writer->stage = STAGE_NONE;
  }
  pthread_mutex_unlock(&writer->mutex);
  return policy || checkpoint;
}

void checkpoint_writer_wait(struct checkpoint_writer *writer, double seconds) {
  const struct timespec deadline = in_seconds(seconds);
  pthread_mutex_lock(&writer->mutex);
  while (!writer->policy_ended && writer->stage != STAGE_ENDED &&
         pthread_cond_timedwait(&writer->ended, &writer->mutex, &deadline) != ETIMEDOUT)
    continue;
  pthread_mutex_unlock(&writer->mutex);
}

uint64_t checkpoint_writer_progress(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const uint64_t endings = writer->endings;
  pthread_mutex_unlock(&writer->mutex);
  return endings + replay_view_released(writer->checkpoint.job.replay);
}
