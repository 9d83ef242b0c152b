#include "common/base/exit_bound.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t exit_code; // what the handler says

static void end_now(int number) {
  static const char held[] =
      "corsac: all is done, but something loaded or MPI holds up the end: the process ends now\n";
  if (number == SIGALRM && write(STDERR_FILENO, held, sizeof held - 1) < 0) _exit((int)exit_code);
  _exit((int)exit_code);
}

void exit_bound(int code, unsigned seconds) {
  static const int numbers[] = {SIGALRM, SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  sigset_t these;
  exit_code = code;
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
