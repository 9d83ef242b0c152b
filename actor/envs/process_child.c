#include "actor/envs/process_child.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/launcher_variables.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 64, FIRST_ARGUMENT = 7 }; // the command's, behind those of supervisor.h
enum { FIRST_FREE = 10 };                   // descriptors from here on are none of SUPERVISOR_SOCKET and the others
static const double SLICE = 0.05;           // s: during a wait, between two looks whether the child has ended
static const double SUPERVISOR_SECONDS = 8; // for a supervisor to end; it takes 5.5 s at most

// --- start ---

static bool make_channel(struct process_child *child) {
  child->file = memfd_create("corsac-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  // Sealed against shrinking: to read behind its end would kill the actor (I2).
  if (child->file < 0 || ftruncate(child->file, (off_t)CHANNEL_STATE) != 0 ||
      fcntl(child->file, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
    return false;
  void *memory = mmap(NULL, sizeof(struct channel), PROT_READ | PROT_WRITE, MAP_SHARED, child->file, 0);
  if (memory == MAP_FAILED) return false;
  child->channel = memory;
  child->channel->magic = CHANNEL_MAGIC;
  child->channel->version = CHANNEL_VERSION;
  child->channel->size = sizeof(struct channel);
  child->channel->host = (int32_t)getpid();
  process_child_ask(child, CHANNEL_OPEN);
  return true;
}

// Whether a child must not see this variable. With those of MPI's launcher, a simulator that calls MPI_Init would
// become the actor's rank; with those of srun's binding, its own srun or mpirun would take the actor's cores as a rule.
static bool is_hidden(const char *variable) {
  static const char *const names[] = {"CORSAC_CHANNEL",   "CORSAC_INDEX", "CORSAC_EVALUATION", "CORSAC_EPISODE",
                                      "CORSAC_ENV_STEPS", "CORSAC_CASE",  "CORSAC_DIRECTORY",  "OPENBLAS_NUM_THREADS"};
  if (launcher_variable(variable) || strncmp(variable, "SLURM_CPU_BIND", 14) == 0) return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const size_t length = strlen(names[i]);
    if (strncmp(variable, names[i], length) == 0 && variable[length] == '=') return true;
  }
  return false;
}

// An mpirun that the child starts would bind its ranks from core 0 on, as the mpirun of every other child does. So it
// binds none, and its ranks stay on the child's cores. A --bind-to in the child's command comes before these.
#define UNBOUND_4 "OMPI_MCA_hwloc_base_binding_policy=none"    // Open MPI 4
#define UNBOUND_5 "PRTE_MCA_hwloc_default_binding_policy=none" // Open MPI 5

enum { OWN_VARIABLES = 10 };
struct own_variables {
  char channel[FRAME_ADDRESS + sizeof CHANNEL_VARIABLE + 1], index[48], evaluation[32], episode[48], env_steps[48];
  char threads[32], directory[FILE_PATH + 24], case_text[CHANNEL_CASE + 16];
  char unbound_4[sizeof UNBOUND_4], unbound_5[sizeof UNBOUND_5];
};

static void fill_own(struct own_variables *own, const struct process_child *child, const struct process_start *start) {
  const char *directory = file_directory();
  if (*child->listener.value)
    snprintf(own->channel, sizeof own->channel, CHANNEL_VARIABLE "=%s", child->listener.value);
  else
    snprintf(own->channel, sizeof own->channel, CHANNEL_VARIABLE "=%d:/proc/%d/fd/%d", SUPERVISOR_CHANNEL,
             (int)getpid(), child->file);
  snprintf(own->index, sizeof own->index, "CORSAC_INDEX=%llu", (unsigned long long)start->index);
  snprintf(own->evaluation, sizeof own->evaluation, "CORSAC_EVALUATION=%d", start->evaluation);
  snprintf(own->episode, sizeof own->episode, "CORSAC_EPISODE=%llu", (unsigned long long)start->episode);
  snprintf(own->env_steps, sizeof own->env_steps, "CORSAC_ENV_STEPS=%llu", (unsigned long long)start->env_steps);
  snprintf(own->threads, sizeof own->threads, "OPENBLAS_NUM_THREADS=1"); // for the supervisor, which computes nothing
  snprintf(own->directory, sizeof own->directory, "CORSAC_DIRECTORY=%s", directory ? directory : ".");
  *own->case_text = 0;
  if (start->case_text) snprintf(own->case_text, sizeof own->case_text, "CORSAC_CASE=%s", start->case_text);
  memcpy(own->unbound_4, UNBOUND_4, sizeof UNBOUND_4);
  memcpy(own->unbound_5, UNBOUND_5, sizeof UNBOUND_5);
}

// Makes the child's environment variables. The caller frees the array; the strings are those of environ and own.
static char **make_environment(struct own_variables *own) {
  char *const added[OWN_VARIABLES] = {
      own->channel, own->index,     own->evaluation, own->episode,   own->env_steps,
      own->threads, own->directory, own->unbound_4,  own->unbound_5, *own->case_text ? own->case_text : NULL};
  size_t count = 0;
  while (environ[count]) count++;
  char **all = calloc(count + OWN_VARIABLES + 1, sizeof *all);
  if (!all) return NULL;
  count = 0;
  for (char **variable = environ; *variable; variable++)
    if (!is_hidden(*variable)) all[count++] = *variable;
  memcpy(all + count, added, sizeof added);
  return all;
}

// "0,1,5"; "": all cores.
static void write_cores(const struct process_start *start, char *text, size_t size) {
  size_t used = 0;
  *text = 0;
  for (int core = 0; start->has_cores && core < CPU_SETSIZE && used + 8 < size; core++)
    if (CPU_ISSET((size_t)core, &start->cores))
      used += (size_t)snprintf(text + used, size - used, "%s%d", used ? "," : "", core);
}

// Starts the supervisor. posix_spawn does not copy the actor's memory, as fork would: MPI libraries forbid that.
static int spawn(struct process_child *child, const struct process_start *start, int socket, int file, int listener) {
  const char *threads = getenv("OPENBLAS_NUM_THREADS");
  char cores[6 * CPU_SETSIZE];
  const char *argv[FIRST_ARGUMENT + MAX_ARGUMENTS + 1] = {
      "corsac", SUPERVISOR_COMMAND, start->log, threads ? threads : "", start->directory, start->copy_of, cores};
  write_cores(start, cores, sizeof cores);
  size_t count = 0;
  for (; start->argv[count]; count++) {
    if (count >= MAX_ARGUMENTS) return E2BIG;
    argv[FIRST_ARGUMENT + count] = start->argv[count];
  }
  struct own_variables own;
  fill_own(&own, child, start);
  char **variables = make_environment(&own);
  if (!variables) return ENOMEM;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int result = posix_spawn_file_actions_init(&actions);
  if (result == 0) result = posix_spawnattr_init(&attributes);
  if (result == 0) {
    posix_spawn_file_actions_adddup2(&actions, socket, SUPERVISOR_SOCKET);
    posix_spawn_file_actions_adddup2(&actions, file, SUPERVISOR_CHANNEL);
    if (listener >= 0) posix_spawn_file_actions_adddup2(&actions, listener, SUPERVISOR_LISTENER);
    if (file_directory())
      posix_spawn_file_actions_addchdir_np(&actions, file_directory()); // its paths are relative to that
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0); // signals of a terminal are for the actor only
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    result = posix_spawn(&child->supervisor, "/proc/self/exe", &actions, &attributes, (char *const *)argv, variables);
    if (result != 0) child->supervisor = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  free(variables);
  return result;
}

bool process_child_start(struct process_child *child, const struct process_start *start, char *why, size_t size) {
  *child = (struct process_child){.file = -1, .socket = -1, .listener.file = -1};
  int sockets[2] = {-1, -1}, high[3] = {-1, -1, -1}, result = 0;
  if (!make_channel(child)) {
    snprintf(why, size, "a channel to a child process cannot be made: %s", strerror(errno));
    process_child_release(child);
    return false;
  }
  const bool relays = strcmp(start->channel, "unix") == 0 || strcmp(start->channel, "tcp") == 0;
  if (relays && !listener_open(&child->listener, start->channel, start->host, why, size)) {
    process_child_release(child);
    return false;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0 ||
      (high[0] = fcntl(sockets[1], F_DUPFD_CLOEXEC, FIRST_FREE)) < 0 ||
      (high[1] = fcntl(child->file, F_DUPFD_CLOEXEC, FIRST_FREE)) < 0 ||
      (relays && (high[2] = fcntl(child->listener.file, F_DUPFD_CLOEXEC, FIRST_FREE)) < 0))
    result = errno;
  child->socket = sockets[0];
  if (result == 0) result = spawn(child, start, high[0], high[1], high[2]);
  listener_close(&child->listener);
  const int spare[] = {sockets[1], high[0], high[1], high[2]};
  for (size_t i = 0; i < sizeof spare / sizeof *spare; i++)
    if (spare[i] >= 0) close(spare[i]);
  if (result == 0) return true;
  snprintf(why, size, "a child process cannot be started: %s", strerror(result));
  process_child_release(child);
  return false;
}

// --- requests and answers ---

// Calls the listener, at most once in SLICE. said: when it was called last.
static void tell(struct process_listener listener, double *said) {
  const double now = clock_now();
  if (!listener.waiting || now - *said < SLICE) return;
  listener.waiting(listener.who);
  *said = now;
}

void process_child_ask(struct process_child *child, enum channel_request request) {
  child->channel->request = request;
  child->asked = true;
  atomic_store(&child->channel->asked, ++child->number);
  channel_ring(&child->channel->to_child);
}

// Takes the supervisor's reports. true: the child has ended.
static bool take_reports(struct process_child *child) {
  struct supervisor_report report;
  while (!child->ended) {
    const ssize_t length = recv(child->socket, &report, sizeof report, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (length == (ssize_t)sizeof report) {
      report.tail[sizeof report.tail - 1] = 0;
      child->report = report;
    }
    child->ended = length != (ssize_t)sizeof report || report.news == SUPERVISOR_ENDED;
  }
  return true;
}

bool process_child_has_answered(const struct process_child *child) {
  return atomic_load(&child->channel->answered) == child->number;
}

static bool has_answer(struct process_child *child, bool opens) {
  if (process_child_has_answered(child)) {
    child->asked = false;
    return true;
  }
  return opens && atomic_load(&child->channel->answered) == child->number - 1;
}

enum process_answer process_child_look(struct process_child *child, bool opens) {
  if (has_answer(child, opens)) return PROCESS_ANSWERED;
  if (!take_reports(child)) return PROCESS_LATE;
  return has_answer(child, opens) ? PROCESS_ANSWERED : PROCESS_ENDED; // the answer may have come before the end
}

enum process_answer process_child_await(struct process_child *child, bool opens, double until,
                                        struct process_listener listener) {
  struct channel *channel = child->channel;
  double said = 0;
  for (;;) {
    const uint32_t seen = atomic_load(&channel->to_host.rung);
    if (has_answer(child, opens)) return PROCESS_ANSWERED;
    channel_wait(&channel->to_host, seen, SLICE, &child->patience);
    const enum process_answer found = process_child_look(child, opens);
    if (found != PROCESS_LATE) return found;
    if (clock_now() >= until) return PROCESS_LATE;
    tell(listener, &said);
  }
}

bool process_child_ended_well(const struct process_child *child) {
  return child->report.news == SUPERVISOR_ENDED && WIFEXITED(child->report.status) &&
         WEXITSTATUS(child->report.status) == 0;
}

// A number of another pid namespace names no process of the child's session.
pid_t process_child_opener(struct process_child *child) {
  if (child->supervisor == 0 || take_reports(child)) return 0;
  const pid_t pid = (pid_t)atomic_load(&child->channel->claimed);
  return pid > 0 && child->report.group > 0 && getsid(pid) == child->report.group ? pid : 0;
}

// --- end ---

static void await_end(struct process_child *child, double seconds, struct process_listener listener) {
  struct backoff backoff = {0};
  double said = 0;
  for (const double until = clock_now() + seconds; !take_reports(child) && clock_now() < until;) {
    backoff_wait(&backoff);
    tell(listener, &said);
  }
}

// Waits for the end of the supervisor. If it was killed itself, the child's process group is killed from here (I3).
static void reap(struct process_child *child, struct process_listener listener) {
  struct backoff backoff = {0};
  const pid_t group = child->report.group;
  bool killed = false;
  double said = 0;
  for (double until = clock_now() + SUPERVISOR_SECONDS; child->supervisor > 0; backoff_wait(&backoff)) {
    int status = 0;
    tell(listener, &said);
    const pid_t pid = waitpid(child->supervisor, &status, WNOHANG);
    if (pid != 0 && !(pid < 0 && errno == EINTR)) {
      child->supervisor = 0;
      if ((pid < 0 || !WIFEXITED(status)) && child->report.news != SUPERVISOR_ENDED && group > 1) kill(-group, SIGKILL);
    } else if (clock_now() > until) {
      kill(child->supervisor, SIGKILL);
      if (group > 1) kill(-group, SIGKILL);
      if (killed) child->supervisor = 0; // it waits for a disk that does not answer; the actor does not wait for it
      killed = true;
      until = clock_now() + 1;
    }
  }
}

void process_child_close(struct process_child *child) {
  if (child->supervisor <= 0 || child->closing > 0 || take_reports(child)) return;
  process_child_ask(child, CHANNEL_CLOSE);
  child->closing = clock_now();
}

void process_child_end(struct process_child *child, double seconds, struct process_listener listener) {
  if (child->supervisor <= 0) return;
  if (seconds > 0) {
    process_child_close(child);
    await_end(child, child->closing + seconds - clock_now(), listener);
  }
  shutdown(child->socket, SHUT_WR);
  await_end(child, SUPERVISOR_SECONDS, listener);
  reap(child, listener);
}

void process_child_release(struct process_child *child) {
  process_child_end(child, 0, (struct process_listener){0});
  if (child->channel) munmap(child->channel, sizeof(struct channel));
  if (child->file >= 0) close(child->file);
  if (child->socket >= 0) close(child->socket);
  listener_remove(child->listener.path);
  child->channel = NULL;
  child->file = child->socket = -1;
}
