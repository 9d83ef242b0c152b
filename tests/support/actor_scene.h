// An actor on the loopback transport, to which the test plays the learner (rank 0, with tests/support/peer.h). Failures
// are CUnit assertions.
#ifndef CORSAC_TESTS_SUPPORT_ACTOR_SCENE_H
#define CORSAC_TESTS_SUPPORT_ACTOR_SCENE_H

#include "actor/actor.h"
#include "common/wire/message.h"

struct actor_scene {
  struct transport *ends[4];
  int size;
  struct config config;
  struct actor *actor;
  volatile sig_atomic_t stop;
  uint32_t obs_dim;
  size_t parameters; // of its policy
  size_t in_memory;  // of its policy in the backend's memory
};

// Everything that arrived at the learner: messages by type, and the content of the batches.
struct actor_arrival {
  int counts[MESSAGE_TYPES];
  uint64_t steps, rows, low_version, high_version, lag_high;
  struct message_failed failed; // the last one
};

// Pendulum-v1 (or a test plugin) in batches of 4 steps that are sent only when they are full, then what the YAML text
// says.
struct config actor_scene_config(const char *yaml);
struct config actor_scene_plugin(const char *name, const char *args, const char *yaml);

// Creates the actor of this rank, of `actors`.
void actor_scene_init(struct actor_scene *s, struct config config, int actors, int rank);
void actor_scene_release(struct actor_scene *s);

// Calls actor_turn until it has nothing to do, at most `most` times. Returns the last result.
enum turn actor_scene_play(struct actor_scene *s, int most);
struct actor_arrival actor_scene_collect(struct actor_scene *s);

void actor_scene_send_round(struct actor_scene *s, uint64_t round, uint64_t version);
#endif
