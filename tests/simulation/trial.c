#include "tests/simulation/trial.h"

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORLD_SECONDS = 60 };

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
  verdict->fingerprint = verdict->fingerprint * 31 + w.fingerprint; // two that are alike do not make 0
  verdict->events += w.count;
  verdict->starts = w.start + 1;
  verdict->seconds = w.now - 1000;
  snprintf(verdict->violation, sizeof verdict->violation, "%s", w.violation);
  world_release(&w);
  place_clear(verdict->directory);
  return holds;
}

// A sync job is played twice: first without what it must withstand.
bool trial_play(const struct wanted *wanted, bool traced, struct verdict *verdict) {
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

// --- in a child ---

pid_t trial_begin(const struct wanted *wanted, struct verdict *verdict) {
  *verdict = (struct verdict){0};
  place_make(verdict->directory);
  const pid_t child = fork();
  if (child != 0) return child;
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, 2);
  const struct rlimit limit = {WORLD_SECONDS, WORLD_SECONDS + 1}; // of the processor, however busy the machine is
  setrlimit(RLIMIT_CPU, &limit);
  verdict->holds = trial_play(wanted, false, verdict);
  verdict->is_done = true;
  _exit(0);
}

void trial_end(struct verdict *verdict, int status) {
  place_remove(verdict->directory);
  if (verdict->is_done) return;
  verdict->holds = false;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    snprintf(verdict->violation, sizeof verdict->violation, "the world did not end within %d s of the processor",
             WORLD_SECONDS);
  else if (WIFSIGNALED(status))
    snprintf(verdict->violation, sizeof verdict->violation, "the program got signal %d: %s", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  else
    snprintf(verdict->violation, sizeof verdict->violation, "the program ended with %d", WEXITSTATUS(status));
}

// --- a smaller one ---

static bool fails(const struct wanted *wanted, struct verdict *verdict) {
  int status;
  const pid_t child = trial_begin(wanted, verdict);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  trial_end(verdict, status);
  return !verdict->holds;
}

struct wanted trial_shrink(struct wanted wanted, struct verdict *verdict) {
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

void trial_print(const struct wanted *wanted) {
  struct plan plan;
  const char *before = " WITHOUT=";
  printf("  make simulate SEED=%llu", (unsigned long long)wanted->seed);
  plan_draw(&plan, wanted->seed);
  for (uint32_t i = 0; i < plan.faults; i++)
    if (wanted->without >> i & 1) {
      printf("%s%u", before, i);
      before = ",";
    }
  if (wanted->actors) printf(" ACTORS=%u", wanted->actors);
  printf("\n");
  fflush(stdout);
}
