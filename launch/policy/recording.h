// corsac eval --record FILE.mp4|.gif: a film of the episodes, encoded by ffmpeg. Pendulum-v1 and
// MountainCarContinuous-v0 are drawn here (drawing.h). Gymnasium draws gym: environments, and the MuJoCo tasks: the
// environment's child process writes its pictures into a pipe that ffmpeg reads.
//
// In this order: recording_check, recording_open, the environment is made, recording_begin, recording_add for each
// step, the environment is destroyed, recording_end, recording_close.
#ifndef CORSAC_LAUNCH_POLICY_RECORDING_H
#define CORSAC_LAUNCH_POLICY_RECORDING_H

#include "actor/evaluator.h"
#include "common/base/file.h"
#include "launch/policy/drawing.h"
#include <sys/types.h>

struct recording {
  const char *path;              // not owned
  const struct drawing *drawing; // NULL: Gymnasium draws
  struct canvas canvas;
  char program[FILE_PATH], temporary[FILE_PATH + 16];
  char directory[1024], pipe[1032]; // Gymnasium's pipe, in a directory of our own
  int frames;                       // where pictures go (drawing), or come from
  int words;                        // what ffmpeg prints
  pid_t ffmpeg;                     // 0: none runs
  double patience;                  // s that a single step may take
};

// Checks what can be checked without a policy: the name ends in .mp4 or .gif, its directory can be written, and there
// is an ffmpeg.
enum status recording_check(const char *path, struct error *error);

// Changes config->env to the environment that can be recorded (gym:Ant-v5 for Ant-v5); STATUS_USAGE where there is
// none. recording_close must follow, on failure too.
enum status recording_open(struct recording *recording, const char *path, struct config *config, struct error *error);

// Starts ffmpeg.
enum status recording_begin(struct recording *recording, struct error *error);
enum status recording_add(struct recording *recording, const struct evaluator_transition *made, struct error *error);

// Waits for ffmpeg; then the file is there, whole.
enum status recording_end(struct recording *recording, struct error *error);
void recording_close(struct recording *recording);
#endif
