#include "launch/policy/gathering.h"

#include "common/base/clock.h"
#include "common/base/plural.h"
#include "common/base/process.h"
#include "common/wire/codec.h"
#include "learner/exchange/handshake.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER = 1, TAKEN_AT_ONCE = 256 }; // of the only evaluation; messages between two looks for the dead

// --- create and release ---

static enum status alloc_step(struct message_step *step, const struct message_hello *hello, struct error *error) {
  static const char what[] = "a step";
  *step = (struct message_step){.obs_dim = hello->obs_dim, .act_dim = hello->act_dim, .info_dim = hello->info_dim};
  return (step->obs = memory_alloc(hello->obs_dim, sizeof(float), what, error)) &&
                 (step->next_obs = memory_alloc(hello->obs_dim, sizeof(float), what, error)) &&
                 (step->action = memory_alloc(hello->act_dim, sizeof(float), what, error)) &&
                 (step->scaled = memory_alloc(hello->act_dim, sizeof(float), what, error)) &&
                 (step->eps = memory_alloc(hello->act_dim, sizeof(float), what, error))
             ? STATUS_OK
             : STATUS_MEMORY;
}

enum status gathering_init(struct gathering *gathering, const struct config *config, struct transport *transport,
                           const volatile sig_atomic_t *stop, void (*said)(const char *why), struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1;
  *gathering = (struct gathering){.stop = stop, .said = said, .count = (uint32_t)config->eval_episodes};
  enum status status = actor_table_init(&gathering->table, config, transport, error);
  uint32_t *pid = status == STATUS_OK ? memory_alloc(actors, sizeof *pid, "the list of actors", error) : NULL;
  if (!pid) return STATUS_MEMORY;
  status = handshake_collect(config, transport, stop, &gathering->hello, pid, error);
  if (status == STATUS_STOPPED)
    error_set(error, STATUS_STOPPED, "a signal stopped the evaluation before its first episode");
  for (uint32_t i = 0; i < actors; i++) {
    gathering->table.entry[i].pid = pid[i];
    actor_table_hear(&gathering->table, i);
  }
  memory_free(pid);
  if (status != STATUS_OK) return status;
  gathering->players = gathering->table.active;
  gathering->episode = memory_alloc(gathering->count, sizeof *gathering->episode, "the episodes", error);
  gathering->player = memory_alloc(gathering->players, sizeof *gathering->player, "the list of actors", error);
  return gathering->episode && gathering->player ? alloc_step(&gathering->step, &gathering->hello, error)
                                                 : STATUS_MEMORY;
}

void gathering_release(struct gathering *gathering) {
  for (uint32_t i = 0; i < gathering->count && gathering->episode; i++) buffer_release(&gathering->episode[i].steps);
  memory_free(gathering->episode);
  memory_free(gathering->player);
  memory_free(gathering->step.obs);
  memory_free(gathering->step.next_obs);
  memory_free(gathering->step.action);
  memory_free(gathering->step.scaled);
  memory_free(gathering->step.eps);
  message_hello_release(&gathering->hello);
  actor_table_release(&gathering->table);
}

enum status gathering_begin(struct gathering *gathering, struct message_evaluate evaluate,
                            const struct policy_weights *weights, struct error *error) {
  struct actor_table *table = &gathering->table;
  enum status status = message_encode_empty(&table->bytes, MESSAGE_START, 0, error);
  if (status == STATUS_OK) status = actor_table_send_all(table, false, error);
  evaluate.number = NUMBER;
  evaluate.stride = gathering->players;
  evaluate.count = gathering->count;
  for (uint32_t i = 0; i < gathering->players && status == STATUS_OK; i++) {
    evaluate.first = i;
    status = message_encode_evaluate(&table->bytes, 0, &evaluate, weights, error);
    if (status == STATUS_OK) status = actor_table_send(table, i, error);
  }
  return status;
}

// --- messages ---

// The episode that this actor may tell of now, or NULL.
static struct gathered *find_episode(struct gathering *gathering, const struct frame *frame, uint64_t number,
                                     uint32_t episode, struct error *error) {
  const bool is_asked = number == NUMBER && episode < gathering->count && frame->sender <= gathering->players &&
                        episode % gathering->players == frame->sender - 1;
  if (is_asked && !gathering->episode[episode].is_here) return &gathering->episode[episode];
  error_set(error, STATUS_PEER, "rank %u sent %s of episode %u, which it was not asked for", frame->rank,
            message_type_name(frame->type), episode);
  return NULL;
}

