// check-env's group of cases: each case that --cases gives is tried with an instance of its own.
#include "common/base/hash.h"
#include "common/config/cases.h"
#include "launch/environments/check_env.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SEED = 1, STEPS = 20 };

// Of each agent: how many there are may differ.
static bool has_same_shape(struct check *check, const struct probe *probe, const char *name) {
  const uint32_t obs_dim = probe->obs_dim / probe->agents, act_dim = probe->act_dim / probe->agents;
  if (obs_dim == check->obs_dim && act_dim == check->act_dim) return true;
  check_note(check, RULE_CASES, BROKEN,
             "case %s has obs_dim %u and act_dim %u, the first one has %u and %u; one policy acts in all of them", name,
             obs_dim, act_dim, check->obs_dim, check->act_dim);
  return false;
}

// Plays the begin of an episode and hashes its observations and rewards. Seed and actions are the same in all cases.
static bool play(struct probe *probe, uint64_t *hash) {
  const size_t size = probe->obs_dim * sizeof *probe->obs;
  if (!probe_reset(probe, probe_seed(SEED, 0), false)) return false;
  *hash = hash_bytes(HASH_START, probe->obs, size);
  for (uint64_t t = 0; t < STEPS && !probe->over; t++) {
    probe_draw(probe, ACTIONS_RANDOM, SEED, t);
    if (!probe_step(probe, false)) return false;
    *hash = hash_bytes(*hash, probe->obs, size);
    *hash = hash_bytes(*hash, &probe->reward, sizeof probe->reward);
  }
  return true;
}

static bool try_case(struct check *check, const struct environment_kind *kind, uint32_t index, uint64_t *hash) {
  struct probe probe;
  char name[CASES_NAME];
  cases_name(kind->config, index, name);
  check->rule = RULE_CASES;
  const bool made = probe_create(&probe, check, kind, index);
  const bool fits = made && has_same_shape(check, &probe, name), good = fits && play(&probe, hash);
  if (!made)
    check_note(check, RULE_CASES, BROKEN, "case %s: there is no instance of it (see create and spec)", name);
  else if (fits && !good)
    check_note(check, RULE_CASES, BROKEN, "case %s: its episode failed (see reset and step)", name);
  probe_destroy(&probe);
  return good;
}

void check_cases(struct check *check, const struct environment_kind *kind) {
  const uint32_t cases = kind->config ? cases_count(kind->config) : 0;
  uint64_t first = 0, hash = 0;
  bool differ = cases == 1;
  if (cases == 0) {
    check_note(check, RULE_CASES, SKIPPED, "none are given (--cases)");
    return;
  }
  for (uint32_t i = 0; i < cases; i++) {
    if (!try_case(check, kind, i, &hash)) return;
    if (i == 0) first = hash;
    differ |= hash != first;
  }
  if (!differ)
    check_note(check, RULE_CASES, WARNING,
               "all %u cases begin with the same %d steps, bit for bit: it seems not to read its case", cases, STEPS);
  check_note(check, RULE_CASES, GOOD, "each of %u made an instance, was reset and stepped", cases);
}
