// check-env's last group: whether memory and open files grow with episodes and with instances.
#include "common/base/clock.h"
#include "launch/environments/check_env.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 4, EPISODE_STEPS = 20, FEW = 4, GROWTH = 256 * 1024 };
static const double ROUND_SECONDS = 0.05;

struct usage {
  int64_t bytes, files;
  uint64_t turns; // since the last
};

static void measure(struct usage *usage) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file) {
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(file);
  }
  usage->bytes = (int64_t)resident * sysconf(_SC_PAGESIZE);
  DIR *directory = opendir("/proc/self/fd");
  usage->files = 0;
  while (directory && readdir(directory)) usage->files++;
  if (directory) closedir(directory);
}

// The first rounds may fill caches. Memory that grows in each of the last two rounds is taken to grow for ever.
static void judge(struct check *check, enum rule rule, const struct usage *usage, const char *what) {
  const struct usage *last = &usage[ROUNDS - 1];
  const int64_t late = last->bytes - last[-1].bytes, early = last[-1].bytes - last[-2].bytes;
  if (late >= GROWTH && early >= GROWTH)
    check_note(check, rule, WARNING, "memory grows by %.0f bytes with each %s: %" PRId64 " KiB in the last %" PRIu64,
               (double)late / (double)last->turns, what, late / 1024, last->turns);
  else
    check_note(check, rule, GOOD, "neither memory nor open files grow (%" PRIu64 " times)",
               usage[1].turns + usage[2].turns + usage[3].turns);
}

// Judges after few turns, since a process may have few open files: each FEW turns leave more of them open.
static void judge_files(struct check *check, enum rule rule, const struct usage *usage, const char *what) {
  const int64_t late = usage[2].files - usage[1].files, early = usage[1].files - usage[0].files;
  if (late >= FEW / 2 && early >= FEW / 2)
    check_note(check, rule, BROKEN, "%.1f open files more with each %s; close what is opened", (double)late / FEW,
               what);
}

static bool play_short(struct probe *probe, uint64_t seed) {
  bool good = probe_reset(probe, probe_seed(1, seed), false);
  while (good && !probe->over && probe->step < EPISODE_STEPS) {
    probe_draw(probe, ACTIONS_RANDOM, seed, probe->step);
    good = probe_step(probe, false);
  }
  return good;
}

static bool make_one(struct check *check, const struct environment_kind *kind) {
  struct probe probe;
  const bool good = probe_create(&probe, check, kind, 0) && probe_reset(&probe, probe_seed(1, 0), false);
  probe_destroy(&probe);
  return good;
}

// One turn: an episode of the probe, or, where it is NULL, a new instance.
static bool turn(struct check *check, const struct environment_kind *kind, struct probe *probe, uint64_t number) {
  return probe ? play_short(probe, number) : make_one(check, kind);
}

static bool grow(struct check *check, const struct environment_kind *kind, struct probe *probe, enum rule rule,
                 const char *what) {
  struct usage few[3] = {0}, usage[ROUNDS] = {0};
  uint64_t number = 0;
  check->rule = rule;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < FEW; i++)
      if (!turn(check, kind, probe, number++)) return false;
    measure(&few[round]);
  }
  judge_files(check, rule, few, what);
  if (check->findings[rule].verdict == BROKEN) return true; // more turns would run out of files
  for (int round = 0; round < ROUNDS; round++) {
    const double until = clock_now() + ROUND_SECONDS;
    do
      if (!turn(check, kind, probe, number++)) return false;
    while (++usage[round].turns && clock_now() < until);
    measure(&usage[round]);
  }
  judge(check, rule, usage, what);
  return true;
}

void check_growth(struct check *check, const struct environment_kind *kind) {
  struct probe probe;
  check->rule = RULE_EPISODES_LEAK;
  const bool good = probe_create(&probe, check, kind, 0) && grow(check, kind, &probe, RULE_EPISODES_LEAK, "episode");
  probe_destroy(&probe);
  if (good) grow(check, kind, NULL, RULE_INSTANCES_LEAK, "instance");
}
