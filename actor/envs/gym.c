#include "actor/envs/gym.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char HOW[] = "launch/install-deps.sh gym makes a Python with Gymnasium, --python names another";

__attribute__((format(printf, 3, 4))) static bool print(char *path, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(path, size, format, arguments);
  va_end(arguments);
  return length > 0 && (size_t)length < size;
}

static bool is_program(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static bool find_in_path(const char *name, char *path, size_t size) {
  const char *at = getenv("PATH");
  while (at && *at) {
    const size_t length = strcspn(at, ":");
    if (length > 0 && print(path, size, "%.*s/%s", (int)length, at, name) && is_program(path)) return true;
    at += length + (at[length] == ':');
  }
  return false;
}

static bool find_ours(char *path, size_t size) {
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  if (data && *data) return print(path, size, "%s/corsac/python/bin/python", data) && is_program(path);
  return home && *home && print(path, size, "%s/.local/share/corsac/python/bin/python", home) && is_program(path);
}

// The path becomes absolute, since a child may start in a directory of its own.
static enum status find_python(struct gym *gym, const char *given, struct error *error) {
  char found[GYM_PATH], buffer[FILE_PATH];
  const bool is_given = given && *given;
  const bool is_found = !is_given            ? find_ours(found, GYM_PATH) || find_in_path("python3", found, GYM_PATH)
                        : strchr(given, '/') ? print(found, GYM_PATH, "%s", given) && is_program(found)
                                             : find_in_path(given, found, GYM_PATH);
  if (is_found && print(gym->python, GYM_PATH, "%s", file_path(found, buffer))) return STATUS_OK;
  if (is_given) return error_set(error, STATUS_IO, "--python %s: there is no such program: %s", given, HOW);
  return error_set(error, STATUS_IO, "there is no Python: neither that of install-deps.sh gym nor python3: %s", HOW);
}

// The program is build/<flavour>/corsac or PREFIX/bin/corsac, and the directory share lies beside its directory. Unit
// tests lie up to four directories deeper.
static enum status find_script(struct gym *gym, struct error *error) {
  char program[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length > 0 ? length : 0] = 0;
  for (int i = 0; i < 7; i++) {
    char *slash = strrchr(program, '/');
    if (!slash) break;
    *slash = 0;
    if (i > 0 && print(gym->script, GYM_PATH, "%s/share/corsac/python/corsac_gym.py", program) &&
        access(gym->script, R_OK) == 0)
      return STATUS_OK;
  }
  return error_set(error, STATUS_IO,
                   "corsac_gym.py is not where it is built and installed to, share/corsac/python beside the program's "
                   "directory: `make` and `make install` put it there");
}

enum status gym_find(struct gym *gym, const char *python, struct error *error) {
  const enum status status = find_python(gym, python, error);
  return status == STATUS_OK ? find_script(gym, error) : status;
}

enum status gym_find_pettingzoo(struct gym *gym, const char *python, struct error *error) {
  static const char name[] = "corsac_pettingzoo.py";
  const enum status status = gym_find(gym, python, error);
  if (status != STATUS_OK) return status;
  char *slash = strrchr(gym->script, '/');
  const size_t before = (size_t)(slash + 1 - gym->script);
  if (before + sizeof name > GYM_PATH) return error_set(error, STATUS_IO, "%s: its path is too long", gym->script);
  memcpy(slash + 1, name, sizeof name);
  if (access(gym->script, R_OK) == 0) return STATUS_OK;
  return error_set(error, STATUS_IO, "%s is not there: `make` and `make install` put it there", gym->script);
}

void gym_argv_make(struct gym_argv *argv, const struct gym *gym, const char *id, const struct config *config) {
  size_t count = 0;
  *argv = (struct gym_argv){0};
  const char *const begin[] = {"argv", gym->python, gym->script, id};
  for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) argv->words[count++] = begin[i];
  if (config && config->max_episode_steps > 0) {
    const uint64_t skip = config->frame_skip > 1 ? config->frame_skip : 1;
    snprintf(argv->steps, sizeof argv->steps, "%" PRIu64, config->max_episode_steps * skip);
    argv->words[count++] = "--max-episode-steps";
    argv->words[count++] = argv->steps;
  }
  if (config && *config->gym_info) {
    argv->words[count++] = "--info";
    argv->words[count++] = config->gym_info;
  }
  if (config && *config->gym_wrap) {
    argv->words[count++] = "--wrap";
    argv->words[count++] = config->gym_wrap;
  }
}

// Starts the interpreter with this program text. *output gets its standard output; stderr is dropped. false: it cannot
// be started.
static bool start(const struct gym *gym, const char *text, pid_t *pid, int *output) {
  char *const argv[] = {(char *)gym->python, "-c", (char *)text, NULL};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  bool good = posix_spawn_file_actions_init(&actions) == 0;
  if (good) {
    good = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0 &&
           posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
           posix_spawn(pid, gym->python, &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  close(ends[1]);
  if (!good) close(ends[0]);
  *output = ends[0];
  return good;
}

static void read_until(int file, double end, char *text, size_t size) {
  size_t length = 0;
  while (length + 1 < size) {
    const double left = end - clock_now();
    struct pollfd ready = {.fd = file, .events = POLLIN};
    if (left <= 0) break;
    if (poll(&ready, 1, (int)(left * 1e3) + 1) <= 0) continue;
    const ssize_t count = read(file, text + length, size - 1 - length);
    if (count == 0 || (count < 0 && errno != EINTR)) break;
    if (count > 0) length += (size_t)count;
  }
  text[length] = 0;
}

enum status gym_version(const struct gym *gym, char *version, size_t size, struct error *error) {
  char text[64];
  pid_t pid;
  int output;
  if (!start(gym, "import importlib.metadata as m; m.version('numpy'); print(m.version('gymnasium'), end=';')", &pid,
             &output))
    return error_set(error, STATUS_IO, "%s cannot be run: %s", gym->python, HOW);
  read_until(output, clock_now() + 20, text, sizeof text);
  close(output);
  kill(pid, SIGKILL); // its answer is complete, or too late
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  char *end = strchr(text, ';');
  if (!end) return error_set(error, STATUS_IO, "%s has no Gymnasium: %s", gym->python, HOW);
  *end = 0;
  snprintf(version, size, "%s", text);
  return STATUS_OK;
}
