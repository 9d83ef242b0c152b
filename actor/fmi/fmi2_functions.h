// The part of FMI 2.0 for co-simulation that this program calls, from the standard (fmi-standard.org, version 2.0.4,
// chapters 2.1 and 4.2). Statuses are enum fmi_status, Booleans are int, value references are unsigned int.
#ifndef CORSAC_ACTOR_FMI_FMI2_FUNCTIONS_H
#define CORSAC_ACTOR_FMI_FMI2_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

enum { FMI2_CO_SIMULATION = 1, FMI2_TERMINATED = 3 }; // fmi2Type, fmi2StatusKind

struct fmi2_callbacks {
  void (*logger)(void *environment, const char *instance, int status, const char *category, const char *message, ...);
  void *(*allocate)(size_t count, size_t size);
  void (*free)(void *memory);
  void (*step_finished)(void *environment, int status);
  void *environment;
};

struct fmi2_functions {
  void *(*instantiate)(const char *name, int type, const char *guid, const char *resources,
                       const struct fmi2_callbacks *callbacks, int visible, int logging);
  void (*free_instance)(void *instance);
  int (*setup)(void *instance, int has_tolerance, double tolerance, double start, int has_stop, double stop);
  int (*enter_initialization)(void *instance);
  int (*exit_initialization)(void *instance);
  int (*terminate)(void *instance);
  int (*reset)(void *instance);
  int (*do_step)(void *instance, double time, double size, int no_set_state_before);
  int (*get_boolean_status)(void *instance, int kind, int *value);
  int (*get_real)(void *instance, const uint32_t *references, size_t count, double *values);
  int (*get_integer)(void *instance, const uint32_t *references, size_t count, int *values);
  int (*get_boolean)(void *instance, const uint32_t *references, size_t count, int *values);
  int (*set_real)(void *instance, const uint32_t *references, size_t count, const double *values);
  int (*set_integer)(void *instance, const uint32_t *references, size_t count, const int *values);
  int (*set_boolean)(void *instance, const uint32_t *references, size_t count, const int *values);
  int (*set_string)(void *instance, const uint32_t *references, size_t count, const char *const *values);
  int (*get_state)(void *instance, void **state);
  int (*set_state)(void *instance, void *state);
  int (*free_state)(void *instance, void **state);
  int (*state_size)(void *instance, void *state, size_t *size);
  int (*serialize)(void *instance, void *state, char *bytes, size_t size);
  int (*deserialize)(void *instance, const char *bytes, size_t size, void **state);
};

#endif
