// The part of FMI 3.0 for co-simulation that this program calls, from the standard (fmi-standard.org, version 3.0.2,
// chapters 2.2 and 4.2). Statuses are enum fmi_status.
#ifndef CORSAC_ACTOR_FMI_FMI3_FUNCTIONS_H
#define CORSAC_ACTOR_FMI_FMI3_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FMI3_TYPES = 11 }; // Float64 to Boolean, in the order of enum fmi_type

struct fmi3_functions {
  void *(*instantiate)(const char *name, const char *token, const char *resources, bool visible, bool logging,
                       bool event_mode, bool early_return, const uint32_t *intermediate, size_t intermediate_count,
                       void *environment,
                       void (*log)(void *environment, int status, const char *category, const char *message),
                       void (*intermediate_update)(void));
  void (*free_instance)(void *instance);
  int (*enter_initialization)(void *instance, bool has_tolerance, double tolerance, double start, bool has_stop,
                              double stop);
  int (*exit_initialization)(void *instance);
  int (*terminate)(void *instance);
  int (*reset)(void *instance);
  int (*do_step)(void *instance, double time, double size, bool no_set_state_before, bool *event, bool *terminate,
                 bool *early, double *last_time);
  // Of each type there is a pair. They differ in the type that `values` points to, and pointers to data are passed
  // alike; a type that the FMU lacks is NULL.
  int (*get[FMI3_TYPES])(void *instance, const uint32_t *references, size_t count, void *values, size_t values_count);
  int (*set[FMI3_TYPES])(void *instance, const uint32_t *references, size_t count, const void *values,
                         size_t values_count);
  int (*set_string)(void *instance, const uint32_t *references, size_t count, const char *const *values,
                    size_t values_count);
  int (*get_state)(void *instance, void **state);
  int (*set_state)(void *instance, void *state);
  int (*free_state)(void *instance, void **state);
  int (*state_size)(void *instance, void *state, size_t *size);
  int (*serialize)(void *instance, void *state, uint8_t *bytes, size_t size);
  int (*deserialize)(void *instance, const uint8_t *bytes, size_t size, void **state);
};

#endif
