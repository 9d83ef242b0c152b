// Inside of a group of ranks: its data and its messages, shared by the leader (group.c) and the followers
// (group_follower.c). All ranks run one program, so the numbers of a message are sent as they lie in memory.
#ifndef CORSAC_ACTOR_GROUP_IMPL_H
#define CORSAC_ACTOR_GROUP_IMPL_H

#include "actor/group.h"
#include "actor/guest/guest.h"
#include "common/base/memory.h"

enum { GROUP_MAGIC = 0x47525031, GROUP_TEXT = 256 }; // "GRP1"; bytes of a reason

// What the leader asks its followers to do. Each is answered, but HEARTBEAT and LEAVE.
enum group_call {
  GROUP_CREATE = 1,
  GROUP_RESET,
  GROUP_STEP,
  GROUP_SAVE,
  GROUP_LOAD,
  GROUP_DESTROY,
  GROUP_HEARTBEAT,
  GROUP_LEAVE,
  GROUP_CASE,
  GROUP_CALLS
};

// A message from the leader; `size` bytes follow: with cases the args of a CREATE and the case of a CASE, each with its
// 0; the action of a STEP, or the states of a LOAD.
struct group_call_head {
  uint32_t magic, call, instance, size;
  uint64_t seed, index; // of RESET; index: of CREATE the environment's, of RESET the episode's
  uint64_t env_steps;   // of RESET
  int32_t evaluation;   // of CREATE
  int32_t value;        // of LEAVE: exit code | leaves together << 16
};

// A follower's answer; `size` bytes follow: its state of a SAVE, or the reason where result is negative.
struct group_answer_head {
  uint32_t magic, call, instance, size;
  int32_t result;
};

// An environment of a follower.
struct group_instance {
  void *self;
  struct guest guest;
  uint32_t obs_dim, act_dim; // of all agents together
  float *obs;                // (obs_dim) written by the environment and then ignored: the leader's observation counts
  double *reward;            // (agents) likewise
};

struct group {
  const struct config *config; // not owned
  struct transport *transport; // not owned
  int comm;
  const struct corsac_env *plugin; // the plugin's own functions
  struct buffer message, state;    // scratch

  // The leader's.
  struct corsac_env adapter;  // the functions of the group, which call the plugin's on every rank
  uint32_t next;              // number of the next instance
  void (*waiting)(void *who); // of environment_kind
  void *who;
  bool is_broken; // a rank does not answer, or sent an invalid answer
  bool *answered; // (ranks) to the call under way
  double sent;    // s: when the leader last sent anything

  // A follower's.
  struct group_instance *instance; // (instances), by number
  uint32_t instances;
};

// Destroys an instance of this rank, if it is there.
void group_release_instance(struct group *group, struct group_instance *instance);
#endif
