// The first minutes of a job: every actor says what its environment is, and all must say the same.
#ifndef CORSAC_LEARNER_EXCHANGE_HANDSHAKE_H
#define CORSAC_LEARNER_EXCHANGE_HANDSHAKE_H

#include "common/config/config.h"
#include "common/wire/message.h"
#include "common/wire/transport.h"
#include <signal.h>

// Waits (with backoff, at most config->env_timeout seconds, or until *stop) for HELLO from every actor that has
// environments. hello: owned by the caller on success. pid (actors): the processes of those that can be looked for from
// here, 0 for the others; an actor's first message tells it. Fails with what the first failing actor said, with the two
// ranks that differ and in what, with whose process is gone, or with who is missing.
enum status handshake_collect(const struct config *config, struct transport *transport,
                              const volatile sig_atomic_t *stop, struct message_hello *hello, uint32_t *pid,
                              struct error *error);
// Where training cannot begin: tells every actor to leave and waits, at most `seconds`, until all have said BYE. false:
// not all did.
bool handshake_dismiss(struct transport *transport, int exit_code, double seconds);
#endif
