// Linked into what runs under the address sanitizer: modules that Open MPI unloads at the end stay, so that the leaks
// inside them have a name that lsan.supp can suppress.
#include <dlfcn.h>

int dlclose(void *module) {
  (void)module;
  return 0;
}
