// corsac eval --record FILE.mp4|.gif: pictures of the episodes, encoded by ffmpeg. Pendulum-v1 and
// MountainCarContinuous-v0 are drawn here (drawing.h); gym: environments, and the MuJoCo tasks as such, by Gymnasium:
// their child process puts its pictures into a pipe that ffmpeg reads.
#ifndef CORSAC_LAUNCH_POLICY_RECORDING_H
#define CORSAC_LAUNCH_POLICY_RECORDING_H

#include "actor/evaluator.h"
#include "launch/policy/drawing.h"
#include <sys/types.h>

struct recording {
  const char *path;              // not owned
  const struct drawing *drawing; // NULL: Gymnasium draws
  struct canvas canvas;
  char program[4096], temporary[4096 + 16], directory[1024], pipe[1032]; // pipe: in the directory of our own
  int frames;                                                            // where pictures go (drawing), or come from
  int words;                                                             // what ffmpeg says
  pid_t ffmpeg;                                                          // 0: none runs
  double patience;                                                       // s that a single step of all this may take
};
// The name ends in .mp4 or .gif, its directory can be written, there is an ffmpeg: what can be said without a policy.
enum status recording_check(const char *path, struct error *error);
// Before the environment is opened: config->env becomes the one that can be recorded (gym:Ant-v5 for Ant-v5), or it is
// STATUS_USAGE. recording_close must follow, on failure too.
enum status recording_open(struct recording *recording, const char *path, struct config *config, struct error *error);
// After the environment was made: starts ffmpeg.
enum status recording_begin(struct recording *recording, struct error *error);
enum status recording_add(struct recording *recording, const struct evaluator_transition *made, struct error *error);
// After the last environment is gone: waits for ffmpeg; the file is there, whole.
enum status recording_end(struct recording *recording, struct error *error);
void recording_close(struct recording *recording);
#endif
