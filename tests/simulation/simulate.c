// Searches worlds for broken promises, one for each seed; README.md says how it is used.
//
//   simulate [--seeds N] [--from S] [--known FILE]   the seeds of FILE, then N (200) from S (1) on, on all cores
//   simulate --hours H                                as many as there is time for
//   simulate --first                                  only until one fails
//   simulate --seed S [--without I,J] [--actors N] [--quiet]   one world, with a trace of its events
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/trial.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORKERS = 256, MOST_KNOWN = 1024, MOST_FAILURES = 10, MOST_ACTORS = 1000 };
static const uint64_t MOST_SEEDS = UINT64_MAX / 2;

struct search {
  uint64_t known[MOST_KNOWN]; // seeds that come first
  size_t known_count, known_next;
  uint64_t next, end; // of the others
  time_t until;       // 0: no limit
  time_t said;        // when the progress was printed
  unsigned workers;
  bool first;

  struct verdict *verdict; // (workers + 2), shared with the children
  struct wanted wanted[MOST_WORKERS];
  pid_t child[MOST_WORKERS]; // 0: none
  unsigned running;

  uint64_t passed, failed, starts, events;
  double seconds;
  struct wanted failure[MOST_FAILURES];
};

static bool take_seed(struct search *search, uint64_t *seed) {
  const uint64_t most = search->first ? 1 : MOST_FAILURES;
  if (search->failed >= most || (search->until > 0 && time(NULL) >= search->until)) return false;
  if (search->known_next < search->known_count) {
    *seed = search->known[search->known_next++];
    return true;
  }
  *seed = search->next;
  return search->next++ < search->end;
}

static void begin_some(struct search *search) {
  for (unsigned i = 0; i < search->workers; i++) {
    uint64_t seed;
    if (search->child[i] > 0 || !take_seed(search, &seed)) continue;
    search->wanted[i] = (struct wanted){.seed = seed};
    search->child[i] = trial_begin(&search->wanted[i], &search->verdict[i]);
    search->running++;
  }
}

static void count(struct search *search, const struct wanted *wanted, const struct verdict *verdict) {
  search->events += verdict->events;
  search->starts += verdict->starts;
  search->seconds += verdict->seconds;
  if (verdict->holds) {
    search->passed++;
    return;
  }
  if (search->failed < MOST_FAILURES) search->failure[search->failed] = *wanted;
  search->failed++;
  printf("seed %llu: %s\n", (unsigned long long)wanted->seed, verdict->violation);
  if (search->first) printf("found after %llu worlds\n", (unsigned long long)(search->passed + search->failed));
  fflush(stdout);
}

static void await_one(struct search *search) {
  int status;
  const pid_t ended = wait(&status);
  for (unsigned i = 0; i < search->workers && ended > 0; i++) {
    if (search->child[i] != ended) continue;
    search->child[i] = 0;
    search->running--;
    trial_end(&search->verdict[i], status);
    count(search, &search->wanted[i], &search->verdict[i]);
  }
}

// Once a minute: a long search shows that it goes on.
static void say_progress(struct search *search) {
  enum { SECONDS = 60 };
  const time_t now = time(NULL);
  if (search->said == 0) search->said = now;
  if (now - search->said < SECONDS) return;
  search->said = now;
  fprintf(stderr, "%llu worlds so far, the next seed is %llu\n", (unsigned long long)(search->passed + search->failed),
          (unsigned long long)search->next);
}

static int run(struct search *search) {
  for (begin_some(search); search->running > 0; begin_some(search)) {
    await_one(search);
    say_progress(search);
  }
  struct verdict *verdict = &search->verdict[search->workers];
  for (uint64_t i = 0; i < search->failed && i < MOST_FAILURES && !search->first; i++) {
    const struct wanted least = trial_shrink(search->failure[i], verdict);
    printf("seed %llu: the least that fails:\n", (unsigned long long)least.seed);
    trial_print(&least);
  }
  printf("%llu worlds, %llu starts of jobs, %.3g h, %llu events\n",
         (unsigned long long)(search->passed + search->failed), (unsigned long long)search->starts,
         search->seconds / 3600, (unsigned long long)search->events);
  printf("%llu passed, %llu failed\n", (unsigned long long)search->passed, (unsigned long long)search->failed);
  return search->failed > 0;
}

