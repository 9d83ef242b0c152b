// The beginning of a job: every actor says what its environment is, and all must say the same.
#ifndef CORSAC_LEARNER_EXCHANGE_HANDSHAKE_H
#define CORSAC_LEARNER_EXCHANGE_HANDSHAKE_H

#include "common/config/config.h"
#include "common/wire/message.h"
#include "common/wire/transport.h"
#include <signal.h>

// Waits for HELLO from every actor that has environments, at most config's create_timeout, or until *stop. hello:
// owned by the caller on success; its agents are those of all environments of the job. pid (actors): the processes that
// the learner can look for, which an actor's first message tells; 0 for the others. The error says what the first
// failing actor reported, which two ranks differ and in what, whose process has ended, or which ranks are missing.
enum status handshake_collect(const struct config *config, struct transport *transport,
                              const volatile sig_atomic_t *stop, struct message_hello *hello, uint32_t *pid,
                              struct error *error);

// Where training cannot begin: tells every actor to stop and waits, at most `seconds`, for their BYE. Returns whether
// all have said it.
bool handshake_dismiss(struct transport *transport, int exit_code, double seconds);
#endif
