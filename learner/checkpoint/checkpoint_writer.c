// One thread writes both kinds of files: checkpoints and best.h5 (a policy). The caller begins them and takes their
// results.
//
// The states of the checkpoint, and the functions that lead from one to the next:
//
//   IDLE      checkpoint_writer_begin (caller) -> WAITING   the snapshot is taken
//   WAITING   write_checkpoint (thread)        -> WRITING
//   WRITING   write_checkpoint (thread)        -> DONE      the file is in place, or failed, or was abandoned
//   DONE      checkpoint_writer_take (caller)  -> IDLE
//
// A policy may wait while an older one is written, and while the result of a third is not yet taken. So it has three
// flags instead of one state:
//
//   policy_waits     set by checkpoint_writer_begin_policy (caller), cleared by write_policy (thread)
//   policy_writing   set and cleared by write_policy (thread)
//   policy_done      set by write_policy (thread), cleared by checkpoint_writer_take (caller)
//
// Invariants whenever the mutex is free:
//
//   I1. `checkpoint` belongs to the thread in WRITING and to the caller in every other state. `policy` belongs to the
//       thread. Everything below the mutex, next_policy too, belongs to its holder.
//   I2. At most one file is being written: policy_writing is false in WRITING.
//   I3. The snapshot's view holds rows of the replay in WAITING and WRITING only. A file that is done, whatever its
//       result, holds back no insert.
//   I4. A result can be told apart: in DONE `checkpoint.result` is a checkpoint's; with policy_done `policy_result` is
//       a policy's.
//   I5. `results` counts every file that has been done, so it is at least the number of results to be taken.
//   I6. Once `stopped` is set nothing is being written, and the thread touches nothing any more.
#include "learner/checkpoint/checkpoint_writer.h"

#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/thread.h"
#include "learner/checkpoint/job_snapshot.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double DESTROY_SECONDS = 60;

enum state { IDLE, WAITING, WRITING, DONE };

struct checkpoint_save {
  struct job snapshot;
  uint64_t keep;
  struct checkpoint_result result;
};

struct policy_save {
  struct job head; // a copy by value for the head of the file, which reads only memory that never changes
  struct policy_weights weights;
  struct normalizer normalizer;
  struct checkpoint_policy policy; // its counts; the arrays are the two above
  struct checkpoint_result result;
};

struct checkpoint_writer {
  const struct job *job;
  struct run_directory *run;
  pthread_t thread;
  bool started;
  struct checkpoint_watch watch;
  struct checkpoint_save checkpoint; // I1
  struct policy_save policy;         // I1

  pthread_mutex_t mutex; // over all that follows
  pthread_cond_t work, done;
  enum state state; // of the checkpoint
  bool policy_waits, policy_writing, policy_done;
  struct policy_save next_policy;
  struct checkpoint_result policy_result;
  double in_place;  // for policy_result
  uint64_t results; // so far
  bool stop;        // the thread is to end
  bool stopped;     // it has
};

// The mutex is held.
static void check_invariants(const struct checkpoint_writer *writer) {
#ifdef CORSAC_CHECKS
  const struct replay *view = writer->checkpoint.snapshot.replay;
  const bool done = writer->state == DONE;
  assert(!(writer->policy_writing && writer->state == WRITING));                     // I2
  assert(!done || replay_view_released(view) == replay_size(view));                  // I3
  assert(!done || !writer->checkpoint.result.policy_only);                           // I4
  assert(!writer->policy_done || writer->policy_result.policy_only);                 // I4
  assert(writer->results >= (uint64_t)done + (writer->policy_done ? 1 : 0));         // I5
  assert(!writer->stopped || (!writer->policy_writing && writer->state != WRITING)); // I6
#else
  (void)writer;
#endif
}

// --- the thread ---

// Nothing is begun in a run directory that another job has taken over. It counts as abandoned.
static enum status check_run(const struct checkpoint_writer *writer, struct error *error) {
  struct error taken = {0};
  if (!writer->run || run_directory_check_now(writer->run, &taken) == STATUS_OK) return STATUS_OK;
  return error_set(error, STATUS_STOPPED, "%s", taken.text);
}

static void save_checkpoint(struct checkpoint_writer *writer) {
  struct checkpoint_save *save = &writer->checkpoint;
  struct checkpoint_result *result = &save->result;
  const double began = clock_now();
  enum status status = check_run(writer, &result->error);
  if (status == STATUS_OK)
    status =
        checkpoint_write_in_background(result->path, &save->snapshot, result->content, &writer->watch, &result->error);
  replay_view_release(save->snapshot.replay, SIZE_MAX); // I3, also after a failure
  if (status == STATUS_OK && writer->run && save->keep > 0)
    run_directory_prune(writer->run, save->keep, &result->unpruned);
  result->seconds = clock_now() - began;
}

