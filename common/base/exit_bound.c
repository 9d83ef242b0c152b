#include "common/base/exit_bound.h"

#include "common/base/status.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// For the signal handlers.
static volatile sig_atomic_t exit_code, is_bound;
static const char *volatile waited_for;
static volatile sig_atomic_t also_ended; // a process, 0: none

// What exit_bound_for found, for exit_bound_over.
static struct {
  struct sigaction action;
  sigset_t mask;
} before;

void exit_at_once(int code) {
  for (;;) syscall(SYS_exit_group, code);
}

bool exit_is_bound(void) { return is_bound; }

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return; // there is nowhere else to write
}

static void end_now(int number) {
  if (number == SIGALRM)
    say("corsac: all is done, but something loaded or MPI holds up the end: the process ends now\n");
  exit_at_once((int)exit_code);
}

static void end_waiting(int number) {
  (void)number;
  say("corsac: this rank ends, since ");
  say(waited_for);
  say(" has not ended in time: a rank died, or hangs, in it? (Where more time is needed: CORSAC_START_SECONDS)\n");
  if (also_ended > 0) kill((pid_t)also_ended, SIGTERM);
  exit_at_once(EXIT_FAILED);
}

void exit_bound_for(const char *what, unsigned seconds, uint32_t also) {
  struct sigaction action = {.sa_handler = end_waiting};
  sigset_t this;
  waited_for = what;
  also_ended = (sig_atomic_t)also;
  sigemptyset(&action.sa_mask);
  sigemptyset(&this);
  sigaddset(&this, SIGALRM);
  sigaction(SIGALRM, &action, &before.action);
  pthread_sigmask(SIG_UNBLOCK, &this, &before.mask);
  alarm(seconds);
}

void exit_bound_over(void) {
  sigset_t this;
  alarm(0);
  sigemptyset(&this);
  sigaddset(&this, SIGALRM);
  if (sigismember(&before.mask, SIGALRM) == 1) pthread_sigmask(SIG_BLOCK, &this, NULL);
  sigaction(SIGALRM, &before.action, NULL);
}

void exit_bound(int code, unsigned seconds) {
  static const int numbers[] = {SIGALRM, SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  sigset_t these;
  exit_code = code;
  is_bound = true;
  sigemptyset(&these);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = end_now};
    sigemptyset(&action.sa_mask);
    sigaction(numbers[i], &action, NULL);
    sigaddset(&these, numbers[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &these, NULL);
  alarm(seconds);
}
