// A plugin: an environment in a shared object of the user's, opened with dlopen.
#ifndef CORSAC_ACTOR_ENVS_PLUGIN_H
#define CORSAC_ACTOR_ENVS_PLUGIN_H

#include "common/base/status.h"
#include "common/env/env.h"

struct plugin {
  void *library;         // dlopen's handle
  struct corsac_env abi; // a copy of the plugin's, as long as its size says; the members beyond are NULL
};

// Opens the shared object and checks what it exports. A path without '/' is a file of the current directory. NULL:
// STATUS_IO (no such file), STATUS_FORMAT (no plugin) or STATUS_MISMATCH (another ABI), with a message that names the
// path.
struct plugin *plugin_open(const char *path, struct error *error);

// NULL is fine.
void plugin_close(struct plugin *plugin);

// Copies `given`, which corsac_env() returned and may be NULL, into *abi, and checks it: version and size of the ABI,
// mandatory members.
enum status plugin_check(const char *path, const struct corsac_env *given, struct corsac_env *abi, struct error *error);
#endif
