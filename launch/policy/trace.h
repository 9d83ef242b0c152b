// corsac eval --trace FILE.csv|.h5: what the environment gave, what the policy did and got in every step, and the
// critics' values of it. A policy with a history saw rows before that, too; log_probability and q are by all it saw.
#ifndef CORSAC_LAUNCH_POLICY_TRACE_H
#define CORSAC_LAUNCH_POLICY_TRACE_H

#include "actor/evaluator.h"
#include "launch/policy/reference_networks.h"
#include "learner/storage/trace_file.h"

// What an agent's policy saw of its episode, by the rows of the agent so far.
struct trace_past {
  uint32_t episode, next; // the agent goes on where this step is the next one
  bool ended;             // or there is none
  float *input, *action;  // (history_width), (act_dim) of the last row
};

struct trace {
  const char *path; // not owned
  bool csv;
  struct reference_networks reference;
  struct trace_table table;
  uint64_t episode_rows; // rows of the table when the current episode began
  struct history history;
  struct trace_past *past; // (agents); NULL without a history
  uint32_t agents;
  float *memory; // of all pasts
  double *head, *action, *q;
  struct explain_path *sample;
  char info_name[WIRE_INFO][WIRE_INFO_NAME]; // (width of TRACE_INFO)
};

// The path must end in .csv or .h5 (else STATUS_USAGE) and lie in a directory that can be written (else STATUS_IO).
enum status trace_check(const char *path, struct error *error);

// Reads the networks of the checkpoint `file`, whose info, config and weights are given. trace_release must follow, on
// failure too.
enum status trace_open(struct trace *trace, const char *path, const char *file, const struct checkpoint_info *info,
                       const struct config *config, const struct policy_weights *weights, struct error *error);

// Adds columns for the environment's named values, before the first step.
void trace_name_info(struct trace *trace, uint32_t info_dim, char names[][WIRE_INFO_NAME]);

// Says how many agents there are, before the first step. Of several there is a column `agent`.
enum status trace_use_agents(struct trace *trace, uint32_t agents, struct error *error);
void trace_release(struct trace *trace);

// Adds one step; `last` says that the episode ends with it. A NULL transition says that the episode failed and is run
// again: its steps are dropped.
enum status trace_add(struct trace *trace, const struct evaluator_transition *made, bool last, struct error *error);

// The episode of the steps so far has ended.
void trace_end_episode(struct trace *trace);

// Writes the file, whole or not at all.
enum status trace_write(const struct trace *trace, const char *env, const char *checkpoint, struct error *error);
#endif
