#include "launch/signals.h"

#include <stddef.h>

static volatile sig_atomic_t stop_signal; // the flag: the one thing a handler may touch

static void note(int number) {
  if (stop_signal == 0) stop_signal = number;
}

const volatile sig_atomic_t *signals_install(void) {
  static const int numbers[] = {SIGUSR1, SIGUSR2, SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    if (numbers[i] == SIGINT) action.sa_flags |= (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    struct sigaction before;
    if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
      continue; // nohup
    sigaction(numbers[i], &action, NULL);
  }
  return &stop_signal;
}
