// Critics that predict a distribution of returns (Bellemare, Dabney and Munos 2017; with SAC's entropy term: Palenicek
// et al. 2025, XQC). A head gives a logit for each of `atoms` returns z_0 < z_1 < ..., evenly spaced from low to high:
//
//   p = softmax(logits)        Q = sum_j z_j p_j
//   target: the mass p'_j of the target critic at   r + discount (z_j - alpha log pi'),   clipped to [low, high],
//           is split between the two atoms next to it, in proportion to how near each is: m
//   loss of a row = -sum_j m_j log p_j      dloss/dlogit_j = p_j - m_j
//   dQ/dlogit_j = p_j (z_j - Q)
//
// All sums over atoms run in their order, in double.
#ifndef CORSAC_LEARNER_SAC_CATEGORICAL_H
#define CORSAC_LEARNER_SAC_CATEGORICAL_H

#include "common/nn/real.h"
#include <stddef.h>

enum { CATEGORICAL_MAX_ATOMS = 1024 };

struct categorical {
  size_t atoms; // 2 to CATEGORICAL_MAX_ATOMS
  double low, high;
};

// q (rows) = Q of logits (rows x atoms)
void categorical_value(const struct categorical *head, size_t rows, const real *logits, real *q);

// dlogits (rows x atoms) = dQ/dlogits
void categorical_value_gradient(const struct categorical *head, size_t rows, const real *logits, real *dlogits);

// m (atoms) = the mass of one row's target: logits (atoms) are the target critic's at s', a';
// z_j -> reward + discount (z_j - bonus), bonus = alpha log pi'.
void categorical_target(const struct categorical *head, const real *logits, double reward, double discount,
                        double bonus, real *m);

// loss (rows) of logits against m, both (rows x atoms); dlogits (rows x atoms) = scale dloss/dlogits, and may be
// logits.
void categorical_loss(const struct categorical *head, size_t rows, const real *logits, const real *m, real scale,
                      double *loss, real *dlogits);
#endif
