#include "launch/train/affinity.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/process.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

static int cores_of(pid_t process) {
  cpu_set_t mask;
  return sched_getaffinity(process, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
}

int affinity_cores(void) { return cores_of(0); }
int affinity_launchers_cores(void) { return cores_of(getppid()); }

uint64_t affinity_id(void) {
  char boot[BOOT_TEXT] = "";
  cpu_set_t mask;
  process_boot(boot);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) CPU_ZERO(&mask);
  return hash_bytes(hash_bytes(HASH_START, boot, strlen(boot)), &mask, sizeof mask);
}

void affinity_check(uint64_t threads, uint32_t ranks, bool fixed) {
  const int cores = affinity_cores(), launchers = affinity_launchers_cores();
  if ((uint64_t)cores >= threads) return;
  if (ranks > 1 && launchers > cores)
    log_warn("mpirun has bound the learner to %d of %d cores, too few for %llu threads; this lets it use all: mpirun "
             "--bind-to none%s -n %u corsac train ...",
             cores, launchers, (unsigned long long)threads, ranks > (uint32_t)launchers ? " --oversubscribe" : "",
             ranks);
  else
    log_warn("the learner may use %d core%s, too few for %llu threads: %sask the queue for more cores", cores,
             cores == 1 ? "" : "s", (unsigned long long)threads, fixed ? "" : "lower --learner-threads, or ");
}
