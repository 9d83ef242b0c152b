// check-env's groups about save and load: what they give back, and what load must refuse.
#include "launch/environments/check_env.h"
#include "common/base/plural.h"
#include "launch/environments/trajectory.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 64 };

struct state {
  uint8_t *bytes, *again; // GUARD_BYTES more than size
  size_t size;
};

static bool untouched(const uint8_t *bytes, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    if (bytes[i] != 0xa5) return false;
  return true;
}

// What save says it needs. 0: there is no state to go on from, for a reason that is noted.
static int64_t find_size(struct probe *probe) {
  struct check *check = probe->check;
  const int64_t need = probe_save(probe, NULL, 0);
  if (need < 0) {
    const char *reason = probe_reason(probe);
    check_note(check, RULE_SAVE, BROKEN, "save failed: it returned %lld: %s", (long long)need,
               *reason ? reason : "it gave no reason");
  } else if (need == 0) {
    check_note(check, RULE_SAVE, SKIPPED,
               "there is no state in the middle of an episode (optional: a resumed run begins a new episode)");
  } else if (need > PROBE_SAVE_MOST) {
    check_note(check, RULE_SAVE, BROKEN, "save wants %lld bytes; a state may have %d", (long long)need,
               PROBE_SAVE_MOST);
  } else {
    return need;
  }
  return 0;
}

// Saves in every way that the host does. False: there is no state to go on from.
static bool save_state(struct probe *probe, struct state *state) {
  struct check *check = probe->check;
  check->rule = RULE_SAVE;
  const int64_t need = find_size(probe);
  if (need == 0) return false;
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
  check_note(check, RULE_SAVE, GOOD, "%zu byte%s, the same twice, and nothing in a buffer that is too small",
             state->size, plural(state->size));
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

// The first instance plays half of the trajectory, saves, plays the rest, loads, and plays the rest again. Then a new
// instance loads the state and plays the rest.
static void play_states(struct trajectory *trajectory, struct probe *probe, struct state *state) {
  const struct environment_kind *kind = probe->kind;
  struct check *check = probe->check;
  struct player player = {.probe = probe, .seed = TRAJECTORY_SEED, .begins = true};
  uint32_t from = 0;
  while (from < trajectory->events && (from < trajectory->events / 2 || probe->over))
    if (!trajectory_play(&player, from++, false)) return;
  if (from == trajectory->events || !save_state(probe, state)) {
    check_note(check, RULE_LOAD, SKIPPED, "there is no saved state");
    return;
  }
  if (!trajectory_compares(check, RULE_LOAD)) return;
  const struct player there = player;
  const uint64_t step = probe->step;
  if (!trajectory_repeat(trajectory, &player, from, false, RULE_SAVE, "after save it goes on as without")) return;
  if (!load_state(probe, state, "the instance that it is of")) return;
  player = there;
  trajectory_return(trajectory, from, step, probe);
  if (!trajectory_repeat(trajectory, &player, from, false, RULE_LOAD, "from a state loaded later by the same instance"))
    return;
  probe_destroy(probe);
  if (!probe_create(probe, check, kind, 0) || !load_state(probe, state, "a new instance, with no reset before")) return;
  player = there;
  trajectory_return(trajectory, from, step, probe);
  trajectory_repeat(trajectory, &player, from, false, RULE_LOAD, "from a state loaded by a new instance");
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
  if (trajectory_begin(check, kind, &trajectory, &probe)) play_states(&trajectory, &probe, &state);
  probe_destroy(&probe);
  free(state.bytes);
  free(state.again);
  trajectory_release(&trajectory);
}

// False: there is no instance for the next one. A child process ends when it refuses, so it is made anew.
static bool refuse(struct probe *probe, const void *bytes, size_t size, const char *what) {
  if (probe_load(probe, bytes, size) >= 0)
    check_note(probe->check, RULE_REFUSE, BROKEN,
               "load took %s; it has to compare the size and return a negative number", what);
  else if (probe->kind->abi->error && !*probe_reason(probe))
    check_note(probe->check, RULE_REFUSE, WARNING, "load refused %s, but error gave no reason", what);
  if (!probe->kind->process) return true;
  probe_destroy(probe);
  return probe_create(probe, probe->check, probe->kind, 0);
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
  if (!probe_create(&probe, check, kind, 0) || !probe_reset(&probe, probe_seed(TRAJECTORY_SEED, 0), false)) goto done;
  need = probe_save(&probe, NULL, 0);
  bytes = need > 0 && need < PROBE_SAVE_MOST ? malloc((size_t)need + 1) : NULL;
  if (!bytes || probe_save(&probe, bytes, (size_t)need) != need) {
    check_note(check, RULE_REFUSE, SKIPPED, "there is no saved state");
    goto done;
  }
  bytes[need] = 0;
  if (!refuse(&probe, bytes, 0, "a state of 0 bytes") ||
      !refuse(&probe, bytes, (size_t)need - 1, "a state that lacks its last byte") ||
      !refuse(&probe, bytes, (size_t)need + 1, "a state with a byte too many"))
    goto done;
  memset(bytes, 0xff, (size_t)need);
  probe_load(&probe, bytes, (size_t)need); // of the right size: load may take it, but must not crash
  check_note(check, RULE_REFUSE, GOOD, "states of a wrong size are refused");
done:
  probe_destroy(&probe);
  free(bytes);
}
