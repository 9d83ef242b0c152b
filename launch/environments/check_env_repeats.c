// check-env's groups that play the same steps twice: the second time must be the same as the first, bit for bit.
#include "launch/environments/check_env.h"
#include "launch/environments/trajectory.h"

// Another seed with the same actions should give something else.
static void judge_seeds(struct trajectory *trajectory, struct probe *probe) {
  struct player player = {.probe = probe, .seed = TRAJECTORY_OTHER_SEED, .begins = true};
  char text[300];
  probe->check->rule = RULE_SEEDS;
  if (probe->check->findings[RULE_REPEAT].verdict != GOOD) {
    check_note(probe->check, RULE_SEEDS, SKIPPED, "it differs with the same seed already");
    return;
  }
  for (uint32_t e = 0; e < trajectory->events; e++) {
    if (!trajectory_play(&player, e, false)) return;
    if (trajectory_matches(trajectory, e, probe, text, sizeof text)) continue;
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
  bool good = trajectory_begin(check, kind, &trajectory, &probe);
  if (good) {
    check->fingerprint = trajectory_fingerprint(&trajectory);
    struct player again = {.probe = &probe, .seed = TRAJECTORY_SEED, .begins = true};
    good =
        trajectory_repeat(&trajectory, &again, 0, false, RULE_REPEAT, "the same seed and actions in the same instance");
    judge_seeds(&trajectory, &probe);
  }
  probe_destroy(&probe);
  if (good && probe_create(&probe, check, kind, 0)) {
    struct player fresh = {.probe = &probe, .seed = TRAJECTORY_SEED, .begins = true};
    trajectory_repeat(&trajectory, &fresh, 0, false, RULE_FRESH, "the same seed and actions in a new instance");
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
  if (trajectory_begin(check, kind, &trajectory, &probe)) {
    const bool same = trajectory_fingerprint(&trajectory) == check->fingerprint;
    check_note(check, RULE_PROCESS, same ? GOOD : WARNING, "the same seed and actions in another process: %s",
               same ? "the same, bit for bit"
                    : "something differs; time, addresses and memory that was never written do not come from the "
                      "seed" TRAJECTORY_LOST);
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
  if (!trajectory_compares(check, RULE_INTERLEAVED)) return;
  static const char how[] = "beside a second instance that plays other episodes (if they share something on purpose, "
                            "set the flag CORSAC_ONE_PER_PROCESS)";
  struct trajectory trajectory;
  struct probe probe, other = {0};
  if (!trajectory_begin(check, kind, &trajectory, &probe) || !probe_create(&other, check, kind, 1)) goto done;
  struct player player = {.probe = &probe, .seed = TRAJECTORY_SEED, .begins = true},
                second = {.probe = &other, .seed = TRAJECTORY_OTHER_SEED, .begins = true};
  char text[300];
  for (uint32_t e = 0; e < trajectory.events; e++) {
    if (other.self && !trajectory_play(&second, e + 1, false)) {
      check_note(check, RULE_INTERLEAVED, BROKEN, "a call to the second of two instances failed");
      goto done;
    }
    if (e == trajectory.events / 2)
      probe_destroy(&other), other.self = NULL; // which must not free what the first one uses
    if (!trajectory_play(&player, e, false)) {
      check_note(check, RULE_INTERLEAVED, BROKEN, "%s: a call failed that did not fail before", how);
      goto done;
    }
    if (trajectory_matches(&trajectory, e, &probe, text, sizeof text)) continue;
    check_note(check, RULE_INTERLEAVED, BROKEN, "%s: %s", how, text);
    goto done;
  }
  check_note(check, RULE_INTERLEAVED, GOOD, "the same beside a second instance, bit for bit");
done:
  probe_destroy(&probe);
  probe_destroy(&other);
  trajectory_release(&trajectory);
}

// The rule about steps, and that about resets, are checked together: both halves are used where they are there.
static void note_halves(struct check *check, enum rule rule, bool there, bool good, const char *names) {
  if (!there)
    check_note(check, rule, SKIPPED, "it has no %s (optional)", names);
  else if (good)
    check_note(check, rule, GOOD, "%s give the same as the whole call, bit for bit", names);
}

void check_halves(struct check *check, const struct environment_kind *kind) {
  static const char steps[] = "step_begin and step_end", resets[] = "reset_begin and reset_end";
  const enum rule rule = check->halves ? RULE_HALVES : RULE_RESET_HALVES;
  check->rule = rule;
  note_halves(check, RULE_HALVES, check->halves, false, steps);
  note_halves(check, RULE_RESET_HALVES, check->reset_halves, false, resets);
  if (!check->halves && !check->reset_halves) return;
  const bool compares = trajectory_compares(check, rule);
  if (check->reset_halves && !trajectory_compares(check, RULE_RESET_HALVES)) return;
  if (!compares) return;
  struct trajectory trajectory;
  struct probe probe;
  if (trajectory_begin(check, kind, &trajectory, &probe)) {
    struct player again = {.probe = &probe, .seed = TRAJECTORY_SEED, .begins = true};
    const bool good = trajectory_repeat(&trajectory, &again, 0, true, rule, "calls in halves in place of whole ones");
    note_halves(check, RULE_RESET_HALVES, check->reset_halves, good, resets);
  }
  probe_destroy(&probe);
  trajectory_release(&trajectory);
}
