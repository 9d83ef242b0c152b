// Which of the two backends of linalg.h computes the networks: the option `backend`.
#ifndef CORSAC_COMMON_NN_BACKEND_H
#define CORSAC_COMMON_NN_BACKEND_H

#include "common/config/config.h"

struct tiles;

// "tiles" or "openblas": what the configuration asks for, or for auto what is faster here for its shape.
const char *backend_choose(const struct config *config);
// The kernels for that: NULL for openblas, and wherever reals are double.
const struct tiles *backend_tiles(const struct config *config);

#endif
