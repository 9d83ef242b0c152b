// Searches worlds for broken invariants, one for each seed; README.md says how to use it.
//
//   simulate [--seeds N] [--from S]      N worlds from seed S on, on all cores; one line for each that fails
//   simulate --seeds N --first           only until one fails
//   simulate --seed S [--without I,J] [--actors N] [--quiet]   one world, with a trace of its events
#include "tests/simulation/checks.h"
#include "tests/simulation/place.h"
#include "tests/simulation/world.h"

#include "common/nn/linalg.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORKERS = 256, WORLD_SECONDS = 120 };

struct verdict {              // of one world, in memory that parent and child share
  char directory[PLACE_PATH]; // of its disk
  bool is_done, holds;
  uint64_t fingerprint, events, starts;
  double seconds;
  char violation[1024];
};

struct wanted {
  uint64_t seed;
  uint32_t without; // bits of the faults that are left out
  uint32_t actors;  // 0: as the plan says
};

// --- one world ---

static void plan_wanted(struct plan *plan, const struct wanted *wanted) {
  plan_draw(plan, wanted->seed);
  if (wanted->actors > 0) {
    plan->actors = wanted->actors;
    if (plan->hosts > plan->actors) plan->hosts = plan->actors;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < plan->faults; i++)
    if (!(wanted->without >> i & 1)) plan->fault[kept++] = plan->fault[i];
  plan->faults = kept;
}

static bool play(const struct plan *plan, bool traced, struct checks *checks, struct verdict *verdict) {
  static struct world w;
  if (chdir(verdict->directory) != 0) _exit(1);
  const bool holds = world_play(&w, plan, verdict->directory, traced, checks);
  verdict->fingerprint ^= w.fingerprint;
  verdict->events += w.count;
  verdict->starts = w.start + 1;
  verdict->seconds = w.now - 1000;
  snprintf(verdict->violation, sizeof verdict->violation, "%s", w.violation);
  world_release(&w);
  place_clear(verdict->directory);
  return holds;
}

// A sync job is played twice: first without what it must withstand.
static bool play_wanted(const struct wanted *wanted, bool traced, struct verdict *verdict) {
  struct plan plan, calm;
  static struct checks_reference reference;
  static struct checks undisturbed, disturbed;
  memset(&reference, 0, sizeof reference);
  plan_wanted(&plan, wanted);
  if (traced) plan_print(&plan, stdout);
  disturbed.reference = undisturbed.reference = plan.sync ? &reference : NULL;
  undisturbed.is_reference = true;
  calm = plan;
  plan_undisturb(&calm);
  return (!plan.sync || play(&calm, false, &undisturbed, verdict)) && play(&plan, traced, &disturbed, verdict);
}

// In a process of its own, so that a crash is a verdict, too.
static pid_t begin(const struct wanted *wanted, struct verdict *verdict) {
  *verdict = (struct verdict){0};
  place_make(verdict->directory);
  const pid_t child = fork();
  if (child != 0) return child;
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, 2);
  alarm(WORLD_SECONDS);
  verdict->holds = play_wanted(wanted, false, verdict);
  verdict->is_done = true;
  _exit(0);
}

