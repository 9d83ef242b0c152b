// A gradient that is too long is scaled to a length that is given:   g <- g min(1, most/|g|)
//
// |g|^2 is summed in double, chunk by chunk in a fixed order, so that the bits do not depend on the number of threads.
#ifndef CORSAC_LEARNER_SAC_GRADIENT_CLIP_H
#define CORSAC_LEARNER_SAC_GRADIENT_CLIP_H

#include "common/nn/real.h"
#include <stddef.h>

enum { GRADIENT_CLIP_CHUNK = 4096 };

// The chunks of a gradient of `size` reals.
size_t gradient_clip_chunks(size_t size);

// square (chunks) gets the member's share of the chunks' sums of squares.
void gradient_clip_measure(size_t size, const real *gradient, unsigned member, unsigned members, double *square);

// min(1, most/|g|), from all chunks. NaN passes.
double gradient_clip_factor(size_t size, const double *square, double most);

// gradient[begin..end) <- factor gradient
void gradient_clip_apply(double factor, size_t begin, size_t end, real *gradient);
#endif
