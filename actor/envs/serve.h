// A plugin (--isolate) or an FMU in a child process: this runs in the child, loads it, and answers the actor's
// requests.
#ifndef CORSAC_ACTOR_ENVS_SERVE_H
#define CORSAC_ACTOR_ENVS_SERVE_H

#include <stdbool.h>

// Whether `what`, the first word of what a supervisor is to run, is for serve.
bool serve_wanted(const char *what);

// argv: "plugin", PATH, ARGS, INDEX, EVALUATION or "fmi", DIRECTORY, TASK, INDEX, EVALUATION; the last two are decimal
// numbers. Returns the exit status.
int serve(char **argv);
#endif
