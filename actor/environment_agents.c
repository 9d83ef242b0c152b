// What only an instance of several agents has: who of them is there, and checks that name the agent.
#include "actor/environment_impl.h"

#include "common/wire/message.h"
#include <math.h>
#include <string.h>

// Floats of the observations, or actions, of one instance.
#define MOST_NUMBERS ((uint64_t)1 << 26)

enum status environment_agents_init(struct environment *environment, uint32_t agents, struct error *error) {
  static const char what[] = "an environment's agents";
  const uint64_t dim = environment->obs_dim > environment->act_dim ? environment->obs_dim : environment->act_dim;
  environment->agents = agents > 1 ? agents : 1;
  if (agents > CORSAC_MAX_AGENTS)
    return environment_fail(environment, STATUS_FAILED, error, "create set agents to %u; it has to be 1 to %d", agents,
                            CORSAC_MAX_AGENTS);
  if (agents * dim > MOST_NUMBERS && agents > 1)
    return environment_fail(environment, STATUS_FAILED, error,
                            "%u agents with obs_dim %u and act_dim %u are more than an instance may have: agents times "
                            "the larger one is at most %llu",
                            agents, environment->obs_dim, environment->act_dim, (unsigned long long)MOST_NUMBERS);
  if (agents <= 1) return STATUS_OK;
  environment->agent = memory_alloc(agents, sizeof *environment->agent, what, error);
  environment->acts = memory_alloc(agents, sizeof *environment->acts, what, error);
  environment->frame_reward = memory_alloc(agents, sizeof *environment->frame_reward, what, error);
  return environment->agent && environment->acts && environment->frame_reward ? STATUS_OK : STATUS_MEMORY;
}

void environment_agents_release(struct environment *environment) {
  memory_free(environment->agent);
  memory_free(environment->acts);
  memory_free(environment->frame_reward);
}

void environment_agents_ask(struct environment *environment) {
  const struct corsac_env *abi = environment->kind->abi;
  memset(environment->agent, CORSAC_PRESENT, environment->agents);
  if (abi->agent_flags) abi->agent_flags(environment->self, environment->agent);
}

void environment_agents_begin(struct environment *environment) {
  for (uint32_t j = 0; j < environment->agents; j++) environment->acts[j] = environment->agent[j] == CORSAC_PRESENT;
}

// --- checks ---

static enum status refuse_flags(const struct environment *environment, const char *call, uint32_t j,
                                struct error *error) {
  const int flags = environment->agent[j];
  if (flags != CORSAC_PRESENT && flags & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED))
    return environment_fail(environment, STATUS_FAILED, error,
                            "%s: agent %u has flags %d; known are CORSAC_PRESENT (%d), CORSAC_TERMINATED (%d), "
                            "CORSAC_TRUNCATED (%d), the last two together, and CORSAC_ABSENT (0)",
                            call, j, flags, CORSAC_PRESENT, CORSAC_TERMINATED, CORSAC_TRUNCATED);
  if (flags == CORSAC_ABSENT)
    return environment_fail(environment, STATUS_FAILED, error,
                            "%s: agent %u acted in it and is CORSAC_ABSENT; an agent leaves with CORSAC_TERMINATED or "
                            "CORSAC_TRUNCATED and its last observation",
                            call, j);
  return environment_fail(environment, STATUS_FAILED, error,
                          "%s: agent %u has flags %d, an episode's end, but it was not there before", call, j, flags);
}

// An agent that acted is PRESENT or has ended; one that did not is PRESENT or ABSENT.
static bool flags_are_legal(uint8_t flags, bool acted) {
  if (flags == CORSAC_PRESENT) return true;
  return acted ? flags > 0 && flags <= (CORSAC_TERMINATED | CORSAC_TRUNCATED) : flags == CORSAC_ABSENT;
}

static enum status take_agent(const struct environment *environment, const char *call, uint32_t j, bool acted,
                              float *obs, struct error *error) {
  if (!flags_are_legal(environment->agent[j], acted)) return refuse_flags(environment, call, j, error);
  if (environment->agent[j] == CORSAC_ABSENT) {
    memset(obs, 0, environment->obs_dim * sizeof *obs);
    return STATUS_OK;
  }
  float zero = 0;
  for (uint32_t k = 0; k < environment->obs_dim; k++) zero += 0 * obs[k];
  if (zero == 0) return STATUS_OK;
  uint32_t k = 0;
  while (isfinite(obs[k])) k++;
  return environment_fail(environment, STATUS_FAILED, error,
                          "%s returned an observation of agent %u that is not finite: component %u is %g", call, j, k,
                          (double)obs[k]);
}

enum status environment_agents_take_reset(struct environment *environment, const char *call, float *obs,
                                          struct error *error) {
  enum status status = STATUS_OK;
  for (uint32_t j = 0; j < environment->agents && status == STATUS_OK; j++)
    status = take_agent(environment, call, j, false, obs + (size_t)j * environment->obs_dim, error);
  return status;
}

enum status environment_agents_take_frame(struct environment *environment, const char *call, float *obs, double *reward,
                                          bool *changed, struct error *error) {
  const bool first = environment->frames_left == environment->frame_skip;
  *changed = false;
  for (uint32_t j = 0; j < environment->agents; j++) {
    const bool acted = environment->acts[j];
    const enum status status = take_agent(environment, call, j, acted, obs + (size_t)j * environment->obs_dim, error);
    if (status != STATUS_OK) return status;
    reward[j] = (first ? 0 : reward[j]) + (acted ? environment->frame_reward[j] : 0);
    *changed |= acted != (environment->agent[j] == CORSAC_PRESENT);
    if (!isfinite(reward[j]) || !isfinite((float)reward[j])) // replay stores floats
      return environment_fail(environment, STATUS_FAILED, error,
                              "%s returned a reward of agent %u that is not a finite float: %g", call, j, reward[j]);
  }
  return STATUS_OK;
}
