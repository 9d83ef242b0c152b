#include "learner/exchange/transition_receiver.h"

#include "common/base/memory.h"
#include "common/base/vectorize.h"
#include "common/wire/assignment.h"

#include <stdlib.h>
#include <string.h>

// What an actor has reported of an environment so far.
struct progress_heard {
  uint64_t steps, episode;
  uint32_t owed; // snapshots that may still arrive: in sync one a round, in async one for each request
};

struct transition_receiver {
  struct job *job; // not owned
  uint32_t actors;
  struct progress_heard *heard;  // (envs)
  struct transition_batch batch; // the message being taken
  struct transition_batch round; // sync: the round's rows and episodes in order of arrival
  struct snapshot snapshot;      // the message being taken
  struct message_info *info;     // sync: (envs) of the round; NULL: the environment has no named values
  uint64_t env_failures;         // sync: of the round
  struct snapshot *arrived;      // sync: (envs) each environment at the round's end
  bool collecting;               // async: a save waits for snapshots
  uint32_t *order;               // sync: (round.capacity) indices of the rows, sorted by environment
  uint32_t *index;               // sync: (envs + 1) index in `order` of each environment's next row
};

// The columns that this job's rows have besides those of all.
static enum status use_columns(const struct transition_receiver *receiver, struct transition_batch *batch,
                               struct error *error) {
  enum status status = STATUS_OK;
  if (receiver->job->slots) status = transition_batch_use_agents(batch, error);
  if (status == STATUS_OK && config_links_rows(&receiver->job->config, batch->obs_dim))
    status = transition_batch_use_episodes(batch, error);
  return status;
}

// Room for a round: each environment makes sync_steps steps, and its n-step window held back at most n - 1 rows.
static enum status init_round(struct transition_receiver *receiver, struct error *error) {
  const struct config *config = &receiver->job->config;
  const uint32_t envs = (uint32_t)config->envs;
  const uint64_t rows = job_slots(receiver->job) * (config->sync_steps + config_row_steps(config)),
                 episodes = config->envs * config->sync_steps;
  if (rows > UINT32_MAX)
    return error_set(error, STATUS_USAGE,
                     "envs %u x sync_steps %llu (%u agents) is more than a round can hold: lower one of them", envs,
                     (unsigned long long)config->sync_steps, job_slots(receiver->job));
  enum status status = transition_batch_init(&receiver->round, receiver->batch.obs_dim, receiver->batch.act_dim,
                                             (uint32_t)rows, (uint32_t)episodes, envs, error);
  if (status == STATUS_OK) status = use_columns(receiver, &receiver->round, error);
  if (status != STATUS_OK) return status;
  receiver->arrived = memory_alloc(envs, sizeof *receiver->arrived, "a round's snapshots", error);
  for (uint32_t e = 0; receiver->arrived && e < envs; e++)
    if (snapshot_init_for(&receiver->arrived[e], config, receiver->batch.obs_dim, receiver->batch.act_dim,
                          job_agents(receiver->job, e), error) != STATUS_OK)
      return STATUS_MEMORY;
  if (receiver->job->environment.info_dim > 0) {
    receiver->info = memory_alloc(envs, sizeof *receiver->info, "a round's named values", error);
    if (!receiver->info) return STATUS_MEMORY;
  }
  receiver->order = memory_alloc(rows, sizeof *receiver->order, "a round's order", error);
  receiver->index = memory_alloc(envs + 1, sizeof *receiver->index, "a round's order", error);
  for (uint32_t e = 0; e < envs; e++) receiver->heard[e].owed = 1;
  return receiver->arrived && receiver->order && receiver->index ? STATUS_OK : STATUS_MEMORY;
}

static enum status init_heard(struct transition_receiver *receiver, struct error *error) {
  const struct job *job = receiver->job;
  receiver->heard = memory_alloc(job->config.envs, sizeof *receiver->heard, "the environments' progress", error);
  for (uint64_t e = 0; receiver->heard && e < job->config.envs; e++)
    receiver->heard[e] =
        (struct progress_heard){.steps = job->environments[e].steps, .episode = job->environments[e].episode};
  return receiver->heard ? STATUS_OK : STATUS_MEMORY;
}

