// The two roles of a job, each driven to its end: the loops that call learner_turn (learner_role.c) and actor_turn
// (actor_role.c), and what comes before and after them.
#ifndef CORSAC_LAUNCH_TRAIN_ROLES_H
#define CORSAC_LAUNCH_TRAIN_ROLES_H

#include "actor/actor.h"
#include "launch/train/groups.h"
#include "launch/train/setup.h"

struct role_result {
  int exit_code;
  bool together; // every rank is known to leave, so MPI_Finalize does not wait for ever
};

// The seconds that other ranks may take to MPI_Finalize once this one is there: none after a signal, else time to close
// environments and files.
unsigned role_patience(const struct config *config, const volatile sig_atomic_t *stop);

// Rank 0: makes the actors' handshake, makes or resumes the job, trains, closes the run directory. Logs every failure.
// actor: in one process the actor that takes turns with the learner, else NULL.
struct role_result role_lead(struct setup *setup, struct transport *transport, struct actor *actor,
                             const volatile sig_atomic_t *stop);

// Another rank: acts until the learner releases it.
struct role_result role_act(const struct config *config, struct transport *transport,
                            const volatile sig_atomic_t *stop);

// The first rank of a group of ranks acts for all of them. last: the process ends with the role, so an environment that
// does not return cannot hold it up.
struct role_result role_act_for_group(const struct config *config, struct transport *transport, struct group *group,
                                      bool last, const volatile sig_atomic_t *stop);

// The same for an actor that only evaluates a policy of these dimensions, in `corsac eval`.
struct role_result role_evaluate_for_group(const struct config *config, const uint32_t dims[2],
                                           struct transport *transport, struct group *group,
                                           const volatile sig_atomic_t *stop);

// The other ranks of a group follow its first one until it releases them.
struct role_result role_follow(struct group *group, const struct group_position *position,
                               const volatile sig_atomic_t *stop);

#endif