// Keeps the frame as it came. A step that is not behind the last one says that the episode was begun again.
static enum status take_step(struct gathering *gathering, const struct frame *frame, struct error *error) {
  struct message_step *step = &gathering->step;
  enum status status = message_decode_step(frame, step, error);
  if (status != STATUS_OK) return status;
  struct gathered *episode = find_episode(gathering, frame, step->number, step->episode, error);
  if (!episode) return error->status;
  struct buffer *steps = &episode->steps;
  if (step->step < episode->step || (step->step == episode->step && step->agent <= episode->agent)) steps->size = 0;
  episode->step = step->step;
  episode->agent = step->agent;
  gathering->step_bytes = frame->size; // the same of all, since their shape is the same
  status = buffer_reserve(steps, steps->size + frame->size, error);
  if (status != STATUS_OK) return status;
  memcpy(steps->data + steps->size, frame->payload, frame->size);
  steps->size += frame->size;
  return STATUS_OK;
}

static enum status take_episode(struct gathering *gathering, const struct frame *frame, struct error *error) {
  struct message_episode result;
  const enum status status = message_decode_episode(frame, &result, error);
  if (status != STATUS_OK) return status;
  struct gathered *episode = find_episode(gathering, frame, result.number, result.episode, error);
  if (!episode) return error->status;
  if (result.length == 0 && !result.failed)
    return error_set(error, STATUS_PEER, "rank %u sent episode %u without a step", frame->rank, result.episode);
  if (!result.failed && result.info_dim != gathering->hello.info_dim)
    return error_set(error, STATUS_PEER, "rank %u sent episode %u with %u named values, the environment has %u",
                     frame->rank, result.episode, result.info_dim, gathering->hello.info_dim);
  episode->result = result;
  episode->is_here = true;
  gathering->player[frame->sender - 1].failed |= result.failed && result.cut != EPISODE_NOT_BEGUN;
  return STATUS_OK;
}

static enum status take_env_failure(struct gathering *gathering, const struct frame *frame, struct error *error) {
  struct message_env_failure failure;
  const enum status status = message_decode_env_failure(frame, &failure, error);
  if (status != STATUS_OK) return status;
  if (frame->sender > gathering->players)
    return error_set(error, STATUS_PEER, "rank %u sent a failure, but plays nothing", frame->rank);
  struct player *player = &gathering->player[frame->sender - 1];
  if (!player->failed) snprintf(player->why, sizeof player->why, "%s", failure.text);
  if (failure.in_a_row <= 1) gathering->said(failure.text);
  return STATUS_OK;
}

static enum status take_failed(const struct frame *frame, struct error *error) {
  struct message_failed failed;
  const enum status status = message_decode_failed(frame, &failed, error);
  if (status != STATUS_OK) return status;
  return error_set(error, (enum status)failed.status, "rank %u: %s", frame->rank, failed.text);
}

static enum status take_heartbeat(struct gathering *gathering, const struct frame *frame, struct error *error) {
  struct message_heartbeat heartbeat;
  const enum status status = message_decode_heartbeat(frame, &heartbeat, error);
  if (status != STATUS_OK) return status;
  return actor_table_take_heartbeat(&gathering->table, frame->sender - 1, &heartbeat, error);
}

static enum status stopped(const struct gathering *gathering, const char *who, struct error *error) {
  return error_set(
      error, STATUS_STOPPED,
      "a signal%s stopped the evaluation after %u of %u episode%s (mpirun sends one when another rank dies)", who,
      gathering->next, gathering->count, plural(gathering->count));
}

static enum status take_stop_request(const struct gathering *gathering, const struct frame *frame,
                                     struct error *error) {
  char who[48];
  snprintf(who, sizeof who, " to rank %u", frame->rank);
  const enum status status = message_decode_empty(frame, error);
  return status == STATUS_OK ? stopped(gathering, who, error) : status;
}

