// The states of a supervisor
//
//   STARTING  it prepares its signals, its log and its descriptors
//             start: it is WATCHING, and STARTED is reported; where that fails, it exits
//   WATCHING  the child runs, and its output is kept (watch)
//             the child has ended (reap), the actor has closed its end of the socket, or there is a cause: it is ENDING
//   ENDING    the relay, if there is one, may pass on the child's last answer (end_relay)
//             end_child: SIGTERM to the child's group, SIGKILL after TERM_SECONDS to the group and to every child of
//             this process, until none is left or KILL_SECONDS have passed
//             then ENDED is reported, and the supervisor exits
//
// Invariants
//
//   I1. The supervisor exits only when it has no child left, or after TERM_SECONDS + KILL_SECONDS in ENDING.
//   I2. STARTED is the first report, ENDED the last. A socket that closes without ENDED means that the supervisor was
//       killed.
//   I3. In every loop a bounded part of the child's output is read: so a child hardly waits for room in the pipe, and
//       one that writes without end keeps the supervisor from nothing.
//   I4. `status` is valid once `is_over` is set, and only reap sets them.
//   I5. The relay is killed before the supervisor exits; what it does is in relay.h.
//   I6. The supervisor handles no signal but SIGCHLD, which it reads from a descriptor: what a terminal or a launcher
//       sends is for the actor.
#include "actor/envs/supervisor.h"

#include "actor/envs/listener.h"
#include "actor/envs/relay.h"
#include "actor/envs/scratch.h"
#include "actor/envs/serve.h"
#include "actor/envs/supervisor_log.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/file_tree.h"
#include "common/env/channel.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double TERM_SECONDS = 0.5; // between SIGTERM and SIGKILL
static const double KILL_SECONDS = 5;   // for processes to end after SIGKILL
static const double LAST_SECONDS = 0.5; // for the relay to pass on the last answer of a child that has ended
static const double LOST_SECONDS = 1;   // for a child to end whose connection has
enum { PIECE = SUPERVISOR_LOG_KEPT / 2, DRAINED = 16 }; // bytes that the log keeps whole; reads of a drain

struct supervisor {
  pid_t child;         // also the number of its process group
  bool is_over;        // the child has ended
  int status;          // with this status (I4)
  pid_t relay;         // 0: there is none, or it has ended
  bool is_lost;        // the relay has ended without CLOSE, and the program has not
  bool is_alone;       // the program runs without corsac
  int output, signals; // descriptors: the child's output; SIGCHLD
  struct supervisor_log log;
  struct channel *channel; // its first page, from its head to claimed; or NULL
};

// What it was told to run.
struct supervisor_command {
  const char *log, *threads, *directory, *copy_of, *cores;
  char **argv; // from "exec", "argv", "plugin" or "fmi" on
};
enum { COMMAND_FIRST = 7 }; // argument of main() with which argv begins

bool supervisor_wanted(int argc, char **argv) { return argc > 1 && strcmp(argv[1], SUPERVISOR_COMMAND) == 0; }

// --- the child ---

// A simple command replaces the shell (exec): there is one process less, and a signal that ends it is known.
static void run_shell(const char *command) {
  char simple[2048];
  const bool is_simple = !strpbrk(command, ";|&(){}!`=\n") && strncmp(command, "exec ", 5) != 0;
  const int length = snprintf(simple, sizeof simple, "exec %s", command);
  const bool fits = length > 0 && (size_t)length < sizeof simple;
  execl("/bin/sh", "sh", "-c", is_simple && fits ? simple : command, (char *)NULL);
}

static bool has_relay(void) {
  const char *channel = getenv(CHANNEL_VARIABLE);
  return channel && frame_is_address(channel);
}

// Goes to the child's directory and its cores. The copy is the child's work, so that it takes the actor no time.
static void prepare(const struct supervisor_command *command) {
  struct error error = {0};
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (const char *at = command->cores; *at;) {
    char *end;
    const long core = strtol(at, &end, 10);
    if (end != at && core >= 0 && core < CPU_SETSIZE) CPU_SET((size_t)core, &cores);
    at = *end ? end + 1 : end;
  }
  if (*command->cores && sched_setaffinity(0, sizeof cores, &cores) != 0)
    fprintf(stderr, "corsac: cannot run on the cores %s: %s\n", command->cores, strerror(errno));
  if (!*command->directory) return;
  if (*command->copy_of && file_tree_copy(command->copy_of, command->directory, SCRATCH_MARK, &error) != STATUS_OK) {
    fprintf(stderr, "corsac: %s\n", error.text);
    _exit(EXIT_FAILURE);
  }
  if (chdir(command->directory) == 0) return;
  fprintf(stderr, "corsac: cannot enter %s: %s\n", command->directory, strerror(errno));
  _exit(EXIT_FAILURE);
}

