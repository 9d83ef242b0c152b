// A group of ranks that step an environment together (--ranks-per-env): each rank has its own instance of the plugin,
// made with the group's communicator. The first rank, the leader, is an actor like any other; what it asks of its
// environment it asks of the others', too, with a message each. Its own instance's observation, reward and flags count;
// a failure of any rank's is the call's.
#ifndef CORSAC_ACTOR_GROUP_H
#define CORSAC_ACTOR_GROUP_H

#include "actor/envs/environment_kind.h"
#include "common/config/config.h"
#include "common/wire/transport.h"

struct group;
// transport: among the group's ranks, 0 is the leader; comm: the Fortran handle of the communicator that environments
// may compute on. Neither is owned.
struct group *group_create(const struct config *config, struct transport *transport, int comm, struct error *error);
void group_destroy(struct group *group);

// The leader: from now on an environment of this kind is the group's. A plugin only. A rank that does not answer within
// env_timeout fails the call and every later one.
enum status group_lead(struct group *group, struct environment_kind *kind, struct error *error);
// Somebody does not answer: that failure is final, no call succeeds any more. NULL: no group, which cannot be broken.
bool group_is_broken(const struct group *group);
void group_send_heartbeat_if_due(struct group *group); // when there is nothing else to say; cheap to call often
// The others may leave: with this exit code, all of them together or not.
void group_dismiss(struct group *group, int exit_code, bool together);

// Another rank: does what the leader says until that dismisses it, or has been silent for actor_timeout + env_timeout
// (STATUS_PEER).
enum status group_follow(struct group *group, int *exit_code, bool *together, struct error *error);
#endif
