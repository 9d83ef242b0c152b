#include "actor/fmi/slave.h"

#include "actor/fmi/slave_impl.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

// --- the shared object ---

// The directory below binaries/ for this machine.
static void find_platform(int version, char *platform, size_t size) {
  struct utsname machine;
  if (uname(&machine) != 0) snprintf(machine.machine, sizeof machine.machine, "unknown");
  if (version == 2 && strcmp(machine.machine, "x86_64") == 0)
    snprintf(platform, size, "linux64");
  else
    snprintf(platform, size, "%s-linux", machine.machine);
}

// Writes the names in the directory, "win64, darwin64", or "none".
static void list_platforms(const char *directory, char *text, size_t size) {
  size_t used = 0;
  DIR *files = file_opendir(directory);
  *text = 0;
  for (struct dirent *entry; files && (entry = readdir(files));)
    if (entry->d_name[0] != '.' && used < size)
      used += (size_t)snprintf(text + used, size - used, "%s%.60s", used ? ", " : "", entry->d_name);
  if (files) closedir(files);
  if (!*text) snprintf(text, size, "none");
}

enum status slave_find_file(const struct description *description, const char *name, const char *directory, char *file,
                            struct error *error) {
  char platform[96], there[200];
  find_platform(description->version, platform, sizeof platform);
  const int length = snprintf(file, FILE_PATH, "%s/binaries/%s/%s.so", directory, platform, description->identifier);
  if (length < 0 || length >= FILE_PATH)
    return error_set(error, STATUS_IO, "%s: its path is too long: %.200s", name, directory);
  if (file_allows(file, R_OK)) return STATUS_OK;
  snprintf(file, FILE_PATH, "%s/binaries", directory);
  list_platforms(file, there, sizeof there);
  return error_set(error, STATUS_MISMATCH,
                   "%s: it has no binaries/%s/%s.so, which this machine needs; the platforms in its binaries: %s", name,
                   platform, description->identifier, there);
}

// FMI 2 wants a URI, FMI 3 a path with a slash at its end.
static char *name_resources(const char *directory, int version) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  char *text = malloc(3 * strlen(directory) + 32);
  if (!text) return NULL;
  size_t used = 0;
  if (version == 3) {
    sprintf(text, "%s/resources/", directory);
    return text;
  }
  used += (size_t)sprintf(text, "file://");
  for (const char *c = directory; *c; c++)
    used += (size_t)sprintf(text + used, strchr(plain, *c) ? "%c" : "%%%02X", (unsigned char)*c);
  strcpy(text + used, "/resources");
  return text;
}

struct slave *slave_create(const struct description *description, const char *name, const char *directory,
                           struct error *error) {
  char file[FILE_PATH];
  struct slave *slave = memory_alloc(1, sizeof *slave, "an FMU", error);
  if (!slave) return NULL;
  slave->description = description;
  slave->version = description->version == 2 ? &slave_fmi2 : &slave_fmi3;
  slave->call = "";
  slave->name = strdup(name);
  slave->resources = name_resources(directory, description->version);
  if (!slave->name || !slave->resources)
    error_set(error, STATUS_MEMORY, "not enough memory for an FMU");
  else if (slave_find_file(description, name, directory, file, error) == STATUS_OK &&
           slave->version->load(slave, file, error) == STATUS_OK)
    return slave;
  slave_destroy(slave);
  return NULL;
}

static void free_instance(struct slave *slave) {
  if (slave->state == SLAVE_RUNNING) slave->version->terminate(slave);
  if (slave->instance && slave->state != SLAVE_DEAD) slave->version->free(slave);
  slave->instance = NULL;
  slave->state = SLAVE_NONE;
}

void slave_destroy(struct slave *slave) {
  if (!slave) return;
  free_instance(slave);
  if (slave->library) dlclose(slave->library);
  free(slave->name);
  free(slave->resources);
  memory_free(slave);
}

// --- calls ---

void slave_note(struct slave *slave, int status, const char *text) {
  if (slave && status != FMI_OK && *text) snprintf(slave->message, sizeof slave->message, "%s", text);
}

static enum status check(struct slave *slave, int status, struct error *error) {
  static const char *const names[] = {"OK", "Warning", "Discard", "Error", "Fatal", "Pending"};
  if (status == FMI_OK || status == FMI_WARNING) return STATUS_OK;
  slave->state = status == FMI_FATAL ? SLAVE_DEAD : SLAVE_INSTANTIATED; // it is not terminated after an error
  const char *name = status >= 0 && status < 6 ? names[status] : "an unknown status";
  const enum status result =
      error_set(error, STATUS_FAILED, "%s returned %s%s%s%s", slave->call, name, *slave->message ? ": " : "",
                slave->message, status == FMI_PENDING ? " (it computes asynchronously, which cannot be used)" : "");
  slave->message[0] = 0;
  return result;
}

static enum status make_instance(struct slave *slave, struct error *error) {
  free_instance(slave);
  slave->version->instantiate(slave);
  if (slave->instance) {
    slave->state = SLAVE_INSTANTIATED;
    return STATUS_OK;
  }
  return error_set(error, STATUS_FAILED, "%s made no instance%s%s%s", slave->call, *slave->message ? ": " : "",
                   slave->message,
                   slave->description->needs_tool ? "; the FMU needs the program that exported it" : "");
}

static enum status reset(struct slave *slave, struct error *error) {
  if (slave->state == SLAVE_RUNNING) slave->version->terminate(slave); // its result changes nothing
  slave->state = SLAVE_INSTANTIATED;
  return check(slave, slave->version->reset(slave), error);
}

enum status slave_prepare(struct slave *slave, bool fresh, struct slave_times times, struct error *error) {
  const bool can_reset = slave->instance && slave->state != SLAVE_DEAD && !fresh;
  slave->message[0] = 0;
  slave->times = times;
  const enum status status = can_reset ? reset(slave, error) : make_instance(slave, error);
  return status == STATUS_OK ? check(slave, slave->version->setup(slave), error) : status;
}

enum status slave_initialize(struct slave *slave, struct error *error) {
  const enum status status = check(slave, slave->version->initialize(slave), error);
  if (status == STATUS_OK) slave->state = SLAVE_RUNNING;
  return status;
}

enum status slave_step(struct slave *slave, double time, double size, bool *terminated, struct error *error) {
  *terminated = false;
  assert(slave->instance);
  const enum status status = check(slave, slave->version->step(slave, time, size, terminated), error);
  return status == STATUS_OK ? status : error_prefix(error, "at time %g", time);
}

enum status slave_set(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count,
                      const void *values, size_t values_count, struct error *error) {
  return check(slave, slave->version->set(slave, type, references, count, values, values_count), error);
}

enum status slave_get(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
                      size_t values_count, struct error *error) {
  return check(slave, slave->version->get(slave, type, references, count, values, values_count), error);
}

enum status slave_set_text(struct slave *slave, uint32_t reference, const char *text, struct error *error) {
  return check(slave, slave->version->set_text(slave, reference, text), error);
}

enum status slave_save(struct slave *slave, void *buffer, size_t size, size_t *need, struct error *error) {
  *need = 0;
  return check(slave, slave->version->save(slave, buffer, size, need), error);
}

enum status slave_load(struct slave *slave, const void *buffer, size_t size, struct error *error) {
  return check(slave, slave->version->load_state(slave, buffer, size), error);
}
