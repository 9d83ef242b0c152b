// One instance of an FMU for co-simulation: its shared object is loaded, and the calls of FMI 2 or 3 are made in the
// order that the standard wants. Functions that return a status return STATUS_FAILED where the FMU's call failed; the
// text has the call and what the FMU logged.
#ifndef CORSAC_ACTOR_FMI_SLAVE_H
#define CORSAC_ACTOR_FMI_SLAVE_H

#include "actor/fmi/description.h"
#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slave;

// Finds the shared object for this machine below the directory of the unpacked FMU, file (FILE_PATH bytes).
// STATUS_MISMATCH: there is none; the message has `name` and the platforms that there are.
enum status slave_find_file(const struct description *description, const char *name, const char *directory, char *file,
                            struct error *error);

// Loads that shared object. description is not copied. NULL: STATUS_MISMATCH as above, or STATUS_FORMAT.
struct slave *slave_create(const struct description *description, const char *name, const char *directory,
                           struct error *error);
void slave_destroy(struct slave *slave);

// An episode: slave_prepare, slave_set of start values, slave_initialize, then slave_set, slave_step, slave_get.

// The times of an experiment; stop and tolerance may be NAN.
struct slave_times {
  double start, stop, tolerance;
};

// Makes an instance, or resets the one that there is; fresh: always makes a new one.
enum status slave_prepare(struct slave *slave, bool fresh, struct slave_times times, struct error *error);
enum status slave_initialize(struct slave *slave, struct error *error);

// Steps from `time` by `size`. *terminated: the FMU ends the simulation.
enum status slave_step(struct slave *slave, double time, double size, bool *terminated, struct error *error);

// Sets or gets variables of one type. values: (values_count) numbers of that type; arrays lie one after another.
enum status slave_set(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count,
                      const void *values, size_t values_count, struct error *error);
enum status slave_get(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
                      size_t values_count, struct error *error);

// Sets one string.
enum status slave_set_text(struct slave *slave, uint32_t reference, const char *text, struct error *error);

// The state as bytes: *need is set; they are written where size is enough. description->can_save only.
enum status slave_save(struct slave *slave, void *buffer, size_t size, size_t *need, struct error *error);
enum status slave_load(struct slave *slave, const void *buffer, size_t size, struct error *error);

#endif
