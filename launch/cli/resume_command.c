#include "launch/cli/resume_command.h"

#include "launch/cli/shell_word.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t MOST_STEPS = 1ull << 53; // the limit of env_steps

uint64_t resume_command_steps(uint64_t done) {
  return done >= MOST_STEPS ? 0 : done < MOST_STEPS / 2 ? 2 * done : MOST_STEPS;
}

void resume_command(const char *run_dir, int ranks, uint64_t done, char text[RESUME_COMMAND_TEXT]) {
  char dir[4 * 1024 + 4], program[4 * PATH_MAX], start[96] = "", total[64] = "";
  shell_word(run_dir, dir, sizeof dir);
  shell_word(program_invocation_name, program, sizeof program);
  if (ranks > 0)
    snprintf(start, sizeof start, "mpirun --bind-to none%s -n %d ",
             ranks > sysconf(_SC_NPROCESSORS_ONLN) ? " --oversubscribe" : "", ranks);
  if (done > 0 && resume_command_steps(done) > 0)
    snprintf(total, sizeof total, " --env-steps %llu", (unsigned long long)resume_command_steps(done));
  snprintf(text, RESUME_COMMAND_TEXT, "%s%s train --resume %s%s", start, program, dir, total);
}