// Room for a batch of any actor.
static enum status init_batch(struct transition_receiver *receiver, struct error *error) {
  const struct job *job = receiver->job;
  struct assignment most = assignment_of(&job->config, receiver->actors, 0);
  for (uint32_t i = 0; job->slots && i < receiver->actors; i++) {
    const struct assignment share = assignment_with_agents(&job->config, receiver->actors, i, job->environment.agents);
    if (share.batch_rows > most.batch_rows) most.batch_rows = share.batch_rows;
    if (share.most_steps > most.most_steps) most.most_steps = share.most_steps;
  }
  const enum status status = transition_batch_init(&receiver->batch, job->environment.obs_dim, job->environment.act_dim,
                                                   most.batch_rows, most.most_steps, most.count, error);
  return status == STATUS_OK ? use_columns(receiver, &receiver->batch, error) : status;
}

struct transition_receiver *transition_receiver_create(struct job *job, uint32_t actors, struct error *error) {
  struct transition_receiver *receiver = memory_alloc(1, sizeof *receiver, "the transition receiver", error);
  if (!receiver) return NULL;
  receiver->job = job;
  receiver->actors = actors;
  enum status status = init_batch(receiver, error);
  if (status == STATUS_OK) status = init_heard(receiver, error);
  if (status == STATUS_OK)
    status = snapshot_init_for(&receiver->snapshot, &job->config, job->environment.obs_dim, job->environment.act_dim,
                               job_most_agents(job), error);
  if (status == STATUS_OK && job->config.sync) status = init_round(receiver, error);
  if (status == STATUS_OK) return receiver;
  transition_receiver_destroy(receiver);
  return NULL;
}

void transition_receiver_destroy(struct transition_receiver *receiver) {
  if (!receiver) return;
  transition_batch_release(&receiver->batch);
  transition_batch_release(&receiver->round);
  snapshot_release(&receiver->snapshot);
  for (size_t e = 0; receiver->arrived && e < receiver->job->config.envs; e++) snapshot_release(&receiver->arrived[e]);
  memory_free(receiver->arrived);
  memory_free(receiver->order);
  memory_free(receiver->index);
  memory_free(receiver->info);
  memory_free(receiver->heard);
  memory_free(receiver);
}

// --- a batch is checked against its sender before any of it is used ---

// The sender's rank among all ranks, for messages to people: with groups of ranks the first of its group.
static uint32_t rank_of(const struct transition_receiver *receiver, uint32_t sender) {
  return 1 + (sender - 1) * (uint32_t)receiver->job->config.ranks_per_env;
}

static struct assignment share_of(const struct transition_receiver *receiver, uint32_t sender) {
  return assignment_with_agents(&receiver->job->config, receiver->actors, sender - 1,
                                receiver->job->environment.agents);
}

// The sender's environments in order; their steps go on from those before and add up to the batch's. No more than all
// agents act in a step.
static bool progress_fits(const struct transition_receiver *receiver, const struct assignment *share) {
  const struct transition_batch *batch = &receiver->batch;
  const struct progress_heard *heard = receiver->heard + share->first;
  uint64_t steps = 0, most = 0;
  if (batch->environments == 0) return batch->steps == 0; // none of them has made a step
  if (batch->environments != share->count) return false;
  for (uint32_t i = 0; i < share->count; i++) {
    const struct environment_progress *progress = &batch->progress[i];
    if (progress->environment != share->first + i || progress->steps < heard[i].steps ||
        progress->episode < heard[i].episode)
      return false;
    steps += progress->steps - heard[i].steps;
    most += (progress->steps - heard[i].steps) * job_agents(receiver->job, progress->environment);
  }
  return steps == batch->steps && batch->transitions <= most;
}

