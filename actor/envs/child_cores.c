#include "actor/envs/child_cores.h"

uint32_t child_cores_slot(const struct process_place *place, uint64_t index, bool evaluation) {
  if (evaluation) return place->evaluation_slot;
  return place->first_slot + (uint32_t)(index - place->first_index);
}

void child_cores_choose(const cpu_set_t *allowed, uint32_t slot, uint64_t each, cpu_set_t *chosen) {
  const uint64_t count = (uint64_t)CPU_COUNT(allowed), take = each < count ? each : count;
  const uint64_t first = slot * each % count;
  CPU_ZERO(chosen);
  uint64_t at = 0; // among the allowed ones
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET((size_t)core, allowed)) continue;
    if ((at + count - first) % count < take) CPU_SET((size_t)core, chosen);
    at++;
  }
}
