// Variables of an FMU that are read or written together, as doubles: one call for all of a type.
#ifndef CORSAC_ACTOR_FMI_VECTOR_H
#define CORSAC_ACTOR_FMI_VECTOR_H

#include "actor/fmi/slave.h"

struct fmi_group {
  uint32_t *references; // (count)
  uint32_t *places;     // (values) where each number stands in the vector
  void *raw;            // (values) numbers of the FMU's type
  size_t count, values;
};

struct fmi_vector {
  struct fmi_group groups[FMI_NUMBERS]; // by type
  size_t size;                          // numbers: all elements of all variables, in order
  int version;                          // of FMI
};

// variables (count) are numbers with a fixed size. STATUS_MEMORY. Release it also after a failure.
enum status fmi_vector_init(struct fmi_vector *vector, const struct fmi_variable *const *variables, size_t count,
                            int version, struct error *error);
void fmi_vector_release(struct fmi_vector *vector);

// values (size). An integer gets the nearest one, a Boolean is true from 0.5 on. Neither allocates.
enum status fmi_vector_set(struct fmi_vector *vector, struct slave *slave, const double *values, struct error *error);
enum status fmi_vector_get(struct fmi_vector *vector, struct slave *slave, double *values, struct error *error);

#endif
