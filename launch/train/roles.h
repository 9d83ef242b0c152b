// The two roles of a job, each driven to its end: the loops that call learner_turn and actor_turn, and what comes
// before and after them.
#ifndef CORSAC_LAUNCH_TRAIN_ROLES_H
#define CORSAC_LAUNCH_TRAIN_ROLES_H

#include "actor/actor.h"
#include "launch/train/groups.h"
#include "launch/train/setup.h"

struct role_result {
  int exit_code;
  bool together; // every rank is known to leave, so MPI_Finalize will not wait for ever
};
// Rank 0: greets the actors, makes or resumes the job, trains, and closes the run directory. actor: in one process the
// actor that takes turns with the learner, else NULL. Says everything that went wrong.
struct role_result role_lead(struct setup *setup, struct transport *transport, struct actor *actor,
                             const volatile sig_atomic_t *stop);
// Another rank: acts until told to leave.
struct role_result role_act(const struct config *config, struct transport *transport,
                            const volatile sig_atomic_t *stop);
// The same for the first rank of a group of ranks, and what the others of the group do until it lets them go. last: the
// process ends with it, and no environment that does not let go may keep it.
struct role_result role_act_for_group(const struct config *config, struct transport *transport, struct group *group,
                                      bool last, const volatile sig_atomic_t *stop);
struct role_result role_follow(struct group *group, const struct group_place *place, const volatile sig_atomic_t *stop);
#endif
