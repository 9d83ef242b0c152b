#include "learner/storage/checkpoint_metrics.h"

void checkpoint_walk_metrics(struct h5 *h5, struct metrics *metrics, uint32_t info_dim) {
  h5_u64(h5, "learner/rows", &metrics->rows);
  h5_u64(h5, "learner/last_steps", &metrics->last_steps);
  h5_u64(h5, "learner/last_updates", &metrics->last_updates);
  h5_double(h5, "learner/last_seconds", &metrics->last_seconds);
  h5_u64(h5, "learner/episodes", &metrics->episodes);
  h5_u64(h5, "learner/length_sum", &metrics->length_sum);
  h5_double(h5, "learner/return_sum", &metrics->return_sum);
  h5_double(h5, "learner/return_low", &metrics->return_low);
  h5_double(h5, "learner/return_high", &metrics->return_high);
  h5_u64(h5, "learner/updates", &metrics->updates);
  h5_double(h5, "learner/critic_loss_sum", &metrics->critic_loss_sum);
  h5_double(h5, "learner/policy_loss_sum", &metrics->policy_loss_sum);
  h5_double(h5, "learner/alpha_sum", &metrics->alpha_sum);
  h5_double(h5, "learner/entropy_sum", &metrics->entropy_sum);
  h5_double(h5, "learner/q_mean_sum", &metrics->q_mean_sum);
  if (h5->writing || h5_has(h5, "learner/env_failures")) h5_u64(h5, "learner/env_failures", &metrics->env_failures);
  h5_u64(h5, "learner/lag_count", &metrics->lag.count);
  h5_u64(h5, "learner/lag_sum", &metrics->lag.sum);
  h5_u64(h5, "learner/lag_low", &metrics->lag.low);
  h5_u64(h5, "learner/lag_high", &metrics->lag.high);
  h5_u64(h5, "learner/age_count", &metrics->age_count);
  h5_u64(h5, "learner/age_sum", &metrics->age_sum);
  h5_double(h5, "learner/learner_wait", &metrics->learner_wait);
  h5_double(h5, "learner/actor_wait", &metrics->actor_wait);
  h5_u64(h5, "learner/evaluated", &metrics->evaluated);
  h5_double(h5, "learner/eval_return", &metrics->eval_return);
  if (h5->writing || h5_has(h5, "learner/eval_cut")) h5_u64(h5, "learner/eval_cut", &metrics->eval_cut);
  if (h5->verifying && (h5_has(h5, "learner/info_sum") || h5_has(h5, "learner/info_count"))) {
    const uint64_t rows = h5_rows(h5, "learner/info_sum");
    if (rows == 0 || rows > WIRE_INFO)
      h5_fail(h5, STATUS_FORMAT, "/learner/info_sum has %llu rows, it may have 1 to %d", (unsigned long long)rows,
              WIRE_INFO);
    info_dim = h5->status == STATUS_OK ? (uint32_t)rows : 0;
  }
  if (info_dim == 0) return;
  // Sums towards the next row: a simulator that names other values now begins them anew.
  if (!h5->writing && (!h5_has(h5, "learner/info_sum") || h5_rows(h5, "learner/info_sum") != info_dim)) return;
  h5_values(h5, "learner/info_count", H5_KIND_U64, info_dim, 0, metrics->info_count);
  h5_values(h5, "learner/info_sum", H5_KIND_DOUBLE, info_dim, 0, metrics->info_sum);
}
