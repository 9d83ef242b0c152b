// The vector units that tiles.c chooses from, each defined in a file of its own. The baseline exists everywhere, the
// others on x86-64.
#ifndef CORSAC_COMMON_NN_TILES_IMPL_H
#define CORSAC_COMMON_NN_TILES_IMPL_H

#include "common/nn/tiles.h"

extern const struct tiles tiles_baseline, tiles_avx2, tiles_avx512;

#endif
