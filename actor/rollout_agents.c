// The agents of a rollout's environments: their slots. The states and the invariants are in rollout_impl.h. What a step
// of an environment of one agent does with its only slot stands in rollout.c.
#include "actor/rollout_impl.h"

#include <assert.h>
#include <string.h>

enum { MOST_SLOTS = 1 << 28 };

enum status rollout_create_slots(struct rollout *rollout, struct error *error) {
  const struct config *config = rollout->config;
  uint64_t slots = 0;
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    member->slot = (uint32_t)slots;
    slots += member->agents;
    rollout->has_agents |= member->agents > 1;
    if (slots > MOST_SLOTS)
      return error_set(error, STATUS_USAGE,
                       "%s: the environments of one actor have more than %d agents: start more actors",
                       environment_kind_name(rollout->kind), MOST_SLOTS);
  }
  rollout->slot_count = (uint32_t)slots;
  rollout->slots = memory_alloc(slots, sizeof *rollout->slots, "a rollout", error);
  if (!rollout->slots) return STATUS_MEMORY;
  for (uint32_t i = 0; i < rollout->count; i++)
    for (uint32_t j = 0; j < rollout->members[i].agents; j++) {
      struct slot *slot = &rollout->slots[rollout->members[i].slot + j];
      const enum status status = n_step_init(&slot->window, (uint32_t)config_row_steps(config), config->gamma,
                                             rollout->obs_dim, rollout->act_dim, error);
      if (status != STATUS_OK) return status;
      slot->window.agent = j;
    }
  return STATUS_OK;
}

void rollout_destroy_slots(struct rollout *rollout) {
  for (uint32_t s = 0; rollout->slots && s < rollout->slot_count; s++) n_step_release(&rollout->slots[s].window);
  memory_free(rollout->slots);
}

void rollout_begin_agents(struct rollout *rollout, uint32_t i) {
  const struct member *member = &rollout->members[i];
  const uint8_t *agent = member->environment.agent;
  for (uint32_t j = 0; j < member->agents; j++) {
    struct slot *slot = &rollout->slots[member->slot + j];
    n_step_clear(&slot->window);
    slot->is_present = !agent || agent[j] == CORSAC_PRESENT;
    slot->took_part = false;
    slot->episode_return = 0;
    slot->length = 0;
    slot->hold = (struct noise_hold){0};
  }
}

// --- the step ---

void rollout_append_agents(const struct rollout *rollout, uint32_t i, uint64_t version,
                           struct transition_batch *batch) {
  const struct member *member = &rollout->members[i];
  const struct slot *slots = rollout->slots + member->slot;
  assert(batch->agent || member->agents == 1);
  for (uint32_t j = 0, end; j < member->agents; j = end) { // a run of agents at once
    const bool acted = slots[j].is_present;
    end = j + 1;
    while (end < member->agents && slots[end].is_present == acted) end++;
    if (!acted) continue;
    const uint32_t row = batch->rows;
    rollout_append_rows(rollout, member->slot + j, end - j, version, batch);
    for (uint32_t k = j; k < end; k++) batch->environment[row + k - j] = rollout->first + i;
    for (uint32_t k = j; k < end && batch->agent; k++) batch->agent[row + k - j] = k;
    for (uint32_t k = j; k < end && batch->episode_step; k++) {
      batch->episode_number[row + k - j] = member->episode;
      batch->episode_step[row + k - j] = member->agents > 1 ? slots[k].length : member->episode_length;
    }
  }
}

void rollout_push(const struct rollout *rollout, uint32_t i, uint32_t s, uint64_t version, int ends,
                  struct transition_batch *batch) {
  const struct n_step_transition transition = {.obs = rollout->obs + (size_t)s * rollout->obs_dim,
                                               .action = rollout->action + (size_t)s * rollout->act_dim,
                                               .reward = (float)rollout->reward[s],
                                               .version = version,
                                               .next_obs = rollout->next_obs + (size_t)s * rollout->obs_dim,
                                               .terminated = ends & CORSAC_TERMINATED,
                                               .truncated = ends & CORSAC_TRUNCATED};
  n_step_push(&rollout->slots[s].window, &transition, rollout->first + i, batch);
}

