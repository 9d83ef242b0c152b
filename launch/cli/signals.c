#include "launch/cli/signals.h"

#include "actor/guest/guest.h"
#include "common/base/exit_bound.h"

#include <stdbool.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal; // the flag: all that the handler touches
static bool handles_hup;

static const int handled[] = {SIGUSR1, SIGUSR2, SIGINT, SIGTERM, SIGXCPU, SIGHUP};
static const int ignored[] = {SIGPIPE, SIGXFSZ}; // a write fails with an error instead
enum { HANDLED = sizeof handled / sizeof *handled, IGNORED = sizeof ignored / sizeof *ignored };

// TERM and INT leave less time than the others: they count also after one of those.
static bool is_urgent(int number) { return number == SIGTERM || number == SIGINT; }

static void note(int number) {
  if (stop_signal == 0 || (is_urgent(number) && !is_urgent(stop_signal))) stop_signal = number;
}

static bool is_handled(int number) { return number != SIGHUP || handles_hup; }

static void install(int number) {
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  if (number == SIGINT) action.sa_flags |= (int)SA_RESETHAND;
  sigfillset(&action.sa_mask); // note reads and writes the flag
  sigaction(number, &action, NULL);
}

void signals_ignore_broken_pipes(void) {
  for (size_t i = 0; i < IGNORED; i++) signal(ignored[i], SIG_IGN);
}

const volatile sig_atomic_t *signals_install(void) {
  struct sigaction before;
  handles_hup = sigaction(SIGHUP, NULL, &before) != 0 || before.sa_handler != SIG_IGN; // nohup ignores it
  for (size_t i = 0; i < HANDLED; i++)
    if (is_handled(handled[i])) install(handled[i]);
  signals_ignore_broken_pipes();
  return &stop_signal;
}

static bool mend_handlers(void) {
  struct sigaction now;
  bool changed = false;
  for (size_t i = 0; i < HANDLED; i++) {
    if (!is_handled(handled[i]) || sigaction(handled[i], NULL, &now) != 0 || now.sa_handler == note) continue;
    if (stop_signal != 0) continue; // SA_RESETHAND has removed it: a second INT ends the process
    install(handled[i]);
    changed = true;
  }
  for (size_t i = 0; i < IGNORED; i++)
    if (sigaction(ignored[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) {
      signal(ignored[i], SIG_IGN);
      changed = true;
    }
  return changed;
}

static bool mend_mask(void) {
  sigset_t ours, before;
  bool changed = false;
  sigemptyset(&ours);
  for (size_t i = 0; i < HANDLED; i++) sigaddset(&ours, handled[i]);
  pthread_sigmask(SIG_UNBLOCK, &ours, &before);
  for (size_t i = 0; i < HANDLED; i++) changed |= sigismember(&before, handled[i]) == 1;
  return changed;
}

unsigned signals_mend(void) {
  if (exit_is_bound()) return 0; // from there on signals end the process
  const unsigned handlers = mend_handlers() ? 1u << GUEST_CHANGED_HANDLERS : 0;
  return handlers | (mend_mask() ? 1u << GUEST_CHANGED_MASK : 0);
}
