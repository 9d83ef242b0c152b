// What the files of setup share: setup.c, setup_resources.c, setup_failed.c.
#ifndef CORSAC_LAUNCH_TRAIN_SETUP_IMPL_H
#define CORSAC_LAUNCH_TRAIN_SETUP_IMPL_H

#include "launch/train/setup.h"

// Whether the directory holds something of a run: its configuration, or the status of a start that failed.
bool setup_is_run(const char *directory);

// Settles what depends on the ranks and on the machine: groups of ranks, environments, backend, learner threads.
enum status setup_resolve_resources(struct setup *setup, uint32_t actors, struct error *error);

#endif
