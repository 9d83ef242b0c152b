#include "actor/fmi/vector.h"

#include "common/base/memory.h"
#include <math.h>
#include <string.h>

// --- one number ---

// The largest float and smallest number of an integer type, both of which a double has exactly or rounded inwards.
static double fit(double value, double low, double high) {
  const double nearest = floor(value + 0.5);
  return nearest >= high ? high : nearest > low ? nearest : low; // NAN: low
}

#define STORE(type, value) memcpy((char *)raw + i * sizeof(type), &(type){(type)(value)}, sizeof(type))
static void store(enum fmi_type type, int version, void *raw, size_t i, double value) {
  switch (type) {
  case FMI_FLOAT64: STORE(double, value); break;
  case FMI_FLOAT32: STORE(float, value); break;
  case FMI_INT8: STORE(int8_t, fit(value, INT8_MIN, INT8_MAX)); break;
  case FMI_UINT8: STORE(uint8_t, fit(value, 0, UINT8_MAX)); break;
  case FMI_INT16: STORE(int16_t, fit(value, INT16_MIN, INT16_MAX)); break;
  case FMI_UINT16: STORE(uint16_t, fit(value, 0, UINT16_MAX)); break;
  case FMI_INT32: STORE(int32_t, fit(value, INT32_MIN, INT32_MAX)); break;
  case FMI_UINT32: STORE(uint32_t, fit(value, 0, UINT32_MAX)); break;
  case FMI_INT64: STORE(int64_t, fit(value, -0x1p63, 0x1p63 - 0x1p10)); break;
  case FMI_UINT64: STORE(uint64_t, fit(value, 0, 0x1p64 - 0x1p11)); break;
  default:
    if (version == 2)
      STORE(int, value >= 0.5);
    else
      STORE(bool, value >= 0.5);
  }
}

#define LOAD(type)                                                                                                     \
  do {                                                                                                                 \
    type value;                                                                                                        \
    memcpy(&value, (const char *)raw + i * sizeof value, sizeof value);                                                \
    return (double)value;                                                                                              \
  } while (0)
static double load(enum fmi_type type, int version, const void *raw, size_t i) {
  switch (type) {
  case FMI_FLOAT64: LOAD(double);
  case FMI_FLOAT32: LOAD(float);
  case FMI_INT8: LOAD(int8_t);
  case FMI_UINT8: LOAD(uint8_t);
  case FMI_INT16: LOAD(int16_t);
  case FMI_UINT16: LOAD(uint16_t);
  case FMI_INT32: LOAD(int32_t);
  case FMI_UINT32: LOAD(uint32_t);
  case FMI_INT64: LOAD(int64_t);
  case FMI_UINT64: LOAD(uint64_t);
  default:
    if (version == 2) LOAD(int);
    return ((const uint8_t *)raw)[i] != 0; // a byte that is no bool does no harm
  }
}

// --- all of them ---

enum status fmi_vector_init(struct fmi_vector *vector, const struct fmi_variable *const *variables, size_t count,
                            int version, struct error *error) {
  *vector = (struct fmi_vector){.version = version};
  for (size_t i = 0; i < count; i++) {
    vector->groups[variables[i]->type].count++;
    vector->groups[variables[i]->type].values += variables[i]->count;
  }
  for (int type = 0; type < FMI_NUMBERS; type++) {
    struct fmi_group *group = &vector->groups[type];
    const size_t size = fmi_type_size((enum fmi_type)type, version);
    group->references = memory_alloc(group->count, sizeof *group->references, "the variables of an FMU", error);
    group->places = memory_alloc(group->values, sizeof *group->places, "the variables of an FMU", error);
    group->raw = memory_alloc(group->values, size, "the variables of an FMU", error);
    if (!group->references || !group->places || !group->raw) return STATUS_MEMORY;
    group->count = group->values = 0;
  }
  for (size_t i = 0; i < count; i++) {
    struct fmi_group *group = &vector->groups[variables[i]->type];
    group->references[group->count++] = variables[i]->reference;
    for (uint32_t k = 0; k < variables[i]->count; k++) group->places[group->values++] = (uint32_t)vector->size++;
  }
  return STATUS_OK;
}

void fmi_vector_release(struct fmi_vector *vector) {
  for (int type = 0; type < FMI_NUMBERS; type++) {
    memory_free(vector->groups[type].references);
    memory_free(vector->groups[type].places);
    memory_free(vector->groups[type].raw);
  }
  *vector = (struct fmi_vector){0};
}

enum status fmi_vector_set(struct fmi_vector *vector, struct slave *slave, const double *values, struct error *error) {
  for (int t = 0; t < FMI_NUMBERS; t++) {
    const enum fmi_type type = (enum fmi_type)t;
    struct fmi_group *group = &vector->groups[t];
    for (size_t i = 0; i < group->values; i++) store(type, vector->version, group->raw, i, values[group->places[i]]);
    if (group->count > 0 &&
        slave_set(slave, type, group->references, group->count, group->raw, group->values, error) != STATUS_OK)
      return STATUS_FAILED;
  }
  return STATUS_OK;
}

enum status fmi_vector_get(struct fmi_vector *vector, struct slave *slave, double *values, struct error *error) {
  for (int t = 0; t < FMI_NUMBERS; t++) {
    const enum fmi_type type = (enum fmi_type)t;
    struct fmi_group *group = &vector->groups[t];
    if (group->count > 0 &&
        slave_get(slave, type, group->references, group->count, group->raw, group->values, error) != STATUS_OK)
      return STATUS_FAILED;
    for (size_t i = 0; i < group->values; i++) values[group->places[i]] = load(type, vector->version, group->raw, i);
  }
  return STATUS_OK;
}