static void save_policy(const struct checkpoint_writer *writer, struct policy_save *save) {
  const double began = clock_now();
  if (check_run(writer, &save->result.error) != STATUS_OK) return;
  struct checkpoint_policy policy = save->policy;
  policy.weights = &save->weights;
  policy.normalizer = &save->normalizer;
  checkpoint_write_policy(save->result.path, &save->head, &policy, &save->result.error);
  save->result.seconds = clock_now() - began;
}

// The mutex is held, but not while the file is written.
static void write_checkpoint(struct checkpoint_writer *writer) {
  writer->state = WRITING;
  pthread_mutex_unlock(&writer->mutex);
  save_checkpoint(writer);
  pthread_mutex_lock(&writer->mutex);
  writer->state = DONE;
}

// The same for a policy. The thread takes it over from the caller, who gets the memory of the one before it.
static void write_policy(struct checkpoint_writer *writer) {
  const struct policy_save before = writer->policy;
  writer->policy = writer->next_policy;
  writer->next_policy = before;
  writer->policy_waits = false;
  writer->policy_writing = true;
  pthread_mutex_unlock(&writer->mutex);
  save_policy(writer, &writer->policy);
  pthread_mutex_lock(&writer->mutex);
  if (writer->policy.result.error.status == STATUS_OK) writer->in_place = writer->policy.result.eval_return;
  writer->policy_result = writer->policy.result;
  writer->policy_result.in_place = writer->in_place;
  writer->policy_writing = false;
  writer->policy_done = true;
}

static void *thread_main(void *argument) {
  struct checkpoint_writer *writer = argument;
  locale_enter_c(); // a plugin may have changed the process's locale
  pthread_mutex_lock(&writer->mutex);
  while (!writer->stop) {
    check_invariants(writer);
    if (!writer->policy_waits && writer->state != WAITING) {
      pthread_cond_wait(&writer->work, &writer->mutex);
      continue;
    }
    if (writer->policy_waits)
      write_policy(writer);
    else
      write_checkpoint(writer);
    writer->results++;
    pthread_cond_signal(&writer->done);
  }
  writer->stopped = true;
  check_invariants(writer);
  pthread_cond_signal(&writer->done);
  pthread_mutex_unlock(&writer->mutex);
  return NULL;
}

// --- creating and destroying ---

static int start_thread(struct checkpoint_writer *writer) {
  pthread_mutex_init(&writer->mutex, NULL);
  pthread_cond_init(&writer->work, NULL);
  thread_condition_init(&writer->done);
  const int failure = thread_start(&writer->thread, "checkpoint", thread_main, writer);
  writer->started = failure == 0;
  return failure;
}

struct checkpoint_writer *checkpoint_writer_create(const struct job *job, struct run_directory *run,
                                                   struct error *error) {
  struct checkpoint_writer *writer = memory_alloc(1, sizeof *writer, "the checkpoint writer", error);
  if (!writer) return NULL;
  writer->job = job;
  writer->in_place = -INFINITY;
  writer->run = run;
  if (job_snapshot_init(&writer->checkpoint.snapshot, job, error) != STATUS_OK) {
    memory_free(writer);
    return NULL;
  }
  const int failure = start_thread(writer);
  if (failure == 0) return writer;
  error_set(error, STATUS_FAILED, "the thread that writes checkpoints cannot be started: %s", strerror(failure));
  checkpoint_writer_destroy(writer);
  return NULL;
}

// false: the thread hangs in a write, and may still read all that it was given.
static bool stop_thread(struct checkpoint_writer *writer) {
  if (!writer->started) return true;
  const struct timespec deadline = thread_in_seconds(DESTROY_SECONDS);
  atomic_store(&writer->watch.abandon, true);
  pthread_mutex_lock(&writer->mutex);
  writer->stop = true;
  pthread_cond_signal(&writer->work);
  while (!writer->stopped && pthread_cond_timedwait(&writer->done, &writer->mutex, &deadline) != ETIMEDOUT) continue;
  const bool stopped = writer->stopped;
  pthread_mutex_unlock(&writer->mutex);
  if (stopped)
    pthread_join(writer->thread, NULL);
  else
    pthread_detach(writer->thread);
  return stopped;
}

static void policy_save_release(struct policy_save *save) {
  policy_weights_release(&save->weights);
  normalizer_release(&save->normalizer);
}

