// A plate of cells, each with a heater: the agents, which share one policy. They heat the plate to 60 degrees and keep
// it there. A heater that gets too hot switches itself off, and comes back when its cell has cooled down.
//   gcc -shared -fPIC -O2 -I build/include heated_plate.c -o heated_plate.so
//   corsac train --env ./heated_plate.so         the number of cells after a colon: ./heated_plate.so:64
#include <corsac/env.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 16, COLUMNS = 4 };
static const double TARGET = 60, TOO_HOT = 90, COOL = 70; // degrees
static const double low[1] = {0}, high[1] = {1};          // of a heater's power

struct plate {
  uint32_t cells;
  double outside; // degrees, of the room
  double heat[];  // (cells) degrees; behind it (cells) bytes, what agent_flags says of each heater
};
static uint8_t *heaters(struct plate *plate) { return (uint8_t *)(plate->heat + plate->cells); }
static size_t size_of(uint32_t cells) { return sizeof(struct plate) + cells * (sizeof(double) + 1); }

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  const long cells = *config->args ? strtol(config->args, NULL, 10) : CELLS;
  if (cells < 1 || cells > CORSAC_MAX_AGENTS) {
    snprintf(error, error_size, "the number of cells is 1 to %d, not \"%s\"", CORSAC_MAX_AGENTS, config->args);
    return NULL;
  }
  spec->obs_dim = 3, spec->act_dim = 1; // of each agent
  spec->max_episode_steps = 200;
  spec->action_low = low, spec->action_high = high;
  if (corsac_set_agents(spec, (uint32_t)cells, error, error_size) != 0) return NULL; // corsac is too old
  struct plate *plate = calloc(1, size_of((uint32_t)cells));
  if (plate) plate->cells = (uint32_t)cells;
  return plate;
}

// The mean of the cells beside cell i; beyond the plate's edge is the room.
static double around(const struct plate *plate, uint32_t i) {
  const double *heat = plate->heat, room = plate->outside;
  const double left = i % COLUMNS > 0 ? heat[i - 1] : room, above = i >= COLUMNS ? heat[i - COLUMNS] : room;
  const double right = i % COLUMNS < COLUMNS - 1 && i + 1 < plate->cells ? heat[i + 1] : room;
  return (left + right + above + (i + COLUMNS < plate->cells ? heat[i + COLUMNS] : room)) / 4;
}

// Row i of obs is what agent i observes.
static void observe(const struct plate *plate, float *obs) {
  for (uint32_t i = 0; i < plate->cells; i++) {
    obs[3 * i] = (float)((plate->heat[i] - TARGET) / 20);
    obs[3 * i + 1] = (float)((around(plate, i) - plate->heat[i]) / 20);
    obs[3 * i + 2] = (float)((plate->outside - 15) / 5);
  }
}

static int reset(void *data, uint64_t seed, float *obs) {
  struct plate *plate = data;
  plate->outside = 10 + 10 * (double)((seed * 0x9E3779B97F4A7C15) >> 11) * 0x1p-53;
  for (uint32_t i = 0; i < plate->cells; i++)
    plate->heat[i] = plate->outside + 10 * (double)(((seed + i) * 0xD1342543DE82EF95) >> 11) * 0x1p-53;
  memset(heaters(plate), CORSAC_PRESENT, plate->cells);
  observe(plate, obs);
  return 0;
}

static int step(void *data, const float *action, float *obs, double *reward) {
  struct plate *plate = data;
  uint8_t *heater = heaters(plate);
  for (uint32_t i = 0; i < plate->cells; i++) {
    const int acts = heater[i] == CORSAC_PRESENT;
    const double power = acts ? (double)action[i] : 0;
    plate->heat[i] += 0.2 * (around(plate, i) - plate->heat[i]) + 6 * power;
    const double miss = (plate->heat[i] - TARGET) / 20;
    const int is_hot = plate->heat[i] > TOO_HOT, is_cool = plate->heat[i] < COOL;
    reward[i] = acts ? -miss * miss - (is_hot ? 10 : 0) : 0;
    if (acts)
      heater[i] = is_hot ? CORSAC_TERMINATED : CORSAC_PRESENT; // it switches itself off: an episode of it ends
    else
      heater[i] = is_cool ? CORSAC_PRESENT : CORSAC_ABSENT; // another one begins
  }
  observe(plate, obs);
  return 0;
}

// Optional: without it all agents are always there.
static void agent_flags(void *data, uint8_t *flags) { memcpy(flags, heaters(data), ((struct plate *)data)->cells); }

static int64_t save(void *data, void *buffer, size_t size) {
  const size_t need = size_of(((struct plate *)data)->cells);
  if (size >= need) memcpy(buffer, data, need);
  return (int64_t)need;
}

static int load(void *data, const void *buffer, size_t size) {
  return size == size_of(((struct plate *)data)->cells) ? memcpy(data, buffer, size), 0 : -1;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {CORSAC_ENV_ABI,
                                        sizeof env,
                                        0,
                                        "heated_plate",
                                        create,
                                        reset,
                                        step,
                                        free,
                                        .save = save,
                                        .load = load,
                                        .agent_flags = agent_flags};
  return &env;
}
