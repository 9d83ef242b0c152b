// Where the environments of a rollout stand, as a snapshot, and the loan of an only instance. The states and the
// invariants are in rollout_impl.h.
#include "actor/rollout_impl.h"

#include <assert.h>
#include <string.h>

// --- loans ---

struct environment *rollout_lend(struct rollout *rollout, bool now, struct transition_batch *batch) {
  assert(rollout->count == 1 && !rollout->is_lent); // I5
  struct member *member = &rollout->members[0];
  rollout->lent.size = 0;
  if (member->state == MEMBER_RUNNING) {
    const bool saved = rollout_save_member(rollout, 0, &rollout->lent);
    if (!saved && !now) return NULL;
    if (!saved) rollout_cut_episode(rollout, 0, batch);
  }
  rollout->is_lent = true;
  return &member->environment;
}

// Puts the running episode, which the loan interrupted, back into the instance.
static enum status resume_episode(struct rollout *rollout, struct error *error) {
  struct member *member = &rollout->members[0];
  enum status status = STATUS_OK;
  if (!member->environment.self) status = rollout_create_environment(rollout, 0, error);
  if (status != STATUS_OK) return status;
  member->environment.guest.episode = member->episode;
  status = environment_load(&member->environment, rollout->lent.data, rollout->lent.size, error);
  member->environment.guest.step = member->episode_length;
  rollout_tell_agents(rollout, 0);
  return status;
}

enum status rollout_take_back(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  assert(rollout->is_lent);
  struct member *member = &rollout->members[0];
  struct error why = {0};
  rollout->is_lent = false;
  member->environment.guest.evaluation = false;
  if (member->state == MEMBER_RUNNING)
    return resume_episode(rollout, &why) == STATUS_OK ? STATUS_OK
                                                      : rollout_take_failure(rollout, 0, &why, batch, error);
  if (!member->environment.self) member->state = MEMBER_FAILED; // it failed while it was lent, or was made anew
  return STATUS_OK;
}

// --- snapshots ---

static enum status copy_state(struct buffer *to, const struct buffer *from, struct error *error) {
  const enum status status = buffer_reserve(to, from->size, error);
  if (status != STATUS_OK) return status;
  memcpy(to->data, from->data, from->size);
  to->size = from->size;
  return STATUS_OK;
}

enum status rollout_snapshot(struct rollout *rollout, uint32_t i, struct snapshot *snapshot, struct error *error) {
  assert(i < rollout->count && snapshot->obs_dim == rollout->obs_dim && snapshot->act_dim == rollout->act_dim);
  assert(snapshot->history_dim == history_width(&rollout->history) - rollout->obs_dim);
  struct member *member = &rollout->members[i];
  assert(member->agents <= snapshot->agent_capacity);

  // Between two episodes the counters are everything.
  const bool is_running = member->state == MEMBER_RUNNING;
  snapshot->environment = rollout->first + i;
  snapshot->agents = member->agents;
  snapshot->steps = member->steps;
  snapshot->episode = member->episode;
  snapshot->exact = !is_running;
  snapshot_forget_episode(snapshot);
  memset(snapshot->obs, 0, (size_t)member->agents * rollout->obs_dim * sizeof(float));
  if (snapshot->history) memset(snapshot->history, 0, (size_t)member->agents * snapshot->history_dim * sizeof(float));
  if (!is_running) return STATUS_OK;

  // In an episode the environment's own state has to come along. Of a lent instance it was saved before the loan.
  if (rollout->is_lent) {
    const enum status status = copy_state(&snapshot->state, &rollout->lent, error);
    if (status != STATUS_OK) return status;
  } else if (!rollout_save_member(rollout, i, &snapshot->state)) {
    snapshot->episode++; // a resume cannot take up the running episode
    return STATUS_OK;
  }
  snapshot->live = snapshot->exact = true;
  snapshot->episode_length = member->episode_length;
  snapshot->info_dim = member->environment.info_dim;
  memcpy(snapshot->info_count, member->info_episode.count, sizeof snapshot->info_count);
  memcpy(snapshot->info_number, member->info_episode.number, sizeof snapshot->info_number);
  memcpy(snapshot->obs, rollout_obs(rollout, i), (size_t)member->agents * rollout->obs_dim * sizeof(float));
  rollout_save_agents(rollout, i, snapshot);
  return STATUS_OK;
}

static enum status check_snapshot(const struct rollout *rollout, const struct snapshot *snapshot, struct error *error) {
  if (snapshot->environment < rollout->first || snapshot->environment - rollout->first >= rollout->count)
    return error_set(error, STATUS_MISMATCH,
                     "a snapshot of environment %u came to an actor that has environments %u to %u",
                     snapshot->environment, rollout->first, rollout->first + rollout->count - 1);
  if (snapshot->obs_dim != rollout->obs_dim || snapshot->act_dim != rollout->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "the snapshot of environment %u has obs_dim %u and act_dim %u, here they are %u and %u",
                     snapshot->environment, snapshot->obs_dim, snapshot->act_dim, rollout->obs_dim, rollout->act_dim);
  const uint32_t agents = rollout->members[snapshot->environment - rollout->first].agents;
  if (snapshot->agents != agents)
    return error_set(error, STATUS_MISMATCH, "the snapshot of environment %u has %u agents, here it has %u",
                     snapshot->environment, snapshot->agents, agents);
  return STATUS_OK;
}

enum status rollout_restore(struct rollout *rollout, const struct snapshot *snapshot, struct error *error) {
  enum status status = check_snapshot(rollout, snapshot, error);
  if (status != STATUS_OK) return status;
  const uint32_t i = snapshot->environment - rollout->first;
  struct member *member = &rollout->members[i];
  const bool stateless = snapshot->live && snapshot->state.size == 0;
  if (stateless && environment_can_save(&member->environment))
    return error_set(error, STATUS_FORMAT,
                     "the snapshot of environment %u is in the middle of an episode, but holds no state",
                     snapshot->environment);

  // The counters. Where that is all there is, a new episode begins.
  rollout_begin_agents(rollout, i); // I3
  rollout->is_drawn = false;
  member->steps = snapshot->steps;
  member->episode = snapshot->episode + stateless;
  member->state = MEMBER_BETWEEN;
  if (!snapshot->live || stateless) return STATUS_OK;

  // The running episode.
  member->environment.guest.episode = member->episode;
  status = environment_load(&member->environment, snapshot->state.data, snapshot->state.size, error);
  if (status == STATUS_OK) status = rollout_load_agents(rollout, i, snapshot, error);
  if (status != STATUS_OK) return status;
  member->environment.guest.step = snapshot->episode_length;
  member->state = MEMBER_RUNNING;
  member->episode_length = snapshot->episode_length;
  member->info_episode = (struct info_episode){0};
  if (snapshot->info_dim == member->environment.info_dim) {
    memcpy(member->info_episode.count, snapshot->info_count, sizeof snapshot->info_count);
    memcpy(member->info_episode.number, snapshot->info_number, sizeof snapshot->info_number);
  }
  memcpy(rollout_obs(rollout, i), snapshot->obs, (size_t)member->agents * rollout->obs_dim * sizeof(float));
  return STATUS_OK;
}
