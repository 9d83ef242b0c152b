#include "actor/info_episode.h"

#include "common/env/env.h"
#include <math.h>

void info_episode_add(struct info_episode *episode, const uint8_t *rules, uint32_t dim, const double *values) {
  for (uint32_t i = 0; i < dim; i++) {
    double *number = &episode->number[i];
    double next = values[i];
    if (rules[i] == CORSAC_INFO_MEAN) next += *number;
    if (rules[i] == CORSAC_INFO_MAX && episode->count[i] > 0 && next < *number) next = *number;
    if (!isfinite(values[i]) || !isfinite(next)) continue;
    *number = next;
    episode->count[i]++;
  }
}

double info_episode_result(const struct info_episode *episode, const uint8_t *rules, uint32_t i) {
  if (episode->count[i] == 0) return WIRE_NO_VALUE;
  return rules[i] == CORSAC_INFO_MEAN ? episode->number[i] / (double)episode->count[i] : episode->number[i];
}
