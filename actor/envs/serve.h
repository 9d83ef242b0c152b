// A plugin in a child process (--isolate): this runs in the child, loads the plugin, and answers the actor's requests.
#ifndef CORSAC_ACTOR_ENVS_SERVE_H
#define CORSAC_ACTOR_ENVS_SERVE_H

// index and evaluation are decimal numbers. Returns the exit status.
int serve_plugin(const char *path, const char *args, const char *index, const char *evaluation);
#endif