bool checkpoint_writer_destroy(struct checkpoint_writer *writer) {
  if (!writer) return true;
  if (!stop_thread(writer)) return false;
  replay_view_release(writer->checkpoint.snapshot.replay, SIZE_MAX); // it holds rows if it is still WAITING (I3)
  job_snapshot_release(&writer->checkpoint.snapshot);
  policy_save_release(&writer->policy);
  policy_save_release(&writer->next_policy);
  pthread_cond_destroy(&writer->work);
  pthread_cond_destroy(&writer->done);
  pthread_mutex_destroy(&writer->mutex);
  memory_free(writer);
  return true;
}

// --- beginning a file ---

static enum state state_of(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const enum state state = writer->state;
  pthread_mutex_unlock(&writer->mutex);
  return state;
}

enum status checkpoint_writer_begin(struct checkpoint_writer *writer, const char *path, enum checkpoint_content content,
                                    uint64_t keep, struct error *error) {
  struct checkpoint_save *save = &writer->checkpoint;
  assert(state_of(writer) == IDLE); // so it is the caller's (I1)
  const bool with_replay = content == CHECKPOINT_ALL && writer->job->config.checkpoint_replay;
  const enum status status = job_snapshot_take(&save->snapshot, writer->job, with_replay, error);
  if (status != STATUS_OK) return status;
  save->keep = keep;
  save->result = (struct checkpoint_result){.content = content};
  snprintf(save->result.path, sizeof save->result.path, "%s", path);
  atomic_store(&writer->watch.abandon, false);
  atomic_store(&writer->watch.urgent, false);
  pthread_mutex_lock(&writer->mutex);
  writer->state = WAITING;
  check_invariants(writer);
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
  return STATUS_OK;
}

static enum status copy_policy(struct policy_save *save, const struct policy_weights *weights,
                               const struct normalizer *normalizer, struct error *error) {
  enum status status = STATUS_OK;
  if (!save->weights.values) status = policy_weights_init(&save->weights, weights->obs_dim, weights->parameters, error);
  if (status == STATUS_OK && !save->normalizer.mean)
    status = normalizer_init(&save->normalizer, normalizer->dim, error);
  if (status != STATUS_OK) return status;
  policy_weights_copy(&save->weights, weights);
  normalizer_copy(&save->normalizer, normalizer);
  return STATUS_OK;
}

enum status checkpoint_writer_begin_policy(struct checkpoint_writer *writer, const char *path,
                                           const struct checkpoint_policy *policy, struct error *error) {
  struct policy_save *next = &writer->next_policy;
  pthread_mutex_lock(&writer->mutex);
  const enum status status = copy_policy(next, policy->weights, policy->normalizer, error);
  if (status == STATUS_OK) {
    next->head = *writer->job;
    next->policy = *policy;
    next->result = (struct checkpoint_result){.policy_only = true, .eval_return = policy->eval_return};
    snprintf(next->result.path, sizeof next->result.path, "%s", path);
    writer->policy_waits = true;
    check_invariants(writer);
    pthread_cond_signal(&writer->work);
  }
  pthread_mutex_unlock(&writer->mutex);
  return status;
}

// --- watching it ---

void checkpoint_writer_abandon(struct checkpoint_writer *writer) { atomic_store(&writer->watch.abandon, true); }

void checkpoint_writer_urgent(struct checkpoint_writer *writer) { atomic_store(&writer->watch.urgent, true); }

bool checkpoint_writer_saving(struct checkpoint_writer *writer) { return state_of(writer) != IDLE; }

bool checkpoint_writer_busy(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const bool busy = writer->state != IDLE || writer->policy_waits || writer->policy_writing || writer->policy_done;
  pthread_mutex_unlock(&writer->mutex);
  return busy;
}

bool checkpoint_writer_take(struct checkpoint_writer *writer, struct checkpoint_result *result) {
  pthread_mutex_lock(&writer->mutex);
  check_invariants(writer);
  const bool policy = writer->policy_done, checkpoint = !policy && writer->state == DONE;
  if (policy) {
    *result = writer->policy_result;
    writer->policy_done = false;
  } else if (checkpoint) {
    *result = writer->checkpoint.result;
    writer->state = IDLE;
  }
  pthread_mutex_unlock(&writer->mutex);
  return policy || checkpoint;
}

void checkpoint_writer_wait(struct checkpoint_writer *writer, double seconds) {
  const struct timespec deadline = thread_in_seconds(seconds);
  pthread_mutex_lock(&writer->mutex);
  while (!writer->policy_done && writer->state != DONE &&
         pthread_cond_timedwait(&writer->done, &writer->mutex, &deadline) != ETIMEDOUT)
    continue;
  pthread_mutex_unlock(&writer->mutex);
}

uint64_t checkpoint_writer_progress(struct checkpoint_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const uint64_t results = writer->results;
  pthread_mutex_unlock(&writer->mutex);
  return results + replay_view_released(writer->checkpoint.snapshot.replay);
}
