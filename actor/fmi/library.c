#include "actor/fmi/library.h"

#include <dlfcn.h>
#include <string.h>

static bool find_functions(void *library, const char *file, const struct library_function *functions, size_t count,
                           struct error *error) {
  for (size_t i = 0; i < count; i++) {
    void *symbol = dlsym(library, functions[i].name);
    if (!symbol && !functions[i].optional) {
      error_set(error, STATUS_FORMAT, "%s has no function %s", file, functions[i].name);
      return false;
    }
    memcpy(functions[i].address, &symbol, sizeof symbol); // ISO C has no cast from an object's address to a function's
  }
  return true;
}

void *library_open(const char *file, const struct library_function *functions, size_t count, struct error *error) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    error_set(error, STATUS_FORMAT, "%s cannot be loaded: %s", file, dlerror());
    return NULL;
  }
  if (find_functions(library, file, functions, count, error)) return library;
  dlclose(library);
  return NULL;
}

void *library_open_system(const char *name, const struct library_function *functions, size_t count,
                          struct error *error) {
  struct error own = {0};
  void *library = library_open(name, functions, count, &own);
  if (!library)
    error_set(error, STATUS_IO, "FMUs need %s: launch/install-deps.sh fmi installs it (%s)", name, own.text);
  return library;
}
