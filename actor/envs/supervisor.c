#include "actor/envs/supervisor.h"

#include "actor/envs/serve.h"
#include "actor/envs/supervisor_log.h"
#include "common/base/clock.h"
#include "common/env/channel.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const double TERM_SECONDS = 0.5; // between SIGTERM and SIGKILL
static const double KILL_SECONDS = 5;   // until all are gone that SIGKILL was sent to

struct supervisor {
  pid_t child; // and its process group
  bool over;   // the child has ended, with this status
  int status;
  int output, signals; // what the child writes; SIGCHLD
  struct supervisor_log log;
  struct channel *channel; // its first page, for the bell; or NULL
};

bool supervisor_wanted(int argc, char **argv) { return argc > 1 && strcmp(argv[1], SUPERVISOR_COMMAND) == 0; }

// Libraries of the actor may have left descriptors open that no child should have.
static void close_others(int first) {
  const long most = sysconf(_SC_OPEN_MAX);
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0) return;
#endif
  for (int file = first; file < (most > 0 && most < 65536 ? (int)most : 65536); file++) close(file);
}

// ---- the child ----

// A simple command takes the shell's place: then its signal is known, and a process less is there.
static void run_shell(const char *command) {
  char simple[2048];
  const bool is_simple = !strpbrk(command, ";|&(){}!`=\n") && strncmp(command, "exec ", 5) != 0;
  const int length = snprintf(simple, sizeof simple, "exec %s", command);
  const bool fits = length > 0 && (size_t)length < sizeof simple;
  execl("/bin/sh", "sh", "-c", is_simple && fits ? simple : command, (char *)NULL);
}

_Noreturn static void run(char **argv, pid_t supervisor, int output) {
  setsid(); // a group to be killed, and no terminal that could stop it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(EXIT_FAILURE);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(EXIT_FAILURE);
  close(SUPERVISOR_SOCKET);
  close_others(SUPERVISOR_CHANNEL + 1);
  if (strcmp(argv[0], "plugin") == 0) exit(serve_plugin(argv[1], argv[2], argv[3], argv[4]));
  if (strcmp(argv[0], "exec") == 0)
    run_shell(argv[1]);
  else
    execvp(argv[1], argv + 1);
  fprintf(stderr, "cannot run %s: %s\n", argv[0][0] == 'e' ? "/bin/sh" : argv[1], strerror(errno));
  _exit(127);
}

static bool start(struct supervisor *supervisor, char **argv) {
  int output[2];
  const pid_t self = getpid();
  if (pipe2(output, O_CLOEXEC) != 0) return false;
  supervisor->child = fork();
  if (supervisor->child == 0) run(argv, self, output[1]);
  close(output[1]);
  supervisor->output = output[0];
  if (supervisor->child > 0 && fcntl(supervisor->output, F_SETFL, O_NONBLOCK) == 0) return true;
  const int why = errno;
  close(supervisor->output);
  if (supervisor->child > 0) kill(supervisor->child, SIGKILL);
  errno = why;
  return false;
}

// ---- its end ----

// false: nobody is left.
static bool reap(struct supervisor *supervisor) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (pid == supervisor->child) {
      supervisor->over = true;
      supervisor->status = status;
    }
  return pid == 0;
}

static void drain(struct supervisor *supervisor) {
  char bytes[4096];
  for (ssize_t length; (length = read(supervisor->output, bytes, sizeof bytes)) > 0;)
    supervisor_log_write(&supervisor->log, bytes, (size_t)length);
}

// Everyone whose parent this process is: the child, and whatever its descendants left behind so far.
static void kill_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  if (!file) return; // a kernel without it: the group is all that is known
  for (int pid; fscanf(file, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(file);
}

static void sleep_a_millisecond(void) {
  const struct pollfd none = {.fd = -1};
  poll((struct pollfd[]){none}, 1, 1);
}

static void end_child(struct supervisor *supervisor) {
  const double start = clock_now();
  if (!supervisor->over) kill(-supervisor->child, SIGTERM);
  while (!supervisor->over && clock_now() - start < TERM_SECONDS) {
    sleep_a_millisecond();
    drain(supervisor);
    reap(supervisor);
  }
  // Whose parent is killed comes here and is killed in the next turn, so this ends with the last of them.
  for (const double limit = clock_now() + KILL_SECONDS; clock_now() < limit;) {
    kill(-supervisor->child, SIGKILL);
    kill_children();
    if (!reap(supervisor)) break;
    drain(supervisor);
    sleep_a_millisecond();
  }
  drain(supervisor);
}

// ---- the loop ----

static void report(struct supervisor *supervisor, enum supervisor_news news) {
  struct supervisor_report report = {.news = news, .group = supervisor->child, .status = supervisor->status};
  if (news == SUPERVISOR_ENDED) supervisor_log_tail(&supervisor->log, report.tail, sizeof report.tail);
  send(SUPERVISOR_SOCKET, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (supervisor->channel) channel_ring(&supervisor->channel->to_host);
}

// Until the child has ended, or the actor wants it to or is gone.
static void watch(struct supervisor *supervisor) {
  struct pollfd files[] = {{.fd = SUPERVISOR_SOCKET, .events = POLLIN},
                           {.fd = supervisor->signals, .events = POLLIN},
                           {.fd = supervisor->output, .events = POLLIN}};
  while (!supervisor->over) {
    if (poll(files, 3, -1) < 0 && errno != EINTR) return;
    drain(supervisor);
    if (files[2].revents & POLLHUP) files[2].fd = -1; // everyone has closed it
    struct signalfd_siginfo signal;
    while (read(supervisor->signals, &signal, sizeof signal) > 0) continue;
    reap(supervisor);
    if (files[0].revents) return; // it only ever closes its end
  }
}

static void prepare_signals(struct supervisor *supervisor) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  supervisor->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

int supervisor_main(int argc, char **argv) {
  if (argc < 6 || (strcmp(argv[4], "plugin") == 0 && argc < 9)) {
    fprintf(stderr, "corsac: %s is for corsac itself\n", SUPERVISOR_COMMAND);
    return 2;
  }
  static_assert(offsetof(struct channel, to_host) + sizeof(struct channel_bell) <= 4096, "the bell is on page one");
  struct supervisor supervisor = {.output = -1};
  close_others(SUPERVISOR_CHANNEL + 1);
  fcntl(SUPERVISOR_SOCKET, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, "corsac-child");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prepare_signals(&supervisor);
  if (*argv[3])
    setenv("OPENBLAS_NUM_THREADS", argv[3], 1);
  else
    unsetenv("OPENBLAS_NUM_THREADS");
  supervisor_log_open(&supervisor.log, argv[2], argv + 4);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, SUPERVISOR_CHANNEL, 0);
  supervisor.channel = page == MAP_FAILED ? NULL : page;
  if (supervisor.signals < 0 || !start(&supervisor, argv + 4)) {
    fprintf(stderr, "corsac: cannot start %s: %s\n", argv[5], strerror(errno));
    return EXIT_FAILURE;
  }
  report(&supervisor, SUPERVISOR_STARTED);
  watch(&supervisor);
  end_child(&supervisor);
  supervisor_log_close(&supervisor.log, supervisor.status);
  report(&supervisor, SUPERVISOR_ENDED);
  close(supervisor.output);
  close(supervisor.signals);
  return EXIT_SUCCESS;
}