_Noreturn static void run(const struct supervisor_command *command, pid_t supervisor, int output) {
  char **argv = command->argv;
  setsid(); // a process group that can be killed, and no terminal that could stop it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(EXIT_FAILURE);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(EXIT_FAILURE);
  close(SUPERVISOR_SOCKET);
  file_close_from(has_relay() ? SUPERVISOR_CHANNEL : SUPERVISOR_CHANNEL + 1);
  prepare(command);
  if (serve_wanted(argv[0])) exit(serve(argv));
  if (strcmp(argv[0], "exec") == 0)
    run_shell(argv[1]);
  else
    execvp(argv[1], argv + 1);
  fprintf(stderr, "cannot run %s: %s\n", argv[0][0] == 'e' ? "/bin/sh" : argv[1], strerror(errno));
  _exit(127);
}

_Noreturn static void run_relay(pid_t supervisor, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "corsac-relay");
  if (getppid() != supervisor || dup2(output, STDERR_FILENO) < 0) _exit(EXIT_FAILURE);
  close(SUPERVISOR_SOCKET);
  file_close_from(SUPERVISOR_LISTENER + 1);
  _exit(relay(SUPERVISOR_LISTENER, getenv(CHANNEL_VARIABLE), SUPERVISOR_CHANNEL));
}

static bool start(struct supervisor *supervisor, const struct supervisor_command *command) {
  int output[2];
  const pid_t self = getpid();
  if (pipe2(output, O_CLOEXEC) != 0) return false;
  if (has_relay()) {
    supervisor->relay = fork();
    if (supervisor->relay == 0) run_relay(self, output[1]);
    close(SUPERVISOR_LISTENER);
  }
  supervisor->child = supervisor->relay < 0 ? -1 : fork();
  if (supervisor->child == 0) run(command, self, output[1]);
  close(output[1]);
  supervisor->output = output[0];
  if (supervisor->child > 0 && fcntl(supervisor->output, F_SETFL, O_NONBLOCK) == 0) return true;
  const int why = errno;
  close(supervisor->output);
  if (supervisor->child > 0) kill(supervisor->child, SIGKILL);
  if (supervisor->relay > 0) kill(supervisor->relay, SIGKILL);
  errno = why;
  return false;
}

// --- its end ---

// Takes the status of every child that has ended. false: there is no child left (I1).
static bool reap(struct supervisor *supervisor) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (pid == supervisor->child) {
      supervisor->is_over = true;
      supervisor->status = status;
    } else if (pid == supervisor->relay) {
      supervisor->relay = 0;
      supervisor->is_lost = !WIFEXITED(status) || WEXITSTATUS(status) != RELAY_CLOSED;
    }
  return pid == 0;
}

// In pieces that the log keeps whole, so that no line of them is missed.
static void look_for_alone(struct supervisor *supervisor, const char *bytes, size_t size) {
  for (size_t piece; size > 0; bytes += piece, size -= piece) {
    piece = size < PIECE ? size : PIECE;
    supervisor_log_write(&supervisor->log, bytes, piece);
    if (supervisor_log_says(&supervisor->log, CHANNEL_ALONE)) supervisor->is_alone = true;
  }
}

// Reads what the child has written, as much as a pipe usually holds (I3). true: that was all.
static bool drain(struct supervisor *supervisor) {
  char bytes[4096];
  for (int i = 0; i < DRAINED; i++) {
    const ssize_t length = read(supervisor->output, bytes, sizeof bytes);
    if (length <= 0) return true;
    if (supervisor->channel && !atomic_load(&supervisor->channel->claimed))
      look_for_alone(supervisor, bytes, (size_t)length);
    else
      supervisor_log_write(&supervisor->log, bytes, (size_t)length);
  }
  return false;
}

