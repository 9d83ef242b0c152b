// A number that is not finite stops the update, with the likeliest reason in the message.
#include "learner/sac/sac_impl.h"

#include <math.h>
#include <stdio.h>

// The largest magnitude of (rows x width) values, a row every `stride`; NaN if there is one.
static double largest(const real *values, size_t rows, size_t width, size_t stride) {
  double most = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++) {
      const double size = fabs((double)values[i * stride + j]);
      if (!(size <= most)) most = size; // true of NaN
      if (isnan(most)) return most;
    }
  return most;
}

// Which of the likely causes this batch shows.
static void likeliest_reason(const struct sac *sac, char *reason, size_t size) {
  const struct sac_batch *batch = &sac->scratch->batch;
  const double alpha = sac->scratch->alpha, reward = largest(batch->reward, batch->rows, 1, 1);
  const double obs = fmax(largest(batch->input, batch->rows, sac->obs_dim, batch->width),
                          largest(batch->next_input, batch->rows, sac->obs_dim, batch->width));
  if (!(alpha < SAC_ALPHA_HIGH) && isfinite(reward) && isfinite(obs))
    snprintf(reason, size, "alpha is %g, against which rewards (in its batch up to %g) are nothing: %s", alpha, reward,
             sac->auto_alpha
                 ? "target_entropy asks for more entropy than the policy finds; begin a run with a lower one"
                 : "begin a run with a smaller one");
  else if (!(sac->reward_scale * reward < 1e9))
    snprintf(reason, size,
             "the largest reward in its batch is %g%s; the environment's rewards are best between -100 and 100: let it "
             "scale them, or begin a run with a smaller reward_scale",
             reward, sac->reward_scale != 1 ? ", before reward_scale" : "");
  else if (!(obs < 1e9))
    snprintf(reason, size,
             "the largest observation in its batch is %g; let the environment scale them, or begin a run with "
             "normalize_observations",
             obs);
  else
    snprintf(reason, size,
             "the learning has diverged (in its batch rewards are up to %g, observations up to %g, alpha is %g); lower "
             "lr_critic, lr_actor or reward_scale",
             reward, obs, alpha);
}

enum status sac_diverged(const struct sac *sac, const char *what, const char *value, struct error *error) {
  char reason[640];
  likeliest_reason(sac, reason, sizeof reason);
  return error_set(error, STATUS_FAILED, "%s of update %llu is not finite%s: %s", what,
                   (unsigned long long)sac->updates + 1, value, reason);
}

enum status sac_check_loss(const struct sac *sac, const char *what, double loss, struct error *error) {
  char value[32];
  if (isfinite(loss)) return STATUS_OK;
  snprintf(value, sizeof value, " (%g)", loss);
  return sac_diverged(sac, what, value, error);
}

enum status sac_check_step(const struct sac *sac, const char *gradient, const char *moment, const real *values,
                           size_t size, struct error *error) {
  bool finite = true;
  for (unsigned m = 0; m < sac->scratch->members; m++) finite &= sac->scratch->finite[m];
  if (finite) return STATUS_OK;
  return sac_diverged(sac, isfinite(largest(values, 1, size, 0)) ? moment : gradient, "", error);
}

enum status sac_check_statistics(const struct sac *sac, const char *whose, const real *values, size_t size,
                                 struct error *error) {
  char what[96];
  if (isfinite(largest(values, 1, size, 0))) return STATUS_OK;
  snprintf(what, sizeof what, "a running statistic of %s", whose);
  return sac_diverged(sac, what, "", error);
}
