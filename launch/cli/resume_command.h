// The command that goes on with a run, as it can be typed here.
#ifndef CORSAC_LAUNCH_CLI_RESUME_COMMAND_H
#define CORSAC_LAUNCH_CLI_RESUME_COMMAND_H

#include <stddef.h>
#include <stdint.h>

// The env_steps that a run goes on to after `done` steps: twice as many, at most 2^53. 0: the run has made 2^53.
uint64_t resume_command_steps(uint64_t done);

// Writes "mpirun --bind-to none -n 9 corsac train --resume runs/p1 --env-steps 40000". ranks: of mpirun, 0 in one
// process. done: the steps that a finished run has made; 0: it is not finished, and keeps its env_steps.
enum { RESUME_COMMAND_TEXT = 24 * 1024 };
void resume_command(const char *run_dir, int ranks, uint64_t done, char text[RESUME_COMMAND_TEXT]);

#endif