uint32_t rollout_record_agents(struct rollout *rollout, uint32_t i, uint64_t version, int ends,
                               struct transition_batch *batch) {
  const struct member *member = &rollout->members[i];
  uint32_t acted = 0;
  for (uint32_t j = 0; j < member->agents; j++) {
    const uint32_t s = member->slot + j;
    const uint8_t agent = member->environment.agent[j];
    struct slot *slot = &rollout->slots[s];
    const bool stays = agent == CORSAC_PRESENT && !ends;
    if (slot->is_present) {
      acted++;
      slot->took_part = true;
      slot->episode_return += rollout->reward[s];
      if (slot->window.n > 1) rollout_push(rollout, i, s, version, agent == CORSAC_PRESENT ? ends : agent, batch);
    }
    slot->length = slot->is_present && stays ? slot->length + 1 : 0;
    if (slot->length == 0) slot->hold = (struct noise_hold){0};
    slot->is_present = stays;
  }
  return acted;
}

double rollout_mean_return(const struct rollout *rollout, uint32_t i, uint32_t *agents) {
  const struct member *member = &rollout->members[i];
  double sum = 0;
  *agents = 0;
  for (uint32_t j = 0; j < member->agents; j++) {
    const struct slot *slot = &rollout->slots[member->slot + j];
    if (!slot->took_part) continue;
    sum += slot->episode_return;
    ++*agents;
  }
  return *agents > 0 ? sum / *agents : 0;
}

// --- snapshots ---

void rollout_save_agents(const struct rollout *rollout, uint32_t i, struct snapshot *snapshot) {
  const struct member *member = &rollout->members[i];
  snapshot->window = 0;
  snapshot->episode_return = 0;
  rollout_save_inputs(rollout, i, snapshot);
  for (uint32_t j = 0; j < member->agents; j++) {
    const struct slot *slot = &rollout->slots[member->slot + j];
    const uint32_t held = n_step_save(&slot->window, snapshot);
    snapshot->episode_return += slot->episode_return;
    if (member->agents == 1) break;
    snapshot->agent_window[j] = held;
    snapshot->agent_return[j] = slot->episode_return;
    snapshot->agent_length[j] = slot->length;
    snapshot->agent_state[j] =
        (uint8_t)((slot->is_present ? SNAPSHOT_PRESENT : 0) | (slot->took_part ? SNAPSHOT_TOOK_PART : 0));
  }
}

enum status rollout_load_agents(struct rollout *rollout, uint32_t i, const struct snapshot *snapshot,
                                struct error *error) {
  const struct member *member = &rollout->members[i];
  struct slot *slots = rollout->slots + member->slot;
  rollout_load_inputs(rollout, i, snapshot);
  if (member->agents == 1) {
    slots->episode_return = snapshot->episode_return;
    return n_step_load(&slots->window, snapshot, 0, snapshot->window, error);
  }
  enum status status = STATUS_OK;
  for (uint32_t j = 0, first = 0; j < member->agents && status == STATUS_OK; first += snapshot->agent_window[j++]) {
    slots[j].is_present = snapshot->agent_state[j] & SNAPSHOT_PRESENT;
    slots[j].took_part = snapshot->agent_state[j] & SNAPSHOT_TOOK_PART;
    slots[j].episode_return = snapshot->agent_return[j];
    slots[j].length = snapshot->agent_length[j];
    slots[j].hold = (struct noise_hold){0};
    status = n_step_load(&slots[j].window, snapshot, first, snapshot->agent_window[j], error);
  }
  rollout_tell_agents(rollout, i);
  return status;
}

void rollout_tell_agents(struct rollout *rollout, uint32_t i) {
  struct member *member = &rollout->members[i];
  const struct slot *slots = rollout->slots + member->slot;
  for (uint32_t j = 0; member->agents > 1 && j < member->agents; j++)
    member->environment.agent[j] = slots[j].is_present ? CORSAC_PRESENT : CORSAC_ABSENT;
}
