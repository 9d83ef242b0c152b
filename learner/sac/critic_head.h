// What a critic's output means. There are two kinds:
//   mse          the output is Q;                   target y = r + discount (Q' - bonus);   loss (Q - y)^2
//   categorical  the outputs are logits of returns; target and loss: categorical.h
// A row's target is laid out as its output. Rows are dense: (rows x outputs).
#ifndef CORSAC_LEARNER_SAC_CRITIC_HEAD_H
#define CORSAC_LEARNER_SAC_CRITIC_HEAD_H

#include "common/config/config.h"
#include "learner/sac/categorical.h"

struct critic_head {
  size_t outputs;           // 1, or the atoms
  struct categorical atoms; // where categorical

  // q (rows) = Q of the outputs
  void (*value)(const struct critic_head *head, size_t rows, const real *output, real *q);

  // d_output = dQ/doutput; may be output itself
  void (*value_gradient)(const struct critic_head *head, size_t rows, const real *output, real *d_output);

  // The target of one row, from a target critic's output at (s', a').
  void (*target)(const struct critic_head *head, const real *output, real reward, real discount, real bonus,
                 real *target);

  // loss (rows), and d_output, the gradient of the loss's mean over batch_rows rows
  void (*loss)(const struct critic_head *head, size_t rows, size_t batch_rows, const real *output, const real *target,
               double *loss, real *d_output);
};

struct critic_head critic_head_of(const struct config *config);
#endif
