// modelDescription.xml of an FMU, read with Expat: FMI 2.0 and 3.0, co-simulation.
#ifndef CORSAC_ACTOR_FMI_DESCRIPTION_H
#define CORSAC_ACTOR_FMI_DESCRIPTION_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Types of FMI 3. Of FMI 2, Real is FLOAT64, Integer and Enumeration are INT32.
enum fmi_type {
  FMI_FLOAT64,
  FMI_FLOAT32,
  FMI_INT8,
  FMI_UINT8,
  FMI_INT16,
  FMI_UINT16,
  FMI_INT32,
  FMI_UINT32,
  FMI_INT64,
  FMI_UINT64,
  FMI_BOOLEAN,
  FMI_NUMBERS, // all before are numbers
  FMI_STRING = FMI_NUMBERS,
  FMI_OTHER
};
enum fmi_causality { FMI_LOCAL, FMI_INPUT, FMI_OUTPUT, FMI_PARAMETER, FMI_INDEPENDENT };

struct fmi_variable {
  char *name, *text;         // text: its description, or ""
  uint32_t reference, count; // count: elements of an array, 1 for a scalar, 0 where its size is not fixed
  enum fmi_type type;
  enum fmi_causality causality;
  bool constant;           // it may not be set
  double low, high, start; // NAN where they are not given; start: of the first element
};

struct description {
  int version;                                        // 2 or 3
  char *model_name, *identifier, *token;              // identifier: of the shared object; token: GUID of FMI 2
  bool one_per_process, can_save, needs_tool;         // can_save: its state can be serialised
  double start_time, stop_time, tolerance, step_size; // of DefaultExperiment; NAN where they are not given
  struct fmi_variable *variables;                     // (count)
  size_t count;
};

// Reads DIRECTORY/modelDescription.xml; `name` is what messages call the FMU. STATUS_FORMAT: the file is missing or
// damaged, another version of FMI, or no co-simulation. Release the description also after a failure.
enum status description_read(struct description *description, const char *name, const char *directory,
                             struct error *error);
void description_release(struct description *description);

// NULL: there is no such variable.
const struct fmi_variable *description_find(const struct description *description, const char *name);

// The name of the variable that is most like it, or NULL.
const char *description_suggest(const struct description *description, const char *name);

// Bytes of a number in memory: a Boolean is an int in FMI 2, a bool in FMI 3.
size_t fmi_type_size(enum fmi_type type, int version);
bool fmi_type_is_float(enum fmi_type type);

#endif
