// The actor: steps its environments with the newest policy it has, ships what happened, evaluates when asked, and
// between steps listens to the learner. One thread, never blocking: whoever drives it calls actor_turn in a loop.
#ifndef CORSAC_ACTOR_ACTOR_H
#define CORSAC_ACTOR_ACTOR_H

#include "common/config/config.h"
#include "common/wire/transport.h"
#include "common/wire/turn.h"
#include <signal.h>
#include <stdbool.h>

struct actor;
struct group;
// Opens the environment, makes this actor's instances, and says HELLO. Where that fails the learner is told why
// (FAILED): the learner says it to the user and tells this actor, which waits, to leave. NULL only where not even that
// can be done. *stop: set by a signal handler; the learner is then asked to stop the job. transport and stop are not
// owned.
struct actor *actor_create(const struct config *config, struct transport *transport, const volatile sig_atomic_t *stop,
                           struct error *error);
// The same for the first rank of a group that steps environments together (actor/group.h), which is not owned.
struct actor *actor_create_for_group(const struct config *config, struct transport *transport, struct group *group,
                                     const volatile sig_atomic_t *stop, struct error *error);
void actor_destroy(struct actor *actor);
// One step of every environment, or of an evaluation, or nothing. An environment that fails is told to the learner and
// awaits its STOP like any other. Fails only where the learner cannot be relied on (STATUS_PEER: silent, or it broke
// the protocol) or the transport broke.
enum status actor_turn(struct actor *actor, enum turn *turn, struct error *error);
// In STATUS_OK's case after TURN_DONE: what the learner's STOP asked this rank to exit with.
int actor_exit_code(const struct actor *actor);
bool actor_leaves_together(const struct actor *actor); // STOP said so: MPI_Finalize will find everyone
#endif
