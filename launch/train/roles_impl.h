// What the roles' files and train.c share.
#ifndef CORSAC_LAUNCH_TRAIN_ROLES_IMPL_H
#define CORSAC_LAUNCH_TRAIN_ROLES_IMPL_H

#include "common/config/config.h"

#include <signal.h>

// The longest time that a last message may take.
#define ROLE_GOODBYE_SECONDS 5.0

// The seconds after the job in which the process ends in any case, or gets to MPI_Finalize: few after a signal, else an
// environment's timeout, at least ten.
unsigned role_end_seconds(const struct config *config, const volatile sig_atomic_t *stop);

#endif
