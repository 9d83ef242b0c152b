// The rules of an instance of several agents, and the calls that only it needs. Its probe has one long observation,
// that of all agents side by side, and one reward, their sum: what is compared elsewhere is compared for all of them.
#include "common/base/memory.h"
#include "launch/environments/check_env_probe.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { FLAG_POISON = 0xee };

bool probe_agents_create(struct probe *probe, uint32_t agents) {
  struct check *check = probe->check;
  probe->agents = agents > 1 ? agents : 1;
  if (agents > CORSAC_MAX_AGENTS) {
    check_note(check, RULE_AGENTS, BROKEN, "create set agents to %u; it has to be 1 to %d", agents, CORSAC_MAX_AGENTS);
    return false;
  }
  if (agents <= 1) {
    if (probe->kind->plugin && probe->kind->abi->agent_flags)
      check_note(check, RULE_AGENTS, WARNING,
                 "it has the member agent_flags, but create set no agents: it is never called");
    return true;
  }
  probe->flags_guarded = memory_alloc((size_t)agents + 2 * PROBE_GUARD, 1, "the agents' flags", NULL);
  probe->acts = memory_alloc(agents, 1, "the agents' flags", NULL);
  probe->rewards_guarded = memory_alloc((size_t)agents + 2 * PROBE_GUARD, sizeof(double), "rewards", NULL);
  if (!probe->flags_guarded || !probe->acts || !probe->rewards_guarded) {
    check_note(check, RULE_CREATE, BROKEN, "there is no memory for %u agents", agents);
    return false;
  }
  probe->agent = probe->flags_guarded + PROBE_GUARD;
  probe->rewards = probe->rewards_guarded + PROBE_GUARD;
  return true;
}

void probe_agents_release(struct probe *probe) {
  memory_free(probe->flags_guarded);
  memory_free(probe->acts);
  memory_free(probe->rewards_guarded);
}

double *probe_agents_begin(struct probe *probe) {
  for (uint32_t j = 0; j < probe->agents; j++) probe->acts[j] = probe->agent[j] == CORSAC_PRESENT;
  for (size_t i = 0; i < (size_t)probe->agents + 2 * PROBE_GUARD; i++)
    memcpy(&probe->rewards_guarded[i], &PROBE_REWARD_POISON, sizeof(double));
  return probe->rewards;
}

void probe_agents_ask(struct probe *probe) {
  const size_t size = (size_t)probe->agents + 2 * PROBE_GUARD;
  memset(probe->flags_guarded, FLAG_POISON, size);
  if (!probe->kind->abi->agent_flags) {
    memset(probe->agent, CORSAC_PRESENT, probe->agents);
    return;
  }
  probe_begin_call(probe, probe->step > 0 ? GUEST_STEP : GUEST_RESET, "agent_flags");
  probe->kind->abi->agent_flags(probe->self, probe->agent);
  probe_end_call(probe);
  bool over = false;
  for (size_t i = 0; i < PROBE_GUARD; i++)
    over |= probe->flags_guarded[i] != FLAG_POISON || probe->flags_guarded[size - 1 - i] != FLAG_POISON;
  if (over)
    check_note(probe->check, RULE_BUFFERS, BROKEN, "agent_flags wrote outside of flags, which has %u bytes",
               probe->agents);
}

// --- judgements ---

static bool is_written(const double *reward) {
  return memcmp(reward, &PROBE_REWARD_POISON, sizeof PROBE_REWARD_POISON) != 0;
}

static bool judge_flags(struct probe *probe, const char *where, uint32_t j, bool acted) {
  struct check *check = probe->check;
  const int flags = probe->agent[j];
  const bool has_ended =
      flags == CORSAC_TERMINATED || flags == CORSAC_TRUNCATED || flags == (CORSAC_TERMINATED | CORSAC_TRUNCATED);
  if (flags == FLAG_POISON)
    check_note(check, RULE_AGENTS, BROKEN, "%s: agent_flags wrote no flags of agent %u", where, j);
  else if (flags != CORSAC_PRESENT && flags != CORSAC_ABSENT && !has_ended)
    check_note(check, RULE_AGENTS, BROKEN,
               "%s: agent %u has flags %d; known are CORSAC_PRESENT (%d), CORSAC_TERMINATED (%d), CORSAC_TRUNCATED "
               "(%d), the last two together, and CORSAC_ABSENT (0)",
               where, j, flags, CORSAC_PRESENT, CORSAC_TERMINATED, CORSAC_TRUNCATED);
  else if (has_ended && !acted)
    check_note(check, RULE_AGENTS, BROKEN, "%s: agent %u ended an episode, but it was not there before", where, j);
  else if (flags == CORSAC_ABSENT && acted)
    check_note(check, RULE_AGENTS, BROKEN,
               "%s: agent %u acted and is CORSAC_ABSENT; an agent leaves with CORSAC_TERMINATED or CORSAC_TRUNCATED "
               "and its last observation",
               where, j);
  else
    return true;
  return false;
}

