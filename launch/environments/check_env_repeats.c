// check-env's groups that play the same steps twice: what comes the second time must be the same, bit for bit.
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/memory.h"
#include "launch/environments/check_env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 7, OTHER_SEED = 1000007, MOST_EVENTS = 400, LEAST_EVENTS = 20, GUARD_BYTES = 64 };
static const size_t MOST_VALUES = 4000000;
static const double MOST_SECONDS = 3; // that one trajectory should take

// Events: resets and steps, episode after episode.
struct trajectory {
  uint32_t events, dim;
  float *obs;     // (events x dim)
  double *reward; // (events)
  int *flags;     // (events)
};

struct player {
  struct probe *probe;
  uint64_t seed, episodes; // of the next reset: seed + episodes
  bool begins;
};

static bool trajectory_init(struct trajectory *trajectory, const struct check *check) {
  const uint32_t dim = check->obs_dim;
  double events = check->steps_per_s * MOST_SECONDS;
  if (!(events < MOST_EVENTS)) events = MOST_EVENTS;
  if (events > (double)(MOST_VALUES / dim)) events = (double)(MOST_VALUES / dim);
  if (events < LEAST_EVENTS) events = LEAST_EVENTS;
  *trajectory = (struct trajectory){.events = (uint32_t)events, .dim = dim};
  trajectory->obs = memory_alloc(trajectory->events, dim * sizeof(float), "a trajectory", NULL);
  trajectory->reward = memory_alloc(trajectory->events, sizeof(double), "a trajectory", NULL);
  trajectory->flags = memory_alloc(trajectory->events, sizeof(int), "a trajectory", NULL);
  return trajectory->obs && trajectory->reward && trajectory->flags;
}

static void trajectory_release(struct trajectory *trajectory) {
  memory_free(trajectory->obs);
  memory_free(trajectory->reward);
  memory_free(trajectory->flags);
}

static bool play(struct player *player, uint32_t event, bool halves) {
  struct probe *probe = player->probe;
  if (player->begins || probe->over) {
    player->begins = false;
    return probe_reset(probe, player->seed + player->episodes++);
  }
  probe_draw(probe, ACTIONS_RANDOM, SEED, event);
  return probe_step(probe, halves);
}

static void record(struct trajectory *trajectory, uint32_t event, const struct probe *probe) {
  memcpy(trajectory->obs + (size_t)event * trajectory->dim, probe->obs, trajectory->dim * sizeof(float));
  trajectory->reward[event] = probe->reward;
  trajectory->flags[event] = probe->flags;
}

// Bit for bit; else a text that says what differs. -0 and 0 count as the same.
static bool is_same(const struct trajectory *trajectory, uint32_t event, const struct probe *probe, char *text,
                    size_t size) {
  const float *obs = trajectory->obs + (size_t)event * trajectory->dim;
  char where[80];
  if (probe->step)
    snprintf(where, sizeof where, "after step %" PRIu64 " of an episode", probe->step);
  else
    snprintf(where, sizeof where, "after reset");
  for (uint32_t i = 0; i < trajectory->dim; i++) {
    if (obs[i] == probe->obs[i]) continue;
    snprintf(text, size, "%s component %u of obs is %.9g and was %.9g", where, i, (double)probe->obs[i],
             (double)obs[i]);
    return false;
  }
  if (trajectory->reward[event] != probe->reward)
    snprintf(text, size, "%s the reward is %.17g and was %.17g", where, probe->reward, trajectory->reward[event]);
  else if (trajectory->flags[event] != probe->flags)
    snprintf(text, size, "%s the flags are %d and were %d", where, probe->flags, trajectory->flags[event]);
  else
    return true;
  return false;
}

static bool reference(struct trajectory *trajectory, struct probe *probe) {
  struct player player = {.probe = probe, .seed = SEED, .begins = true};
  for (uint32_t e = 0; e < trajectory->events; e++) {
    if (!play(&player, e, false)) return false;
    record(trajectory, e, probe);
  }
  return true;
}

// Makes the first instance and plays what others are compared with. Both are to be released, whatever comes of it.
static bool begin(struct check *check, const struct environment_kind *kind, struct trajectory *trajectory,
                  struct probe *probe) {
  *probe = (struct probe){.check = check, .kind = kind};
  return trajectory_init(trajectory, check) && probe_create(probe, check, kind, 0) && reference(trajectory, probe);
}