// The episodes ended since the sender's last batch.
static bool episodes_fit(const struct transition_receiver *receiver, const struct assignment *share) {
  const struct transition_batch *batch = &receiver->batch;
  if (batch->episodes > batch->steps) return false;
  for (uint32_t e = 0; e < batch->episodes; e++) {
    const struct episode_record *episode = &batch->episode[e];
    const uint32_t i = episode->environment - share->first; // wraps round where it is below
    if (i >= share->count || episode->length == 0 || episode->length > batch->progress[i].steps ||
        episode->agents > job_agents(receiver->job, episode->environment) ||
        episode->episode < receiver->heard[episode->environment].episode ||
        episode->episode >= batch->progress[i].episode)
      return false;
  }
  return true;
}

// A window of n steps holds up to n - 1 rows back, or releases as many that it held back.
static bool rows_fit(const struct transition_receiver *receiver, const struct assignment *share) {
  const struct transition_batch *batch = &receiver->batch;
  const uint64_t held = (uint64_t)share->agents * (config_row_steps(&receiver->job->config) - 1);
  return batch->rows <= batch->transitions + held && batch->transitions <= batch->rows + held;
}

// Each row's agent is one of its environment's, which is the sender's (are_of_share has come first).
static bool are_agents(const struct job *job, const struct transition_batch *batch) {
  int others = 0;
  for (size_t r = 0; job->slots && r < batch->rows; r++)
    others |= batch->agent[r] >= job_agents(job, batch->environment[r]);
  return !others;
}

VECTORIZE static bool are_of_share(const uint32_t *environment, size_t rows, uint32_t first, uint32_t count) {
  int others = 0;
  for (size_t r = 0; r < rows; r++) others |= environment[r] - first >= count;
  return !others;
}

VECTORIZE static bool are_published(const uint64_t *version, size_t rows, uint64_t newest) {
  int others = 0;
  for (size_t r = 0; r < rows; r++) others |= version[r] > newest;
  return !others;
}

static enum status check(const struct transition_receiver *receiver, uint32_t sender, struct error *error) {
  const struct transition_batch *batch = &receiver->batch;
  const struct assignment share = share_of(receiver, sender);
  const uint64_t newest = receiver->job->policy_version;
  const char *what = NULL;
  if (batch->steps > share.most_steps)
    return error_set(error, STATUS_PEER, "rank %u sent a batch of %llu steps, it can have %u",
                     rank_of(receiver, sender), (unsigned long long)batch->steps, share.most_steps);
  if (!are_of_share(batch->environment, batch->rows, share.first, share.count))
    what = "rows of an environment that is not its own";
  else if (!are_agents(receiver->job, batch))
    what = "rows of an agent that its environment does not have";
  else if (!rows_fit(receiver, &share))
    what = "a number of rows that its steps do not make";
  else if (!are_published(batch->version, batch->rows, newest) || (batch->lag.count > 0 && batch->lag.high > newest))
    what = "rows of a policy version that does not exist";
  else if (!progress_fits(receiver, &share))
    what = "steps of its environments that do not go on from those before";
  else if (!episodes_fit(receiver, &share))
    what = "episodes that its environments did not end";
  else if (batch->lag.count != batch->steps)
    what = "another number of lags than of steps";
  return what ? error_set(error, STATUS_PEER, "rank %u sent %s", rank_of(receiver, sender), what) : STATUS_OK;
}

static void hear(struct transition_receiver *receiver) {
  const struct transition_batch *batch = &receiver->batch;
  for (uint32_t p = 0; p < batch->environments; p++) {
    struct progress_heard *heard = &receiver->heard[batch->progress[p].environment];
    heard->steps = batch->progress[p].steps;
    heard->episode = batch->progress[p].episode;
  }
}

// --- into the job ---

