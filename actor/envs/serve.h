// The child's side of an isolated plugin: loads it and serves the channel.
#ifndef CORSAC_ACTOR_ENVS_SERVE_H
#define CORSAC_ACTOR_ENVS_SERVE_H

// index, evaluation: decimal numbers. Returns the exit status.
int serve_plugin(const char *path, const char *args, const char *index, const char *evaluation);
#endif
