// A trained policy, read from a run or from a file, and the environment that it acts in. eval and explain begin here.
#ifndef CORSAC_LAUNCH_POLICY_POLICY_SOURCE_H
#define CORSAC_LAUNCH_POLICY_POLICY_SOURCE_H

#include "actor/environment.h"
#include "common/base/file.h"
#include "common/nn/policy.h"
#include "learner/run/run_directory.h"
#include "learner/storage/checkpoint_head.h"

// What the command line says; a text is NULL where it is not given.
struct policy_source_request {
  const char *path; // the run directory or file
  const char *env;  // in place of the one that the policy was trained in
  const char *seed;
};

struct policy_source {
  char file[FILE_PATH];
  struct checkpoint_info info;
  struct config config; // the run's, with the request over it
  struct policy_weights weights;
  struct message_hello shape; // the environment that the policy was trained in
  struct environment_kind kind;
  bool other_env; // the request names another environment
};

// Reads the newest good checkpoint of a run, or the file. policy_source_release must follow, on failure too.
enum status policy_source_read(struct policy_source *source, const struct policy_source_request *request,
                               struct error *error);

// Opens the environment of source->config; source->kind can then make instances.
enum status policy_source_open_environment(struct policy_source *source, struct error *error);

// Checks that an environment of this name has the action bounds that the policy was trained with; low and high
// (act_dim).
enum status policy_source_check_bounds(const struct policy_source *source, const char *name, const double *low,
                                       const double *high, struct error *error);

// Adds to an error about the environment that its path may be meant from another directory.
void policy_source_explain_failure(const struct policy_source *source, struct error *error);
void policy_source_release(struct policy_source *source);
#endif
