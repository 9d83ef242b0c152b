// What the policy sees of the past: the inputs of a rollout's slots. Without a history there are none.
#include "actor/rollout_impl.h"

#include <string.h>

void rollout_reset_inputs(struct rollout *rollout, uint32_t i) {
  const struct member *member = &rollout->members[i];
  for (uint32_t s = member->slot; rollout->input && s < member->slot + member->agents; s++)
    history_reset(&rollout->history, rollout_input(rollout, s), rollout->obs + (size_t)s * rollout->obs_dim);
}

void rollout_push_inputs(struct rollout *rollout, uint32_t i) {
  const struct member *member = &rollout->members[i];
  const struct history *history = &rollout->history;
  for (uint32_t s = member->slot; s < member->slot + member->agents; s++) {
    const struct slot *slot = &rollout->slots[s];
    const float *obs = rollout->obs + (size_t)s * rollout->obs_dim;
    if (member->agents > 1 && !slot->is_present) continue;
    if (member->agents > 1 && slot->length == 0) // it came in this step
      history_reset(history, rollout_input(rollout, s), obs);
    else
      history_push(history, rollout_input(rollout, s), rollout->action + (size_t)s * rollout->act_dim, obs);
  }
}

void rollout_save_inputs(const struct rollout *rollout, uint32_t i, struct snapshot *snapshot) {
  const size_t dim = snapshot->history_dim, slot = rollout->members[i].slot;
  for (uint32_t j = 0; dim > 0 && j < rollout->members[i].agents; j++)
    memcpy(snapshot->history + j * dim, rollout_input(rollout, (uint32_t)slot + j), dim * sizeof(float));
}

void rollout_load_inputs(struct rollout *rollout, uint32_t i, const struct snapshot *snapshot) {
  const size_t dim = snapshot->history_dim, slot = rollout->members[i].slot;
  for (uint32_t j = 0; dim > 0 && j < rollout->members[i].agents; j++) {
    float *input = rollout_input(rollout, (uint32_t)slot + j);
    memcpy(input, snapshot->history + j * dim, dim * sizeof(float));
    memcpy(input + dim, snapshot->obs + (size_t)j * rollout->obs_dim, rollout->obs_dim * sizeof(float));
  }
}
