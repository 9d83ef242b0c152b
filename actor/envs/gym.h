// gym:ID, an environment of Gymnasium: a child process that runs common/sim/corsac_gym.py. Here is where its
// interpreter and its file are.
#ifndef CORSAC_ACTOR_ENVS_GYM_H
#define CORSAC_ACTOR_ENVS_GYM_H

#include "common/base/status.h"
#include <stddef.h>

enum { GYM_PATH = 4096 };
struct gym {
  char python[GYM_PATH]; // path of the interpreter
  char script[GYM_PATH]; // path of corsac_gym.py: share/corsac/python beside the program's own directory
};
// python: option `python`, a path or a name to be found in PATH; NULL or "": the one that install-deps.sh gym made,
// else python3. STATUS_IO: one of the two is not there; the message says what to do. Nothing is run.
enum status gym_find(struct gym *gym, const char *python, struct error *error);
// Asks the interpreter for its Gymnasium without importing it. version gets "1.4.0"; STATUS_IO: it has none, or gave no
// answer within 20 s.
enum status gym_version(const struct gym *gym, char *version, size_t size, struct error *error);
#endif
