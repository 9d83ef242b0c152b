// What actors cost the learner beside its updates: scale [ACTORS...], 100, 1000 and 10000 by default.
//
// The real learner and the real actors in one process. The network is the simulated one, so what MPI takes for a
// message comes on top (`corsac bench transport`).
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/meter.h"
#include "tests/simulation/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static double microseconds(const struct meter *meter, enum meter_part part, uint64_t count) {
  return count > 0 ? 1e6 * meter->seconds[part] / (double)count : 0;
}

static void measure(const struct plan *plan, const char *directory) {
  static struct world w;
  static struct checks checks;
  struct meter meter = {0};
  checks.meter = &meter;
  const bool done = chdir(directory) == 0 && world_play(&w, plan, directory, false, &checks);
  const double lasted = meter.left - meter.began;
  const double rest = meter.lead_left - meter.lead_began - meter.seconds[METER_UPDATE];
  printf("%7u %6g %10.1f %8.2f %8.1f %8.2f %8.2f %8.2f %8.3f %8.3f %8.0f %s\n", plan->actors, plan->step_seconds,
         (double)meter.messages / lasted, microseconds(&meter, METER_DRAIN, meter.messages),
         microseconds(&meter, METER_LOOK, meter.calls[METER_LOOK]),
         microseconds(&meter, METER_GRANT, meter.calls[METER_GRANT]),
         microseconds(&meter, METER_PUBLISH, meter.calls[METER_PUBLISH]), 100 * rest / lasted, meter.lead_began,
         meter.lead - meter.lead_left, (double)meter.memory / plan->actors, done ? "" : w.violation);
}

// One environment for each actor, a checkpoint at the end only.
static void measure_apart(uint32_t actors, double step_seconds) {
  const struct plan plan = {.seed = 1,
                            .hosts = PLAN_HOSTS,
                            .actors = actors,
                            .latency = 2e-5,
                            .bandwidth = 1e9,
                            .disk = 1e9,
                            .fsync = 1e-3,
                            .sync_steps = 1,
                            .n_step = 1,
                            .env_steps = 20 * (uint64_t)actors,
                            .learning_starts = actors,
                            .utd = 0.1,
                            .actor_timeout = 30,
                            .env_timeout = 600,
                            .step_seconds = step_seconds};
  char directory[PLACE_PATH];
  place_make(directory);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    measure(&plan, directory);
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  place_remove(directory);
}

int main(int argc, char **argv) {
  static const double seconds[] = {0.01, 1, 10};
  static char *usual[] = {"100", "1000", "10000"};
  char **counts = argc > 1 ? argv + 1 : usual;
  linalg_init();
  log_init(0, LOG_INFO);
  printf("actors  a step    messages    us per message, look, grant, publish    beside    start    end, s     bytes\n");
  printf(
      "             s   a second                                         updates, %%                      an actor\n");
  for (int i = 0; i < (argc > 1 ? argc - 1 : 3); i++)
    for (size_t j = 0; j < sizeof seconds / sizeof *seconds; j++)
      measure_apart((uint32_t)strtoul(counts[i], NULL, 10), seconds[j]);
  return 0;
}