static bool judge_obs(struct probe *probe, const char *where, uint32_t j) {
  const uint32_t dim = probe->obs_dim / probe->agents;
  const float *obs = probe->obs + (size_t)j * dim;
  for (uint32_t i = 0; i < dim; i++) {
    if (isfinite(obs[i])) continue;
    if (probe_is_poison(&obs[i]))
      check_note(probe->check, RULE_OBSERVATION, BROKEN,
                 "%s: component %u of the observation of agent %u was not written; it is there, so all %u have to be",
                 where, i, j, dim);
    else
      check_note(probe->check, RULE_OBSERVATION, BROKEN,
                 "%s: component %u of the observation of agent %u is %g; it has to be finite", where, i, j,
                 (double)obs[i]);
    return false;
  }
  return true;
}

static bool judge_reward(struct probe *probe, const char *where, uint32_t j, bool acted) {
  const double reward = probe->rewards[j];
  const bool written = is_written(&probe->rewards[j]);
  if (acted && !written)
    check_note(probe->check, RULE_REWARD, BROKEN, "%s: the reward of agent %u was not written", where, j);
  else if (acted && (!isfinite(reward) || !isfinite((float)reward)))
    check_note(probe->check, RULE_REWARD, BROKEN, "%s: the reward of agent %u is %g; it has to be a finite float",
               where, j, reward);
  else if (!acted && isfinite(reward) && reward != 0)
    check_note(probe->check, RULE_AGENTS, BROKEN,
               "%s: agent %u was not there and is rewarded with %g; the host ignores that, so what it did is lost",
               where, j, reward);
  else
    return true;
  return false;
}

// Of one that is not there nothing counts: its observation is set to 0, and so is the reward of one that did not act.
bool probe_agents_judge(struct probe *probe, const char *where, bool stepped) {
  const uint32_t dim = probe->obs_dim / probe->agents;
  bool good = true;
  probe->reward = 0;
  for (uint32_t j = 0; j < probe->agents; j++) {
    const bool acted = stepped && probe->acts[j];
    good &= judge_flags(probe, where, j, acted);
    if (stepped) good &= judge_reward(probe, where, j, acted);
    if (!acted) probe->rewards[j] = 0;
    probe->reward += probe->rewards[j];
    probe->came += !acted && probe->agent[j] == CORSAC_PRESENT;
    probe->left += acted && probe->agent[j] != CORSAC_PRESENT;
    if (probe->agent[j] == CORSAC_ABSENT)
      memset(probe->obs + (size_t)j * dim, 0, dim * sizeof(float));
    else
      good &= judge_obs(probe, where, j);
  }
  bool over = false;
  for (size_t i = 0; stepped && i < PROBE_GUARD; i++)
    over |= is_written(&probe->rewards_guarded[i]) || is_written(&probe->rewards[probe->agents + i]);
  if (over)
    check_note(probe->check, RULE_BUFFERS, BROKEN, "step wrote outside of reward, which has %u doubles", probe->agents);
  return good;
}

void check_note_agents(struct check *check, const struct probe *probe) {
  if (probe->agents == 1)
    check_note(check, RULE_AGENTS, SKIPPED, "it has one agent");
  else if (!probe->kind->abi->agent_flags)
    check_note(check, RULE_AGENTS, GOOD, "%u agents, which are always there: it has no agent_flags", probe->agents);
  else
    check_note(check, RULE_AGENTS, GOOD, "%u agents: they came %" PRIu64 " times and left %" PRIu64 " times",
               probe->agents, probe->came, probe->left);
}
