// The numbers that go to an FMU and come back in an episode, as a task wants them.
#ifndef CORSAC_ACTOR_FMI_IO_H
#define CORSAC_ACTOR_FMI_IO_H

#include "actor/fmi/expression.h"
#include "actor/fmi/fmu.h"
#include "actor/fmi/vector.h"

enum { IO_MOST_TERMS = 4096 }; // numbers that expressions use beside the observations

struct fmi_io {
  const struct fmu *fmu; // not owned
  struct fmi_vector actions, reads, start, vary;
  double *action, *read, *started, *varied;     // their values, (size) each
  const struct fmi_variable **variables;        // (variables_count) of reads: observations, info, terms of expressions
  size_t variables_count, reads_size, obs_size; // reads begin with the observations
  size_t reads_capacity;
  double *low, *high;                     // (actions.size)
  const char **info_names;                // (task.info.count) their values stand behind the observations
  double time;                            // for expressions
  struct expression *reward, *terminated; // terminated: NULL where the task has none
};

// Looks up all that the task names. STATUS_USAGE: an expression or a name is wrong. Release it also after a failure.
enum status fmi_io_init(struct fmi_io *io, const struct fmu *fmu, struct error *error);
void fmi_io_release(struct fmi_io *io);

// Draws the varied values of an episode; each depends on the seed and its place in the list only.
void fmi_io_draw(struct fmi_io *io, uint64_t seed);

#endif
