// Which cores the child processes of this actor get, where the option child_cores wants that.
#include "actor/actor_impl.h"

#include "actor/envs/process.h"
#include "common/base/log.h"
#include <sched.h>

// Counts the children on this actor's cores. Those of actors with lower ranks come first.
static struct process_place find_place(const struct actor *actor, bool trains, bool *is_first) {
  const struct config *config = &actor->config;
  const struct transport *transport = actor->transport;
  struct process_place place = {.first_index = actor->assignment.first};
  uint32_t sharing = 0;
  for (int rank = 1; rank < transport_size(transport); rank++) {
    if (!transport_shares_cores(transport, rank)) continue;
    const struct assignment other = assignment_of(config, (uint32_t)transport_size(transport) - 1, (uint32_t)rank - 1);
    if (other.count == 0) continue;
    if (rank == transport_rank(transport)) {
      place.first_slot = place.slots;
      place.evaluation_slot = sharing;
    }
    if (trains) place.slots += other.count;
    sharing++;
  }
  *is_first = place.evaluation_slot == 0;
  place.evaluation_slot += place.slots;
  if (!trains || config->eval_every > 0) place.slots += sharing;
  return place;
}

void actor_place_children(struct actor *actor, bool trains) {
  const uint64_t each = actor->config.child_cores;
  bool is_first;
  cpu_set_t allowed;
  if (each == 0) return;
  const struct process_place place = find_place(actor, trains, &is_first);
  process_set_place(actor->kind.process, &place);
  if (!is_first || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  const int cores = CPU_COUNT(&allowed);
  const bool is_one = place.slots == 1;
  if (place.slots * each > (uint64_t)cores)
    log_warn("child_cores %llu: %u process%s (%s) want%s %llu cores and may use %d, so %s", (unsigned long long)each,
             place.slots, is_one ? "" : "es", trains ? "environments, and an evaluation for each actor" : "evaluations",
             is_one ? "s" : "", (unsigned long long)(place.slots * each), cores,
             is_one ? "it gets those" : "some of them share cores");
}
