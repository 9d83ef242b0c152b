// An environment in a shared object of the user's, opened with dlopen.
#ifndef CORSAC_ACTOR_ENVS_PLUGIN_H
#define CORSAC_ACTOR_ENVS_PLUGIN_H

#include "common/base/status.h"
#include "common/env/env.h"

struct plugin {
  void *library;         // dlopen's handle
  struct corsac_env abi; // the plugin's own, as far as its size says; members beyond are NULL
};
// Opens the shared object and checks what it exports. A path without '/' is a file of the current directory. Fails with
// STATUS_IO (no such file), STATUS_FORMAT (no plugin), STATUS_MISMATCH (another ABI), each with a message that names
// the path.
struct plugin *plugin_open(const char *path, struct error *error);
void plugin_close(struct plugin *plugin); // NULL is fine

// Copies what `given` holds (NULL: corsac_env() returned NULL) and checks it: number and size of the ABI, mandatory
// members.
enum status plugin_check(const char *path, const struct corsac_env *given, struct corsac_env *abi, struct error *error);
#endif
