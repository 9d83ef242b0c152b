#include "common/env/channel_child.h"

#include "common/env/frame.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static int fail(struct channel_child *child, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(child->why, sizeof child->why, format, arguments);
  va_end(arguments);
  return -1;
}

bool channel_child_wanted(void) {
  const char *variable = getenv(CHANNEL_VARIABLE);
  return variable && *variable;
}

// Reads only the head, since the file may be something else.
static bool is_channel(int file) {
  uint64_t magic;
  struct stat status;
  return fstat(file, &status) == 0 && (uint64_t)status.st_size >= offsetof(struct channel, to_child) &&
         pread(file, &magic, sizeof magic, 0) == (ssize_t)sizeof magic && magic == CHANNEL_MAGIC;
}

static int find(struct channel_child *child) {
  const char *variable = getenv(CHANNEL_VARIABLE);
  if (!variable) return fail(child, "%s is not set", CHANNEL_VARIABLE);
  char *end;
  const long number = strtol(variable, &end, 10);
  if (end == variable || number < 0 || (*end && *end != ':'))
    return fail(child,
                "%s=%.100s names no channel: it has to be NUMBER:PATH of an open file, unix:PATH:KEY or "
                "tcp:HOST:PORT:KEY, as corsac sets it; without %s the simulator runs alone",
                CHANNEL_VARIABLE, variable, CHANNEL_VARIABLE);
  if (number <= INT32_MAX && is_channel((int)number)) {
    child->file = (int)number;
    fcntl(child->file, F_SETFD, FD_CLOEXEC);
    return 0;
  }
  child->file = *end == ':' ? open(end + 1, O_RDWR | O_CLOEXEC) : -1;
  if (child->file >= 0 && is_channel(child->file)) return 0;
  return fail(
      child,
      "%s=%.100s leads to no channel: whoever started this program has closed it. It has to come from corsac "
      "itself; --channel unix or tcp reaches into containers and to other hosts (`corsac help remote`); without "
      "%s the simulator runs alone",
      CHANNEL_VARIABLE, variable, CHANNEL_VARIABLE);
}

static int check(struct channel_child *child) {
  struct {
    uint64_t magic;
    uint32_t version, size;
  } head;
  struct stat status;
  const uint32_t own[2] = {CHANNEL_VERSION, sizeof(struct channel)}; // for the host's message where they do not match
  if (pread(child->file, &head, sizeof head, 0) != (ssize_t)sizeof head || fstat(child->file, &status) != 0 ||
      pwrite(child->file, own, sizeof own, offsetof(struct channel, child_version)) != (ssize_t)sizeof own)
    return fail(child, "the channel cannot be read and written: %s", strerror(errno));
  if (head.version != CHANNEL_VERSION || head.size != sizeof(struct channel))
    return fail(child,
                "corsac speaks version %u of the channel (%u bytes), this simulator's libcorsac_sim version %d (%zu): "
                "build it with that corsac's library",
                head.version, head.size, CHANNEL_VERSION, sizeof(struct channel));
  if ((uint64_t)status.st_size < sizeof(struct channel)) return fail(child, "the channel is cut off");
  return 0;
}

// false: the channel is shared memory.
static bool is_socket(const struct channel_child *child) { return child->socket.channel != NULL; }

static int open_socket(struct channel_child *child, const char *address) {
  if (channel_socket_open(&child->socket, address, child->why) != 0) return -1;
  child->channel = child->socket.channel;
  child->number = 1;
  return 0;
}

int channel_child_open(struct channel_child *child) {
  *child = (struct channel_child){.file = -1};
  const char *variable = getenv(CHANNEL_VARIABLE);
  if (variable && frame_is_address(variable)) return open_socket(child, variable);
  if (find(child) != 0 || check(child) != 0) goto failed;
  void *memory = mmap(NULL, sizeof(struct channel), PROT_READ | PROT_WRITE, MAP_SHARED, child->file, 0);
  if (memory == MAP_FAILED) {
    fail(child, "the channel cannot be mapped: %s", strerror(errno));
    goto failed;
  }
  child->channel = memory;
  uint32_t nobody = 0;
  if (!atomic_compare_exchange_strong(&child->channel->claimed, &nobody, (uint32_t)getpid())) {
    fail(child, "process %u has opened this simulator already: one process, once (of an MPI program one rank)", nobody);
    goto failed;
  }
  child->host_is_seen = kill(child->channel->host, 0) == 0 || errno == EPERM;
  child->number = 1;
  return 0;
failed:
  channel_child_close(child);
  return -1;
}

