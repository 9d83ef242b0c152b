// The choice between the two backends of linalg.h, by the option `backend`.
#ifndef CORSAC_COMMON_NN_BACKEND_H
#define CORSAC_COMMON_NN_BACKEND_H

#include "common/config/config.h"

struct tiles;

// "tiles" or "openblas": the configured one, or for auto the faster one on this machine.
const char *backend_choose(const struct config *config);

// The tiles of that choice: NULL for openblas, and in the double build.
const struct tiles *backend_tiles(const struct config *config);

#endif
