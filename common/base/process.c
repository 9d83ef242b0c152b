#include "common/base/process.h"

#include "common/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Reads up to size - 1 bytes of a small file and ends them with a NUL. Returns 0 if it cannot be read.
static size_t read_text(const char *path, char *text, size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, size - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  return length > 0 ? (size_t)length : 0;
}

uint64_t process_pid_namespace(void) {
  char boot[64], names[64];
  const size_t length = read_text("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  const ssize_t own = readlink("/proc/self/ns/pid", names, sizeof names);
  if (length == 0 || own <= 0) return 0;
  return hash_bytes(hash_bytes(HASH_START, boot, length), names, (size_t)own);
}

void process_boot(char text[BOOT_TEXT]) {
  if (read_text("/proc/sys/kernel/random/boot_id", text, BOOT_TEXT) == 0) text[0] = 0;
  text[strcspn(text, "\n")] = 0;
}

uint64_t process_namespace(void) {
  struct stat info;
  return stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

// Reads a process's stat file and returns the part behind its name, which may hold brackets too. NULL: it cannot be
// read.
static const char *read_state(uint32_t pid, char *text, size_t size) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%u/stat", pid);
  const char *name_end = read_text(path, text, size) ? strrchr(text, ')') : NULL;
  return name_end ? name_end + 1 : NULL;
}

uint64_t process_start(uint32_t pid) {
  enum { FIELDS = 19 }; // from the state, which is field 3, to the start, field 22
  char text[512];
  const char *at = read_state(pid, text, sizeof text);
  for (int i = 0; i < FIELDS && at; i++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool process_has_ended(uint32_t pid) {
  char text[512];
  if (pid == 0 || pid > INT32_MAX) return false;
  if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return true;
  const char *state = read_state(pid, text, sizeof text);
  return state && (strncmp(state, " Z", 2) == 0 || strncmp(state, " X", 2) == 0);
}
