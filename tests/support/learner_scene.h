// A whole job, turn by turn: a learner and its actors on the ends of a loopback transport.
#ifndef CORSAC_TESTS_SUPPORT_LEARNER_SCENE_H
#define CORSAC_TESTS_SUPPORT_LEARNER_SCENE_H

#include "actor/actor.h"
#include "launch/train/setup.h"
#include "learner/learner.h"
#include <signal.h>

enum { LEARNER_SCENE_ACTORS = 4 };

struct learner_scene {
  struct transport *ends[LEARNER_SCENE_ACTORS + 1];
  int actors;
  struct actor *actor[LEARNER_SCENE_ACTORS]; // NULL: over, or dead
  int expelled;                              // rank; 0: none
  struct setup setup;
  struct job job;
  struct metrics_file *metrics_file;
  struct learner *learner;
  volatile sig_atomic_t stop, actor_stop;
};

// arguments: as after `train`, separated by spaces; the run directory is directory/name.
void learner_scene_init(struct learner_scene *s, const char *directory, const char *name, int actors,
                        const char *arguments);
void learner_scene_release(struct learner_scene *s);

// One turn of everybody; false: the learner is done.
bool learner_scene_turn(struct learner_scene *s, bool *busy);

// Turns to the job's end, for 60 s at most.
const struct learner_outcome *learner_scene_play(struct learner_scene *s);

// Actor i (0-based) is no more.
void learner_scene_kill(struct learner_scene *s, int i);

// A file of the run directory holds the text; a checkpoint in it is good.
bool learner_scene_says(const struct learner_scene *s, const char *name, const char *what);
bool learner_scene_verifies(const struct learner_scene *s, const char *name);

#endif
