// check-env's last group: whether memory and open files grow with episodes and with instances.
#include "actor/envs/process.h"
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

// What is repeated, and where that may leave something behind.
struct subject {
  struct check *check;
  const struct environment_kind *kind;
  struct probe *probe; // it plays episodes; NULL: new instances are made
  uint64_t turns;
  pid_t pid; // of the environment; 0: it cannot be looked at, or is another one after each turn
};

static pid_t find_process(const struct subject *subject) {
  return subject->kind->process ? process_pid(subject->probe->self) : getpid();
}

static void measure(struct subject *subject, struct usage *usage) {
  char path[64];
  long pages = 0, resident = 0;
  if (find_process(subject) != subject->pid) subject->pid = 0;
  snprintf(path, sizeof path, "/proc/%ld/statm", (long)subject->pid);
  FILE *file = fopen(path, "r");
  if (file) {
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(file);
  }
  usage->bytes = (int64_t)resident * sysconf(_SC_PAGESIZE);
  snprintf(path, sizeof path, "/proc/%ld/fd", (long)subject->pid);
  DIR *directory = opendir(path);
  usage->files = 0;
  while (directory && readdir(directory)) usage->files++;
  if (directory) closedir(directory);
  if (!file || !directory) subject->pid = 0;
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

static bool turn(struct subject *subject) {
  const uint64_t number = subject->turns++;
  return subject->probe ? play_short(subject->probe, number) : make_one(subject->check, subject->kind);
}

static bool grow(struct subject *subject, enum rule rule, const char *what) {
  struct check *check = subject->check;
  struct usage few[3] = {0}, usage[ROUNDS] = {0};
  check->rule = rule;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < FEW; i++)
      if (!turn(subject)) return false;
    if (round == 0) subject->pid = find_process(subject);
    measure(subject, &few[round]);
  }
  if (subject->pid) judge_files(check, rule, few, what);
  if (check->findings[rule].verdict == BROKEN) return true; // more turns would run out of files
  for (int round = 0; round < ROUNDS && subject->pid; round++) {
    const double until = clock_now() + ROUND_SECONDS;
    do
      if (!turn(subject)) return false;
    while (++usage[round].turns && clock_now() < until);
    measure(subject, &usage[round]);
  }
  if (subject->pid)
    judge(check, rule, usage, what);
  else
    check_note(check, rule, SKIPPED, "its process cannot be looked at, or there is a new one for each %s", what);
  return true;
}

void check_growth(struct check *check, const struct environment_kind *kind) {
  struct probe probe;
  struct subject episodes = {.check = check, .kind = kind, .probe = &probe}, instances = {.check = check, .kind = kind};
  check->rule = RULE_EPISODES_LEAK;
  const bool good = probe_create(&probe, check, kind, 0) && grow(&episodes, RULE_EPISODES_LEAK, "episode");
  probe_destroy(&probe);
  if (good && kind->process)
    check_note(check, RULE_INSTANCES_LEAK, SKIPPED, "each instance is a process, which ends with it");
  else if (good)
    grow(&instances, RULE_INSTANCES_LEAK, "instance");
}