static void insert(struct job *job, const struct transition_batch *batch, uint32_t first, uint32_t rows) {
  const size_t o = (size_t)first * batch->obs_dim, a = (size_t)first * batch->act_dim;
  job_insert(job, rows,
             &(struct job_rows){.environment = batch->environment + first,
                                .agent = batch->agent ? batch->agent + first : NULL,
                                .episode_number = batch->episode_step ? batch->episode_number + first : NULL,
                                .episode_step = batch->episode_step ? batch->episode_step + first : NULL,
                                .obs = batch->obs + o,
                                .action = batch->action + a,
                                .reward = batch->reward + first,
                                .next_obs = batch->next_obs + o,
                                .discount = batch->discount + first});
}

static void add_progress(struct transition_receiver *receiver) {
  const struct transition_batch *batch = &receiver->batch;
  for (uint32_t p = 0; p < batch->environments; p++) {
    struct snapshot *environment = &receiver->job->environments[batch->progress[p].environment];
    if (receiver->collecting && environment->exact) continue;
    environment->steps = batch->progress[p].steps;
    environment->episode =
        batch->progress[p].episode + 1; // a resume loses the running episode unless a whole snapshot follows
    environment->exact = false;
    snapshot_forget_episode(environment);
  }
}

static void take_async(struct transition_receiver *receiver) {
  struct job *job = receiver->job;
  const struct transition_batch *batch = &receiver->batch;
  const uint64_t left = job->config.env_steps > job->limiter.steps ? job->config.env_steps - job->limiter.steps : 0;
  // Of a batch past the end the share of the steps that are left.
  const uint64_t transitions = batch->steps <= left ? batch->transitions : batch->transitions * left / batch->steps;
  const uint32_t rows = batch->steps <= left || batch->rows < transitions ? batch->rows : (uint32_t)transitions;
  insert(job, batch, 0, rows);
  job->dropped += batch->steps > left ? batch->steps - left : 0;
  rate_limiter_add(&job->limiter, batch->steps < left ? batch->steps : left, transitions);
  for (uint32_t e = 0; e < batch->episodes; e++) metrics_add_episode(&job->metrics, &job->config, &batch->episode[e]);
  job->episodes += batch->episodes;
  metrics_add_batch(&job->metrics, batch, job->policy_version);
  add_progress(receiver);
}

static enum status keep_for_round(struct transition_receiver *receiver, uint32_t rank, struct error *error) {
  struct transition_batch *round = &receiver->round;
  const struct transition_batch *batch = &receiver->batch;
  const size_t row = round->rows, obs = batch->obs_dim, act = batch->act_dim, n = batch->rows;
  if (n > round->capacity - round->rows || batch->episodes > round->episode_capacity - round->episodes)
    return error_set(error, STATUS_PEER, "rank %u sent more transitions than a round has", rank);
  memcpy(round->environment + row, batch->environment, n * sizeof *round->environment);
  if (round->agent) memcpy(round->agent + row, batch->agent, n * sizeof *round->agent);
  if (round->episode_step) {
    memcpy(round->episode_number + row, batch->episode_number, n * sizeof *round->episode_number);
    memcpy(round->episode_step + row, batch->episode_step, n * sizeof *round->episode_step);
  }
  memcpy(round->version + row, batch->version, n * sizeof *round->version);
  memcpy(round->obs + row * obs, batch->obs, n * obs * sizeof(float));
  memcpy(round->action + row * act, batch->action, n * act * sizeof(float));
  memcpy(round->reward + row, batch->reward, n * sizeof(float));
  memcpy(round->next_obs + row * obs, batch->next_obs, n * obs * sizeof(float));
  memcpy(round->discount + row, batch->discount, n * sizeof(float));
  memcpy(round->episode + round->episodes, batch->episode, batch->episodes * sizeof *round->episode);
  round->rows += batch->rows;
  round->episodes += batch->episodes;
  round->steps += batch->steps;
  round->transitions += batch->transitions;
  round->blocked += batch->blocked;
  lag_record_add(&round->lag, &batch->lag);
  return STATUS_OK;
}

enum status transition_receiver_take(struct transition_receiver *receiver, const struct frame *frame,
                                     double *longest_step, struct error *error) {
  enum status status = message_decode_transitions(frame, &receiver->batch, error);
  if (status == STATUS_OK) status = check(receiver, frame->sender, error);
  if (status != STATUS_OK) return status;
  hear(receiver);
  *longest_step = receiver->batch.longest_step;
  if (receiver->job->config.sync) return keep_for_round(receiver, frame->rank, error);
  take_async(receiver);
  return STATUS_OK;
}