static void judge(struct verdict *verdict, int status) {
  place_remove(verdict->directory);
  if (verdict->is_done) return;
  verdict->holds = false;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    snprintf(verdict->violation, sizeof verdict->violation, "the world did not end within %d s", WORLD_SECONDS);
  else if (WIFSIGNALED(status))
    snprintf(verdict->violation, sizeof verdict->violation, "the program got signal %d: %s", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  else
    snprintf(verdict->violation, sizeof verdict->violation, "the program ended with %d", WEXITSTATUS(status));
}

static bool fails(const struct wanted *wanted, struct verdict *verdict) {
  int status;
  const pid_t child = begin(wanted, verdict);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  judge(verdict, status);
  return !verdict->holds;
}

// --- the search ---

// Leaves out faults, then actors, as long as the world still fails.
static struct wanted shrink(struct wanted wanted, struct verdict *verdict) {
  struct plan plan;
  struct verdict *trial = verdict + 1;
  plan_draw(&plan, wanted.seed);
  for (uint32_t i = 0; i < plan.faults; i++) {
    struct wanted fewer = wanted;
    fewer.without |= 1u << i;
    if (!fails(&fewer, trial)) continue;
    wanted = fewer;
    *verdict = *trial;
  }
  for (uint32_t actors = 1; actors < plan.actors; actors++) {
    struct wanted fewer = wanted;
    fewer.actors = actors;
    if (!fails(&fewer, trial)) continue;
    *verdict = *trial;
    return fewer;
  }
  return wanted;
}

static void report(const struct wanted *wanted, const struct verdict *verdict) {
  printf("  least: %s\n  make simulate SEED=%llu", verdict->violation, (unsigned long long)wanted->seed);
  struct plan plan;
  plan_draw(&plan, wanted->seed);
  bool first = true;
  for (uint32_t i = 0; i < plan.faults; i++)
    if (wanted->without >> i & 1) {
      printf("%s%u", first ? " WITHOUT=" : ",", i);
      first = false;
    }
  if (wanted->actors) printf(" ACTORS=%u", wanted->actors);
  printf("\n");
  fflush(stdout);
}

static int search(uint64_t from, uint64_t seeds, unsigned workers, unsigned most_failures, bool first) {
  struct verdict *verdict =
      mmap(NULL, (MOST_WORKERS + 2) * sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct wanted wanted[MOST_WORKERS];
  pid_t child[MOST_WORKERS] = {0};
  uint64_t next = from, passed = 0, failed = 0, events = 0, starts = 0;
  double seconds = 0;
  if (verdict == MAP_FAILED) return 1;
  for (unsigned running = 0; next < from + seeds || running > 0;) {
    for (unsigned i = 0; i < workers && next < from + seeds && failed < most_failures; i++)
      if (child[i] == 0) {
        wanted[i] = (struct wanted){.seed = next++};
        child[i] = begin(&wanted[i], &verdict[i]);
        running++;
      }
    if (running == 0) break;
    int status;
    const pid_t ended = wait(&status);
    for (unsigned i = 0; i < workers && ended > 0; i++) {
      if (child[i] != ended) continue;
      child[i] = 0;
      running--;
      judge(&verdict[i], status);
      events += verdict[i].events;
      starts += verdict[i].starts;
      seconds += verdict[i].seconds;
      if (verdict[i].holds) {
        passed++;
        continue;
      }
      failed++;
      // The others have ended before a seed is shrunk, since both wait for children.
      for (unsigned j = 0; j < workers; j++)
        if (child[j] > 0) {
          while (waitpid(child[j], &status, 0) < 0 && errno == EINTR) continue;
          judge(&verdict[j], status);
          child[j] = 0;
          running--;
          if (verdict[j].holds)
            passed++;
          else
            next = wanted[j].seed < next ? wanted[j].seed : next; // it is played again
        }
      if (first) {
        printf("seed %llu: %s\nfound after %llu worlds\n", (unsigned long long)wanted[i].seed, verdict[i].violation,
               (unsigned long long)(passed + failed));
        for (unsigned j = 0; j < workers; j++)
          if (child[j] > 0 && kill(child[j], SIGKILL) == 0 && waitpid(child[j], &status, 0) > 0)
            place_remove(verdict[j].directory);
        return 1;
      }
      verdict[MOST_WORKERS] = verdict[i];
      printf("seed %llu: %s\n", (unsigned long long)wanted[i].seed, verdict[i].violation);
      fflush(stdout);
      const struct wanted least = shrink(wanted[i], &verdict[MOST_WORKERS]);
      report(&least, &verdict[MOST_WORKERS]);
      if (next <= wanted[i].seed) next = wanted[i].seed + 1;
    }
  }
  printf("%llu worlds of %llu starts and %.3g h, %llu events\n", (unsigned long long)(passed + failed),
         (unsigned long long)starts, seconds / 3600, (unsigned long long)events);
  printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
  return failed > 0;
}

static int repeat(const struct wanted *wanted, bool traced) {
  struct verdict verdict = {0};
  place_make(verdict.directory);
  const bool holds = play_wanted(wanted, traced, &verdict);
  if (chdir("/") == 0) place_remove(verdict.directory);
  if (!holds) printf("seed %llu: %s\n", (unsigned long long)wanted->seed, verdict.violation);
  printf("%llu events, fingerprint %016llx\n", (unsigned long long)verdict.events,
         (unsigned long long)verdict.fingerprint);
  printf("%d passed, %d failed\n", holds, !holds);
  return !holds;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"seeds", 1, NULL, 'n'},    {"from", 1, NULL, 'f'},
                                          {"seed", 1, NULL, 's'},     {"without", 1, NULL, 'w'},
                                          {"actors", 1, NULL, 'a'},   {"quiet", 0, NULL, 'q'},
                                          {"failures", 1, NULL, 'm'}, {"jobs", 1, NULL, 'j'},
                                          {"first", 0, NULL, '1'},    {0}};
  uint64_t seeds = 200, from = 1;
  unsigned failures = 20, jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  struct wanted wanted = {0};
  bool one = false, quiet = false, first = false;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
    case 'n': seeds = strtoull(optarg, NULL, 10); break;
    case 'f': from = strtoull(optarg, NULL, 10); break;
    case 's': one = true, wanted.seed = strtoull(optarg, NULL, 10); break;
    case 'a': wanted.actors = (uint32_t)strtoul(optarg, NULL, 10); break;
    case 'm': failures = (unsigned)strtoul(optarg, NULL, 10); break;
    case 'j': jobs = (unsigned)strtoul(optarg, NULL, 10); break;
    case 'q': quiet = true; break;
    case '1': first = true; break;
    case 'w':
      for (char *number = strtok(optarg, ","); number; number = strtok(NULL, ",")) wanted.without |= 1u << atoi(number);
      break;
    default:
      fprintf(stderr, "usage: simulate [--seeds N] [--from S] | --seed S [--without I,J] [--actors N]\n");
      return 2;
    }
  linalg_init();
  log_init(0, LOG_INFO);
  if (jobs < 1) jobs = 1;
  if (jobs > MOST_WORKERS) jobs = MOST_WORKERS;
  return one ? repeat(&wanted, !quiet) : search(from, seeds, jobs, failures, first);
}
