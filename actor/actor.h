// The actor: steps its environments with the newest policy it has, ships what happened, evaluates when asked, and
// between steps listens to the learner. One thread, never blocking: whoever drives it calls actor_turn in a loop.
#ifndef CORSAC_ACTOR_ACTOR_H
#define CORSAC_ACTOR_ACTOR_H

#include "common/config/config.h"
#include "common/wire/transport.h"
#include "common/base/turn.h"
#include <signal.h>
#include <stdbool.h>

struct actor;
struct group;
// An actor that has no environments yet. group: of ranks that step them together (actor/group.h), this one the first,
// or NULL. *stop: set by a signal handler; the learner is then asked to stop the job. transport, group and stop are not
// owned.
struct actor *actor_prepare(const struct config *config, struct transport *transport, struct group *group,
                            const volatile sig_atomic_t *stop, struct error *error);
// Opens the environment, makes this actor's instances, and says HELLO. Where that fails: actor_fail.
void actor_equip(struct actor *actor);
// Both, for an actor that is alone. NULL: no memory.
struct actor *actor_create(const struct config *config, struct transport *transport, const volatile sig_atomic_t *stop,
                           struct error *error);
// The actor makes no more steps. The learner is told why (FAILED) and tells the user; this rank says nothing and waits
// until the learner lets it go.
void actor_fail(struct actor *actor, const struct error *failure);
void actor_destroy(struct actor *actor);
void actor_close(struct actor *actor); // ends its environments; only actor_destroy may follow
// One step of every environment, or of an evaluation, or nothing. An environment that fails is told to the learner and
// awaits its STOP like any other. Fails only where the learner cannot be relied on (STATUS_PEER: silent, or it broke
// the protocol) or the transport broke.
enum status actor_turn(struct actor *actor, enum turn *turn, struct error *error);
// In STATUS_OK's case after TURN_DONE: what the learner's STOP asked this rank to exit with.
int actor_exit_code(const struct actor *actor);
bool actor_has_left(const struct actor *actor);        // it was let go
bool actor_leaves_together(const struct actor *actor); // STOP said so: MPI_Finalize will find everyone
#endif