static enum status take_bytes(struct gathering *gathering, int from, const uint8_t *bytes, size_t size,
                              struct error *error) {
  struct frame frame;
  const enum status status = frame_decode(bytes, size, &frame, error);
  if (status != STATUS_OK) return status;
  frame.rank = (uint32_t)transport_world_rank(gathering->table.transport, from);
  if (from < 1 || frame.sender != (uint32_t)from)
    return error_set(error, STATUS_PEER, "a message of rank %u says it is of sender %u", frame.rank, frame.sender);
  actor_table_hear(&gathering->table, (uint32_t)from - 1);
  switch (frame.type) {
  case MESSAGE_STEP: return take_step(gathering, &frame, error);
  case MESSAGE_EPISODE: return take_episode(gathering, &frame, error);
  case MESSAGE_ENV_FAILURE: return take_env_failure(gathering, &frame, error);
  case MESSAGE_FAILED: return take_failed(&frame, error);
  case MESSAGE_STOP_REQUEST: return take_stop_request(gathering, &frame, error);
  case MESSAGE_HEARTBEAT: return take_heartbeat(gathering, &frame, error);
  default:
    return error_set(error, STATUS_PEER, "rank %u sent %s to the rank that gathers", frame.rank,
                     message_type_name(frame.type));
  }
}

// --- the turn ---

static enum status say_dead(const struct gathering *gathering, int actor, struct error *error) {
  const struct actor_table *table = &gathering->table;
  const struct actor_entry *entry = &table->entry[actor];
  const int rank = transport_world_rank(table->transport, actor + 1);
  if (process_has_ended(entry->pid))
    return error_set(error, STATUS_FAILED, "rank %d is gone: its process has ended after %u of %u episode%s", rank,
                     gathering->next, gathering->count, plural(gathering->count));
  return error_set(
      error, STATUS_FAILED,
      "rank %d has been silent for %.1f s after %u of %u episode%s: its environment hangs, or a step takes "
      "longer than the run's env_timeout, %g s",
      rank, clock_now() - entry->heard, gathering->next, gathering->count, plural(gathering->count),
      table->env_timeout);
}

enum status gathering_turn(struct gathering *gathering, bool *busy, struct error *error) {
  struct actor_table *table = &gathering->table;
  actor_table_listen(table);
  for (int taken = 0; taken < TAKEN_AT_ONCE; taken++) {
    int from = -1;
    const uint8_t *bytes;
    size_t size;
    enum status status = transport_receive(table->transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size == 0) break;
    if (status == STATUS_OK) status = take_bytes(gathering, from, bytes, size, error);
    if (status != STATUS_OK) return status;
    *busy = true;
  }
  // The signal may be mpirun's, which tells the other ranks to end when one dies.
  int dead = *gathering->stop ? actor_table_find_dead(table) : -1;
  if (*gathering->stop && dead < 0) return stopped(gathering, "", error);
  const enum status status = dead < 0 ? actor_table_keep_in_touch(table, 0, &dead, error) : STATUS_OK;
  return status == STATUS_OK && dead >= 0 ? say_dead(gathering, dead, error) : status;
}

// --- what has been gathered ---

static bool read_step(struct gathering *gathering, struct gathered *episode, struct gathering_next *next) {
  struct message_step *step = &gathering->step;
  const struct frame frame = {
      .type = MESSAGE_STEP, .payload = episode->steps.data + episode->read, .size = gathering->step_bytes};
  if (message_decode_step(&frame, step, NULL) != STATUS_OK) return false; // it was decoded before
  episode->read += frame.size;
  next->last = episode->read == episode->steps.size;
  next->made = (struct evaluator_transition){.episode = step->episode,
                                             .step = step->step,
                                             .agent = step->agent,
                                             .obs = step->obs,
                                             .next_obs = step->next_obs,
                                             .action = step->action,
                                             .scaled = step->scaled,
                                             .eps = step->eps,
                                             .info = step->info,
                                             .reward = step->reward,
                                             .flags = (int)step->flags};
  return true;
}

enum gathering_item gathering_next(struct gathering *gathering, struct gathering_next *next) {
  if (gathering->next == gathering->count) return GATHERING_OVER;
  struct gathered *episode = &gathering->episode[gathering->next];
  if (!episode->is_here) return GATHERING_NOTHING;
  if (episode->read < episode->steps.size && read_step(gathering, episode, next)) return GATHERING_STEP;
  next->episode = episode->result;
  next->why = gathering->player[gathering->next % gathering->players].why;
  gathering->next++;
  buffer_release(&episode->steps);
  return GATHERING_EPISODE;
}

bool gathering_dismiss(struct gathering *gathering, int exit_code, double seconds) {
  return handshake_dismiss(gathering->table.transport, exit_code, seconds);
}
