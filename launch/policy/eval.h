// corsac eval: evaluation episodes with a trained policy, outside of training. One process plays them itself (eval.c);
// under mpirun rank 0 gathers those that the other ranks play (eval_ranks.c, gathering.h). Either way the episodes
// arrive here in the order of their numbers, so that what is printed and written is the same (eval_report.c).
#ifndef CORSAC_LAUNCH_POLICY_EVAL_H
#define CORSAC_LAUNCH_POLICY_EVAL_H

#include "actor/evaluator.h"
#include "launch/policy/policy_source.h"
#include "launch/policy/trace.h"
#include "launch/train/ranks.h"
#include <stdio.h>

// What the command line says; a text is NULL where it is not given.
struct eval_request {
  struct policy_source_request policy;
  const char *episodes, *max_steps, *timeout, *trace, *record, *ranks_per_env, *cases;
  bool json, verbose, sampled;
};

// The episodes of one case.
struct eval_case {
  uint32_t episodes;
  double sum, low, high, length; // of returns; low and high are valid where there is an episode; of lengths the sum
};

struct eval {
  const struct eval_request *request; // not owned
  struct policy_source source;
  const char *name;                        // of the environment; not owned
  FILE *out;                               // where a line for each episode goes; NULL: nowhere
  double *returns;                         // (eval_episodes); the first `begun` are filled
  uint32_t begun;                          // episodes that were begun
  uint32_t cut;                            // episodes that were cut, or not begun
  float *first_observation, *first_action; // (obs_dim), (act_dim) of episode 0, of its first agent
  bool has_first;                          // they are there
  struct trace *trace;                     // NULL: not asked for
  uint32_t agents;                         // of the environment
  uint32_t info_dim;                       // named values of the environment
  char info_name[WIRE_INFO][WIRE_INFO_NAME];
  double info_sum[WIRE_INFO]; // over the episodes that gave one
  uint32_t info_count[WIRE_INFO];
  double mean, deviation, low, high, length;
  uint32_t cases; // that the episodes go over in turn (common/config/cases.h); 0: there are none
  struct eval_case of_case[CONFIG_MAX_CASES]; // (cases)
};

// Reads the policy, with the request's options over those of its run. eval_release must follow, on failure too.
enum status eval_read_policy(struct eval *eval, struct error *error);

// Takes the names of the environment's values, before eval_begin.
void eval_name_info(struct eval *eval, uint32_t info_dim, const char *const *names);

// Before the first episode: makes room for the results and opens the trace. out: as in struct eval.
enum status eval_begin(struct eval *eval, FILE *out, struct error *error);
void eval_release(struct eval *eval);

// Prints which policy it is (--verbose), and the head of the table.
void eval_say_head(const struct eval *eval);

// Takes a step, in the order of episodes and steps; last: its episode ends. NULL: the episode is made again.
enum status eval_take_step(struct eval *eval, const struct evaluator_transition *made, bool last, struct error *error);
void eval_say_retry(const char *why);

// Takes an episode, after its steps. why: of one that failed.
enum status eval_take_episode(struct eval *eval, const struct message_episode *result, const char *why,
                              struct error *error);

// Writes the trace, and prints the results.
enum status eval_end(struct eval *eval, struct error *error);

// Plays on the ranks of mpirun's job: rank 0 gathers, the others play. Returns the exit code; *together: every rank is
// known to leave.
int eval_on_ranks(struct ranks *ranks, const struct eval_request *request, bool *together);

// Where a line for each episode goes.
FILE *eval_output(const struct eval_request *request);

#endif
