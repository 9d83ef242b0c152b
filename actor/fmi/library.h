// Shared objects that are opened at run time: libarchive, Expat and muParser, which FMUs need and the program does not,
// and the FMUs' own.
#ifndef CORSAC_ACTOR_FMI_LIBRARY_H
#define CORSAC_ACTOR_FMI_LIBRARY_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

struct library_function {
  const char *name;
  void *address; // of the pointer that gets the function
  bool optional; // the pointer becomes NULL where the library has no such function
};

// Opens the file with dlopen and finds the functions. NULL: STATUS_FORMAT, with a message that has the file's name and
// the reason. Close with dlclose.
void *library_open(const char *file, const struct library_function *functions, size_t count, struct error *error);

// The same for a library of the system, say libexpat.so.1. The message says what installs it.
void *library_open_system(const char *name, const struct library_function *functions, size_t count,
                          struct error *error);

#endif
