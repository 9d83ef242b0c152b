#include "actor/envs/plugin.h"

#include "actor/guest/guest.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MANDATORY = offsetof(struct corsac_env, error) }; // bytes of the ABI's mandatory part

static const char *missing_member(const struct corsac_env *abi) {
  if (!abi->create) return "create";
  if (!abi->reset) return "reset";
  if (!abi->step) return "step";
  if (!abi->destroy) return "destroy";
  if (abi->step_begin && !abi->step_end) return "step_end (it has step_begin)";
  if (abi->step_end && !abi->step_begin) return "step_begin (it has step_end)";
  if (abi->reset_begin && !abi->reset_end) return "reset_end (it has reset_begin)";
  if (abi->reset_end && !abi->reset_begin) return "reset_begin (it has reset_end)";
  if (abi->save && !abi->load) return "load (it has save)";
  return NULL;
}

enum status plugin_check(const char *path, const struct corsac_env *given, struct corsac_env *abi,
                         struct error *error) {
  if (!given) return error_set(error, STATUS_FORMAT, "%s: its corsac_env() returned NULL", path);
  if (given->abi != CORSAC_ENV_ABI)
    return error_set(error, STATUS_MISMATCH,
                     "%s: built for version %u of the environment ABI, this program has version %d; "
                     "rebuild it with this program's corsac/env.h",
                     path, given->abi, CORSAC_ENV_ABI);
  if (given->size < MANDATORY)
    return error_set(error, STATUS_MISMATCH,
                     "%s: its struct corsac_env has a size of %u bytes, but the mandatory members take %d; "
                     "set .size = sizeof(struct corsac_env)",
                     path, given->size, MANDATORY);
  // Behind the mandatory part there are only pointers. Half of one is left out.
  size_t size = given->size < sizeof *abi ? given->size : sizeof *abi;
  memset(abi, 0, sizeof *abi);
  memcpy(abi, given, size - (size - MANDATORY) % sizeof abi->error);
  const char *missing = missing_member(abi);
  if (missing) return error_set(error, STATUS_FORMAT, "%s: its struct corsac_env has no %s", path, missing);
  return STATUS_OK;
}

// Checks that there is a file to load. dlopen would give no such reasons.
static enum status check_file(const char *path, const char *file, struct error *error) {
  struct stat info;
  if (!file_allows(file, R_OK))
    return error_set(error, STATUS_IO, "cannot open the environment plugin %s: %s", path, strerror(errno));
  if (file_stat(file, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) // to open a pipe would wait
    return error_set(error, STATUS_IO, "the environment plugin %s is %s, not a file", path, file_kind(info.st_mode));
  return STATUS_OK;
}

// Whether the plugin, or a library that it brings, is linked with MPI. dlsym looks in these alone, not in this program.
static bool links_mpi(void *library) { return dlsym(library, "MPI_Init") != NULL; }

static enum status load(struct plugin *plugin, const char *path, const char *file, struct error *error) {
  const struct guest guest = {.name = path};
  char buffer[FILE_PATH];
  guest_enter(&guest, GUEST_OPEN);
  plugin->library = dlopen(file_path(file, buffer), RTLD_NOW | RTLD_LOCAL);
  guest_leave(GUEST_OPEN);
  if (!plugin->library)
    return error_set(error, STATUS_FORMAT, "%s cannot be loaded as a shared object: %s%s", path, dlerror(),
                     strstr(path, ".so") ? "" : "; a program is given as --env 'exec:COMMAND'");

  const struct corsac_env *(*entry)(void) = NULL;
  void *symbol = dlsym(plugin->library, "corsac_env");
  if (!symbol)
    return error_set(error, STATUS_FORMAT,
                     "%s exports no symbol corsac_env; a plugin defines "
                     "`const struct corsac_env *corsac_env(void)` (extern \"C\" in C++) with default visibility",
                     path);
  memcpy(&entry, &symbol, sizeof entry); // ISO C has no cast from an object's address to a function's
  guest_enter(&guest, GUEST_OPEN);
  const struct corsac_env *given = entry();
  guest_leave(GUEST_OPEN);
  const enum status status = plugin_check(path, given, &plugin->abi, error);
  return status == STATUS_OK && links_mpi(plugin->library) ? guest_start_mpi(error) : status;
}

struct plugin *plugin_open(const char *path, struct error *error) {
  char file[4096]; // dlopen searches the library path for a name without '/'
  int length = snprintf(file, sizeof file, "%s%s", strchr(path, '/') ? "" : "./", path);
  if (length < 0 || (size_t)length >= sizeof file) {
    error_set(error, STATUS_USAGE, "the path of a plugin is longer than %zu characters: %.60s...", sizeof file - 1,
              path);
    return NULL;
  }
  if (check_file(path, file, error) != STATUS_OK) return NULL;
  struct plugin *plugin = memory_alloc(1, sizeof *plugin, "an environment plugin", error);
  if (!plugin) return NULL;
  if (load(plugin, path, file, error) == STATUS_OK) return plugin;
  plugin_close(plugin);
  return NULL;
}

void plugin_close(struct plugin *plugin) {
  if (!plugin) return;
  char name[128]; // a copy, since dlclose unmaps the plugin's
  snprintf(name, sizeof name, "%s", plugin->library && plugin->abi.name ? plugin->abi.name : "a plugin");
  const struct guest guest = {.name = name};
  guest_enter(&guest, GUEST_CLOSE);
  if (plugin->library) dlclose(plugin->library);
  guest_leave(GUEST_CLOSE);
  memory_free(plugin);
}
