// What kind of environment the text of --env names, by its begin.
#ifndef CORSAC_COMMON_CONFIG_ENVIRONMENT_FORM_H
#define CORSAC_COMMON_CONFIG_ENVIRONMENT_FORM_H

#include <stdbool.h>

enum environment_form {
  ENVIRONMENT_BUILT_IN,   // NAME
  ENVIRONMENT_PLUGIN,     // path/to/plugin.so[:ARGS]: before the first ':' there is a '/', or .so at the end
  ENVIRONMENT_EXEC,       // exec:COMMAND
  ENVIRONMENT_GYM,        // gym:ID[?KEY=VALUE&...]
  ENVIRONMENT_PETTINGZOO, // pettingzoo:MODULE[?KEY=VALUE&...]
  ENVIRONMENT_FMI         // fmi:MODEL.fmu[:TASK.yaml]
};

enum environment_form environment_form_of(const char *env);

// Whether it is Python's: arguments with names follow a '?'.
bool environment_form_is_python(enum environment_form form);

// Whether it is a program of its own that may run in another place, and answers over a channel: exec: and Python's.
bool environment_form_is_remote(enum environment_form form);

#endif