// Plays events from..events-1 and compares; notes what differs under `rule`, where `how` says how it was played.
static bool repeat(struct trajectory *trajectory, struct player *player, uint32_t from, bool halves, enum rule rule,
                   const char *how) {
  struct check *check = player->probe->check;
  check->rule = rule;
  char text[300];
  for (uint32_t e = from; e < trajectory->events; e++) {
    if (!play(player, e, halves)) {
      check_note(check, rule, BROKEN, "%s: a call failed that did not fail before", how);
      return false;
    }
    if (is_same(trajectory, e, player->probe, text, sizeof text)) continue;
    check_note(check, rule, BROKEN, "%s: %s", how, text);
    return false;
  }
  check_note(check, rule, GOOD, "%s: the same for %u resets and steps, bit for bit", how, trajectory->events - from);
  return true;
}

static uint64_t fingerprint(const struct trajectory *trajectory) {
  uint64_t hash = HASH_START;
  const struct {
    const void *data;
    size_t size;
  } parts[] = {{trajectory->obs, (size_t)trajectory->events * trajectory->dim * sizeof(float)},
               {trajectory->reward, trajectory->events * sizeof(double)},
               {trajectory->flags, trajectory->events * sizeof(int)}};
  for (size_t i = 0; i < 3; i++) hash = hash_bytes(hash, parts[i].data, parts[i].size);
  return hash;
}

// The same actions with another seed.
static void judge_seeds(struct trajectory *trajectory, struct probe *probe) {
  struct player player = {.probe = probe, .seed = OTHER_SEED, .begins = true};
  char text[300];
  probe->check->rule = RULE_SEEDS;
  for (uint32_t e = 0; e < trajectory->events; e++) {
    if (!play(&player, e, false)) return;
    if (is_same(trajectory, e, probe, text, sizeof text)) continue;
    check_note(probe->check, RULE_SEEDS, GOOD, "another seed gives another episode");
    return;
  }
  check_note(probe->check, RULE_SEEDS, WARNING,
             "another seed gives the same episodes; all that is random should come from the seed of reset, unless "
             "every episode is meant to be the same");
}

void check_repeats(struct check *check, const struct environment_kind *kind) {
  struct trajectory trajectory;
  struct probe probe;
  check->rule = RULE_REPEAT;
  bool good = begin(check, kind, &trajectory, &probe);
  if (good) {
    check->fingerprint = fingerprint(&trajectory);
    struct player again = {.probe = &probe, .seed = SEED, .begins = true};
    good = repeat(&trajectory, &again, 0, false, RULE_REPEAT, "the same seed and actions in the same instance");
    judge_seeds(&trajectory, &probe);
  }
  probe_destroy(&probe);
  if (good && probe_create(&probe, check, kind, 0)) {
    struct player fresh = {.probe = &probe, .seed = SEED, .begins = true};
    repeat(&trajectory, &fresh, 0, false, RULE_FRESH, "the same seed and actions in a new instance");
    probe_destroy(&probe);
  }
  trajectory_release(&trajectory);
}

void check_process(struct check *check, const struct environment_kind *kind) {
  check->rule = RULE_PROCESS;
  if (check->findings[RULE_FRESH].verdict != GOOD) {
    check_note(check, RULE_PROCESS, SKIPPED, "it differs within one process already");
    return;
  }
  struct trajectory trajectory;
  struct probe probe;
  if (begin(check, kind, &trajectory, &probe)) {
    const bool same = fingerprint(&trajectory) == check->fingerprint;
    check_note(check, RULE_PROCESS, same ? GOOD : BROKEN, "the same seed and actions in another process: %s",
               same ? "the same, bit for bit"
                    : "something differs; time, addresses and memory that was never written do not come from the seed");
  }
  probe_destroy(&probe);
  trajectory_release(&trajectory);
}