enum status transition_receiver_drop(struct transition_receiver *receiver, const struct frame *frame,
                                     struct error *error) {
  enum status status = message_decode_transitions(frame, &receiver->batch, error);
  if (status == STATUS_OK && receiver->batch.steps > share_of(receiver, frame->sender).most_steps)
    status = error_set(error, STATUS_PEER, "rank %u sent more steps than a batch has", frame->rank);
  if (status == STATUS_OK) receiver->job->dropped += receiver->batch.steps;
  return status;
}

enum status transition_receiver_take_snapshot(struct transition_receiver *receiver, const struct frame *frame,
                                              struct error *error) {
  struct job *job = receiver->job;
  const enum status status =
      message_decode_snapshot(frame, (uint32_t)config_row_steps(&job->config) - 1, &receiver->snapshot, error);
  if (status != STATUS_OK) return status;
  const uint32_t e = receiver->snapshot.environment;
  if (!transition_receiver_owns(receiver, frame->sender, e))
    return error_set(error, STATUS_PEER, "rank %u sent a snapshot of environment %u, which is not its own", frame->rank,
                     e);
  struct progress_heard *heard = &receiver->heard[e];
  if (heard->owed == 0)
    return error_set(error, STATUS_PEER, "rank %u sent a snapshot of environment %u that is not expected", frame->rank,
                     e);
  if (receiver->snapshot.agents != job_agents(job, e) || receiver->snapshot.steps != heard->steps ||
      receiver->snapshot.episode < heard->episode ||
      !are_published(receiver->snapshot.window_version, receiver->snapshot.window, job->policy_version))
    return error_set(error, STATUS_PEER, "rank %u sent a snapshot of environment %u that does not go on from its rows",
                     frame->rank, e);
  heard->owed--;
  return snapshot_copy(job->config.sync ? &receiver->arrived[e] : &job->environments[e], &receiver->snapshot, error);
}

enum status transition_receiver_take_info(struct transition_receiver *receiver, const struct frame *frame,
                                          struct error *error) {
  struct job *job = receiver->job;
  struct message_info info;
  const enum status status = message_decode_info(frame, &info, error);
  if (status != STATUS_OK) return status;
  bool good = transition_receiver_owns(receiver, frame->sender, info.environment) && info.info_dim > 0 &&
              info.info_dim == job->environment.info_dim;
  for (uint32_t i = 0; i < info.info_dim && good; i++)
    good = info.count[i] <= receiver->heard[info.environment].steps && (info.count[i] > 0 || info.sum[i] == 0);
  if (!good)
    return error_set(
        error, STATUS_PEER,
        "rank %u sent %u named values of environment %u: the environment is not its own, or has %u of them, "
        "or their counts do not fit its steps",
        frame->rank, info.info_dim, info.environment, job->environment.info_dim);
  if (job->config.sync && receiver->info[info.environment].info_dim > 0)
    return error_set(error, STATUS_PEER, "rank %u sent named values of environment %u twice in a round", frame->rank,
                     info.environment);
  if (job->config.sync)
    receiver->info[info.environment] = info;
  else
    metrics_add_info(&job->metrics, &info);
  return STATUS_OK;
}

void transition_receiver_count_failure(struct transition_receiver *receiver) {
  struct job *job = receiver->job;
  if (job->config.sync)
    receiver->env_failures++;
  else
    job->metrics.env_failures++;
}

// In the order of environments, so that sums do not depend on which message came first.
static void commit_info(struct transition_receiver *receiver) {
  struct job *job = receiver->job;
  for (uint64_t e = 0; receiver->info && e < job->config.envs; e++) {
    metrics_add_info(&job->metrics, &receiver->info[e]);
    receiver->info[e] = (struct message_info){0};
  }
}

