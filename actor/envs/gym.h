// gym:ID, an environment of Gymnasium, is a child process that runs common/sim/corsac_gym.py. This finds the
// interpreter and that file.
#ifndef CORSAC_ACTOR_ENVS_GYM_H
#define CORSAC_ACTOR_ENVS_GYM_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>

enum { GYM_PATH = 4096 };
struct gym {
  char python[GYM_PATH]; // absolute path of the interpreter
  char script[GYM_PATH]; // path of corsac_gym.py: share/corsac/python beside the program's own directory
};

// Finds both without running anything. python: the option `python`, a path or a name that is looked up in PATH; NULL or
// "": the Python that install-deps.sh gym made, else python3. STATUS_IO: one of the two is missing; the message says
// what to do.
enum status gym_find(struct gym *gym, const char *python, struct error *error);

// The same for corsac_pettingzoo.py beside it.
enum status gym_find_pettingzoo(struct gym *gym, const char *python, struct error *error);

// The command line of corsac_gym.py for process_open: "argv", the interpreter, the script, the ID, options. Its words
// point into all that is given.
enum { GYM_WORDS = 12 };
struct gym_argv {
  const char *words[GYM_WORDS]; // NULL at the end
  char steps[24];
};
void gym_argv_make(struct gym_argv *argv, const struct gym *gym, const char *id, const struct config *config);

// Asks the interpreter for the version of its Gymnasium ("1.4.0"), without importing it. STATUS_IO: it has none, or
// gave no answer within 20 s.
enum status gym_version(const struct gym *gym, char *version, size_t size, struct error *error);
#endif
