// What tiles.c chooses from; the baseline is everywhere, the others on x86-64.
#ifndef CORSAC_COMMON_NN_TILES_LEVELS_H
#define CORSAC_COMMON_NN_TILES_LEVELS_H

#include "common/nn/tiles.h"

extern const struct tiles tiles_baseline, tiles_avx2, tiles_avx512;

#endif