// Kills the child, and those of its descendants whose parent has ended.
static void kill_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  if (!file) return; // an old kernel: only the group can be killed
  for (int pid; fscanf(file, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(file);
}

static void sleep_a_millisecond(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

static bool child_is_over(const struct supervisor *supervisor) { return supervisor->is_over; }
// Whether the relay has passed on every answer: it has ended, or there is no request that waits for one.
static bool relay_is_done(const struct supervisor *supervisor) {
  const struct channel *channel = supervisor->channel;
  return supervisor->relay == 0 || (channel && atomic_load(&channel->answered) == atomic_load(&channel->asked));
}

static void wait_for(struct supervisor *supervisor, bool (*is_over)(const struct supervisor *), double seconds) {
  for (const double until = clock_now() + seconds; !is_over(supervisor) && clock_now() < until; drain(supervisor)) {
    sleep_a_millisecond();
    reap(supervisor);
  }
}

// Ends the relay. What a child that has ended by itself has sent is passed on before.
static void end_relay(struct supervisor *supervisor) {
  if (supervisor->is_over)
    wait_for(supervisor, relay_is_done, LAST_SECONDS);
  else if (supervisor->is_lost)
    wait_for(supervisor, child_is_over, LOST_SECONDS);
  supervisor->is_lost = supervisor->is_lost && !supervisor->is_over;
  if (supervisor->relay > 0) kill(supervisor->relay, SIGKILL); // I5
  supervisor->relay = 0;
}

static void end_child(struct supervisor *supervisor) {
  const double start = clock_now();
  if (!supervisor->is_over) kill(-supervisor->child, SIGTERM);
  while (!supervisor->is_over && clock_now() - start < TERM_SECONDS) {
    sleep_a_millisecond();
    drain(supervisor);
    reap(supervisor);
  }
  // The children of a process that was killed become children of this one, and are killed in the next turn, until none
  // is left (I1).
  const double limit = clock_now() + KILL_SECONDS;
  while (clock_now() < limit) {
    kill(-supervisor->child, SIGKILL);
    kill_children();
    if (!reap(supervisor)) break;
    drain(supervisor);
    sleep_a_millisecond();
  }
  while (!drain(supervisor) && clock_now() < limit) continue;
}

// Of a program that has never come: the relay has left the socket's file.
static void remove_listener(void) {
  struct frame_address address;
  if (has_relay() && frame_parse(getenv(CHANNEL_VARIABLE), &address)) listener_remove(address.path);
}

// --- the loop ---

static void report(struct supervisor *supervisor, enum supervisor_news news) {
  struct supervisor_report report = {.news = news, .group = supervisor->child, .status = supervisor->status};
  report.cause = supervisor->is_alone ? SUPERVISOR_ALONE : supervisor->is_lost ? SUPERVISOR_LOST : SUPERVISOR_NO_CAUSE;
  if (news == SUPERVISOR_ENDED) supervisor_log_tail(&supervisor->log, report.tail, sizeof report.tail);
  send(SUPERVISOR_SOCKET, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (supervisor->channel) channel_ring(&supervisor->channel->to_host);
}

// Returns when the child has ended, or the actor has closed its end of the socket.
static void watch(struct supervisor *supervisor) {
  struct pollfd files[] = {{.fd = SUPERVISOR_SOCKET, .events = POLLIN},
                           {.fd = supervisor->signals, .events = POLLIN},
                           {.fd = supervisor->output, .events = POLLIN}};
  while (!supervisor->is_over && !supervisor->is_lost && !supervisor->is_alone) {
    if (poll(files, 3, -1) < 0 && errno != EINTR) return;
    const bool is_all = drain(supervisor);
    if (is_all && files[2].revents & POLLHUP) files[2].fd = -1; // all writers have closed the pipe
    struct signalfd_siginfo signal;
    while (read(supervisor->signals, &signal, sizeof signal) > 0) continue;
    reap(supervisor);
    if (files[0].revents) return; // the actor sends nothing, it only closes its end
  }
}

// Ignores what is for the actor, and gets SIGCHLD by a descriptor (I6).
static void prepare_signals(struct supervisor *supervisor) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  supervisor->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void set_threads(const char *threads) {
  if (*threads)
    setenv("OPENBLAS_NUM_THREADS", threads, 1);
  else
    unsetenv("OPENBLAS_NUM_THREADS");
}

static struct channel *map_bell(void) {
  static_assert(offsetof(struct channel, claimed) + sizeof(uint32_t) <= 4096, "what is read of it is on page one");
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, SUPERVISOR_CHANNEL, 0);
  return page == MAP_FAILED ? NULL : page;
}

int supervisor_main(int argc, char **argv) {
  if (argc < COMMAND_FIRST + 2 || (serve_wanted(argv[COMMAND_FIRST]) && argc < COMMAND_FIRST + 5)) {
    fprintf(stderr, "corsac: %s is only for corsac itself\n", SUPERVISOR_COMMAND);
    return 2;
  }
  const struct supervisor_command command = {argv[2], argv[3], argv[4], argv[5], argv[6], argv + COMMAND_FIRST};
  // STARTING. Libraries of the actor may have left descriptors open that no child should have.
  struct supervisor supervisor = {.output = -1};
  file_close_from(has_relay() ? SUPERVISOR_LISTENER + 1 : SUPERVISOR_LISTENER);
  fcntl(SUPERVISOR_SOCKET, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, "corsac-child");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prepare_signals(&supervisor);
  set_threads(command.threads);
  supervisor_log_open(&supervisor.log, command.log, command.argv);
  supervisor.channel = map_bell();
  if (supervisor.signals < 0 || !start(&supervisor, &command)) {
    fprintf(stderr, "corsac: cannot start %s: %s\n", command.argv[1], strerror(errno));
    return EXIT_FAILURE;
  }
  report(&supervisor, SUPERVISOR_STARTED);

  watch(&supervisor);
  end_relay(&supervisor);
  end_child(&supervisor);

  remove_listener();
  supervisor_log_close(&supervisor.log, supervisor.status);
  report(&supervisor, SUPERVISOR_ENDED); // I2
  close(supervisor.output);
  close(supervisor.signals);
  return EXIT_SUCCESS;
}