int channel_child_publish(struct channel_child *child, const struct channel_spec *spec, const double *action_low,
                          const double *action_high) {
  if (spec->obs_dim > CHANNEL_MAX_DIM || spec->act_dim > CHANNEL_MAX_DIM || spec->info_dim > CHANNEL_MAX_INFO)
    return fail(child, "obs_dim %u, act_dim %u, info_dim %u: at most %d, %d and %d", spec->obs_dim, spec->act_dim,
                spec->info_dim, CHANNEL_MAX_DIM, CHANNEL_MAX_DIM, CHANNEL_MAX_INFO);
  if (is_socket(child) && spec->agents > 1)
    return fail(child, "it has %u agents; through a connection (--channel) a simulator has one", spec->agents);
  if (!channel_has_room(spec))
    return fail(child, "%u agents with obs_dim %u and act_dim %u: at most %d, and %d numbers of all of them",
                spec->agents, spec->obs_dim, spec->act_dim, CHANNEL_MAX_AGENTS, CHANNEL_MAX_DIM);
  child->channel->spec = *spec;
  memcpy(child->channel->action_low, action_low, spec->act_dim * sizeof(double));
  memcpy(child->channel->action_high, action_high, spec->act_dim * sizeof(double));
  if (is_socket(child)) {
    channel_socket_publish(&child->socket);
    child->answered = true;
    return 0;
  }
  channel_child_answer(child, &(struct channel_answer){.status = CHANNEL_OK});
  return 0;
}

int channel_child_wait(struct channel_child *child) {
  struct channel *channel = child->channel;
  if (is_socket(child)) {
    child->answered = false;
    return channel_socket_wait(&child->socket, child->why);
  }
  for (;;) {
    const uint32_t seen = atomic_load(&channel->to_child.rung);
    const uint32_t asked = atomic_load(&channel->asked);
    if (asked != child->number) {
      child->number = asked;
      child->answered = false;
      const uint32_t request = channel->request;
      if (request > CHANNEL_OPEN && request <= CHANNEL_CLOSE) return (int)request;
      return fail(child, "corsac asks for %u, which version %d of the channel does not know", request, CHANNEL_VERSION);
    }
    if (child->host_is_seen && kill(channel->host, 0) != 0 && errno == ESRCH) return fail(child, "corsac is gone");
    channel_wait(&channel->to_child, seen, 1, &child->patience);
  }
}

void channel_child_answer(struct channel_child *child, const struct channel_answer *answer) {
  struct channel *channel = child->channel;
  if (child->answered) return;
  if (is_socket(child)) {
    child->answered = true;
    channel_socket_answer(&child->socket, answer);
    return;
  }
  channel->answer.status = answer->status;
  channel->answer.flags = answer->flags;
  channel->answer.reward = answer->reward;
  channel->answer.state_size = answer->state_size;
  if (answer->status != CHANNEL_OK || (int64_t)answer->state_size < 0)
    memcpy(channel->answer.text, answer->text, sizeof answer->text);
  child->answered = true;
  atomic_store(&channel->answered, child->number);
  channel_ring(&channel->to_host);
}

void channel_child_fail(struct channel_child *child, const char *why) {
  struct channel_answer answer = {.status = CHANNEL_FAILED};
  snprintf(answer.text, sizeof answer.text, "%s", why);
  channel_child_answer(child, &answer);
}

void *channel_child_state(struct channel_child *child) {
  if (is_socket(child)) return channel_socket_state(&child->socket, child->why);
  const uint64_t capacity = child->channel->state_capacity;
  if (child->state && capacity == child->capacity) return child->state;
  if (child->state) munmap(child->state, child->capacity);
  child->state = NULL;
  struct stat status;
  if (capacity == 0 || fstat(child->file, &status) != 0 || (uint64_t)status.st_size < CHANNEL_STATE + capacity) {
    fail(child, "the channel has no room for a state of %llu bytes", (unsigned long long)capacity);
    return NULL;
  }
  void *memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, child->file, (off_t)CHANNEL_STATE);
  if (memory == MAP_FAILED) {
    fail(child, "a state of %llu bytes cannot be mapped: %s", (unsigned long long)capacity, strerror(errno));
    return NULL;
  }
  child->state = memory;
  child->capacity = capacity;
  return memory;
}

void channel_child_close(struct channel_child *child) {
  if (is_socket(child)) {
    channel_socket_close(&child->socket);
    child->channel = NULL;
    return;
  }
  if (child->state) munmap(child->state, child->capacity);
  if (child->channel) munmap(child->channel, sizeof(struct channel));
  if (child->file >= 0) close(child->file);
  child->channel = NULL;
  child->state = NULL;
  child->file = -1;
}