void check_interleaved(struct check *check, const struct environment_kind *kind) {
  check->rule = RULE_INTERLEAVED;
  if (check->host_flags & CORSAC_ONE_PER_PROCESS) {
    check_note(check, RULE_INTERLEAVED, SKIPPED, "it has the flag CORSAC_ONE_PER_PROCESS");
    return;
  }
  static const char how[] = "beside a second instance that plays other episodes (if they share something on purpose, "
                            "set the flag CORSAC_ONE_PER_PROCESS)";
  struct trajectory trajectory;
  struct probe probe, other = {0};
  if (!begin(check, kind, &trajectory, &probe) || !probe_create(&other, check, kind, 1)) goto done;
  struct player player = {.probe = &probe, .seed = SEED, .begins = true},
                second = {.probe = &other, .seed = OTHER_SEED, .begins = true};
  char text[300];
  for (uint32_t e = 0; e < trajectory.events; e++) {
    if (other.self && !play(&second, e + 1, false)) {
      check_note(check, RULE_INTERLEAVED, BROKEN, "a call to the second of two instances failed");
      goto done;
    }
    if (e == trajectory.events / 2) probe_destroy(&other), other.self = NULL; // what it frees is not the first one's
    if (!play(&player, e, false)) {
      check_note(check, RULE_INTERLEAVED, BROKEN, "%s: a call failed that did not fail before", how);
      goto done;
    }
    if (is_same(&trajectory, e, &probe, text, sizeof text)) continue;
    check_note(check, RULE_INTERLEAVED, BROKEN, "%s: %s", how, text);
    goto done;
  }
  check_note(check, RULE_INTERLEAVED, GOOD, "the same beside a second instance, bit for bit");
done:
  probe_destroy(&probe);
  probe_destroy(&other);
  trajectory_release(&trajectory);
}

void check_halves(struct check *check, const struct environment_kind *kind) {
  check->rule = RULE_HALVES;
  if (!check->halves) {
    check_note(check, RULE_HALVES, SKIPPED, "it has no step_begin and step_end (optional)");
    return;
  }
  struct trajectory trajectory;
  struct probe probe;
  if (begin(check, kind, &trajectory, &probe)) {
    struct player again = {.probe = &probe, .seed = SEED, .begins = true};
    repeat(&trajectory, &again, 0, true, RULE_HALVES, "step_begin and step_end in place of step");
  }
  probe_destroy(&probe);
  trajectory_release(&trajectory);
}

// ---- save and load ----

struct state {
  uint8_t *bytes, *again; // GUARD_BYTES more than size
  size_t size;
};

static bool untouched(const uint8_t *bytes, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    if (bytes[i] != 0xa5) return false;
  return true;
}

// Saves in every way that the host does. false: there is no state to go on with.
static bool save_state(struct probe *probe, struct state *state) {
  struct check *check = probe->check;
  check->rule = RULE_SAVE;
  const int64_t need = probe_save(probe, NULL, 0);
  if (need <= 0) {
    check_note(check, RULE_SAVE, SKIPPED, "save returned %lld: it cannot save in the middle of an episode",
               (long long)need);
    return false;
  }
  if (need > PROBE_SAVE_MOST) {
    check_note(check, RULE_SAVE, BROKEN, "save wants %lld bytes; a state may have %d", (long long)need,
               PROBE_SAVE_MOST);
    return false;
  }
  state->size = (size_t)need;
  const size_t room = state->size + GUARD_BYTES;
  state->bytes = malloc(room);
  state->again = malloc(room);
  if (!state->bytes || !state->again) return false;
  memset(state->again, 0xa5, room);
  const int64_t small = probe_save(probe, state->again, state->size - 1);
  if (!untouched(state->again, 0, room))
    check_note(check, RULE_SAVE, BROKEN, "save wrote into a buffer of %zu bytes, too small for the %zu it wants",
               state->size - 1, state->size);
  memset(state->bytes, 0xa5, room);
  const int64_t saved = probe_save(probe, state->bytes, state->size);
  const int64_t second = probe_save(probe, state->again, room);
  if (small != need || saved != need || second != need)
    check_note(check, RULE_SAVE, BROKEN,
               "save returned %lld, %lld, %lld and %lld for the same state in buffers of 0, %zu, %zu and %zu bytes; it "
               "returns what it needs",
               (long long)need, (long long)small, (long long)saved, (long long)second, state->size - 1, state->size,
               room);
  if (!untouched(state->bytes, state->size, room))
    check_note(check, RULE_SAVE, BROKEN, "save wrote behind the %zu bytes it says it needs", state->size);
  for (size_t i = 0; i < state->size; i++)
    if (state->bytes[i] != state->again[i]) {
      check_note(check, RULE_SAVE, WARNING,
                 "the same state saved twice differs at byte %zu of %zu; clear what lies between members, or "
                 "checkpoints of equal runs differ",
                 i, state->size);
      break;
    }
  check_note(check, RULE_SAVE, GOOD, "%zu bytes, the same twice, and nothing in a buffer that is too small",
             state->size);
  return true;
}