static int repeat(const struct wanted *wanted, bool traced) {
  struct verdict verdict = {0};
  place_make(verdict.directory);
  const bool holds = trial_play(wanted, traced, &verdict);
  if (chdir("/") == 0) place_remove(verdict.directory);
  if (!holds) printf("seed %llu: %s\n", (unsigned long long)wanted->seed, verdict.violation);
  printf("%llu events, fingerprint %016llx\n", (unsigned long long)verdict.events,
         (unsigned long long)verdict.fingerprint);
  printf("%d passed, %d failed\n", holds, !holds);
  return !holds;
}

// A line of the file is a seed and what it found; # begins a comment.
static void read_known(struct search *search, const char *path) {
  char line[512];
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    exit(2);
  }
  while (search->known_count < MOST_KNOWN && fgets(line, sizeof line, file)) {
    char *end;
    const uint64_t seed = strtoull(line, &end, 10);
    if (end != line) search->known[search->known_count++] = seed;
  }
  fclose(file);
}

// A number from `low` to `high` that ends at `stop` or at the end of the text.
static uint64_t number_of(const char *text, uint64_t low, uint64_t high, char stop, const char **rest) {
  char *end;
  errno = 0;
  const unsigned long long number = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || errno != 0 || (*end && *end != stop) || number < low || number > high) {
    fprintf(stderr, "simulate: %s: must be a whole number from %llu to %llu\n", text, (unsigned long long)low,
            (unsigned long long)high);
    exit(2);
  }
  if (rest) *rest = *end ? end + 1 : end;
  return number;
}

static uint64_t count_of(const char *text, uint64_t low, uint64_t high) { return number_of(text, low, high, 0, NULL); }

static double hours_of(const char *text) {
  char *end;
  const double hours = strtod(text, &end);
  if (end != text && !*end && hours > 0 && hours <= 1e5) return hours;
  fprintf(stderr, "simulate: %s: must be a number of hours, more than 0\n", text);
  exit(2);
}

static uint32_t bits_of(const char *list) {
  uint32_t bits = 0;
  do bits |= 1u << number_of(list, 0, PLAN_FAULTS - 1, ',', &list);
  while (*list);
  return bits;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"seeds", 1, NULL, 'n'},
                                          {"from", 1, NULL, 'f'},
                                          {"known", 1, NULL, 'k'},
                                          {"hours", 1, NULL, 'h'},
                                          {"first", 0, NULL, '1'},
                                          {"jobs", 1, NULL, 'j'},
                                          {"seed", 1, NULL, 's'},
                                          {"quiet", 0, NULL, 'q'},
                                          {"actors", 1, NULL, 'a'},
                                          {"without", 1, NULL, 'w'},
                                          {0}};
  static struct search search = {.next = 1};
  struct wanted wanted = {0};
  uint64_t seeds = 200;
  bool one = false, quiet = false;
  search.workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
    case 'n': seeds = count_of(optarg, 1, MOST_SEEDS); break;
    case 'f': search.next = count_of(optarg, 0, UINT64_MAX - MOST_SEEDS); break;
    case 'k': read_known(&search, optarg); break;
    case 'h': search.until = time(NULL) + (time_t)(3600 * hours_of(optarg)), seeds = MOST_SEEDS; break;
    case '1': search.first = true; break;
    case 'j': search.workers = (unsigned)count_of(optarg, 1, MOST_WORKERS); break;
    case 's': one = true, wanted.seed = count_of(optarg, 0, UINT64_MAX); break;
    case 'q': quiet = true; break;
    case 'w': wanted.without = bits_of(optarg); break;
    case 'a': wanted.actors = (uint32_t)count_of(optarg, 1, MOST_ACTORS); break;
    default: fprintf(stderr, "tests/simulation/README.md says which options there are\n"); return 2;
    }
  linalg_init();
  log_init(0, LOG_INFO);
  if (one) return repeat(&wanted, !quiet);
  if (search.workers < 1 || search.workers > MOST_WORKERS) search.workers = 1;
  search.end = search.next + seeds;
  search.verdict = mmap(NULL, (search.workers + 2) * sizeof *search.verdict, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return search.verdict == MAP_FAILED ? 1 : run(&search);
}
