// What a row of metrics.csv is made of: sums since the last row. They are in the checkpoint, so that a resumed run
// writes the same rows. learner/README.md says how to add a metric.
#ifndef CORSAC_LEARNER_JOB_METRICS_H
#define CORSAC_LEARNER_JOB_METRICS_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/wire/message.h"
#include <stdint.h>

struct sac_losses;

struct metrics {                     // zero-initialised is empty; every field is saved
  uint64_t rows;                     // written so far in this run directory
  uint64_t last_steps, last_updates; // totals at the last row
  uint64_t last_transitions;
  double last_seconds;
  uint64_t episodes, length_sum;
  double return_sum, return_low, return_high; // valid where episodes > 0
  double agents_return_sum;                   // over episodes, of the sum over agents
  uint64_t updates;
  double critic_loss_sum, policy_loss_sum, alpha_sum, entropy_sum, q_mean_sum;
  double policy_weight_sum; // of the updates that policy_loss_sum and entropy_sum stand for
  struct lag_record lag;
  uint64_t age_count, age_sum; // newest version minus a row's version, on arrival
  double learner_wait;         // s that the learner had nothing to do
  double actor_wait;           // s that the actors were held back, summed over actors
  uint64_t env_failures;
  uint64_t info_count[WIRE_INFO]; // of the environment's named values
  double info_sum[WIRE_INFO];
  // By case (common/config/cases.h): episodes of training, and of the evaluation that ended since the last row.
  uint64_t case_episodes[CONFIG_MAX_CASES], case_length_sum[CONFIG_MAX_CASES];
  double case_return_sum[CONFIG_MAX_CASES];
  uint64_t case_eval_episodes[CONFIG_MAX_CASES];
  double case_eval_sum[CONFIG_MAX_CASES];
  uint64_t evaluated; // 1: an evaluation ended since the last row
  double eval_return;
  uint64_t eval_cut;   // its episodes that were cut
  uint64_t eval_steps; // the environment steps at which its policy was taken
};

// config: of the job, which says the episode's case.
void metrics_add_episode(struct metrics *metrics, const struct config *config, const struct episode_record *episode);
void metrics_add_update(struct metrics *metrics, const struct sac_losses *losses);

// The batch's lag, age and time held back.
void metrics_add_batch(struct metrics *metrics, const struct transition_batch *batch, uint64_t newest_version);
void metrics_add_info(struct metrics *metrics, const struct message_info *info);

// Seconds since the last row that the learner spent on other things than updates; not saved.
struct metrics_times {
  double drain;   // taking messages and inserting rows
  double publish; // sending weights
  double report;  // writing rows, log and status
};

// What a row needs besides the sums.
struct metrics_totals {
  double seconds; // of the job so far, over all its processes
  uint64_t env_steps, transitions, updates, episodes;
  uint32_t actors, actors_alive;
  struct metrics_times times;
  uint32_t info_dim, cases;
};

// The names of the columns that every run has, separated by commas.
const char *metrics_header(void);

// The header line without newline: these columns, then one for each named value of the environment, then for each case
// case_episodes_NAME, case_return_NAME, case_length_NAME and case_eval_NAME.
enum { METRICS_CASE = 4, METRICS_HEADER = 2048 + METRICS_CASE * CONFIG_MAX_CASES * 48 };
void metrics_format_header(const struct message_hello *environment, const struct config *config,
                           char header[METRICS_HEADER]);

// Bytes of a row with its 0.
enum { METRICS_ROW = 2048 + METRICS_CASE * CONFIG_MAX_CASES * 20 };

// Formats the row and begins the next interval. A cell with nothing to report is empty; equal doubles give equal text.
size_t metrics_format_row(struct metrics *metrics, const struct metrics_totals *totals, char *line, size_t size);
#endif
