// The actor: it steps its environments with the newest policy that it has, sends what happened, evaluates when the
// learner asks, and listens to the learner between two steps. It has one thread and never blocks: the caller calls
// actor_turn in a loop.
#ifndef CORSAC_ACTOR_ACTOR_H
#define CORSAC_ACTOR_ACTOR_H

#include "common/config/config.h"
#include "common/wire/transport.h"
#include "common/base/turn.h"
#include <signal.h>
#include <stdbool.h>

struct actor;
struct group;

// An actor that has no environments yet. group: the ranks that step its environments together (actor/group.h), of which
// this is the first; or NULL. *stop is set by a signal handler: the actor then asks the learner to stop the job.
// transport, group and stop are not owned. NULL: `error` says why.
struct actor *actor_prepare(const struct config *config, struct transport *transport, struct group *group,
                            const volatile sig_atomic_t *stop, struct error *error);

// Opens the environment, creates this actor's instances and sends HELLO. Where that fails, the actor fails
// (actor_fail).
void actor_equip(struct actor *actor);

// The same for an actor that only evaluates: it creates no instance that trains. obs_dim, act_dim: the policy's; an
// environment with others is a failure.
void actor_equip_to_evaluate(struct actor *actor, uint32_t obs_dim, uint32_t act_dim);

// Prepares and equips an actor without a group.
struct actor *actor_create(const struct config *config, struct transport *transport, const volatile sig_atomic_t *stop,
                           struct error *error);

// The actor makes no more steps. It tells the learner why (FAILED), which tells the user, and waits for STOP. It logs
// nothing itself.
void actor_fail(struct actor *actor, const struct error *failure);

// Destroys the environments; only actor_destroy may follow.
void actor_close(struct actor *actor);
void actor_destroy(struct actor *actor);

// One step of every environment, or of an evaluation, or nothing. A failure of an environment is sent to the learner
// and is no error here. Fails only where the learner cannot be relied on (it is silent, or breaks the protocol:
// STATUS_PEER; a signal came while it was silent: STATUS_STOPPED) or the transport failed.
enum status actor_turn(struct actor *actor, enum turn *turn, struct error *error);

// After TURN_DONE: STOP came, with this exit code. together: every rank will call MPI_Finalize, so it may be called.
bool actor_has_left(const struct actor *actor);
int actor_exit_code(const struct actor *actor);
bool actor_leaves_together(const struct actor *actor);
#endif
