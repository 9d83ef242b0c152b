#include "learner/exchange/evaluation.h"

#include "common/base/clock.h"

#include <math.h>
#include <string.h>

enum status evaluation_init(struct evaluation *evaluation, const struct job *job, struct error *error) {
  const uint32_t episodes = (uint32_t)job->config.eval_episodes;
  *evaluation = (struct evaluation){.episodes = episodes};
  enum status status =
      policy_weights_init(&evaluation->weights, job_input(job), mlp_dense_size(&job->sac.acting_net), error);
  if (status == STATUS_OK) status = normalizer_init(&evaluation->normalizer, job->environment.obs_dim, error);
  if (status != STATUS_OK) return status;
  evaluation->episode_return = memory_alloc(episodes, sizeof(double), "an evaluation's results", error);
  evaluation->length = memory_alloc(episodes, sizeof(uint32_t), "an evaluation's results", error);
  evaluation->have = memory_alloc(episodes, sizeof(bool), "an evaluation's results", error);
  return evaluation->episode_return && evaluation->length && evaluation->have ? STATUS_OK : STATUS_MEMORY;
}

void evaluation_release(struct evaluation *evaluation) {
  policy_weights_release(&evaluation->weights);
  normalizer_release(&evaluation->normalizer);
  memory_free(evaluation->episode_return);
  memory_free(evaluation->length);
  memory_free(evaluation->have);
}

enum status evaluation_begin(struct evaluation *evaluation, const struct job *job, struct actor_table *table,
                             struct error *error) {
  evaluation->running = true;
  evaluation->said_waiting = false;
  evaluation->began = clock_now();
  evaluation->number++; // tells late results of an evaluation that was given up
  evaluation->env_steps = job->limiter.steps;
  evaluation->updates = job->limiter.updates;
  evaluation->training_episodes = job->episodes;
  evaluation->arrived = evaluation->failed = evaluation->cut = evaluation->late = 0;
  evaluation->env_failures = 0;
  memset(evaluation->have, 0, evaluation->episodes * sizeof *evaluation->have);
  job_export_policy(job, &evaluation->weights);
  normalizer_copy(&evaluation->normalizer, &job->normalizer);
  struct message_evaluate evaluate = {.number = evaluation->number,
                                      .stride = actor_table_alive(table),
                                      .count = evaluation->episodes,
                                      .env_steps = job->limiter.steps};
  evaluation->stride = evaluate.stride;
  for (uint32_t i = 0; i < table->active; i++) {
    table->entry[i].evaluates = UINT32_MAX;
    if (!table->entry[i].alive || !table->entry[i].active) continue;
    enum status status = message_encode_evaluate(&table->bytes, 0, &evaluate, &evaluation->weights, error);
    if (status == STATUS_OK) status = actor_table_send(table, i, error);
    if (status != STATUS_OK) return status;
    table->entry[i].evaluates = evaluate.first++;
  }
  return STATUS_OK;
}

// An episode of the sender's share, for the first time, with a step at least.
static bool is_asked_for(const struct evaluation *evaluation, const struct actor_entry *sender,
                         const struct message_episode *episode) {
  const uint32_t number = episode->episode;
  return number < evaluation->episodes && number >= sender->evaluates &&
         (number - sender->evaluates) % evaluation->stride == 0 && !evaluation->have[number] &&
         (episode->length > 0 || episode->failed);
}

enum status evaluation_take(struct evaluation *evaluation, const struct actor_table *table, const struct frame *frame,
                            bool *done, struct error *error) {
  struct message_episode episode;
  const enum status status = message_decode_episode(frame, &episode, error);
  *done = false;
  if (status != STATUS_OK) return status;
  if (episode.number > evaluation->number)
    return error_set(error, STATUS_PEER, "rank %u sent an episode of evaluation %llu, which has not begun", frame->rank,
                     (unsigned long long)episode.number);
  if (!evaluation->running || episode.number != evaluation->number) return STATUS_OK;
  if (!is_asked_for(evaluation, &table->entry[frame->sender - 1], &episode))
    return error_set(error, STATUS_PEER, "rank %u sent evaluation episode %u, which it was not asked for", frame->rank,
                     episode.episode);
  evaluation->have[episode.episode] = true;
  evaluation->episode_return[episode.episode] = episode.failed ? NAN : episode.episode_return;
  evaluation->failed += episode.failed && episode.cut != EPISODE_NOT_BEGUN;
  evaluation->cut += episode.cut != EPISODE_WHOLE;
  evaluation->late += episode.cut == EPISODE_OUT_OF_TIME || episode.cut == EPISODE_NOT_BEGUN;
  evaluation->length[episode.episode] = episode.length;
  *done = ++evaluation->arrived == evaluation->episodes;
  return STATUS_OK;
}

void evaluation_end(struct evaluation *evaluation) { evaluation->running = false; }

struct evaluation_result evaluation_result(const struct evaluation *evaluation) {
  return evaluation_result_of(evaluation, 0, 1);
}

struct evaluation_result evaluation_result_of(const struct evaluation *evaluation, uint32_t first, uint32_t stride) {
  struct evaluation_result result = {.low = INFINITY, .high = -INFINITY};
  for (uint32_t i = first; i < evaluation->episodes; i += stride)
    if (!isnan(evaluation->episode_return[i])) result.episodes++;
  const double n = result.episodes;
  for (uint32_t i = first; i < evaluation->episodes; i += stride) {
    const double r = evaluation->episode_return[i];
    if (isnan(r)) continue;
    result.mean += r / n;
    result.length_mean += evaluation->length[i] / n;
    result.low = fmin(result.low, r);
    result.high = fmax(result.high, r);
  }
  for (uint32_t i = first; i < evaluation->episodes; i += stride) {
    const double d = evaluation->episode_return[i] - result.mean;
    if (!isnan(d)) result.std += d * d / n;
  }
  result.std = sqrt(result.std);
  return result;
}