bool transition_receiver_has_room(const struct transition_receiver *receiver) {
  const struct job *job = receiver->job;
  const size_t rows = job->config.sync ? receiver->round.rows : receiver->batch.capacity;
  const size_t each = replay_is_linked(job->replay) ? REPLAY_STEP_RECORDS : 1;
  return rows * each <= replay_room(job->replay);
}

bool transition_receiver_owns(const struct transition_receiver *receiver, uint32_t sender, uint32_t environment) {
  const struct assignment share = share_of(receiver, sender);
  return environment - share.first < share.count; // wraps round where it is below
}

void transition_receiver_collect(struct transition_receiver *receiver, bool collecting) {
  receiver->collecting = collecting;
  for (uint64_t e = 0; collecting && e < receiver->job->config.envs; e++) receiver->heard[e].owed++;
}

enum status transition_receiver_end_round(const struct transition_receiver *receiver, uint32_t sender,
                                          struct error *error) {
  const struct job *job = receiver->job;
  const struct assignment share = share_of(receiver, sender);
  for (uint32_t e = share.first; e < share.first + share.count; e++)
    if (receiver->heard[e].owed > 0 ||
        receiver->arrived[e].steps != job->environments[e].steps + job->config.sync_steps)
      return error_set(error, STATUS_PEER, "rank %u ended a round of %llu steps in which environment %u made %llu%s",
                       rank_of(receiver, sender), (unsigned long long)job->config.sync_steps, e,
                       (unsigned long long)(receiver->heard[e].steps - job->environments[e].steps),
                       receiver->heard[e].owed > 0 ? ", without its snapshot" : "");
  return STATUS_OK;
}

// A stable counting sort by environment. An environment's rows stay in the order of arrival, which is the order of
// time.
static void sort_round(struct transition_receiver *receiver) {
  const struct transition_batch *round = &receiver->round;
  const size_t envs = receiver->job->config.envs;
  memset(receiver->index, 0, (envs + 1) * sizeof *receiver->index);
  for (uint32_t r = 0; r < round->rows; r++) receiver->index[round->environment[r] + 1]++;
  for (size_t e = 0; e < envs; e++) receiver->index[e + 1] += receiver->index[e];
  for (uint32_t r = 0; r < round->rows; r++) receiver->order[receiver->index[round->environment[r]]++] = r;
}

static int by_environment_and_episode(const void *left, const void *right) {
  const struct episode_record *a = left, *b = right;
  if (a->environment != b->environment) return a->environment < b->environment ? -1 : 1;
  return (a->episode > b->episode) - (a->episode < b->episode);
}

enum status transition_receiver_commit(struct transition_receiver *receiver, struct error *error) {
  struct job *job = receiver->job;
  struct transition_batch *round = &receiver->round;
  const uint64_t steps = job->config.envs * job->config.sync_steps;
  if (round->steps != steps)
    return error_set(error, STATUS_PEER, "a round has %llu steps, %llu came", (unsigned long long)steps,
                     (unsigned long long)round->steps);
  sort_round(receiver);
  for (uint32_t r = 0; r < round->rows; r++) insert(job, round, receiver->order[r], 1);
  rate_limiter_add(&job->limiter, steps, round->transitions);
  qsort(round->episode, round->episodes, sizeof *round->episode, by_environment_and_episode);
  for (uint32_t e = 0; e < round->episodes; e++) metrics_add_episode(&job->metrics, &job->config, &round->episode[e]);
  job->episodes += round->episodes;
  metrics_add_batch(&job->metrics, round, job->policy_version);
  commit_info(receiver);
  job->metrics.env_failures += receiver->env_failures;
  receiver->env_failures = 0;
  transition_batch_clear(round);
  for (uint64_t e = 0; e < job->config.envs; e++) { // the job's old snapshots take the next round's
    const struct snapshot whole = receiver->arrived[e];
    receiver->arrived[e] = job->environments[e];
    job->environments[e] = whole;
    receiver->heard[e].owed = 1;
  }
  return STATUS_OK;
}