static bool load_state(struct probe *probe, const struct state *state, const char *where) {
  probe->check->rule = RULE_LOAD;
  const int result = probe_load(probe, state->bytes, state->size);
  if (result >= 0) return true;
  const char *reason = probe_reason(probe);
  check_note(probe->check, RULE_LOAD, BROKEN, "load refuses in %s what save gave: it returned %d, %s", where, result,
             *reason ? reason : "and said nothing");
  return false;
}

// The reference's probe plays to its middle, saves, goes on, loads and goes on; then a new one loads and goes on.
static void play_states(struct trajectory *trajectory, struct probe *probe, struct state *state) {
  const struct environment_kind *kind = probe->kind;
  struct check *check = probe->check;
  struct player player = {.probe = probe, .seed = SEED, .begins = true};
  uint32_t from = 0;
  while (from < trajectory->events && (from < trajectory->events / 2 || probe->over))
    if (!play(&player, from++, false)) return;
  if (from == trajectory->events || !save_state(probe, state)) {
    check_note(check, RULE_LOAD, SKIPPED, "there is no saved state");
    return;
  }
  const struct player there = player;
  const uint64_t step = probe->step;
  if (!repeat(trajectory, &player, from, false, RULE_SAVE, "after save it goes on as without")) return;
  if (!load_state(probe, state, "the instance that it is of")) return;
  player = there;
  probe->step = step;
  probe->over = false;
  if (!repeat(trajectory, &player, from, false, RULE_LOAD, "from a state loaded later by the same instance")) return;
  probe_destroy(probe);
  if (!probe_create(probe, check, kind, 0) || !load_state(probe, state, "a new instance, with no reset before")) return;
  player = there;
  probe->step = step;
  probe->over = false;
  repeat(trajectory, &player, from, false, RULE_LOAD, "from a state loaded by a new instance");
}

void check_state(struct check *check, const struct environment_kind *kind) {
  check->rule = RULE_SAVE;
  if (!check->saves) {
    check_note(check, RULE_SAVE, SKIPPED, "it has no save (optional: a resumed run begins a new episode)");
    check_note(check, RULE_LOAD, SKIPPED, "it has no save");
    return;
  }
  struct trajectory trajectory;
  struct probe probe;
  struct state state = {0};
  if (begin(check, kind, &trajectory, &probe)) play_states(&trajectory, &probe, &state);
  probe_destroy(&probe);
  free(state.bytes);
  free(state.again);
  trajectory_release(&trajectory);
}

static void refuse(struct probe *probe, const void *bytes, size_t size, const char *what) {
  if (probe_load(probe, bytes, size) >= 0)
    check_note(probe->check, RULE_REFUSE, BROKEN,
               "load took %s; it has to compare the size and return a negative number", what);
  else if (probe->kind->abi->error && !*probe_reason(probe))
    check_note(probe->check, RULE_REFUSE, WARNING, "load refused %s, but error gave no reason", what);
}

void check_refusals(struct check *check, const struct environment_kind *kind) {
  check->rule = RULE_REFUSE;
  struct probe probe;
  if (!check->saves) {
    check_note(check, RULE_REFUSE, SKIPPED, "it has no save");
    return;
  }
  int64_t need = 0;
  uint8_t *bytes = NULL;
  if (!probe_create(&probe, check, kind, 0) || !probe_reset(&probe, SEED)) goto done;
  need = probe_save(&probe, NULL, 0);
  bytes = need > 0 && need < PROBE_SAVE_MOST ? malloc((size_t)need + 1) : NULL;
  if (!bytes || probe_save(&probe, bytes, (size_t)need) != need) {
    check_note(check, RULE_REFUSE, SKIPPED, "there is no saved state");
    goto done;
  }
  bytes[need] = 0;
  refuse(&probe, bytes, 0, "a state of 0 bytes");
  refuse(&probe, bytes, (size_t)need - 1, "a state that lacks its last byte");
  refuse(&probe, bytes, (size_t)need + 1, "a state with a byte too many");
  memset(bytes, 0xff, (size_t)need);
  probe_load(&probe, bytes, (size_t)need); // of the right size: may be taken, may not crash
  check_note(check, RULE_REFUSE, GOOD, "states of a wrong size are refused");
done:
  probe_destroy(&probe);
  free(bytes);
}
