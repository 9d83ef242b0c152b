// What a rollout does when an environment fails. The states and the invariants are in rollout_impl.h.
#include "actor/rollout_impl.h"

#include "actor/group.h"
#include "common/base/clock.h"
#include <stdio.h>

static const double PAUSE_FIRST = 0.1, PAUSE_LONGEST = 5; // s

void rollout_cut_episode(struct rollout *rollout, uint32_t i, struct transition_batch *batch) {
  struct member *member = &rollout->members[i];
  for (uint32_t j = 0; member->state == MEMBER_RUNNING && config_row_steps(rollout->config) > 1 && j < member->agents;
       j++)
    n_step_close(&rollout->slots[member->slot + j].window, rollout_obs(rollout, i) + (size_t)j * rollout->obs_dim,
                 rollout->first + i, batch); // I3
  member->state = MEMBER_BETWEEN;
  member->episode++;
}

// No pause after a first failure, then one that doubles from PAUSE_FIRST to PAUSE_LONGEST.
static double pause_after(uint32_t failures) {
  double pause = failures > 1 ? PAUSE_FIRST : 0;
  for (uint32_t i = 2; i < failures && pause < PAUSE_LONGEST; i++) pause *= 2;
  return pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST;
}

static void report_failure(struct rollout *rollout, uint32_t i, double pause, const char *text) {
  struct member *member = &rollout->members[i];
  member->env_failure =
      (struct message_env_failure){.environment = rollout->first + i, .in_a_row = member->failures, .pause = pause};
  snprintf(member->env_failure.text, sizeof member->env_failure.text, "%s", text);
  if (!member->has_failure) rollout->unreported++; // I4
  member->has_failure = true;
}

enum status rollout_take_failure(struct rollout *rollout, uint32_t i, const struct error *why,
                                 struct transition_batch *batch, struct error *error) {
  struct member *member = &rollout->members[i];
  if (why->status != STATUS_FAILED) return error_set(error, why->status, "%s", why->text);

  // A create that failed again has no episode to lose.
  if (member->environment.self || member->state == MEMBER_RUNNING) rollout_cut_episode(rollout, i, batch);
  environment_destroy(&member->environment);
  member->state = MEMBER_FAILED; // I2
  member->steps_now = false;
  member->failures = member->good_steps >= ROLLOUT_GOOD_STEPS ? 1 : member->failures + 1;
  member->good_steps = 0;

  // A group of ranks that is broken can make no new instance.
  if (group_is_broken(rollout->kind->group)) return error_set(error, STATUS_FAILED, "%s", why->text);
  const uint64_t most = rollout->config->env_max_failures;
  if (member->failures >= most)
    return most > 1 ? error_set(error, STATUS_FAILED, "%u failures in a row (env_max_failures), the last one: %.900s",
                                member->failures, why->text)
                    : error_set(error, STATUS_FAILED, "%s", why->text);

  const double pause = pause_after(member->failures);
  member->retry_at = clock_now() + pause;
  report_failure(rollout, i, pause, why->text);
  return STATUS_OK;
}

bool rollout_save_member(struct rollout *rollout, uint32_t i, struct buffer *state) {
  struct member *member = &rollout->members[i];
  const bool saved = environment_save(&member->environment, state);
  if (!member->environment.unsaved[0] || member->was_warned) return saved;
  member->was_warned = member->has_warning = true;
  snprintf(member->warning, sizeof member->warning, "%s", member->environment.unsaved);
  rollout->unreported++; // I4
  return saved;
}

const struct message_env_failure *rollout_env_failure(struct rollout *rollout) {
  for (uint32_t i = 0; rollout->unreported > 0 && i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (!member->has_failure && !member->has_warning) continue;
    rollout->unreported--; // I4
    if (member->has_failure) {
      member->has_failure = false;
      return &member->env_failure;
    }
    member->has_warning = false;
    rollout->warning = (struct message_env_failure){.environment = rollout->first + i};
    snprintf(rollout->warning.text, sizeof rollout->warning.text, "%s", member->warning);
    return &rollout->warning;
  }
  return NULL;
}
