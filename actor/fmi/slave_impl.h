// What a slave is inside, and the calls in which FMI 2 (fmi2.c) and FMI 3 (fmi3.c) differ.
#ifndef CORSAC_ACTOR_FMI_SLAVE_IMPL_H
#define CORSAC_ACTOR_FMI_SLAVE_IMPL_H

#include "actor/fmi/fmi2_functions.h"
#include "actor/fmi/fmi3_functions.h"
#include "actor/fmi/slave.h"

// The same numbers in both versions.
enum fmi_status { FMI_OK, FMI_WARNING, FMI_DISCARD, FMI_ERROR, FMI_FATAL, FMI_PENDING };

enum slave_state { SLAVE_NONE, SLAVE_INSTANTIATED, SLAVE_RUNNING, SLAVE_DEAD }; // DEAD: no call may follow

struct slave {
  const struct slave_version *version;
  const struct description *description;
  char *name, *resources; // resources: as the version wants to have its place
  void *library, *instance;
  enum slave_state state;
  struct slave_times times;
  const char *call;  // the last one, for messages
  char message[256]; // the last complaint of the FMU
  struct fmi2_callbacks callbacks;
  struct fmi2_functions fmi2;
  struct fmi3_functions fmi3;
};

// Each sets slave->call, makes the call or calls, and returns the first status that is no success.
struct slave_version {
  enum status (*load)(struct slave *slave, const char *file, struct error *error);
  void (*instantiate)(struct slave *slave); // instance stays NULL on failure
  void (*free)(struct slave *slave);
  int (*reset)(struct slave *slave);
  int (*terminate)(struct slave *slave);
  int (*setup)(struct slave *slave); // of the times; before start values are set
  int (*initialize)(struct slave *slave);
  int (*step)(struct slave *slave, double time, double size, bool *terminated);
  int (*set)(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, const void *values,
             size_t values_count);
  int (*get)(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
             size_t values_count);
  int (*set_text)(struct slave *slave, uint32_t reference, const char *text);
  int (*save)(struct slave *slave, void *buffer, size_t size, size_t *need);
  int (*load_state)(struct slave *slave, const void *buffer, size_t size);
};
extern const struct slave_version slave_fmi2, slave_fmi3;

// Notes what the FMU logs; `status` FMI_OK is ignored.
void slave_note(struct slave *slave, int status, const char *text);

#endif
