// A group of ranks that step an environment together (--ranks-per-env). Each rank has its own instance of the plugin,
// created with the group's communicator. The first rank, the leader, is an actor like any other. Each call that it
// makes to its environment is sent to the other ranks, the followers, which make it, too, and answer. The observation,
// reward and flags of the leader's own instance count; a failure on any rank fails the call.
#ifndef CORSAC_ACTOR_GROUP_H
#define CORSAC_ACTOR_GROUP_H

#include "actor/envs/environment_kind.h"
#include "common/config/config.h"
#include "common/wire/transport.h"

struct group;

// transport: among the group's ranks, of which 0 is the leader. comm: the Fortran handle of the communicator that the
// plugin may compute on. Neither is owned.
struct group *group_create(const struct config *config, struct transport *transport, int comm, struct error *error);
void group_destroy(struct group *group);

// --- the leader ---

// From now on an instance of this kind, which has to be a plugin, is the group's. A rank that does not answer within
// env_timeout fails the call, and breaks the group.
enum status group_lead(struct group *group, struct environment_kind *kind, struct error *error);

// Whether a rank has stopped answering: then no call succeeds any more. NULL, no group, cannot break.
bool group_is_broken(const struct group *group);

// Sends the followers a heartbeat if nothing was sent for so long that one is due. Cheap, to be called often.
void group_send_heartbeat_if_due(struct group *group);

// Lets the followers leave, with this exit code, and with or without MPI_Finalize (`together`).
void group_dismiss(struct group *group, int exit_code, bool together);

// --- a follower ---

// Makes the leader's calls until the leader dismisses it. STATUS_PEER: the leader has been silent for actor_timeout +
// env_timeout, or sent an invalid message.
enum status group_follow(struct group *group, int *exit_code, bool *together, struct error *error);
#endif
