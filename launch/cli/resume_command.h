// The command with which a run goes on, as it can be typed here.
#ifndef CORSAC_LAUNCH_CLI_RESUME_COMMAND_H
#define CORSAC_LAUNCH_CLI_RESUME_COMMAND_H

#include <stddef.h>
#include <stdint.h>

uint64_t resume_command_steps(uint64_t done); // twice as many, or the most that env_steps may be; 0: they are made
enum { RESUME_COMMAND_TEXT = 24 * 1024 };
// "mpirun --bind-to none -n 9 corsac train --resume runs/p1 --env-steps 40000". ranks: of mpirun, 0 in one process.
// done: steps that a finished run has made, it goes on to twice as many; 0: it is not finished.
void resume_command(const char *run_dir, int ranks, uint64_t done, char text[RESUME_COMMAND_TEXT]);

#endif
