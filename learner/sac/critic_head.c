#include "learner/sac/critic_head.h"
#include <string.h>

// --- mse ---

static void mse_value(const struct critic_head *head, size_t rows, const real *output, real *q) {
  (void)head;
  memcpy(q, output, rows * sizeof *q);
}

static void mse_value_gradient(const struct critic_head *head, size_t rows, const real *output, real *d_output) {
  (void)head, (void)output;
  for (size_t i = 0; i < rows; i++) d_output[i] = 1;
}

static void mse_target(const struct critic_head *head, const real *output, real reward, real discount, real bonus,
                       real *target) {
  (void)head;
  *target = reward + discount * (*output - bonus);
}

static void mse_loss(const struct critic_head *head, size_t rows, size_t batch_rows, const real *output,
                     const real *target, double *loss, real *d_output) {
  (void)head;
  const real mean = (real)(2.0 / (double)batch_rows);
  for (size_t i = 0; i < rows; i++) {
    const double difference = (double)output[i] - (double)target[i];
    loss[i] = difference * difference;
    d_output[i] = mean * (output[i] - target[i]);
  }
}

// --- categorical ---

static void atoms_value(const struct critic_head *head, size_t rows, const real *output, real *q) {
  categorical_value(&head->atoms, rows, output, q);
}

static void atoms_value_gradient(const struct critic_head *head, size_t rows, const real *output, real *d_output) {
  categorical_value_gradient(&head->atoms, rows, output, d_output);
}

static void atoms_target(const struct critic_head *head, const real *output, real reward, real discount, real bonus,
                         real *target) {
  categorical_target(&head->atoms, output, (double)reward, (double)discount, (double)bonus, target);
}

static void atoms_loss(const struct critic_head *head, size_t rows, size_t batch_rows, const real *output,
                       const real *target, double *loss, real *d_output) {
  categorical_loss(&head->atoms, rows, output, target, (real)(1.0 / (double)batch_rows), loss, d_output);
}

struct critic_head critic_head_of(const struct config *config) {
  if (strcmp(config->critic_loss, "categorical") != 0)
    return (struct critic_head){1, {0}, mse_value, mse_value_gradient, mse_target, mse_loss};
  const struct categorical atoms = {config->value_atoms, config->value_min, config->value_max};
  return (struct critic_head){
      atoms.atoms, atoms, atoms_value, atoms_value_gradient, atoms_target, atoms_loss,
  };
}
